"""The plan of the intersection in terminal cells: road edges, crosswalks, road users, signal heads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from edge.app.view_cells import Cells, Frame, Point
from edge.app.view_style import LAMP_STYLES, SOURCES, Lamp, user_style

_ROAD, _CROSSING, _USER, _MARK, _HEAD = range(5)
_REACH_M = 30.0
_SMALLEST_M = 0.8


@dataclass(frozen=True, slots=True)
class PlanLane:
    """Centre line of a lane, first point at the stop line; metres."""

    points_m: tuple[Point, ...]
    width_m: float
    crosswalk: bool


@dataclass(frozen=True, slots=True)
class PlanHead:
    """A signal head at a stop line: what it shows and its seconds left as text."""

    point_m: Point
    lamp: Lamp
    left: str


@dataclass(frozen=True, slots=True)
class PlanUser:
    """One road user; `source` is a key of `SOURCES`, or `unseen`; `yaw_rad` None unknown."""

    kind: str
    source: str
    point_m: Point
    velocity_mps: Point
    yaw_rad: float | None
    length_m: float
    width_m: float


def draw_plan(
    lanes: Sequence[PlanLane],
    heads: Sequence[PlanHead],
    users: Sequence[PlanUser],
    *,
    columns: int,
    rows: int,
) -> Text:
    """The plan as text of `rows` lines of `columns` cells."""
    cells = Cells(columns, rows, fit(lanes, columns=columns, rows=rows))
    for lane in lanes:
        _draw_lane(cells, lane)
    for user in users:
        _draw_user(cells, user)
    _draw_heads(cells, heads)
    return cells.text()


def _draw_heads(cells: Cells, heads: Sequence[PlanHead]) -> None:
    """Heads from west to east; one that would cover another moves to the right."""
    free_from: dict[int, int] = {}
    for head in sorted(heads, key=lambda head: cells.cell_of(head.point_m)):
        row, column = cells.cell_of(head.point_m)
        text = f"{head.lamp.mark}{head.left}"
        first = max(column - len(text) // 2, free_from.get(row, 0))
        free_from[row] = first + len(text) + 1
        cells.write(row, first, text, style=LAMP_STYLES[head.lamp], layer=_HEAD)


def fit(lanes: Sequence[PlanLane], *, columns: int, rows: int) -> Frame:
    """The frame that shows all stop lines and 30 m of every arm."""
    stops = [lane.points_m[0] for lane in lanes if lane.points_m]
    if not stops:
        return Frame((0.0, 0.0), 1.0)
    centre = (sum(p[0] for p in stops) / len(stops), sum(p[1] for p in stops) / len(stops))
    radius_m = max(math.dist(centre, p) for p in stops) + _REACH_M
    return Frame(centre, min(2 * columns, 4 * rows) / (2 * radius_m))


def _draw_lane(cells: Cells, lane: PlanLane) -> None:
    if lane.crosswalk:
        for share in (-0.5, 0.0, 0.5):
            cells.path(
                _beside(lane.points_m, share * lane.width_m),
                style="grey66" if share else "grey35",
                layer=_CROSSING,
            )
        return
    for share in (-0.5, 0.5):
        cells.path(_beside(lane.points_m, share * lane.width_m), style="grey42", layer=_ROAD)


def _beside(points: Sequence[Point], offset_m: float) -> list[Point]:
    """The line at a distance to the left of another."""
    found: list[Point] = []
    for k, (x, y) in enumerate(points):
        before, after = points[max(k - 1, 0)], points[min(k + 1, len(points) - 1)]
        length = math.dist(before, after) or 1.0
        found.append(
            (x - (after[1] - before[1]) / length * offset_m, y + (after[0] - before[0]) / length * offset_m)
        )
    return found


def _draw_user(cells: Cells, user: PlanUser) -> None:
    style = user_style(user.kind)
    cells.box(
        user.point_m,
        yaw_rad=user.yaw_rad or 0.0,
        length_m=max(user.length_m, _SMALLEST_M),
        width_m=max(user.width_m, _SMALLEST_M),
        style=style,
        layer=_USER,
    )
    cells.mark(user.point_m, SOURCES.get(user.source, " "), style=f"bold grey3 on {style}", layer=_MARK)
