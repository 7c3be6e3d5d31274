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
    "stop_and_remain": (Lamp.RED, "stop"),
    "stop_then_proceed": (Lamp.FLASHING_RED, "stop, then go"),
    "pre_movement": (Lamp.YELLOW, "get ready"),
    "permissive_movement_allowed": (Lamp.GREEN, "go, give way"),
    "protected_movement_allowed": (Lamp.GREEN, "go"),
    "flashing_green": (Lamp.FLASHING_GREEN, "go, ending"),
    "permissive_clearance": (Lamp.YELLOW, "clear, give way"),
    "protected_clearance": (Lamp.YELLOW, "clear"),
    "caution_conflicting_traffic": (Lamp.FLASHING_YELLOW, "caution"),
    "dark": (Lamp.NONE, "dark"),
    "unavailable": (Lamp.NONE, "unavailable"),
}
"""Lamp and word per movement state: SAE J2735 MovementPhaseState in lower case, and T/CSAE 53 flashing green."""

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
