"""`edge calibrate --from-cars`: shows what connected cars say of a camera, and takes it over when asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.app.calibration_store import points_in, proposal_path, read_document
from edge.app.self_calibration import propose, read_data
from edge.config import load_site
from edge.config.marks import Mark, Marks
from edge.config.save import save_marks
from edge.config.site import CameraConfig, SiteConfig
from edge.core.errors import ConfigError

_FIGURES = (
    ("vehicles", "connected vehicles followed", "{:.0f}"),
    ("explained_share", "share of their time in view", "{:.0%}"),
    ("residual_px", "median residual of a box edge, px", "{:.1f}"),
    ("before_m", "held-out vehicles now off by, m", "{:.2f}"),
    ("after_m", "held-out vehicles then off by, m", "{:.2f}"),
    ("change_m", "median move of the ground within 40 m, m", "{:.2f}"),
    ("sigma_m", "the ground is then known to, m", "{:.2f}"),
)


def take_over(
    site_path: Path,
    *,
    camera: str | None,
    data: Path | None,
    agreed: bool,
    say: Callable[[str], None],
    ask: Callable[[str], bool],
) -> None:
    """Show the newest proposal and write it into the site file.

    Args:
        site_path: the site file.
        camera: name; None: the only one.
        data: what a node collected (`state/calibration/NAME.npz`), to be solved first; None: the node's own proposal.
        agreed: do not ask.
        say, ask: the terminal.

    Raises:
        ConfigError: there is no proposal, or it was not accepted.
    """
    site = load_site(site_path)
    config = _camera(site, camera)
    if data is None:
        document = read_document(proposal_path(site.state_directory, config.name), config)
    else:
        document = propose(site, config, read_data(data))
    if document is None:
        raise ConfigError(
            f"camera {config.name}",
            "there is no proposal for its present calibration",
            remedy='let the node run with self_calibrate = "propose" until health says so',
        )
    for line in lines_of(document):
        say(line)
    found = points_in(document) if document["verdict"] == "accepted" else None
    if found is None:
        raise ConfigError(f"camera {config.name}", f"nothing to take over: {document['reason']}")
    if not agreed and not ask(f"write it into {site_path}?"):
        say("left as it is")
        return
    points, size = found
    rows = tuple(Mark((u, v), (x, y), "from connected cars") for u, v, x, y in points.tolist())
    say(str(save_marks(site_path, config.name, Marks("points", rows, size))))
    say("restart the node to use it; the file as it was before takes you back")


def lines_of(document: dict[str, Any]) -> list[str]:
    """A proposal in words."""
    age_min = (time.time_ns() - int(document.get("made_ns", 0))) / 60e9
    lines = [f"{document['camera']}: {document['verdict']}, {age_min:.0f} min ago: {document['reason']}"]
    figures, pose, sigma = document.get("figures", {}), document.get("pose"), document.get("sigma", {})
    lines += [
        f"  {words:<42} {form.format(figures[key])}"
        for key, words, form in _FIGURES
        if figures.get(key) is not None
    ]
    if pose is not None:
        lines += [f"  {key:<42} {value:.3f}" for key, value in pose.items()]
        lines.append(f"  {'pictures show the world of their stamp plus, s':<42} {document['offset_s']:.3f}")
        lines.append("  one sigma: " + ", ".join(f"{key} {value:.3f}" for key, value in sigma.items()))
    return lines


def _camera(site: SiteConfig, name: str | None) -> CameraConfig:
    cameras = [camera for camera in site.camera if camera.detects]
    if name is None and len(cameras) == 1:
        return cameras[0]
    for camera in cameras:
        if camera.name == name:
            return camera
    raise ConfigError("--camera", "say which", remedy=f"one of {', '.join(c.name for c in cameras)}")
