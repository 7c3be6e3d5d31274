"""An aerial picture behind the calibration page's map, placed by its world file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.app.calibrate_picture import Picture, picture_of_file
from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame

_FAR_M = 20_000.0
_DEGREE_STEP = 1e-3
"""A picture element of more than this many units is in metres: in degrees it would be 100 m."""


@dataclass(frozen=True, slots=True)
class Ortho:
    """An aerial picture.

    Attributes:
        picture: its pixels.
        placement: for the page: `width`, `height`, and `matrix` (a, b, c, d, e, f): pixel (u, v) lies at
            x = a u + c v + e, y = b u + d v + f metres of the site.
    """

    picture: Picture
    placement: dict[str, Any]


def load_ortho(path: Path, frame: LocalFrame) -> Ortho:
    """An aerial picture and the world file beside it (`.pgw`, `.jgw` or `.wld`; WGS-84 degrees or metres of the site).

    Raises:
        ConfigError: either does not read, or the world file uses other coordinates.
    """
    picture = picture_of_file(path)
    column_x, column_y, row_x, row_y, x, y = _numbers(_world_file(path))
    if max(abs(v) for v in (column_x, column_y, row_x, row_y)) < _DEGREE_STEP and abs(y) <= 90.0:
        east, north = frame.to_local(frame.latitude_deg + 1.0, frame.longitude_deg + 1.0)
        x, y = frame.to_local(y, x)
        column_x, row_x, column_y, row_y = column_x * east, row_x * east, column_y * north, row_y * north
    if (
        math.hypot(x, y) > _FAR_M
        or not math.isfinite(x + y)
        or abs(column_x * row_y - column_y * row_x) < 1e-9
    ):
        raise ConfigError(
            "--ortho",
            "the world file does not place the picture near the site",
            remedy="export it in WGS-84 degrees (EPSG:4326), or in metres of the site",
        )
    # A world file tells the middle of the first pixel; here a pixel begins at whole numbers.
    matrix = [
        column_x,
        column_y,
        row_x,
        row_y,
        x - 0.5 * (column_x + row_x),
        y - 0.5 * (column_y + row_y),
    ]
    return Ortho(picture, {"width": picture.width, "height": picture.height, "matrix": matrix})


def _world_file(path: Path) -> Path:
    suffix = path.suffix.lower()
    short = suffix[:2] + suffix[-1:] + "w"  # .png to .pgw, .jpeg to .jgw
    for found in (path.with_suffix(short), path.with_suffix(suffix + "w"), path.with_suffix(".wld")):
        if found.is_file():
            return found
    raise ConfigError(
        "--ortho",
        f"there is no world file beside {path.name}",
        remedy=f"put {path.with_suffix(short).name} there",
    )


def _numbers(path: Path) -> list[float]:
    try:
        values = [float(word) for word in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError) as error:
        raise ConfigError("--ortho", f"world file {path.name} does not read: {error}") from error
    if len(values) != 6:
        raise ConfigError("--ortho", f"world file {path.name} has {len(values)} numbers, not 6")
    return values
