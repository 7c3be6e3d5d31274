"""Chance that depends on nothing but a seed and names: what one sensor draws never changes what another one does."""

from __future__ import annotations

import hashlib
import math

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """The source of chance of one sensor and purpose."""
    text = "\x1f".join((str(seed), *names))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little"))


def log_uniform(source: np.random.Generator, *, most: float) -> float:
    """A factor between 1 / `most` and `most`; 1 is the median."""
    return math.exp(source.uniform(-1.0, 1.0) * math.log(most))
