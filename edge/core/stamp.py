"""When something was measured, by whose clock, and how far that may be off."""

from __future__ import annotations

import enum
from typing import NamedTuple

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class TimeSource(enum.Enum):
    """Where a capture time comes from, best first."""

    PTP = "ptp"
    SENSOR = "sensor"
    RTCP = "rtcp"
    ARRIVAL = "arrival"


class Stamp(NamedTuple):
    """A capture time. A named tuple, for one is made of every frame and every message.

    Attributes:
        capture_ns: UTC nanoseconds since 1970 at which the world was as reported.
        source: the clock that said so.
        error_ns: bound on the error of `capture_ns`.
    """

    capture_ns: int
    source: TimeSource
    error_ns: int = 0

    def age_ns(self, *, now_ns: int) -> int:
        return now_ns - self.capture_ns
