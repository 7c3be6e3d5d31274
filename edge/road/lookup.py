"""Which lane a position is on, for many positions at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.intersection import Intersection, Lane, LaneKind

FloatArray = NDArray[np.float64]
MISALIGNED = math.cos(math.radians(60))
"""A road user whose yaw differs by more is taken to be on another lane where there is one."""
MISALIGNED_COST = 2.0
WALKS = (LaneKind.CROSSWALK, LaneKind.SIDEWALK)
ROAD_COST = 5.0
OUTSIDE = 1e6


@dataclass(frozen=True, slots=True)
class LanePositions:
    """n positions relative to lanes, struct of arrays.

    Attributes:
        lane: (n,) int64 LaneID; 0: on none.
        distance_m: (n,) float64 along the centre line from its first point: from the stop line upstream on an
            ingress lane, from the exit downstream on an egress lane; NaN on none.
        lateral_m: (n,) float64, positive to the left of the direction of travel; NaN on none.
        heading_rad: (n,) float64 direction of travel of the lane there; NaN on none.
    """

    lane: NDArray[np.int64]
    distance_m: FloatArray
    lateral_m: FloatArray
    heading_rad: FloatArray


class LaneLookup:
    """Nearest-segment search over all lanes of one intersection, vectorised over positions and segments."""

    def __init__(self, intersection: Intersection) -> None:
        rows = [_segments(lane) for lane in intersection.lanes]
        table = np.concatenate(rows) if rows else np.empty((0, 10))
        start, unit = table[:, 0:2], table[:, 2:4]
        normal = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
        self._axes = np.ascontiguousarray(np.concatenate([unit, normal]).T)
        self._origin = np.concatenate([(start * unit).sum(axis=1), (start * normal).sum(axis=1)])
        self._length, self._before, self._half_width = table[:, 4], table[:, 5], table[:, 6]
        self._direction, self._walk = table[:, 7], table[:, 8] > 0
        self._lane = table[:, 9].astype(np.int64)
        self._heading = np.arctan2(unit[:, 1], unit[:, 0])
        self._first = self._before <= 0.0
        self._last = np.append(self._lane[1:] != self._lane[:-1], True)[: len(self._lane)]

    def find(
        self,
        position_m: FloatArray,
        *,
        yaw_rad: FloatArray | None = None,
        walking: NDArray[np.bool_] | None = None,
    ) -> LanePositions:
        """Lanes of n positions.

        Args:
            position_m: (n, 2) ENU metres.
            yaw_rad: (n,) direction of the road users; NaN unknown. Chooses between lanes that overlap.
            walking: (n,) True for pedestrians: they prefer crosswalks and sidewalks, which others are never on.
        """
        n, segments = len(position_m), len(self._lane)
        along, left = np.split(position_m @ self._axes - self._origin, [segments], axis=1)
        margin = self._half_width
        near = (np.abs(left) <= margin) & (along >= -margin) & (along <= self._length + margin)
        row, segment = np.nonzero(near)
        along, left = along[row, segment], left[row, segment]
        cost = self._cost(segment, along, left)
        if yaw_rad is not None:
            cost += MISALIGNED_COST * self._misaligned(segment, yaw_rad[row])
        if walking is not None:
            cost += np.where(
                walking[row], np.where(self._walk[segment], 0.0, ROAD_COST), self._walk[segment] * OUTSIDE
            )
        order = np.lexsort((cost, row))
        order = order[cost[order] < OUTSIDE]
        found, first = np.unique(row[order], return_index=True)
        best = order[first]
        return self._positions(n, found, segment[best], along[best], left[best])

    def _cost(self, segment: NDArray[np.intp], along: FloatArray, left: FloatArray) -> FloatArray:
        """Distance to the centre line in half widths; a lane does not reach past its first and last point."""
        beyond = along - np.clip(along, 0.0, self._length[segment])
        past = ((beyond < 0.0) & self._first[segment]) | ((beyond > 0.0) & self._last[segment])
        share = np.hypot(left, beyond) / self._half_width[segment]
        return np.where(past | (share > 1.0), OUTSIDE, share)

    def _misaligned(self, segment: NDArray[np.intp], yaw_rad: FloatArray) -> NDArray[np.bool_]:
        cosine = np.cos(yaw_rad - self._heading[segment])
        direction = self._direction[segment]
        cosine = np.where(direction == 0, np.abs(cosine), cosine * direction)
        return cosine < MISALIGNED  # NaN is never less

    def _positions(
        self, n: int, found: NDArray[np.intp], best: NDArray[np.intp], along: FloatArray, left: FloatArray
    ) -> LanePositions:
        lane: NDArray[np.int64] = np.zeros(n, dtype=np.int64)
        distance, lateral, heading = np.full((3, n), np.nan)
        against = self._direction[best] < 0
        travel = self._heading[best] + np.where(against, math.pi, 0.0)
        lane[found] = self._lane[best]
        distance[found] = self._before[best] + np.clip(along, 0.0, self._length[best])
        lateral[found] = np.where(against, -left, left)
        heading[found] = np.arctan2(np.sin(travel), np.cos(travel))
        return LanePositions(lane, distance, lateral, heading)


def _segments(lane: Lane) -> FloatArray:
    """(k, 10) per segment: start x y, unit x y, length, metres before it, half width, direction, walk, LaneID.

    Direction is -1 where travel runs against the points (ingress), 1 along them (egress), 0 both ways.
    """
    steps = np.diff(lane.points_m, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    rows = np.empty((len(steps), 10))
    rows[:, 0:2] = lane.points_m[:-1]
    rows[:, 2:4] = steps / np.maximum(lengths, 1e-9)[:, None]
    rows[:, 4] = lengths
    rows[:, 5] = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    rows[:, 6] = lane.width_m / 2.0
    rows[:, 7] = float(lane.egress) - float(lane.ingress)
    rows[:, 8] = lane.kind in WALKS
    rows[:, 9] = lane.lane
    return rows
