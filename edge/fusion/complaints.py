"""What is wrong with recorded scans, in words: the first line of each kind, so that a person can mend the file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.fusion.recorded import RecordedScan
from edge.fusion.scan import SIGMA_LIMIT_M, SITE_LIMIT_M
from edge.fusion.table import M_CONFIDENCE, M_X, M_XX, M_XY, M_Y, M_YY

MOST = 12
EARLIEST_NS = 946_684_800_000_000_000
"""The year 2000: an earlier time is in other units."""
LINE = "_line"
"""Key under which a reader of a file may leave the number of the line."""


class Complaints:
    """Collects complaints; each kind once.

    Args:
        known: names of the sensors that are described.
    """

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        self._known = known
        self._said: dict[tuple[str, ...], str] = {}

    def lines(self) -> list[str]:
        """What there is to say, in the order of the file."""
        return list(self._said.values())

    def bad_line(self, line: dict[str, Any], reason: str) -> None:
        """A line that is no scan."""
        self._say(("line", str(line.get("sensor")), reason), line, reason)

    def scan(self, line: dict[str, Any], scan: RecordedScan, centre_m: NDArray[np.float64]) -> None:
        """A scan that was read; `centre_m` is the middle of the scene."""
        if scan.sensor not in self._known:
            known = ", ".join(self._known) or "none"
            self._say(
                ("sensor", scan.sensor), line, f"sensor {scan.sensor!r} is not described (known: {known})"
            )
        if scan.time_ns < EARLIEST_NS:
            self._say(("time",), line, f"t_meas_ns = {scan.time_ns} lies before the year 2000: is it in ns?")
        for problem in _faults(scan.rows, centre_m):
            self._say(("row", scan.sensor, problem), line, problem)

    def _say(self, kind: tuple[str, ...], line: dict[str, Any], text: str) -> None:
        if kind not in self._said and len(self._said) < MOST:
            where = f"line {line[LINE]}: " if LINE in line else ""
            self._said[kind] = where + text


def _faults(rows: NDArray[np.float64], centre_m: NDArray[np.float64]) -> list[str]:
    """What makes rows unusable; the kernels drop them."""
    place, sure = rows[:, M_X : M_Y + 1] - centre_m, rows[:, M_CONFIDENCE]
    xx, xy, yy = rows[:, M_XX], rows[:, M_XY], rows[:, M_YY]
    stated = ~np.isnan(xx)
    sound = (xx > 0) & (yy > 0) & (np.maximum(xx, yy) < SIGMA_LIMIT_M**2) & (xx * yy > xy * xy)
    found = []
    if not np.isfinite(place).all():
        found.append("an object is none: x and y must be numbers, cov three of them")
    elif len(place) and float(np.abs(place).max()) > SITE_LIMIT_M:
        found.append(f"an object lies more than {SITE_LIMIT_M:.0f} m from the others: x and y are metres")
    if (stated & ~sound).any():
        found.append(f"cov must be [xx, xy, yy], positive definite, at most ({SIGMA_LIMIT_M:.0f} m)^2")
    if ((sure < 0.0) | (sure > 1.0)).any():
        found.append("confidence must be 0 to 1")
    return found
