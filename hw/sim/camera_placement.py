"""Where the cameras of a scene stand, and the surveyed points that a site file needs for them."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.errors import DeviceError
from hw.sim.pinhole import PinholeCamera

SCENES = Path(__file__).resolve().parent / "scenes"


def scene_directory(name: str) -> Path:
    """The folder of a shipped scene.

    Raises:
        DeviceError: there is no such scene.
    """
    found = SCENES / name
    if not name.isidentifier() or not (found / "cameras.toml").is_file():
        known = ", ".join(sorted(place.parent.name for place in SCENES.glob("*/cameras.toml")))
        raise DeviceError("sim", f"no scene named {name!r}", remedy=f"use one of {known}")
    return found


def load_cameras(path: Path) -> dict[str, PinholeCamera]:
    """The cameras of a scene by name, from its `cameras.toml`.

    Raises:
        DeviceError: the file does not read.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _camera(entry) for name, entry in entries.items()}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DeviceError(str(path), f"cameras do not read: {error}") from error


def load_lamp_cameras(scene: Path) -> dict[str, PinholeCamera]:
    """The cameras of a scene that only watch its signal heads; none where the scene has none.

    Raises:
        DeviceError: the file does not read.
    """
    path = scene / "lamp_cameras.toml"
    return load_cameras(path) if path.is_file() else {}


def _camera(entry: dict[str, Any]) -> PinholeCamera:
    x, y, z = (float(value) for value in entry["position_m"])
    half_field = math.radians(entry["horizontal_field_deg"]) / 2
    width, height = int(entry["width_px"]), int(entry["height_px"])
    return PinholeCamera(
        position_m=(x, y, z),
        yaw_rad=math.radians(entry["yaw_deg"]),
        pitch_rad=math.radians(entry["pitch_deg"]),
        roll_rad=math.radians(entry["roll_deg"]),
        focal_px=width / 2 / math.tan(half_field),
        width=width,
        height=height,
    )


def calibration_points(
    camera: PinholeCamera, *, farthest_m: float = 60.0
) -> list[tuple[float, float, float, float]]:
    """Twelve ground points spread over the picture: u and v in pixels, x and y in metres of the site.

    Three columns by four rows; the uppermost lies `farthest_m` away, or at a tenth of the picture if that is lower.
    """
    top = max(0.1 * camera.height, _row_at(camera, farthest_m))
    columns = np.array([0.08, 0.5, 0.92]) * camera.width
    # Even steps in the picture would leave the far half of the ground with one row only.
    rows = top + (0.95 * camera.height - top) * np.array([0.0, 0.15, 0.45, 1.0])
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    ground = camera.ground_points(pixels)
    return [
        (float(u), float(v), float(x), float(y))
        for (u, v), (x, y) in zip(pixels, ground, strict=True)
        if not math.isnan(x)
    ]


def _row_at(camera: PinholeCamera, distance_m: float) -> float:
    """Image row of the ground that far ahead of the camera."""
    x, y, _ = camera.position_m
    ahead = [x + distance_m * math.cos(camera.yaw_rad), y + distance_m * math.sin(camera.yaw_rad), 0.0]
    pixels, _depth = camera.project(np.array(ahead))
    return float(pixels[1])
