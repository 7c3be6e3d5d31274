"""The shapes of road users: quadrilaterals in a unit box, with a material each.

Unit box: x -0.5..0.5 towards the front, y -0.5..0.5 to the left, z 0..1 upwards; length, width and height stretch it.
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import ObjectClass


class Material(enum.IntEnum):
    """What a face is made of; the value is its row in a palette."""

    BODY = 0
    GLASS = 1
    TRIM = 2
    TYRE = 3
    HEADLAMP = 4
    TAILLAMP = 5
    CARGO = 6
    CLOTH = 7
    TROUSERS = 8
    SKIN = 9
    HAIR = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of road user.

    Attributes:
        quads: (q, 4, 3) float64 corners in the unit box, counter-clockwise as seen from outside.
        material: (q,) `Material`.
        layer: (q,) drawing order from the ground upwards; equal layers are drawn far to near.
        part: (q,) number of the convex part that a face belongs to.
        part_centre: (p, 3) middle of each part in the unit box.
        solid: (q,) true for faces that make the outline, false for what is painted on them.
    """

    quads: NDArray[np.float64]
    material: NDArray[np.intp]
    layer: NDArray[np.intp]
    part: NDArray[np.intp]
    part_centre: NDArray[np.float64]
    solid: NDArray[np.bool_]


_Quad = list[tuple[float, float, float]]


