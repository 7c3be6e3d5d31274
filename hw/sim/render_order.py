"""Which road user hides which: an order from far to near that holds for long vehicles side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def back_to_front(footprint_m: Floats, eye_m: Floats) -> NDArray[np.intp]:
    """Order of upright prisms, the farthest first.

    If a side of one footprint separates it from another, the one on the eye's side of that line is in front.
    Pairs that no side separates (they overlap) and rare cycles fall back to the distance of the middle.

    Args:
        footprint_m: (n, 4, 2) corners, counter-clockwise.
        eye_m: (2,) camera on the ground plan.
    """
    count = len(footprint_m)
    distance_m = np.linalg.norm(footprint_m.mean(axis=1) - eye_m, axis=1)
    behind = _behind(footprint_m, eye_m)
    order = np.empty(count, dtype=np.intp)
    remaining = behind.sum(axis=0)  # how many not yet drawn must be drawn before each
    key = distance_m.copy()
    for position in range(count):
        free = remaining == 0
        candidates = np.where(free, key, -np.inf) if free.any() else key
        chosen = int(np.argmax(candidates))
        order[position] = chosen
        key[chosen] = -np.inf
        remaining = remaining - behind[chosen]
        remaining[chosen] = count + 1
        np.maximum(remaining, 0, out=remaining)
    return order


def _behind(footprint_m: Floats, eye_m: Floats) -> NDArray[np.intp]:
    """(n, n) 1 where the row must be drawn before the column."""
    edge = np.roll(footprint_m, -1, axis=1) - footprint_m
    outward = np.stack([edge[..., 1], -edge[..., 0]], axis=-1)
    outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-9)
    offset = np.einsum("nki,nki->nk", outward, footprint_m)
    eye_outside = np.einsum("nki,i->nk", outward, eye_m) > offset
    heights = np.einsum("nki,mci->nkmc", outward, footprint_m) - offset[:, :, None, None]
    separated = (heights > -0.02).all(axis=3)  # (n, 4, n): the whole of m lies outside side k of n
    in_front = (separated & eye_outside[:, :, None]).any(axis=1)  # m is nearer than n
    farther = (separated & ~eye_outside[:, :, None]).any(axis=1)  # m is farther than n
    before = in_front | farther.T
    before &= ~(before & before.T)
    np.fill_diagonal(before, False)
    return np.asarray(before, dtype=np.intp)
