"""A small plan drawn in terminal cells: each cell holds 2 x 4 braille dots and one style.

Unicode block Braille Patterns, U+2800: dots 1-3 and 7 are the left column, 4-6 and 8 the right one, top to bottom.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

Point = tuple[float, float]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800


@dataclass(frozen=True, slots=True)
class Frame:
    """Metres to dots: `centre` in metres is the middle of a canvas, north is up.

    Attributes:
        centre: (east, north) metres.
        dots_per_m: scale.
    """

    centre: Point
    dots_per_m: float


class Cells:
    """A canvas of `columns` x `rows` cells; a higher layer paints over a lower one."""

    def __init__(self, columns: int, rows: int, frame: Frame) -> None:
        self.columns, self.rows, self.frame = columns, rows, frame
        self._dots = [[0] * columns for _ in range(rows)]
        self._layer = [[-1] * columns for _ in range(rows)]
        self._style = [[""] * columns for _ in range(rows)]
        self._mark = [[""] * columns for _ in range(rows)]

    def dot_of(self, point: Point) -> tuple[float, float]:
        """Dot coordinates (right, down) of a place in metres."""
        scale = self.frame.dots_per_m
        return (
            self.columns + (point[0] - self.frame.centre[0]) * scale,
            2 * self.rows - (point[1] - self.frame.centre[1]) * scale,
        )

    def line(self, start: Point, end: Point, *, style: str, layer: int) -> None:
        """A line of dots between two places."""
        (x0, y0), (x1, y1) = self.dot_of(start), self.dot_of(end)
        steps = max(int(max(abs(x1 - x0), abs(y1 - y0))), 1)
        if steps > 20_000:
            return
        for k in range(steps + 1):
            share = k / steps
            self._dot(x0 + share * (x1 - x0), y0 + share * (y1 - y0), style, layer)

    def path(self, points: Sequence[Point], *, style: str, layer: int) -> None:
        """Lines through all points."""
        for start, end in itertools.pairwise(points):
            self.line(start, end, style=style, layer=layer)

    def box(
        self, centre: Point, *, yaw_rad: float, length_m: float, width_m: float, style: str, layer: int
    ) -> None:
        """A filled oriented rectangle; never smaller than one dot."""
        step = 0.5 / self.frame.dots_per_m
        along, across = max(int(length_m / step), 1), max(int(width_m / step), 1)
        cosine, sine = math.cos(yaw_rad), math.sin(yaw_rad)
        for i in range(along + 1):
            for j in range(across + 1):
                forward, side = (i / along - 0.5) * length_m, (j / across - 0.5) * width_m
                place = (
                    centre[0] + forward * cosine - side * sine,
                    centre[1] + forward * sine + side * cosine,
                )
                x, y = self.dot_of(place)
                self._dot(x, y, style, layer)

    def cell_of(self, point: Point) -> tuple[int, int]:
        """(row, column) of the cell of a place; it may lie outside."""
        x, y = self.dot_of(point)
        return int(y // 4), int(x // 2)

    def mark(self, point: Point, text: str, *, style: str, layer: int) -> None:
        """Text centred on the cell of a place; it hides dots of lower layers."""
        row, column = self.cell_of(point)
        self.write(row, column - (len(text) - 1) // 2, text, style=style, layer=layer)

    def write(self, row: int, column: int, text: str, *, style: str, layer: int) -> None:
        """Text from a cell on; what lies outside is left out."""
        for k, character in enumerate(text, start=column):
            if 0 <= row < self.rows and 0 <= k < self.columns and layer >= self._layer[row][k]:
                self._layer[row][k], self._style[row][k] = layer, style
                self._mark[row][k] = character

    def text(self) -> Text:
        """The canvas as styled text, a line per row."""
        found = Text(no_wrap=True, overflow="crop")
        for row in range(self.rows):
            for column in range(self.columns):
                character = self._mark[row][column] or chr(_BLANK + self._dots[row][column])
                found.append(character, style=self._style[row][column] or None)
            if row + 1 < self.rows:
                found.append("\n")
        return found

    def _dot(self, x: float, y: float, style: str, layer: int) -> None:
        column, row = int(x // 2), int(y // 4)
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            return
        known = self._layer[row][column]
        if layer < known:
            return
        if layer > known:
            self._layer[row][column], self._style[row][column] = layer, style
            self._dots[row][column], self._mark[row][column] = 0, ""
        self._dots[row][column] |= _DOTS[int(y) % 4][int(x) % 2]
