"""The lens section of a camera: what it must say, and what it does to the projection and to edge calibrate."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.app.calibrate_fit import FitTerms, fit_points
from edge.app.calibrate_server import PAGE
from edge.app.camera_parts import projection_of, visible_polygon
from edge.app.demo_site import free_ports, write_site
from edge.app.self_calibration import SelfCalibration, propose
from edge.config import SiteConfig, load_site
from edge.config.marks import camera_values
from edge.core.errors import ConfigError
from edge.flow.board import HealthBoard
from edge.perception.car_data import CarData
from tests.unit.app.calibration_site import CAMERA, serving, write_picture
from tests.unit.perception.wide_camera import FISHEYE, WideCamera

WIDE = WideCamera()
EYE = WideCamera(model="fisheye", coefficients=FISHEYE, focal_px=560.0)
SIZE = WIDE.size


def marked(camera: WideCamera) -> np.ndarray:
    spots = [camera.ahead(f, s * f) for f in (7, 12, 18, 30, 45) for s in (-1.6, -0.7, 0, 0.7, 1.6)]
    return camera.visible(np.array(spots))


def lens_text(camera: WideCamera = WIDE, **changes: Any) -> str:
    names = ("k1", "k2", "k3", "k4") if camera.model == "fisheye" else ("k1", "k2", "p1", "p2", "k3")
    values = {
        "model": camera.model,
        "fx": camera.focal_px,
        "fy": camera.aspect * camera.focal_px,
        "cx": camera.centre[0],
        "cy": camera.centre[1],
        **dict(zip(names, camera.coefficients, strict=True)),
        **changes,
    }
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items()) + " }"


def write_with(folder: Path, more: str, *, points: np.ndarray | None = None, size: bool = True) -> Path:
    """The demo's site whose camera has the wide picture, and these lines."""
    path = write_site(folder, free_ports())
    text = path.read_text()
    start = text.index(f'name = "{CAMERA}"')
    following = re.search(r"\n\[+[a-z]", text[start:])
    end = start + following.start() if following else len(text)
    rows = marked(WIDE) if points is None else points
    image = f"image_size = [{SIZE[0]}, {SIZE[1]}]\n" if size else ""
    source = next(line for line in text[start:end].splitlines() if line.startswith("source"))
    section = f'name = "{CAMERA}"\n{source}\npoints = {json.dumps(rows.tolist())}\n{image}{more}\n'
    path.write_text(text[:start] + section + text[end:])
    return path


def loaded(folder: Path, more: str, **options: Any) -> tuple[SiteConfig, Any]:
    site = load_site(write_with(folder, more, **options))
    return site, next(camera for camera in site.camera if camera.name == CAMERA)


