"""What the calibration page draws of the map: lanes, stop lines, crossings, and the spots that a click snaps to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.intersection import Intersection, Lane, LaneKind

Floats = NDArray[np.float64]
Rows = list[list[float]]

_SAME_SPOT_M = 0.25
_DRIVEN = (LaneKind.VEHICLE, LaneKind.BICYCLE)


def plan_of(intersection: Intersection) -> dict[str, Any]:
    """The map in metres, ready for JSON: `lanes`, `stops` (two ends each), `snaps` (x, y, label)."""
    lanes = [lane for lane in intersection.lanes if len(lane.points_m) > 1]
    return {
        "name": intersection.name,
        "lanes": [_lane(lane) for lane in lanes],
        "stops": [_rows(_ends(lane, 0)) for lane in lanes if lane.kind in _DRIVEN and lane.ingress],
        "snaps": _snaps(lanes),
    }


def _lane(lane: Lane) -> dict[str, Any]:
    return {
        "lane": lane.lane,
        "kind": lane.kind.value,
        "ingress": lane.ingress,
        "width": lane.width_m,
        "name": lane.name,
        "points": _rows(lane.points_m),
    }


def _snaps(lanes: list[Lane]) -> list[dict[str, Any]]:
    """Named spots that can be recognised in a picture; of those at one place, the first."""
    found: list[tuple[Floats, str]] = []
    for lane in lanes:
        found += _spots(lane)
    kept: list[tuple[Floats, str]] = []
    for place, label in found:
        if all(np.hypot(*(place - other)) > _SAME_SPOT_M for other, _ in kept):
            kept.append((place, label))
    return [{"x": round(float(p[0]), 3), "y": round(float(p[1]), 3), "label": label} for p, label in kept]


def _spots(lane: Lane) -> list[tuple[Floats, str]]:
    title = lane.name or f"lane {lane.lane}"
    right, left = _ends(lane, 0)
    if lane.kind is LaneKind.CROSSWALK:
        far_right, far_left = _ends(lane, -1)
        corners = np.stack([right, left, far_right, far_left])
        middle = corners.mean(axis=0)
        return [(corner, f"{_compass(corner - middle)} corner of {title}") for corner in corners]
    if lane.kind not in _DRIVEN:
        return []
    edge = "stop line" if lane.ingress else "exit"
    return [
        (left, f"{edge} of {title}, left"),
        (right, f"{edge} of {title}, right"),
        (lane.points_m[0], f"{edge} of {title}, middle"),
        (lane.points_m[-1], f"far end of {title}"),
    ]


def _ends(lane: Lane, at: int) -> Floats:
    """(2, 2) right and left end of the cross line at the first or the last point, as seen in driving direction."""
    points = lane.points_m
    away = points[1] - points[0] if at == 0 else points[-1] - points[-2]
    ahead = (-away if lane.ingress else away) / max(float(np.hypot(*away)), 1e-9)
    left = np.array([-ahead[1], ahead[0]]) * lane.width_m / 2
    return np.stack([points[at] - left, points[at] + left])


def _compass(step: Floats) -> str:
    """The quarter of the compass that a step goes into."""
    return f"{'north' if step[1] > 0 else 'south'}-{'east' if step[0] > 0 else 'west'}"


def _rows(points: Floats) -> Rows:
    return [[round(float(x), 3), round(float(y), 3)] for x, y in points]
