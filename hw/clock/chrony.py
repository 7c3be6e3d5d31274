"""chrony's word on the clock: `chronyc -c tracking`, and nothing but a question.

The answer is one line of 14 comma separated values (chronyc(1), tracking): reference id, its name, stratum, reference
time, offset of system time, last offset, RMS offset, frequency ppm, residual frequency, skew, root delay, root
dispersion, update interval, leap status. All times are in seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from edge.core.clock import ClockReading
from edge.core.errors import CodecError, DeviceError
from edge.core.stamp import NS_PER_S
from hw.clock.program import ask

COMMAND = ("chronyc", "-n", "-c", "tracking")
FIELDS = 14
SOURCE = "chrony"
REMEDY = "install and start chrony: apt-get install chrony; systemctl enable --now chrony"
_LONGEST_S = 1e6


def parse_tracking(text: str, *, now_ns: int) -> ClockReading:
    """One answer to a reading; its bound is |offset| + root dispersion + half of the root delay.

    Raises:
        CodecError: it is no such line.
    """
    fields = text.strip().split(",")
    if len(fields) != FIELDS:
        raise CodecError("chronyc tracking", f"{len(fields)} fields instead of {FIELDS}")
    try:
        stratum, reference_s = int(fields[2]), float(fields[3])
        offset_s, delay_s, dispersion_s = float(fields[4]), float(fields[10]), float(fields[11])
    except ValueError as error:
        raise CodecError("chronyc tracking", "a field is no number") from error
    if not all(math.isfinite(value) for value in (reference_s, offset_s, delay_s, dispersion_s)):
        raise CodecError("chronyc tracking", "a field is no finite number")
    leap, name = fields[13], fields[1] or fields[0]
    synchronised = leap != "Not synchronised" and 0 < stratum < 16
    error_s = min(abs(offset_s) + abs(dispersion_s) + abs(delay_s) / 2, _LONGEST_S)
    age_ns = now_ns - round(reference_s * NS_PER_S) if synchronised else None
    text = f"reference {name}, stratum {stratum}" if synchronised else "has no reference"
    return ClockReading(SOURCE, synchronised, math.ceil(error_s * NS_PER_S), age_ns, text)


async def read_chrony(
    *, command: tuple[str, ...] = COMMAND, now_ns: Callable[[], int] = time.time_ns
) -> ClockReading | None:
    """Ask chronyd; None where chrony is not installed.

    Raises:
        DeviceError: it is installed and does not answer.
        CodecError: it answers something else.
    """
    status, text = await ask(command, device=SOURCE) or (None, "")
    if status is None:
        return None
    if status != 0:
        raise DeviceError(SOURCE, f"chronyd does not answer: {text.strip()[:200]}", remedy=REMEDY)
    return parse_tracking(text, now_ns=now_ns())