@pytest.mark.parametrize(
    ("more", "size", "words"),
    [
        ("lens = { fx = 0 }", True, r"lens\.fx"),
        ("lens = { fx = nan }", True, r"lens\.fx"),
        ('lens = { fx = 600, model = "mirror" }', True, r"lens\.model"),
        ("lens = { fx = 600, k4 = 0.1 }", True, "k4 is no coefficient"),
        ('lens = { model = "fisheye", fx = 600, p1 = 0.1 }', True, "p1 is no coefficient"),
        ("lens = { fx = 600 }", False, "lens needs image_size"),
        ('fit = "pose"', True, "needs lens"),
        ("ground_sigma_m = -1", True, "ground_sigma_m"),
    ],
)
def test_mistake_in_the_lens_names_its_key(tmp_path: Path, more: str, size: bool, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        loaded(tmp_path, more, size=size)


def test_lens_that_folds_is_refused_with_the_camera_and_the_key(tmp_path: Path) -> None:
    site, camera = loaded(tmp_path, f"lens = {lens_text(k1=-0.6, k2=0.0)}")
    with pytest.raises(ConfigError, match=f"camera {CAMERA}: lens.*folds"):
        projection_of(camera, site, image_size=SIZE)


@pytest.mark.parametrize("camera", [WIDE, EYE], ids=["barrel", "fisheye"])
def test_lens_of_the_site_file_follows_the_size_of_the_picture(tmp_path: Path, camera: WideCamera) -> None:
    site, config = loaded(tmp_path, f"lens = {lens_text(camera)}", points=marked(camera))
    spot = camera.ahead(11.0, 12.0)
    pixel = camera.pixels(np.array([[*spot, 0.0]]))
    for factor in (1, 2):
        projection = projection_of(config, site, image_size=(factor * SIZE[0], factor * SIZE[1]))
        assert projection.fit_kind == "pose"
        np.testing.assert_allclose(projection.ground_points(factor * pixel)[0], spot, atol=0.01)
        np.testing.assert_allclose(projection.pixels(spot), factor * pixel[0], atol=0.5)
    polygon = visible_polygon(projection_of(config, site, image_size=SIZE), image_size=SIZE, range_m=60.0)
    assert np.isfinite(polygon).all()


def test_self_calibration_leaves_a_camera_with_a_lens_alone(tmp_path: Path) -> None:
    site, camera = loaded(tmp_path, f"lens = {lens_text()}")
    with pytest.raises(ConfigError, match="without a lens"):
        propose(site, camera, CarData(np.empty((0, 8)), np.empty((0, 10))))
    assert site.v2x
    alone = site.model_copy(update={"camera": (camera,)})
    watched = SelfCalibration(alone, tmp_path / "site.toml", HealthBoard(now_ns=lambda: 1))
    asyncio.run(asyncio.wait_for(watched.run(), 5))  # with a camera to watch it would go on until cancelled


def test_page_saves_points_in_the_picture_size_of_the_lens(tmp_path: Path) -> None:
    path = write_with(tmp_path, f"lens = {lens_text()}")
    picture = write_picture(tmp_path, scale=1)
    with serving(path, image=picture) as client:
        session = client.ask("session")[1]
        facts = session["picture"]
        scale = np.array([facts["width"] / SIZE[0], facts["height"] / SIZE[1]])
        rows = [
            {"u": u * scale[0], "v": v * scale[1], "x": x, "y": y, "note": ""} for u, v, x, y in marked(WIDE)
        ]
        status, answer, _ = client.ask("fit", {"points": rows})
        assert (status, answer["state"], answer["fit"]) == (200, "fitted", "pose")
        assert answer["worst_error_m"] < 0.01
        status, answer, _ = client.ask("save", {"points": rows, "key": "points", "digest": session["digest"]})
        assert status == 200, answer
    values = camera_values(path.read_text(), CAMERA)
    assert values["image_size"] == list(SIZE)
    np.testing.assert_allclose(np.array(values["points"]), marked(WIDE), atol=0.1)
    site = load_site(path)
    camera = next(camera for camera in site.camera if camera.name == CAMERA)
    projection = projection_of(camera, site, image_size=SIZE)
    spot = WIDE.ahead(11.0, 12.0)
    pixel = WIDE.pixels(np.array([[*spot, 0.0]]))
    np.testing.assert_allclose(projection.ground_points(pixel)[0], spot, atol=0.1)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
@pytest.mark.parametrize("camera", [WIDE, EYE], ids=["barrel", "fisheye"])
def test_page_draws_through_the_lens_as_the_node_sees(camera: WideCamera, tmp_path: Path) -> None:
    rows = marked(camera)
    fit = fit_points(rows, FitTerms(SIZE, 70.0, camera.lens()))
    module = tmp_path / "projective.mjs"
    module.write_bytes((PAGE / "projective.js").read_bytes())
    script = (
        f"import {{ toPixel, toGround }} from {json.dumps(module.as_uri())};"
        f"const fit = {json.dumps(fit.answer)}, rows = {json.dumps(rows.tolist())};"
        "console.log(JSON.stringify(rows.map(([u, v, x, y]) => [...toPixel(fit, [x, y]), ...toGround(fit, [u, v])])));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, timeout=30, check=True
    )
    np.testing.assert_allclose(np.array(json.loads(done.stdout)), rows, atol=0.02)
