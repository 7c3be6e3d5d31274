"""How far this machine's clock is from the node's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The node's clock less ours.

    Attributes:
        offset_ns: add it to our time to get the node's.
        error_ns: bound on the error of it: half of the way there and back.
    """

    offset_ns: int
    error_ns: int


def offset_of(asked: Iterable[tuple[int, int, int, int]]) -> ClockOffset:
    """The offset by the quickest of some questions.

    Args:
        asked: of each, the times of asking (ours), of receiving and answering (the node's), of hearing (ours), UTC ns.

    Raises:
        ValueError: there is none.
    """
    found = [
        ClockOffset(
            ((received - sent) + (answered - heard)) // 2, max(0, (heard - sent - answered + received) // 2)
        )
        for sent, received, answered, heard in asked
    ]
    if not found:
        raise ValueError("no question was answered")
    return min(found, key=lambda each: each.error_ns)
