"""Reports, signal states and an intersection that the tests of this package share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.kinds import ObjectClass
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.core.v2x import V2xReport

NOW_NS = 1_677_775_434_400_000_000
"""2023-03-02 16:43:54.4 UTC: tenth 26344 of its hour."""

FRAME = LocalFrame(31.2304, 121.4737, 4.0)


def report(**changes: Any) -> V2xReport:
    """A lorry that brakes; the id fits J2735."""
    values: dict[str, Any] = {
        "link": "rsu",
        "dialect": "j2735-2020",
        "temporary_id": "0a1b2c3d",
        "stamp": Stamp(NOW_NS, TimeSource.SENSOR, 1_000_000),
        "arrival_ns": NOW_NS + 50_000_000,
        "x_m": 12.5,
        "y_m": -40.25,
        "ellipse_m": (1.0, 0.5),
        "ellipse_yaw_rad": 0.3,
        "speed_mps": 9.9,
        "yaw_rad": 2.1,
        "acceleration_mps2": -1.2,
        "length_m": 8.5,
        "width_m": 2.5,
        "object_class": ObjectClass.TRUCK,
        "events": ("hazard_lights", "hard_braking"),
    }
    return V2xReport(**(values | changes))


def signal_state(*groups: GroupState, status: IntersectionStatus = IntersectionStatus.NONE) -> SignalState:
    """A state of intersection 1001 made now."""
    return SignalState(
        intersection=1001,
        revision=5,
        map_revision=2,
        stamp=Stamp(NOW_NS, TimeSource.SENSOR),
        alive_ns=NOW_NS,
        published_ns=NOW_NS,
        valid_until_ns=NOW_NS + NS_PER_S,
        groups=groups,
        status=status,
    )


GREEN = GroupState(
    2,
    MovementState.PROTECTED_MOVEMENT_ALLOWED,
    min_end_ns=NOW_NS + 5 * NS_PER_S,
    max_end_ns=NOW_NS + 30 * NS_PER_S,
    likely_end_ns=NOW_NS + 12 * NS_PER_S,
    confidence=0.9,
)
RED = GroupState(4, MovementState.STOP_AND_REMAIN)


def lane(number: int, kind: LaneKind, *points: tuple[float, float], **changes: Any) -> Lane:
    """A lane of 3.5 m through the given points."""
    values: dict[str, Any] = {
        "ingress": False,
        "egress": False,
        "width_m": 3.5,
        "points_m": np.array(points, dtype=np.float64),
    }
    return Lane(lane=number, kind=kind, **(values | changes))


def crossing(**changes: Any) -> Intersection:
    """Two roads that cross: an ingress and an egress lane on each of four arms, and a crosswalk over the north arm."""
    through = {1: 6, 3: 8, 5: 2, 7: 4}
    right = {1: 4, 3: 6, 5: 8, 7: 2}
    lanes = []
    for arm, (east, north) in enumerate(((0.0, 1.0), (1.0, 0.0), (0.0, -1.0), (-1.0, 0.0))):
        number = 2 * arm + 1
        side = (-1.75 * north, 1.75 * east)
        ahead = Connection(through[number], 2 if arm % 2 == 0 else 4, Maneuver.STRAIGHT)
        turn = Connection(right[number], None, Maneuver.RIGHT)
        for offset, (name, ingress) in ((1.0, ("in", True)), (-1.0, ("out", False))):
            points = [
                (east * d + side[0] * offset, north * d + side[1] * offset) for d in (15.0, 60.0, 700.0)
            ]
            lanes.append(
                lane(
                    number + (0 if ingress else 1),
                    LaneKind.VEHICLE,
                    *points,
                    ingress=ingress,
                    egress=not ingress,
                    connections=(ahead, turn) if ingress else (),
                    name=f"{name} {arm}",
                )
            )
    lanes.append(
        lane(
            20,
            LaneKind.CROSSWALK,
            (-8.0, 12.0),
            (8.0, 12.0),
            ingress=True,
            egress=True,
            width_m=4.0,
            signal_group=12,
        )
    )
    values: dict[str, Any] = {
        "intersection": 1001,
        "region": 7,
        "revision": 3,
        "name": "Crossing",
        "frame": FRAME,
        "lanes": tuple(lanes),
    }
    return Intersection(**(values | changes))


def recorded_j2735(data_dir: Path, kind: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Frames of one kind with what another decoder read, where it could."""
    entries = json.loads((data_dir / "v2x" / "j2735_messageframes.json").read_text(encoding="utf-8"))
    for entry in entries:
        if entry["type"] == kind and "decoded_jer" in entry:
            yield bytes.fromhex(entry["hex"]), entry["decoded_jer"]["value"]


def recorded_csae(data_dir: Path) -> list[dict[str, Any]]:
    """T/CSAE entries; `uper` is the message in an envelope."""
    entries = json.loads((data_dir / "v2x" / "csae_etsi.json").read_text(encoding="utf-8"))
    return [entry for entry in entries if entry["std"] == "CSAE"]
