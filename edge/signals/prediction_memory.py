"""What a signal group did before: its past spells of one lamp, in rings of fixed size.

A spell is the time in which the lamp of a group does not change. Of each we keep its end, its length, the plan and
cycle position at its end, and the context of each of its seconds: a bit mask of calls and of greens elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPELLS = 96
SECONDS = 256
"""Seconds of context kept of a spell; a longer one is taken to stay as it was."""

Floats = NDArray[np.float64]
Masks = NDArray[np.uint64]


@dataclass(slots=True)
class OpenSpell:
    """A spell that has not ended yet.

    Attributes:
        start_s: UTC seconds at which it began.
        mask: context since the last change.
        masks: (k,) context at each of its whole seconds so far.
    """

    start_s: float
    mask: int
    masks: list[int]

    def advance(self, now_s: float) -> None:
        """Note the context of the whole seconds before `now_s`; called before it changes."""
        begun = min(int(np.ceil(max(now_s - self.start_s, 0.0))), SECONDS)
        self.masks.extend([self.mask] * (begun - len(self.masks)))


class SpellMemory:
    """The last `SPELLS` spells of one lamp of one group, oldest first.

    Attributes:
        count: spells known, n.
        end_s, length_s, position_s: (n,) UTC seconds, seconds, cycle position at the end (NaN: not known).
        plan: (n,) plan number; -1 unknown.
    """

    __slots__ = ("_masks", "count", "end_s", "length_s", "plan", "position_s")

    def __init__(self) -> None:
        self.count = 0
        self.end_s: Floats = np.zeros(0)
        self.length_s: Floats = np.zeros(0)
        self.position_s: Floats = np.zeros(0)
        self.plan: NDArray[np.int64] = np.zeros(0, np.int64)
        self._masks: list[Masks] = []

    def add(self, spell: OpenSpell, *, end_s: float, position_s: float, plan: int) -> None:
        """Remember a spell that ended; the oldest of the plan that has most is forgotten."""
        spell.advance(end_s)
        masks = np.array(spell.masks or [spell.mask], np.uint64)
        self.append(end_s, end_s - spell.start_s, position_s, plan, masks)

    def append(self, end_s: float, length_s: float, position_s: float, plan: int, masks: Masks) -> None:
        """Remember a spell by its parts; `masks` is (k,), 1 <= k <= `SECONDS`."""
        keep = np.ones(self.count, bool)
        if self.count >= SPELLS:
            plans, counts = np.unique(self.plan, return_counts=True)
            crowded = plans[counts.argmax()]
            keep[np.flatnonzero(self.plan == crowded)[0]] = False
        self.end_s = np.append(self.end_s[keep], end_s)
        self.length_s = np.append(self.length_s[keep], length_s)
        self.position_s = np.append(self.position_s[keep], position_s)
        self.plan = np.append(self.plan[keep], plan)
        self._masks = [mask for mask, kept in zip(self._masks, keep, strict=True) if kept]
        self._masks.append(_shortened(masks))
        self.count = len(self._masks)

    def masks(self, index: int) -> Masks:
        """The context of each second of a spell; the last one stands for all that follow."""
        return self._masks[index]

    def context_at(self, elapsed_s: Floats) -> Masks:
        """(n,) context of each spell at its own elapsed time `elapsed_s` (n,)."""
        at = np.clip(elapsed_s, 0.0, SECONDS - 1.0).astype(np.int64)
        found = [
            mask[min(second, len(mask) - 1)] for mask, second in zip(self._masks, at.tolist(), strict=True)
        ]
        return np.array(found, np.uint64)


def _shortened(masks: Masks) -> Masks:
    """Without the seconds at the end that are like the one before them."""
    changes = np.flatnonzero(masks[1:] != masks[:-1])
    last = 0 if not len(changes) else int(changes[-1]) + 1
    return masks[: last + 1].copy()
