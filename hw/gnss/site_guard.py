"""Watches that the antenna stays where it was surveyed: a box that is carried off, or a receiver that is fooled."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge.core.geodesy import LocalFrame
from edge.ports import Position

FAR = 5.0
"""So many limits away, one fix is enough."""
CLEAR = 0.7
"""The alarm ends this part of the limit away, so it does not flap at the edge."""


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """Numbers of the watch.

    Attributes:
        move_m: farther from the surveyed place is an alarm.
        worst_error_m: fixes with a larger error are ignored; one that tells no error is taken.
        fixes: good fixes in a row beyond the limit that raise the alarm; one is enough `FAR` limits away and three
            times its own error.
        calm: good fixes in a row within that end it.
    """

    move_m: float = 10.0
    worst_error_m: float = 30.0
    fixes: int = 3
    calm: int = 5


class SiteGuard:
    """Pure. `moved` is the alarm.

    Attributes:
        moved: the alarm.
        distance_m: of the newest good fix; None before one came.
        ignored: fixes too bad to judge.
    """

    def __init__(
        self, latitude_deg: float, longitude_deg: float, *, limits: GuardLimits | None = None
    ) -> None:
        self._frame = LocalFrame(latitude_deg, longitude_deg, 0.0)
        self._limits = limits or GuardLimits()
        self._beyond = self._within = 0
        self.moved, self.ignored = False, 0
        self.distance_m: float | None = None

    def take(self, position: Position) -> bool:
        """Take a fix; returns whether the alarm changed."""
        limits = self._limits
        error_m = 0.0 if math.isnan(position.error_m) else position.error_m
        if error_m > limits.worst_error_m:
            self.ignored += 1
            return False
        self.distance_m = self._distance_m(position)
        before = self.moved
        self._beyond = self._beyond + 1 if self.distance_m > limits.move_m else 0
        self._within = self._within + 1 if self.distance_m <= CLEAR * limits.move_m else 0
        far = self.distance_m > max(FAR * limits.move_m, 3.0 * error_m)
        if far or self._beyond >= limits.fixes:
            self.moved = True
        elif self._within >= limits.calm:
            self.moved = False
        return self.moved != before

    def _distance_m(self, position: Position) -> float:
        """Horizontal; heights of GNSS wander too far."""
        return math.hypot(*self._frame.to_local(position.latitude_deg, position.longitude_deg))
