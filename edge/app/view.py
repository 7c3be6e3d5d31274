"""The live terminal view of one intersection: a pure function from a picture to something rich can print.

What is not current is not in the picture's parts: the caller leaves it out and says so in `alert`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge.app.view_plan import PlanHead, PlanLane, PlanUser, draw_plan
from edge.app.view_style import CLASSES, LAMP_STYLES, SOURCES, Lamp, user_style

WIDE_COLUMNS = 118
LEAST_LANES, LEAST_HEALTH = 6, 4
"""Rows of the tables that are kept on a small terminal."""
_SIDE_COLUMNS = 58
_HEALTH_STYLES = {"ok": "green", "starting": "cyan", "degraded": "yellow", "down": "bold red"}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One signal group.

    Attributes:
        group: SignalGroupID.
        where: approaches and turns, for people.
        lamp: what it shows; `Lamp.NONE` when withdrawn, expired or unknown.
        word: the state in words.
        left: seconds left as text; empty unknown.
        detail: promised range and confidence as text.
    """

    group: int
    where: str
    lamp: Lamp
    word: str
    left: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """Traffic on one lane; `mean_speed_mps` None when empty."""

    lane: int
    name: str
    count: int
    mean_speed_mps: float | None
    queue: int
    passed: int


@dataclass(frozen=True, slots=True)
class HealthRow:
    """Health of one component; `age_s` since the last change of state, None unknown."""

    component: str
    state: str
    message: str
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that one frame of the view shows.

    Attributes:
        title: name of the intersection.
        address: where it comes from.
        state: `live`, `connecting`, `stale` or `lost`.
        alert: one sentence when something is withdrawn, stale or lost; empty when all is well.
        facts: short texts for the head line (rates, ages, latency).
        lanes, heads, users: what the plan draws.
        signals: rows of the signal table; None: no current signals.
        objects_current: False when no current scene is known.
        lane_rows, health: rows of the tables.
    """

    title: str
    address: str
    state: str
    alert: str
    facts: tuple[str, ...]
    lanes: tuple[PlanLane, ...]
    heads: tuple[PlanHead, ...]
    users: tuple[PlanUser, ...]
    signals: tuple[GroupRow, ...]
    objects_current: bool
    lane_rows: tuple[LaneRow, ...]
    health: tuple[HealthRow, ...]


def render(picture: Picture, *, columns: int, rows: int) -> RenderableType:
    """One frame for a terminal of `columns` x `rows`."""
    wide = columns >= WIDE_COLUMNS
    side_columns = _SIDE_COLUMNS if wide else columns
    plan_columns = (columns - side_columns if wide else columns) - 4
    plan_rows = (
        max(min(rows - 6, plan_columns // 2, 40), 10) if wide else max(min(rows // 2, plan_columns // 2), 8)
    )
    plan = Panel(
        Align.center(
            draw_plan(picture.lanes, picture.heads, picture.users, columns=plan_columns, rows=plan_rows)
        ),
        title="[bold]plan[/], north up",
        subtitle=_legend(),
        border_style="grey37",
        box=box.ROUNDED,
    )
    classes = len({user.kind for user in picture.users})
    free_rows = rows - 14 - len(picture.signals) - classes - (0 if wide else plan_rows + 2)
    health_rows = max(free_rows - min(len(picture.lane_rows), LEAST_LANES), LEAST_HEALTH)
    lane_rows = free_rows - min(health_rows, len(picture.health))
    tables: list[RenderableType] = [
        _signals(picture.signals),
        _users(picture),
        _health(picture.health, limit=health_rows),
        _lanes(picture.lane_rows, limit=max(lane_rows, 3)),
    ]
    if not wide:
        return Group(_head(picture), plan, *tables)
    body = Table.grid(expand=True)
    body.add_column(ratio=1)
    body.add_column(width=side_columns)
    body.add_row(plan, Group(*tables))
    return Group(_head(picture), body)


def _head(picture: Picture) -> RenderableType:
    style = {"live": "black on green", "connecting": "black on cyan", "stale": "black on yellow"}.get(
        picture.state, "white on red"
    )
    if picture.state == "live" and picture.alert:
        style = "black on yellow"
    line = Text.assemble(
        (f" {picture.state} ", style), "  ", (picture.title, "bold"), "  ", (picture.address, "grey58")
    )
    for fact in picture.facts:
        line.append(f"   {fact}", style="grey70")
    if not picture.alert:
        return line
    return Group(line, Text(f" {picture.alert} ", style="bold black on yellow"))


def _legend() -> Text:
    text = Text()
    for name, mark in SOURCES.items():
        text.append(f" {mark} ", style="bold")
        text.append(name, style="grey70")
    return text


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        expand=True,
        padding=(0, 1, 0, 0),
        show_edge=False,
        header_style="grey58",
    )


def _signals(rows: Sequence[GroupRow]) -> RenderableType:
    table = _table("Signals")
    table.add_column("", no_wrap=True, min_width=2)
    table.add_column("group", no_wrap=True, ratio=1)
    table.add_column("state", no_wrap=True, min_width=9)
    table.add_column("left", justify="right", no_wrap=True, min_width=5)
    table.add_column("promise", justify="right", no_wrap=True, min_width=13)
    for row in rows:
        where = Text.assemble((f"{row.group:>2} ", "bold"), (row.where, "grey70"))
        left = f"{row.left} s" if row.left else ""
        table.add_row(
            Text(row.lamp.block, style=LAMP_STYLES[row.lamp]),
            where,
            row.word,
            left,
            Text(row.detail, "grey58"),
        )
    return table


def _users(picture: Picture) -> RenderableType:
    if not picture.objects_current:
        return Group(Text("Road users", style="bold"), Text("not available", style="yellow"), Text(""))
    counts = Counter((user.kind, user.source) for user in picture.users)
    table = _table(f"Road users: {len(picture.users)}")
    table.add_column("class")
    for source in SOURCES:
        table.add_column(source, justify="right")
    table.add_column("all", justify="right")
    table.add_column("fastest", justify="right")
    for kind in CLASSES:
        per_source = [counts[kind, source] for source in SOURCES]
        speeds = [math.hypot(*user.velocity_mps) for user in picture.users if user.kind == kind]
        if not speeds:
            continue
        cells = [Text(str(n), "" if n else "grey37") for n in (*per_source, len(speeds))]
        table.add_row(Text(f"■ {kind}", user_style(kind)), *cells, f"{max(speeds) * 3.6:.0f} km/h")
    return table


def _lanes(rows: Sequence[LaneRow], *, limit: int) -> RenderableType:
    """At most `limit` lanes; when there are more, those with most road users."""
    busiest = sorted(rows, key=lambda row: (-row.count, row.lane))[:limit]
    left_out = len(rows) - len(busiest)
    table = _table(f"Lanes ({left_out} quieter not shown)" if left_out else "Lanes")
    table.add_column("lane")
    for heading in ("now", "queue", "km/h", "passed"):
        table.add_column(heading, justify="right")
    for row in sorted(busiest, key=lambda row: row.lane):
        speed = "-" if row.mean_speed_mps is None else f"{row.mean_speed_mps * 3.6:.0f}"
        name = Text.assemble((f"{row.lane:>3} ", ""), (row.name, "grey70"))
        table.add_row(name, str(row.count), str(row.queue), speed, str(row.passed))
    return table


def _health(rows: Sequence[HealthRow], *, limit: int) -> RenderableType:
    """The first `limit` parts, and what is to be known of the others."""
    others = rows[limit:]
    bad = sum(row.state != "ok" for row in others)
    words = f"{bad} not ok" if bad else "all ok"
    table = _table(f"Health ({len(others)} more, {words})" if others else "Health")
    table.add_column("part", no_wrap=True, ratio=1)
    table.add_column("state", no_wrap=True, min_width=8)
    table.add_column("for", justify="right", no_wrap=True, min_width=6)
    for row in rows[:limit]:
        name = Text(row.component)
        if row.message:
            name.append(f"  {row.message}", style="grey58")
        table.add_row(name, Text(row.state, _HEALTH_STYLES.get(row.state, "")), age_text(row.age_s))
    return table


def age_text(age_s: float | None) -> str:
    """An age in the largest fitting unit."""
    if age_s is None:
        return "-"
    if age_s < 100:
        return f"{max(age_s, 0.0):.0f} s"
    return f"{age_s / 60:.0f} min" if age_s < 6000 else f"{age_s / 3600:.0f} h"
