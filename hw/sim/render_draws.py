"""Random draws in two disjoint worlds: one for training, one that is held out for scoring.

Every range is cut into ten equal parts. The held-out world draws from the fourth and the eighth part only, the training
world from the eight others; where things are picked from lists, the two worlds have lists of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

PARTS = 10
HELD_PARTS = (3, 7)
_TRAINED_PARTS = tuple(part for part in range(PARTS) if part not in HELD_PARTS)
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Draws:
    """A generator that knows which world it draws for."""

    generator: np.random.Generator
    held: bool = False

    def uniform(self, low: float, high: float) -> float:
        """A number of the range, from the parts of this world."""
        parts = HELD_PARTS if self.held else _TRAINED_PARTS
        part = parts[int(self.generator.integers(len(parts)))]
        return low + (high - low) * (part + float(self.generator.random())) / PARTS

    def chance(self, share: float) -> bool:
        """True in that share of the draws, in both worlds."""
        return bool(self.generator.random() < share)

    def pick(self, trained: Sequence[_Item], held: Sequence[_Item]) -> _Item:
        """One of this world's list."""
        items = held if self.held else trained
        return items[int(self.generator.integers(len(items)))]
