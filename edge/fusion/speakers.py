"""Numbers for the temporary ids of V2X senders, bounded."""

from __future__ import annotations

import math

SAME_PLACE_M = 3.0
CAPACITY = 4096
"""Temporary ids remembered; the one silent for longest is forgotten first."""


class Speakers:
    """Temporary id to number and back."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._heard: dict[int, tuple[tuple[int, float, float], ...]] = {}
        self._next = 1

    def number(self, temporary_id: str) -> int:
        """The number of a temporary id; the same for as long as it is heard."""
        number = self._numbers.pop(temporary_id, 0)
        if number == 0:
            number, self._next = self._next, self._next + 1
            self._names[number] = temporary_id
            if len(self._numbers) >= CAPACITY:
                oldest = next(iter(self._numbers))
                gone = self._numbers.pop(oldest)
                del self._names[gone]
                self._heard.pop(gone, None)
        self._numbers[temporary_id] = number
        return number

    def repeated(self, number: int, time_ns: int, x: float, y: float) -> bool:
        """Whether this report has come before, by another link or twice by one; x and y are its place in metres.

        Two vehicles may use one id: reports of one time from places apart are two.
        """
        heard = self._heard.get(number, ())
        if any(t == time_ns and math.hypot(x - at_x, y - at_y) < SAME_PLACE_M for t, at_x, at_y in heard):
            return True
        self._heard[number] = (*heard[-15:], (time_ns, x, y))
        return False

    def name(self, number: int) -> str:
        """The temporary id of a number; empty for 0 and for a forgotten one."""
        return self._names.get(number, "")
