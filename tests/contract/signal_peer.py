"""What plays the controller's part in the contract of signal controllers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """What plays the controller's part.

    Attributes:
        good: sends one message that the driver must understand, or answers one of its polls so.
        bad: the same with one that it must count.
    """

    good: Callable[[], object]
    bad: Callable[[], object]
