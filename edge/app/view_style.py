"""Words and colours that the terminal view uses for lamps, classes and provenance."""

from __future__ import annotations

import enum


class Lamp(enum.Enum):
    """What a signal head shows; the value is its block in the table."""

    RED = "■■"
    YELLOW = "◆◆"
    GREEN = "●●"
    FLASHING_RED = "■□"
    FLASHING_YELLOW = "◆◇"
    FLASHING_GREEN = "●○"
    NONE = "◌◌"

    @property
    def block(self) -> str:
        """Two cells for the table; the shape says the same as the colour."""
        return self.value

    @property
    def mark(self) -> str:
        """One cell for the plan."""
        return self.value[0]


LAMP_STYLES = {
    Lamp.RED: "bold red1",
    Lamp.YELLOW: "bold yellow1",
    Lamp.GREEN: "bold green1",
    Lamp.FLASHING_RED: "bold red1",
    Lamp.FLASHING_YELLOW: "bold yellow1",
    Lamp.FLASHING_GREEN: "bold green1",
    Lamp.NONE: "grey58",
}

STATES: dict[str, tuple[Lamp, str]] = {
    "STOP_AND_REMAIN": (Lamp.RED, "stop"),
    "STOP_THEN_PROCEED": (Lamp.FLASHING_RED, "stop, then go"),
    "PRE_MOVEMENT": (Lamp.YELLOW, "get ready"),
    "PERMISSIVE_MOVEMENT_ALLOWED": (Lamp.GREEN, "go, give way"),
    "PROTECTED_MOVEMENT_ALLOWED": (Lamp.GREEN, "go"),
    "FLASHING_GREEN": (Lamp.FLASHING_GREEN, "go, ending"),
    "PERMISSIVE_CLEARANCE": (Lamp.YELLOW, "clear, give way"),
    "PROTECTED_CLEARANCE": (Lamp.YELLOW, "clear"),
    "CAUTION_CONFLICTING_TRAFFIC": (Lamp.FLASHING_YELLOW, "caution"),
    "DARK": (Lamp.NONE, "dark"),
    "UNAVAILABLE": (Lamp.NONE, "unavailable"),
}
"""Lamp and word per movement state (SAE J2735 MovementPhaseState, flashing green of T/CSAE 53)."""

CLASSES = ("car", "truck", "bus", "motorcycle", "bicycle", "pedestrian", "unknown")
_CLASS_STYLES = dict(
    zip(
        CLASSES,
        ("dodger_blue1", "slate_blue1", "cyan1", "orchid", "hot_pink", "wheat1", "grey70"),
        strict=True,
    )
)
SOURCES = {"camera": "•", "V2X": "○", "both": "◉"}
"""Who saw a road user, and the mark for it on the plan."""


def user_style(kind: str) -> str:
    """Style of a class of road user."""
    return _CLASS_STYLES.get(kind, _CLASS_STYLES["unknown"])
