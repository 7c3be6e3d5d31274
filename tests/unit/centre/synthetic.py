"""A made-up four-arm intersection with lights and traffic, as core values, for tests of the centre and the view."""

from __future__ import annotations

import math

import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.health import Event, Health, HealthState
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.situation import LaneMeasure, Scene
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.core.tracks import Tracks

WIDTH_M = 3.5
SIDES = ("East", "North", "West", "South")
SENSORS = ("camera.north", "v2x.rsu1")
USERS = (
    # class, side, lane (0 left, 1 right), metres from the stop line (negative: inside), seen by
    (ObjectClass.CAR, 0, 1, 4.0, "camera"),
    (ObjectClass.CAR, 1, 0, 12.0, "V2X"),
    (ObjectClass.TRUCK, 2, 1, 9.0, "both"),
    (ObjectClass.BUS, 3, 1, 14.0, "both"),
    (ObjectClass.CAR, 0, 0, -12.0, "both"),
    (ObjectClass.MOTORCYCLE, 2, 0, 3.0, "camera"),
    (ObjectClass.BICYCLE, 3, 1, 3.0, "camera"),
    (ObjectClass.PEDESTRIAN, 1, 0, -3.0, "camera"),
)
_SIZES = {
    ObjectClass.CAR: (4.5, 1.8, 1.5),
    ObjectClass.TRUCK: (8.5, 2.5, 3.2),
    ObjectClass.BUS: (12.0, 2.55, 3.1),
    ObjectClass.MOTORCYCLE: (2.1, 0.8, 1.5),
    ObjectClass.BICYCLE: (1.8, 0.6, 1.7),
    ObjectClass.PEDESTRIAN: (0.5, 0.5, 1.7),
}


def _turned(x: float, y: float, side: int) -> tuple[float, float]:
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[side]
    return x * cosine - y * sine, x * sine + y * cosine


def _line(side: int, y: float, *xs: float) -> np.ndarray:
    return np.array([_turned(x, y, side) for x in xs])


def _lane_id(side: int, place: int) -> int:
    """Places of one side: 0, 1 in; 2, 3 out; 4 crosswalk."""
    return 1 + side * 5 + place


def _arm(side: int) -> list[Lane]:
    through, turning, walk = (2, 1, 14) if side % 2 == 0 else (4, 3, 12)
    left = Connection(_lane_id((side + 3) % 4, 2), turning, Maneuver.LEFT)
    straight = [Connection(_lane_id((side + 2) % 4, 2 + k), through, Maneuver.STRAIGHT) for k in (0, 1)]
    right = Connection(_lane_id((side + 1) % 4, 3), through, Maneuver.RIGHT)
    lanes = [
        Lane(
            _lane_id(side, k),
            LaneKind.VEHICLE,
            True,
            False,
            WIDTH_M,
            _line(side, (k + 0.5) * WIDTH_M, 15.0, 60.0, 110.0),
            (left, straight[0]) if k == 0 else (straight[1], right),
            name=f"{SIDES[side]} in {k + 1}",
        )
        for k in (0, 1)
    ]
    lanes += [
        Lane(
            _lane_id(side, 2 + k),
            LaneKind.VEHICLE,
            False,
            True,
            WIDTH_M,
            _line(side, -(k + 0.5) * WIDTH_M, 15.0, 60.0, 110.0),
            name=f"{SIDES[side]} out {k + 1}",
        )
        for k in (0, 1)
    ]
    crossing = np.array([_turned(12.0, -8.0, side), _turned(12.0, 8.0, side)])
    lanes.append(
        Lane(
            _lane_id(side, 4),
            LaneKind.CROSSWALK,
            True,
            True,
            3.0,
            crossing,
            (),
            walk,
            f"{SIDES[side]} crossing",
        )
    )
    return lanes


def intersection(*, name: str = "Harbour Road / 3rd Street") -> Intersection:
    """Four arms, two lanes in and out, four crosswalks, six signal groups."""
    lanes = tuple(lane for side in range(4) for lane in _arm(side))
    return Intersection(7, None, 3, name, LocalFrame(51.05, 13.74), lanes)


def _group(group: int, *, now_ns: int, on_s: float, off_s: float) -> GroupState:
    """Green from `on_s` to `off_s` of a 60 s cycle, the last 3 s of it yellow."""
    at_s = (now_ns / NS_PER_S) % 60.0

    def end(seconds: float) -> int:
        return now_ns + int(seconds * NS_PER_S)

    if on_s <= at_s < off_s - 3.0:
        left_s = off_s - 3.0 - at_s
        return GroupState(
            group,
            MovementState.PROTECTED_MOVEMENT_ALLOWED,
            end(max(left_s - 3.0, 0.0)),
            end(left_s + 5.0),
            end(left_s),
            0.9,
            MovementState.PROTECTED_CLEARANCE,
        )
    if off_s - 3.0 <= at_s < off_s:
        left = end(off_s - at_s)
        return GroupState(group, MovementState.PROTECTED_CLEARANCE, left, left, left, 1.0)
    return GroupState(
        group,
        MovementState.STOP_AND_REMAIN,
        None,
        None,
        end((on_s - at_s) % 60.0),
        0.7,
        MovementState.PRE_MOVEMENT,
    )


