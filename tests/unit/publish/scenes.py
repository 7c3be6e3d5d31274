"""Scenes of a few road users, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_S
from edge.core.tracks import Tracks

KINDS = {"north": "camera", "obu": "v2x", "neighbours-obu": ""}
"""Sensors of the scenes; the third is what neighbouring nodes tell."""


@dataclass(frozen=True)
class User:
    """One road user of a scene.

    Attributes:
        track: track id.
        state: x y vx vy.
        seen_by: sensors that saw it just now.
    """

    track: int
    state: tuple[float, float, float, float]
    kind: ObjectClass = ObjectClass.CAR
    seen_by: Sequence[str] = ("north",)
    v2x_id: str = ""
    lane: int = 0
    still_s: float = 0.0
    yaw_rad: float = float("nan")
    size_m: tuple[float, float, float] = (float("nan"),) * 3
    existence: float = 0.9


def scene_of(*users: User, now_ns: int, life_s: float = 0.5, sequence: int = 1) -> Scene:
    """A scene whose tracks are predicted to `now_ns`."""
    n, sensors = len(users), tuple(KINDS)
    log_odds = np.zeros((n, CLASS_COUNT))
    seen_ns = np.zeros((n, len(sensors)), dtype=np.int64)
    for row, user in enumerate(users):
        if user.kind is not ObjectClass.UNKNOWN:
            log_odds[row, user.kind] = 4.0
        for name in user.seen_by:
            seen_ns[row, sensors.index(name)] = now_ns - 50_000_000
    tracks = Tracks(
        stamp_ns=now_ns,
        newest_capture_ns=now_ns - 50_000_000,
        track_id=np.array([u.track for u in users], dtype=np.int64),
        state=np.array([u.state for u in users], dtype=np.float64).reshape(n, 4),
        covariance=np.tile(np.diag([0.25, 0.09, 0.5, 0.5]), (n, 1, 1)),
        existence=np.array([u.existence for u in users], dtype=np.float64),
        class_log_odds=log_odds,
        size_m=np.array([u.size_m for u in users], dtype=np.float64).reshape(n, 3),
        yaw_rad=np.array([u.yaw_rad for u in users], dtype=np.float64),
        trust=np.ones(n),
        capture_ns=np.full(n, now_ns - 50_000_000, dtype=np.int64),
        still_ns=np.array([int(u.still_s * NS_PER_S) for u in users], dtype=np.int64),
        sensors=sensors,
        last_seen_ns=seen_ns,
        v2x_id=tuple(u.v2x_id for u in users),
    )
    return Scene(
        sequence=sequence,
        epoch=1,
        published_ns=now_ns,
        valid_until_ns=now_ns + int(life_s * NS_PER_S),
        tracks=tracks,
        lanes=(),
        lane_of_track=tuple(u.lane for u in users),
    )
