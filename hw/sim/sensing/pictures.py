"""Boxes that a detector would find in a simulated camera's pictures, without drawing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_visibility import visibility
from hw.sim.sensing.chance import generator

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoxNoise:
    """How a detector errs.

    Attributes:
        edge_px, edge_share: one-sigma error of an edge from picture to picture, pixels and share of the box.
        constant_share: one-sigma error of an edge that a road user keeps, share of the box.
        missed: share of road users in plain view that a picture misses.
        least_seen: road users of which less is visible are never found.
        lowest_px: nor smaller ones.
    """

    edge_px: float = 0.8
    edge_share: float = 0.025
    constant_share: float = 0.03
    missed: float = 0.1
    least_seen: float = 0.45
    lowest_px: float = 9.0


@dataclass(frozen=True, slots=True)
class Found:
    """One picture's boxes: capture in ns, (n, 4) boxes, (n,) `ObjectClass`, n names of who is in them."""

    stamp_ns: int
    box_px: Floats
    kind: NDArray[np.int64]
    names: tuple[str, ...]


def boxes_found(
    states: Sequence[WorldState], camera: PinholeCamera, *, seed: int, noise: BoxNoise | None = None
) -> Iterator[Found]:
    """The boxes of one picture per state."""
    model = noise or BoxNoise()
    chance = generator(seed, "boxes")
    constant: dict[str, Floats] = {}
    for state in states:
        seen = visibility(state, camera)
        missed = chance.random(len(state.ids)) < model.missed + 0.3 * (1.0 - seen.fraction)
        good = (seen.fraction >= model.least_seen) & (seen.height_px >= model.lowest_px) & ~missed
        rows = np.flatnonzero(good)
        box = seen.box_px[rows].copy()
        extent = np.tile(box[:, 2:] - box[:, :2], 2)
        for k, row in enumerate(rows):
            name = state.ids[row]
            if name not in constant:
                constant[name] = chance.normal(0.0, model.constant_share, 4)
            box[k] += constant[name] * extent[k]
        hidden = 1.0 + 2.0 * (1.0 - seen.fraction[rows])[:, None]
        box += (
            chance.normal(0.0, 1.0, box.shape) * np.hypot(model.edge_px, model.edge_share * extent) * hidden
        )
        kind = state.rows["kind"][rows].astype(np.int64)
        yield Found(state.stamp_ns, camera.clip_boxes(box), kind, tuple(state.ids[row] for row in rows))
