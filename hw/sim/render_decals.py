"""What is painted on road users: stripes, adverts and gleams on vehicles, patterned clothes and bags on people."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import ObjectClass
from hw.sim.render_draw import fill, to_fixed
from hw.sim.render_draws import Draws
from hw.sim.render_polygons import Faces, Placed

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]
Span = tuple[float, float, float, float]
_SMALLEST_PX = 10.0
_PEOPLE = (ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE, ObjectClass.MOTORCYCLE)


class Decals:
    """Draws decals face by face; one road user has one style on all its faces."""

    def __init__(self, placed: Placed, draws: Draws) -> None:
        self._draws = draws
        self._styles = [self._style(ObjectClass(int(kind))) for kind in placed.kind]

    def paint(self, picture: Picture, faces: Faces, index: int) -> None:
        """Paint what the owner's style puts on one face."""
        pixels = faces.pixels[index]
        if (
            not faces.solid[index]
            or faces.cut[index]
            or cv2.contourArea(pixels.astype(np.float32)) < _SMALLEST_PX
        ):
            return
        spans, colour, strength = self._styles[int(faces.owner[index])]
        base = faces.colour[index]
        mixed = base * (1.0 - strength) + colour * (float(base.mean()) / 128.0 + 0.15) * strength
        for u0, u1, v0, v1 in spans:
            corners = np.array([_inside(pixels, u, v) for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))])
            fill(picture, to_fixed(corners), tuple(np.clip(mixed, 0, 255).tolist()))

    def _style(self, kind: ObjectClass) -> tuple[list[Span], Floats, float]:
        draws, generator = self._draws, self._draws.generator
        colour = np.array([draws.uniform(10, 245) for _ in range(3)])
        if not draws.chance(0.65):
            return [], colour, 0.0
        makers = (
            draws.pick((_hoops, _halves), (_blocks, _sash))
            if kind in _PEOPLE
            else draws.pick((_stripe, _panels, _gleam), (_checks, _uprights))
        )
        return makers(generator), colour, draws.uniform(0.2, 0.95)


def _inside(quad: Floats, u: float, v: float) -> Floats:
    return np.asarray((quad[0] * (1 - u) + quad[1] * u) * (1 - v) + (quad[3] * (1 - u) + quad[2] * u) * v)


def _hoops(generator: np.random.Generator) -> list[Span]:
    count = int(generator.integers(2, 5))
    return [(0.0, 1.0, (i + 0.3) / count, (i + 0.7) / count) for i in range(count)]


def _halves(generator: np.random.Generator) -> list[Span]:
    return [(0.0, 1.0, 0.0, float(generator.uniform(0.3, 0.7)))]


def _blocks(generator: np.random.Generator) -> list[Span]:
    return [(0.0, 0.5, 0.5, 1.0), (0.5, 1.0, 0.0, 0.5)]


def _sash(generator: np.random.Generator) -> list[Span]:
    low = float(generator.uniform(0.1, 0.6))
    return [(low, low + 0.25, 0.0, 1.0)]


def _stripe(generator: np.random.Generator) -> list[Span]:
    low = float(generator.uniform(0.1, 0.7))
    return [(0.0, 1.0, low, low + float(generator.uniform(0.06, 0.25)))]


def _panels(generator: np.random.Generator) -> list[Span]:
    spans = []
    for _ in range(int(generator.integers(1, 5))):
        u, v = generator.uniform(0, 0.8, 2)
        spans.append(
            (float(u), float(min(1.0, u + generator.uniform(0.1, 0.5))), float(v), float(min(1.0, v + 0.3)))
        )
    return spans


def _gleam(generator: np.random.Generator) -> list[Span]:
    return [(0.0, 1.0, float(generator.uniform(0.6, 0.9)), 1.0)]


def _checks(generator: np.random.Generator) -> list[Span]:
    count = int(generator.integers(3, 8))
    return [(i / count, (i + 1) / count, 0.3 + 0.2 * (i % 2), 0.5 + 0.2 * (i % 2)) for i in range(count)]


def _uprights(generator: np.random.Generator) -> list[Span]:
    count = int(generator.integers(2, 6))
    return [((i + 0.35) / count, (i + 0.65) / count, 0.05, 0.95) for i in range(count)]
