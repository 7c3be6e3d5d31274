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
        self._start, self._unit, self._length, self._before = (
            table[:, 0:2],
            table[:, 2:4],
            table[:, 4],
            table[:, 5],
        )
        self._half_width, self._direction = table[:, 6], table[:, 7]
        self._walk, self._lane = table[:, 8] > 0, table[:, 9].astype(np.int64)
        self._heading = np.arctan2(self._unit[:, 1], self._unit[:, 0])
        self._both_ways = self._direction == 0
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
        n = len(position_m)
        if n == 0 or len(self._lane) == 0:
            return _nowhere(n)
        relative = position_m[:, None, :] - self._start
        along = relative[..., 0] * self._unit[:, 0] + relative[..., 1] * self._unit[:, 1]
        left = self._unit[:, 0] * relative[..., 1] - self._unit[:, 1] * relative[..., 0]
        beyond = along - np.clip(along, 0.0, self._length)
        inside = np.hypot(left, beyond) / self._half_width
        cost = np.where((inside <= 1.0) & (self._runs_on(beyond)), inside, OUTSIDE)
        if yaw_rad is not None:
            cost = cost + MISALIGNED_COST * self._misaligned(yaw_rad)
        if walking is not None:
            cost = cost + np.where(
                walking[:, None], np.where(self._walk, 0.0, 5.0), np.where(self._walk, OUTSIDE, 0.0)
            )
        best = np.argmin(cost, axis=1)
        row = np.arange(n)
        return self._positions(cost[row, best] < OUTSIDE, best, along[row, best], left[row, best])

    def _runs_on(self, beyond: FloatArray) -> NDArray[np.bool_]:
        """A lane does not reach past its first and last point; at a bend between them it does."""
        past = ((beyond < 0.0) & self._first) | ((beyond > 0.0) & self._last)
        runs_on: NDArray[np.bool_] = ~past
        return runs_on

    def _misaligned(self, yaw_rad: FloatArray) -> NDArray[np.bool_]:
        cosine = np.cos(yaw_rad[:, None] - self._heading)
        cosine = np.where(self._both_ways, np.abs(cosine), cosine * self._direction)
        return cosine < MISALIGNED  # NaN is never less

    def _positions(
        self, found: NDArray[np.bool_], best: NDArray[np.intp], along: FloatArray, left: FloatArray
    ) -> LanePositions:
        direction = np.where(self._direction[best] < 0, -1.0, 1.0)
        heading = self._heading[best] + np.where(direction < 0, math.pi, 0.0)
        distance = self._before[best] + np.clip(along, 0.0, self._length[best])
        return LanePositions(
            lane=np.where(found, self._lane[best], 0),
            distance_m=np.where(found, distance, np.nan),
            lateral_m=np.where(found, left * direction, np.nan),
            heading_rad=np.where(found, np.arctan2(np.sin(heading), np.cos(heading)), np.nan),
        )


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


def _nowhere(n: int) -> LanePositions:
    unknown = np.full(n, np.nan)
    return LanePositions(np.zeros(n, dtype=np.int64), unknown, unknown.copy(), unknown.copy())
