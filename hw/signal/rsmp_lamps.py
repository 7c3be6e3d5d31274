"""What the letters of S0001 mean: one per signal group, group 1 first.

Source: RSMP SXL for traffic light controllers 1.2.1, "Signal group status".
"""

from __future__ import annotations

from edge.core.signals import GroupKind, LampState

_RED, _GREEN, _YELLOW = LampState.RED, LampState.GREEN, LampState.YELLOW
LAMPS = {
    "a": LampState.DARK,  # disabled
    "b": LampState.DARK,  # manual control to dark
    "c": LampState.FLASHING_YELLOW,  # manual control to flashing yellow
    "d": LampState.FLASHING_RED,  # manual control to flashing red
    "e": LampState.UNKNOWN,  # start-up 1: dark or flashing yellow, as the controller is set up
    "f": LampState.UNKNOWN,  # start-up 2: yellow for vehicles, red for pedestrians
    "g": _RED,  # start-up 3
    "h": _RED,  # manual control to red
    **dict.fromkeys(
        "ABCDEFG", _RED
    ),  # rest, rest without order, privilege, reserved, request, start in own stage
    "0": LampState.RED_YELLOW,
    **dict.fromkeys("12345678", _GREEN),  # minimum, maximum, rest, passive, past-end green
    "9": LampState.FLASHING_GREEN,
    "N": _YELLOW,  # fixed yellow
    "O": _YELLOW,  # variable yellow
    "P": _RED,  # variable red
}
DEMANDING = frozenset("EFG0138OP")
"""Letters with a sure demand for green; the table leaves it open for D, 2, 6, 7, 9 and N."""
UNDEFINED = "-"


def lamp_of(letter: str, *, kind: GroupKind = GroupKind.GROUP, flashing: bool | None = None) -> LampState:
    """The lamp of one letter; UNKNOWN where the letter does not say, or is none.

    Args:
        kind: who the group is for, where the site says so; start-up 2 depends on it.
        flashing: what S0011 (yellow flash) says; start-up 1 depends on it. False is dark, None not told.
    """
    if letter == "e" and flashing is not None:
        return LampState.FLASHING_YELLOW if flashing else LampState.DARK
    if letter == "f" and kind is not GroupKind.GROUP:
        return _RED if kind is GroupKind.PEDESTRIAN else _YELLOW
    return LAMPS.get(letter, LampState.UNKNOWN)
