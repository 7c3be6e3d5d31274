"""Writes the demo's site file: the same keys that a real site uses, with simulated devices behind real interfaces."""

from __future__ import annotations

import json
import socket
import tomllib
from dataclasses import dataclass
from pathlib import Path

import hw.sim
from edge.app.demo_processes import free_port
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import calibration_points, load_cameras, load_lamp_cameras
from hw.sim.pinhole import PinholeCamera
from hw.sim.render_signals import lamps_px, signal_heads

LAMP_FPS = 5.0
"""Of the camera that only watches signal heads."""
LAMP_PHASE_MS = 70
"""It takes its pictures when the other cameras are done with theirs."""
SCENE = "four_arm"
SCENE_DIRECTORY = Path(hw.sim.__file__).resolve().parent / "scenes" / SCENE


@dataclass(frozen=True, slots=True)
class DemoPorts:
    """Loopback ports of one run."""

    grpc: int
    metrics: int
    controller: int
    bsm: int
    radio: int
    broker: int
    centre: int
    web: int
    poses: int
    page: int = 0


def free_ports() -> DemoPorts:
    """Ports of loopback that nobody uses at the moment."""
    udp = socket.SOCK_DGRAM
    return DemoPorts(
        grpc=free_port(),
        metrics=free_port(),
        controller=free_port(udp),
        bsm=free_port(udp),
        radio=free_port(udp),
        broker=free_port(),
        centre=free_port(),
        web=free_port(),
        page=free_port(),
        poses=free_port(),
    )


def write_site(
    directory: Path,
    ports: DemoPorts,
    *,
    fps: float = 10.0,
    model: str = "roadside-nano",
    state: Path | None = None,
) -> Path:
    """Write `site.toml` into `directory` and return its path; `state` is its state directory, by default beside it."""
    scene = tomllib.loads((SCENE_DIRECTORY / "scene.toml").read_text(encoding="utf-8"))
    origin = scene["origin"]
    parts = [
        "schema_version = 1",
        f'state_dir = "{state or directory / "state"}"',
        "\n[site]",
        'id = "demo"',
        'name = "Demo crossing"',
        f"latitude_deg = {origin['latitude_deg']}",
        f"longitude_deg = {origin['longitude_deg']}",
        f'map = "{SCENE_DIRECTORY / "map.json"}"',
        f'\n[grpc]\nlisten = "127.0.0.1:{ports.grpc}"\nallow_plaintext = true  # all on this machine',
        "\n[grpc.limits]\ncalls_per_s = 1000.0",
        f'\n[metrics]\nlisten = "127.0.0.1:{ports.metrics}"',
        f'\n[web]\nlisten = "127.0.0.1:{ports.page}"',
        f'\n[[mqtt_feed]]\nname = "json"\nbroker = "127.0.0.1:{ports.broker}"',
        f'\n[centre]\naddress = "127.0.0.1:{ports.centre}"\nallow_plaintext = true',
        _controller(ports),
        _radio(ports),
        _cameras(ports, fps=fps, model=model),
        *_lamp_cameras(ports, fps=min(fps, LAMP_FPS)),
    ]
    path = directory / "site.toml"
    path.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def _controller(ports: DemoPorts) -> str:
    groups = json.loads((SCENE_DIRECTORY / "controller.json").read_text(encoding="utf-8"))
    text = [
        "\n[controller]",
        'type = "tscbm"',
        f'listen = "127.0.0.1:{ports.controller}"',
        "require_synchronised_clock = false  # one machine, one clock",
    ]
    text += [
        f'\n[[controller.group]]\nkind = "{group["kind"]}"\nnumber = {group["number"]}\n'
        f"signal_group = {group['signal_group']}"
        for group in groups
    ]
    return "\n".join(text)


def _radio(ports: DemoPorts) -> str:
    return f"""
[[v2x]]
type = "udp"
name = "rsu-j2735"
dialect = "j2735"
listen = "127.0.0.1:{ports.bsm}"

[[v2x]]
type = "mqtt"
name = "rsu-csae"
dialect = "csae-a"
broker = "127.0.0.1:{ports.broker}"

[[rsu]]
type = "ifm41"
name = "radio-j2735"
dialect = "j2735"
address = "127.0.0.1:{ports.radio}"

[[rsu]]
type = "mqtt"
name = "radio-csae"
dialect = "csae-a"
broker = "127.0.0.1:{ports.broker}"
esn = "DEMO0001"
"""


def _cameras(ports: DemoPorts, *, fps: float, model: str) -> str:
    text = []
    for name, camera in load_cameras(SCENE_DIRECTORY / "cameras.toml").items():
        points = [[round(float(v), 3) for v in point] for point in calibration_points(camera)]
        text.append(
            f'\n[[camera]]\nname = "{name}"\nsource = "sim://127.0.0.1:{ports.poses}/{name}?scene={SCENE}"\n'
            f'fps = {fps}\nmodel = "{model}"\nimage_size = [{camera.width}, {camera.height}]\n'
            f"points = {json.dumps(points)}"
        )
    return "\n".join(text)


def _lamp_cameras(ports: DemoPorts, *, fps: float) -> list[str]:
    """Cameras with long lenses that look for nothing but the signal heads."""
    return [
        f'\n[[camera]]\nname = "{name.replace("_", "-")}"\n'
        f'source = "sim://127.0.0.1:{ports.poses}/{name}?scene={SCENE}&phase_ms={LAMP_PHASE_MS}"\n'
        f'fps = {fps}\nmodel = "none"\n'
        f"image_size = [{camera.width}, {camera.height}]\n{_lamps(camera)}"
        for name, camera in load_lamp_cameras(SCENE_DIRECTORY).items()
    ]


def _lamps(camera: PinholeCamera) -> str:
    """The heads that the camera sees from the front, where a person would click them."""
    groups = json.loads((SCENE_DIRECTORY / "controller.json").read_text(encoding="utf-8"))
    number = {(group["kind"], group["number"]): group["signal_group"] for group in groups}
    text = []
    for head in signal_heads(read_geometry(SCENE_DIRECTORY)):
        place = lamps_px(camera, head)
        if place is not None:
            centres = [[round(u, 1), round(v, 1)] for u, v in place[0]]
            text.append(
                f"\n[[camera.lamp]]\nsignal_group = {number[head.kind, head.number]}\ncentres = {json.dumps(centres)}\n"
                f"radius_px = {place[1]:.1f}\norder = {json.dumps(head.colours)}"
            )
    return "\n".join(text)
