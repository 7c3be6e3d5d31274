"""Builds the scene of one instant: the lane of every track, and the traffic on every lane."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from edge.core.intersection import Intersection, Lane, LaneKind
from edge.core.kinds import ObjectClass
from edge.core.situation import LaneMeasure, Scene
from edge.core.stamp import NS_PER_MS
from edge.core.tracks import Tracks
from edge.road.lookup import LaneLookup, LanePositions
from edge.situation.passages import Passages
from edge.situation.queues import queue_length

YAW_FROM_SPEED_MPS = 1.0
LANE_AGREEMENT_RAD = 0.5
"""A standing road user that faces farther off its lane than this most likely does not: its yaw was noise."""


class SceneBuilder:
    """Makes one scene per fusion cycle; holds only what has passed each lane's end.

    Args:
        intersection: the MAP.
        lookup: made from the same MAP.
        epoch: start time of the fusion process in ns.
        validity_ns: how long a reader may use a scene.
    """

    def __init__(
        self,
        intersection: Intersection,
        lookup: LaneLookup,
        *,
        epoch: int,
        validity_ns: int = 500 * NS_PER_MS,
    ) -> None:
        self._lanes, self._lookup = intersection.lanes, lookup
        self._epoch, self._validity_ns = epoch, validity_ns
        self._passages = Passages(intersection.lanes)
        self._sequence = 0

    def build(self, tracks: Tracks, now_ns: int) -> Scene:
        """The scene of `tracks`, valid from the instant that they are predicted to."""
        found = self._lookup.find(
            tracks.state[:, :2], yaw_rad=_yaw(tracks), walking=_kind(tracks) == ObjectClass.PEDESTRIAN
        )
        self._passages.update(tracks.track_id, tracks.state[:, :2], found.lane, now_ns=now_ns)
        speed = np.hypot(tracks.state[:, 2], tracks.state[:, 3])
        measures = (self._measure(lane, found, speed, tracks) for lane in self._lanes)
        self._sequence += 1
        return Scene(
            sequence=self._sequence,
            epoch=self._epoch,
            published_ns=now_ns,
            valid_until_ns=tracks.stamp_ns + self._validity_ns,
            tracks=dataclasses.replace(tracks, yaw_rad=_facing(tracks, found, speed)),
            lanes=tuple(m for m in measures if m.count or m.passed_total),
            lane_of_track=tuple(found.lane.tolist()),
        )

    def _measure(
        self, lane: Lane, found: LanePositions, speed: NDArray[np.float64], tracks: Tracks
    ) -> LaneMeasure:
        on = np.flatnonzero(found.lane == lane.lane)
        queues = lane.kind is LaneKind.VEHICLE and lane.ingress
        length = tracks.size_m[on, 0]
        return LaneMeasure(
            lane=lane.lane,
            count=len(on),
            mean_speed_mps=float(speed[on].mean()) if len(on) else None,
            queue_length=queue_length(found.distance_m[on], speed[on], length) if queues and len(on) else 0,
            passed_total=self._passages.total(lane.lane),
        )


def _kind(tracks: Tracks) -> NDArray[np.int64]:
    """(n,) `ObjectClass` of the highest log odds; UNKNOWN where none is positive."""
    if len(tracks) == 0:
        return np.empty(0, dtype=np.int64)
    best = np.argmax(tracks.class_log_odds, axis=1)
    return np.where(tracks.class_log_odds.max(axis=1) > 0.0, best, int(ObjectClass.UNKNOWN))


def _facing(tracks: Tracks, found: LanePositions, speed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yaw for readers: who stands on a lane and was not seen driving since faces along it, but for walkers."""
    on_lane = np.isfinite(found.heading_rad) & (speed < YAW_FROM_SPEED_MPS)
    off = np.abs(np.angle(np.exp(1j * (tracks.yaw_rad - found.heading_rad))))
    unsure = on_lane & (_kind(tracks) != ObjectClass.PEDESTRIAN) & ~(off < LANE_AGREEMENT_RAD)
    return np.where(unsure, found.heading_rad, tracks.yaw_rad)


def _yaw(tracks: Tracks) -> NDArray[np.float64]:
    """Yaw, or the direction of travel where it is unknown; NaN for those that stand."""
    moving = np.hypot(tracks.state[:, 2], tracks.state[:, 3]) > YAW_FROM_SPEED_MPS
    travel = np.where(moving, np.arctan2(tracks.state[:, 3], tracks.state[:, 2]), np.nan)
    return np.where(np.isnan(tracks.yaw_rad), travel, tracks.yaw_rad)