@dataclass(slots=True)
class _Builder:
    """Collects the faces of one shape."""

    quads: list[_Quad]
    rows: list[tuple[int, int, int, bool]]  # material, layer, part, solid
    centres: list[tuple[float, float, float]]

    def block(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        z: tuple[float, float],
        material: Material,
        *,
        layer: int,
        taper: tuple[float, float, float] = (0.0, 0.0, 0.0),
        top: Material | None = None,
    ) -> None:
        """A box whose top is drawn in by taper (rear, front, sides), in unit lengths."""
        rear, front, side = taper
        low = [(x[0], y[0], z[0]), (x[1], y[0], z[0]), (x[1], y[1], z[0]), (x[0], y[1], z[0])]
        back, fore, right, left = x[0] + rear, x[1] - front, y[0] + side, y[1] - side
        high = [(back, right, z[1]), (fore, right, z[1]), (fore, left, z[1]), (back, left, z[1])]
        self.centres.append(((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, (z[0] + z[1]) / 2))
        for i in range(4):
            j = (i + 1) % 4
            self._face([low[i], low[j], high[j], high[i]], material, layer, solid=True)
        self._face(high, material if top is None else top, layer, solid=True)

    def paint(self, corners: _Quad, material: Material, *, layer: int) -> None:
        """A quadrilateral on the newest block."""
        self._face(corners, material, layer, solid=False)

    def window(
        self, side: int, span: tuple[float, float], height: tuple[float, float], *, layer: int
    ) -> None:
        """Glass on a side of the newest block: side 0 right, 1 front, 2 left, 3 rear; spans are 0..1 of that face."""
        face = self.quads[-1 - (4 - side) - self._painted_since_block()]
        self.paint(_inset(face, span, height), Material.GLASS, layer=layer)

    def wheels(self, places: tuple[float, ...], radius: tuple[float, float], inset: float) -> None:
        """Dark wheels on both sides at x places; radius in unit length and unit height."""
        for place in places:
            for side in (-0.5 + inset, 0.5 - inset):
                self._wheel(place, side, radius, flip=side > 0)

    def _wheel(
        self, x: float, y: float, radius: tuple[float, float], *, flip: bool, thin: bool = False
    ) -> None:
        a, b = radius
        square = [
            (x - a * 0.8, y, b * 0.2),
            (x + a * 0.8, y, b * 0.2),
            (x + a * 0.8, y, b * 1.8),
            (x - a * 0.8, y, b * 1.8),
        ]
        diamond = [(x, y, 0.0), (x + a, y, b), (x, y, 2 * b), (x - a, y, b)]
        for corners in (square, diamond):
            outer = corners[::-1] if flip else corners
            self._face(outer, Material.TYRE, 1, solid=thin)
            if thin:
                self._face(outer[::-1], Material.TYRE, 1, solid=True)

    def thin_wheels(self, places: tuple[float, ...], radius: tuple[float, float]) -> None:
        """Wheels of two-wheelers, seen from both sides, in parts of their own."""
        for place in places:
            self.centres.append((place, 0.0, radius[1]))
            self._wheel(place, 0.0, radius, flip=False, thin=True)

    def _painted_since_block(self) -> int:
        count = 0
        while not self.rows[-1 - count][3]:
            count += 1
        return count

    def _face(self, corners: _Quad, material: Material, layer: int, *, solid: bool) -> None:
        self.quads.append(corners)
        self.rows.append((int(material), layer, len(self.centres) - 1, solid))

    def shape(self) -> Shape:
        rows = np.array([row[:3] for row in self.rows], dtype=np.intp)
        return Shape(
            quads=np.array(self.quads, dtype=float),
            material=rows[:, 0],
            layer=rows[:, 1],
            part=rows[:, 2],
            part_centre=np.array(self.centres, dtype=float),
            solid=np.array([row[3] for row in self.rows]),
        )


def _inset(face: _Quad, span: tuple[float, float], height: tuple[float, float]) -> _Quad:
    """A part of a side face, given as shares of its width and height."""
    low0, low1, high1, high0 = (np.array(corner) for corner in face)

    def at(u: float, v: float) -> tuple[float, float, float]:
        point = (low0 * (1 - u) + low1 * u) * (1 - v) + (high0 * (1 - u) + high1 * u) * v
        return (float(point[0]), float(point[1]), float(point[2]))

    return [
        at(span[0], height[0]),
        at(span[1], height[0]),
        at(span[1], height[1]),
        at(span[0], height[1]),
    ]


def _lamps(build: _Builder, *, low: float, high: float, front: float, rear: float) -> None:
    for a, b in ((-0.46, -0.26), (0.26, 0.46)):
        build.paint(
            [(front, a, low), (front, b, low), (front, b, high), (front, a, high)], Material.HEADLAMP, layer=1
        )
        build.paint(
            [(rear, b, low), (rear, a, low), (rear, a, high), (rear, b, high)], Material.TAILLAMP, layer=1
        )


def _car(cabin: tuple[float, float], taper: tuple[float, float, float], bonnet: float) -> Shape:
    """A passenger car: body, cabin with glass all round, wheels and lamps."""
    build = _Builder([], [], [])
    build.block((-0.48, 0.48), (-0.44, 0.44), (0.0, 0.2), Material.TYRE, layer=0)
    build.block((-0.5, 0.5), (-0.5, 0.5), (0.17, bonnet), Material.BODY, layer=1, taper=(0.01, 0.02, 0.015))
    build.wheels((-0.3, 0.31), (0.075, 0.21), 0.0)
    _lamps(build, low=0.36, high=0.48, front=0.497, rear=-0.499)
    build.block(cabin, (-0.475, 0.475), (bonnet, 1.0), Material.BODY, layer=2, taper=taper)
    for side, span in ((0, (0.06, 0.94)), (2, (0.06, 0.94)), (1, (0.05, 0.95)), (3, (0.08, 0.92))):
        build.window(side, span, (0.1, 0.86), layer=2)
    return build.shape()


def _truck() -> Shape:
    """A lorry: chassis, cab in front, tall box behind."""
    build = _Builder([], [], [])
    build.block((-0.5, 0.49), (-0.42, 0.42), (0.08, 0.3), Material.TYRE, layer=0)
    build.wheels((-0.36, -0.24, 0.34), (0.06, 0.15), 0.06)
    build.block((0.28, 0.5), (-0.48, 0.48), (0.14, 0.82), Material.BODY, layer=1, taper=(0.0, 0.012, 0.01))
    build.window(1, (0.05, 0.95), (0.52, 0.9), layer=1)
    build.window(0, (0.3, 0.92), (0.54, 0.88), layer=1)
    build.window(2, (0.08, 0.7), (0.54, 0.88), layer=1)
    _lamps(build, low=0.2, high=0.28, front=0.499, rear=-0.499)
    build.block((-0.5, 0.26), (-0.5, 0.5), (0.28, 1.0), Material.CARGO, layer=1)
    build.paint(
        [(-0.501, 0.4, 0.16), (-0.501, -0.4, 0.16), (-0.501, -0.4, 0.26), (-0.501, 0.4, 0.26)],
        Material.TAILLAMP,
        layer=1,
    )
    return build.shape()


def _bus() -> Shape:
    """A city bus: one long box with a band of windows and boxes on the roof."""
    build = _Builder([], [], [])
    build.block((-0.49, 0.49), (-0.45, 0.45), (0.0, 0.12), Material.TYRE, layer=0)
    build.block((-0.5, 0.5), (-0.5, 0.5), (0.08, 0.94), Material.BODY, layer=1, taper=(0.004, 0.008, 0.01))
    for pane in range(6):
        start = 0.04 + pane * 0.155
        build.window(0, (start, start + 0.14), (0.42, 0.82), layer=1)
        build.window(2, (start, start + 0.14), (0.42, 0.82), layer=1)
    build.window(1, (0.05, 0.95), (0.3, 0.88), layer=1)
    build.window(3, (0.12, 0.88), (0.5, 0.85), layer=1)
    build.wheels((-0.27, 0.3), (0.042, 0.15), 0.0)
    _lamps(build, low=0.16, high=0.24, front=0.498, rear=-0.4995)
    build.block((-0.3, 0.1), (-0.32, 0.32), (0.93, 1.0), Material.TRIM, layer=2)
    return build.shape()


def _rider(build: _Builder, *, seat: float, lean: float, x: float) -> None:
    """Legs, trunk and head of a person on two wheels."""
    build.block((x - 0.1, x + 0.12), (-0.26, 0.26), (seat * 0.45, seat + 0.06), Material.TROUSERS, layer=2)
    build.block(
        (x - 0.12, x + 0.12), (-0.34, 0.34), (seat, 0.86), Material.CLOTH, layer=3, taper=(lean, -lean, 0.06)
    )
    build.block(
        (x + lean - 0.06, x + lean + 0.08),
        (-0.16, 0.16),
        (0.86, 1.0),
        Material.SKIN,
        layer=4,
        top=Material.HAIR,
    )


def _motorcycle() -> Shape:
    build = _Builder([], [], [])
    build.thin_wheels((-0.33, 0.34), (0.16, 0.2))
    build.block((-0.36, 0.3), (-0.2, 0.2), (0.2, 0.52), Material.BODY, layer=1, taper=(0.08, 0.1, 0.05))
    build.block((0.2, 0.3), (-0.5, 0.5), (0.6, 0.66), Material.TRIM, layer=3)
    _rider(build, seat=0.5, lean=0.04, x=-0.06)
    return build.shape()


def _bicycle() -> Shape:
    build = _Builder([], [], [])
    build.thin_wheels((-0.31, 0.32), (0.19, 0.2))
    build.block((-0.3, 0.3), (-0.06, 0.06), (0.2, 0.46), Material.BODY, layer=1, taper=(0.12, 0.06, 0.0))
    build.block((0.22, 0.27), (-0.5, 0.5), (0.56, 0.6), Material.TRIM, layer=3)
    _rider(build, seat=0.5, lean=0.08, x=-0.08)
    return build.shape()


def _pedestrian(step: float) -> Shape:
    """A person on foot; step is how far the feet are apart in unit lengths (the box is stretched by the body only)."""
    build = _Builder([], [], [])
    for side, x in ((-0.24, step), (0.24, -step)):
        build.block(
            (x - 0.26, x + 0.26),
            (side - 0.18, side + 0.18),
            (0.0, 0.5),
            Material.TROUSERS,
            layer=0,
            taper=(-x / 2, x / 2, 0.0),
        )
    build.block((-0.36, 0.36), (-0.5, 0.5), (0.46, 0.83), Material.CLOTH, layer=1, taper=(0.02, 0.02, 0.08))
    build.block((-0.26, 0.3), (-0.2, 0.2), (0.85, 1.0), Material.SKIN, layer=2, top=Material.HAIR)
    return build.shape()


@functools.cache
def shapes_of(kind: ObjectClass) -> tuple[Shape, ...]:
    """The variants of a class; unknown classes look like cars."""
    if kind is ObjectClass.TRUCK:
        return (_truck(),)
    if kind is ObjectClass.BUS:
        return (_bus(),)
    if kind is ObjectClass.MOTORCYCLE:
        return (_motorcycle(),)
    if kind is ObjectClass.BICYCLE:
        return (_bicycle(),)
    if kind is ObjectClass.PEDESTRIAN:
        return (_pedestrian(0.0), _pedestrian(0.24), _pedestrian(-0.24))
    saloon = _car((-0.34, 0.2), (0.1, 0.16, 0.08), 0.58)
    hatchback = _car((-0.49, 0.2), (0.05, 0.14, 0.08), 0.57)
    van = _car((-0.5, 0.38), (0.01, 0.12, 0.05), 0.5)
    return (saloon, hatchback, van)
