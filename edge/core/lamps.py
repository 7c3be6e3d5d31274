"""What a camera reads off the signal heads in its view."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.signals import LampState
from edge.core.stamp import Stamp


@dataclass(frozen=True, slots=True)
class LampReading:
    """One head.

    Attributes:
        signal_group: of the MAP.
        lamp: what its lamps show; UNKNOWN: cannot be read, DARK: none is lit.
    """

    signal_group: int
    lamp: LampState


@dataclass(frozen=True, slots=True)
class LampReadings:
    """Every configured head of one camera at one instant.

    Attributes:
        camera: name in the site configuration.
        stamp: capture time of the newest picture that it was read from.
        readings: one per head.
    """

    camera: str
    stamp: Stamp
    readings: tuple[LampReading, ...]