def signals(*, now_ns: int, withdrawn: str = "") -> SignalState:
    """The lights at `now_ns`; `withdrawn` is the reason when they are withdrawn."""
    cycle = {
        1: (0.0, 10.0),
        2: (10.0, 28.0),
        3: (30.0, 40.0),
        4: (40.0, 58.0),
        12: (10.0, 24.0),
        14: (40.0, 54.0),
    }
    groups = tuple(
        GroupState(g, MovementState.UNAVAILABLE)
        if withdrawn
        else _group(g, now_ns=now_ns, on_s=on, off_s=off)
        for g, (on, off) in cycle.items()
    )
    return SignalState(
        intersection=7,
        revision=5,
        map_revision=3,
        stamp=Stamp(now_ns - 20 * NS_PER_MS, TimeSource.SENSOR),
        alive_ns=now_ns - 20 * NS_PER_MS,
        published_ns=now_ns,
        valid_until_ns=now_ns + 500 * NS_PER_MS,
        groups=groups,
        status=IntersectionStatus.NO_VALID_SPAT if withdrawn else IntersectionStatus.NONE,
        reasons=(withdrawn,) if withdrawn else (),
    )


def scene(*, now_ns: int, sequence: int, epoch: int = 1) -> Scene:
    """Eight road users at `now_ns`, some of them moving."""
    count = len(USERS)
    state, yaw, last_seen = np.zeros((count, 4)), np.zeros(count), np.zeros((count, 2), dtype=np.int64)
    log_odds = np.full((count, CLASS_COUNT), -3.0)
    for row, (kind, side, lane, back_m, source) in enumerate(USERS):
        moving = 0.0 if side % 2 else 8.0
        phase_m = (now_ns / NS_PER_S * moving) % 20.0
        state[row, :2] = _turned(
            15.0 + back_m + 20.0 - phase_m if moving else 15.0 + back_m, (lane + 0.5) * WIDTH_M, side
        )
        yaw[row] = math.remainder(math.pi + side * math.pi / 2, math.tau)
        state[row, 2:] = moving * math.cos(yaw[row]), moving * math.sin(yaw[row])
        log_odds[row, kind] = 4.0
        last_seen[row] = [now_ns if source != "V2X" else 0, now_ns if source != "camera" else 0]
    covariance = np.tile(np.diag([0.3, 0.15, 0.2, 0.2]), (count, 1, 1))
    tracks = Tracks(
        stamp_ns=now_ns,
        newest_capture_ns=now_ns - 60 * NS_PER_MS,
        track_id=np.arange(101, 101 + count),
        state=state,
        covariance=covariance,
        existence=np.full(count, 0.97),
        class_log_odds=log_odds,
        size_m=np.array([_SIZES[kind] for kind, *_ in USERS]),
        yaw_rad=yaw,
        trust=np.ones(count),
        capture_ns=np.full(count, now_ns - 60 * NS_PER_MS),
        still_ns=np.zeros(count, dtype=np.int64),
        sensors=SENSORS,
        last_seen_ns=last_seen,
        v2x_id=tuple(
            "" if source == "camera" else f"a1b2c3{row:02x}" for row, (*_, source) in enumerate(USERS)
        ),
    )
    lanes = tuple(
        LaneMeasure(_lane_id(side, k), 1 + k, 8.0, k, 40 + side) for side in range(4) for k in (0, 1)
    )
    return Scene(
        sequence=sequence,
        epoch=epoch,
        published_ns=now_ns,
        valid_until_ns=now_ns + 500 * NS_PER_MS,
        tracks=tracks,
        lanes=lanes,
        lane_of_track=tuple(_lane_id(side, lane) for _, side, lane, *_ in USERS),
    )


def health(*, now_ns: int, blind: bool = False) -> tuple[Health, ...]:
    """One part well, one degraded; `blind`: the camera is down."""
    camera = HealthState.DOWN if blind else HealthState.OK
    return (
        Health("camera.north", camera, now_ns - 90 * NS_PER_S, "", {"frames": 900}),
        Health("v2x.rsu1", HealthState.DEGRADED, now_ns - 5 * NS_PER_S, "2 of 10 messages a second"),
    )


def events(*, now_ns: int) -> tuple[Event, ...]:
    """Two things that happened a while ago."""
    start_ns = now_ns - now_ns % (60 * NS_PER_S)
    return (
        Event(start_ns - 90 * NS_PER_S, "front", "started", "node started"),
        Event(start_ns - 5 * NS_PER_S, "v2x.rsu1", "degraded", "2 of 10 messages a second"),
    )
