"""Counts road users that leave a lane over its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.intersection import Lane
from edge.core.stamp import NS_PER_S

PASSED_M = 0.5
"""A centre on no lane must be this far past the end, so that one that stands on the line does not count."""
NEAR_M = 30.0
"""Farther from the end than this it has left the lane some other way."""
FORGET_NS = 5 * NS_PER_S


@dataclass(slots=True)
class _Traveller:
    """Where a track was last on a lane.

    Attributes:
        lane: that LaneID; 0 none yet.
        seen_ns: when the track was last there at all.
        counted: lanes that it has been counted on.
    """

    lane: int = 0
    seen_ns: int = 0
    counted: set[int] = field(default_factory=set)


class Passages:
    """Counts per lane since start; a track counts once per lane."""

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self._ends = {lane.lane: _ends(lane) for lane in lanes}
        self._travellers: dict[int, _Traveller] = {}
        self._totals: Counter[int] = Counter()

    def total(self, lane: int) -> int:
        """Road users that have left the lane over its end."""
        return self._totals[lane]

    def update(
        self,
        track_id: NDArray[np.int64],
        position_m: NDArray[np.float64],
        lane: NDArray[np.int64],
        *,
        now_ns: int,
    ) -> None:
        """Take the lanes (n,) and positions (n, 2) of all tracks."""
        for row, identity in enumerate(track_id.tolist()):
            traveller = self._travellers.setdefault(identity, _Traveller())
            traveller.seen_ns = now_ns
            if traveller.lane and lane[row] != traveller.lane:
                self._leave(traveller, position_m[row], beyond_m=0.0 if lane[row] else PASSED_M)
            traveller.lane = int(lane[row]) or traveller.lane
        gone = [key for key, t in self._travellers.items() if now_ns - t.seen_ns > FORGET_NS]
        for key in gone:
            del self._travellers[key]

    def _leave(self, traveller: _Traveller, position_m: NDArray[np.float64], *, beyond_m: float) -> None:
        lane = traveller.lane
        if lane in traveller.counted:
            return
        for end, outward in self._ends[lane]:
            relative = position_m - end
            if relative @ outward > beyond_m and np.hypot(*relative) < NEAR_M:
                traveller.counted.add(lane)
                self._totals[lane] += 1
                return


def _ends(lane: Lane) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Ends over which travel leaves the lane, each with the unit vector that leads out of it."""
    first, second = lane.points_m[0], lane.points_m[1]
    last, before = lane.points_m[-1], lane.points_m[-2]
    ends = []
    if lane.ingress:
        ends.append((first, (first - second) / np.hypot(*(first - second))))
    if lane.egress:
        ends.append((last, (last - before) / np.hypot(*(last - before))))
    return ends
