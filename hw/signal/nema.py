"""Lamps of NEMA controllers, which report every colour of every phase as one bit of a mask; bit 0 is number 1."""

from __future__ import annotations

from edge.core.signals import LampState

_STEADY = {
    (False, False, False): LampState.DARK,
    (True, False, False): LampState.RED,
    (True, True, False): LampState.RED_YELLOW,
    (False, True, False): LampState.YELLOW,
    (False, False, True): LampState.GREEN,
}
FLASHING = {
    LampState.RED: LampState.FLASHING_RED,
    LampState.YELLOW: LampState.FLASHING_YELLOW,
    LampState.GREEN: LampState.FLASHING_GREEN,
}
"""What a colour is called when it flashes."""


def vehicle_lamp(bit: int, *, reds: int, yellows: int, greens: int, flashing: int = 0) -> LampState:
    """One lamp; contradicting bits, or flashing without a colour, leave it unknown."""
    lamp = _STEADY.get((bool(reds & bit), bool(yellows & bit), bool(greens & bit)), LampState.UNKNOWN)
    return FLASHING.get(lamp, LampState.UNKNOWN) if flashing & bit else lamp


def pedestrian_lamp(bit: int, *, dont_walks: int, pedestrian_clears: int, walks: int) -> LampState:
    """Don't walk is red, pedestrian clearance is flashing red, walk is green.

    Clearance is reported with or without the steady don't-walk bit.
    """
    if walks & bit:
        contradicts = (dont_walks | pedestrian_clears) & bit
        return LampState.UNKNOWN if contradicts else LampState.GREEN
    if pedestrian_clears & bit:
        return LampState.FLASHING_RED
    return LampState.RED if dont_walks & bit else LampState.DARK
