"""A straight road with a junction and hand-placed road users, for the tests of the renderer and the camera."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from edge.core.kinds import TYPICAL_SIZE_M, ObjectClass
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState, empty_rows

STAMP_NS = 1_700_000_000_000_000_000

GEOMETRY: dict[str, Any] = {
    "lanes": [
        {"id": "in", "kind": "vehicle", "width_m": 3.4, "points": [[90.0, 1.7], [14.0, 1.7]]},
        {"id": "in2", "kind": "vehicle", "width_m": 3.4, "points": [[90.0, 5.1], [14.0, 5.1]]},
        {"id": "out", "kind": "vehicle", "width_m": 3.4, "points": [[14.0, -1.7], [90.0, -1.7]]},
        {"id": "cycle", "kind": "bicycle", "width_m": 1.5, "points": [[90.0, 7.6], [14.0, 7.6]]},
        {"id": "walk", "kind": "sidewalk", "width_m": 2.5, "points": [[14.0, -5.5], [90.0, -5.5]]},
        {"id": "zebra", "kind": "crossing", "width_m": 4.0, "points": [[11.0, -6.0], [11.0, 8.0]]},
    ],
    "junction": [[-14.0, -8.0], [14.0, -8.0], [14.0, 8.0], [-14.0, 8.0]],
    "stop_lines": [[[13.5, 0.0], [13.5, 8.0]]],
}

CAMERA = PinholeCamera((-12.0, 0.0, 9.0), 0.0, math.radians(-20.0), 0.0, 260.0)
"""On a pole in the middle of the junction's edge, looking along the road to the east."""


def state_of(
    road_users: Sequence[tuple[ObjectClass, float, float, float]], *, speed_mps: float = 0.0
) -> WorldState:
    """A world of (class, x, y, yaw in degrees) with typical sizes."""
    rows = empty_rows(len(road_users))
    for i, (kind, x, y, yaw_deg) in enumerate(road_users):
        row = rows[i]
        row["x"], row["y"], row["yaw"], row["speed"], row["kind"] = (
            x,
            y,
            math.radians(yaw_deg),
            speed_mps,
            int(kind),
        )
        row["length"], row["width"], row["height"] = TYPICAL_SIZE_M[kind]
        row["colour"] = [(200, 30, 30), (30, 60, 190), (220, 220, 220), (40, 40, 45)][i % 4]
    return WorldState(STAMP_NS, tuple(f"road user {i}" for i in range(len(road_users))), rows)
