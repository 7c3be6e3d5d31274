"""The terminal view shows what is current, and shows what is withdrawn as withdrawn."""

from __future__ import annotations

import dataclasses
import math

import pytest
from rich.console import Console

from edge.app.view import GroupRow, HealthRow, LaneRow, Picture, age_text, render
from edge.app.view_cells import Cells, Frame
from edge.app.view_plan import PlanHead, PlanLane, PlanUser, draw_plan, fit
from edge.app.view_style import STATES, Lamp
from edge.core.signals import MovementState

ARM = PlanLane(((10.0, 0.0), (60.0, 0.0)), 3.5, False)
CAR = PlanUser("car", "both", (20.0, 0.0), (-10.0, 0.0), math.pi, 4.5, 1.8)


def picture() -> Picture:
    return Picture(
        title="Harbour Road",
        address="10.0.0.5:50051",
        state="live",
        alert="",
        facts=("10.0 Hz",),
        lanes=(ARM, PlanLane(((-10.0, 0.0), (-60.0, 0.0)), 3.5, False)),
        heads=(PlanHead((10.0, 0.0), Lamp.GREEN, "7"),),
        users=(CAR, dataclasses.replace(CAR, kind="pedestrian", source="camera", velocity_mps=(1.0, 1.0))),
        signals=(GroupRow(2, "East ↑", Lamp.GREEN, "go", "7", "5-9 s"),),
        objects_current=True,
        lane_rows=(LaneRow(1, "East in", 3, 10.0, 1, 44), LaneRow(2, "West in", 0, None, 0, 5)),
        health=(HealthRow("camera.north", "degraded", "7 of 15 frames/s", 4.0),),
    )


def printed(shown: Picture, *, columns: int = 140, rows: int = 45) -> str:
    console = Console(width=columns, height=rows, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        console.print(render(shown, columns=columns, rows=rows))
    return console.export_text()


def test_many_parts_leave_room_for_the_lanes_and_the_worst_is_shown() -> None:
    parts = [HealthRow("camera.north", "down", "no frames", 4.0)]
    parts += [HealthRow(f"part.{number}", "ok", "", 9.0) for number in range(60)]
    text = printed(dataclasses.replace(picture(), health=tuple(parts)), rows=44)
    assert len(text.splitlines()) <= 44
    assert "no frames" in text
    assert "more, all ok" in text
    assert "East in" in text


@pytest.mark.parametrize("columns", [140, 80], ids=["wide", "narrow"])
def test_frame_names_signals_users_lanes_and_health(columns: int) -> None:
    text = printed(picture(), columns=columns)
    for expected in (
        "Harbour Road",
        "East ↑",
        "7 s",
        "5-9 s",
        "Road users: 2",
        "36 km/h",
        "East in",
        "7 of 15",
    ):
        assert expected in text
    assert all(len(line) <= columns for line in text.splitlines())


def test_withdrawn_signals_show_no_colour_and_the_reason() -> None:
    shown = dataclasses.replace(
        picture(),
        alert="signals withdrawn: controller silent",
        signals=(GroupRow(2, "East ↑", Lamp.NONE, "withdrawn"),),
        heads=(PlanHead((10.0, 0.0), Lamp.NONE, ""),),
    )
    text = printed(shown)
    assert "signals withdrawn: controller silent" in text
    assert "withdrawn" in text
    assert Lamp.GREEN.mark not in text


def test_missing_scene_is_said_not_shown_as_empty() -> None:
    text = printed(dataclasses.replace(picture(), users=(), objects_current=False))
    assert "not available" in text
    assert "Road users: 0" not in text


def test_many_lanes_leave_room_and_keep_the_busiest() -> None:
    rows = tuple(LaneRow(n, f"lane-{n}", n, 5.0, 0, 0) for n in range(1, 41))
    text = printed(dataclasses.replace(picture(), lane_rows=rows), rows=40)
    assert "quieter not shown" in text
    assert "lane-40" in text
    assert "lane-1 " not in text


def test_every_movement_state_has_a_lamp_and_a_word() -> None:
    assert set(STATES) == {state.name.lower() for state in MovementState}


def test_dots_of_one_cell_follow_the_unicode_order() -> None:
    cells = Cells(1, 1, Frame((0.0, 0.0), 1.0))
    cells.line((-1.0, 1.9), (-1.0, 1.9), style="red", layer=0)
    assert cells.text().plain == "\u2801"
    cells.line((0.0, -1.5), (0.0, -1.5), style="red", layer=0)
    assert cells.text().plain == "\u2881"


def test_higher_layer_hides_the_lower_in_its_cell() -> None:
    cells = Cells(1, 1, Frame((0.0, 0.0), 1.0))
    cells.box((0.0, 0.0), yaw_rad=0.0, length_m=4.0, width_m=4.0, style="red", layer=0)
    cells.mark((0.0, 0.0), "x", style="green", layer=2)
    cells.line((-1.0, 0.0), (1.0, 0.0), style="blue", layer=1)
    assert cells.text().plain == "x"


def test_north_is_up_and_east_is_right() -> None:
    cells = Cells(11, 5, Frame((0.0, 0.0), 1.0))
    cells.mark((8.0, 8.0), "N", style="", layer=1)
    lines = cells.text().plain.split("\n")
    assert lines[0].index("N") > 5


def test_places_off_the_plan_are_left_out() -> None:
    far = dataclasses.replace(CAR, point_m=(1e7, -1e7))
    text = draw_plan((ARM,), (PlanHead((1e6, 0.0), Lamp.RED, ""),), (far,), columns=20, rows=8)
    assert len(text.plain.split("\n")) == 8
    assert Lamp.RED.mark not in text.plain


def test_heads_side_by_side_stay_readable() -> None:
    heads = (PlanHead((10.0, 0.0), Lamp.RED, "25"), PlanHead((10.2, 0.0), Lamp.GREEN, "15"))
    text = draw_plan((ARM,), heads, (), columns=30, rows=8).plain
    assert f"{Lamp.RED.mark}25" in text
    assert f"{Lamp.GREEN.mark}15" in text


def test_plan_without_a_map_is_blank() -> None:
    assert fit((), columns=20, rows=8).dots_per_m == 1.0
    assert set(draw_plan((), (), (), columns=4, rows=2).plain) == {"\u2800", "\n"}


@pytest.mark.parametrize(
    ("age_s", "text"), [(None, "-"), (-1.0, "0 s"), (59.6, "60 s"), (600.0, "10 min"), (7200.0, "2 h")]
)
def test_age_is_short(age_s: float | None, text: str) -> None:
    assert age_text(age_s) == text
