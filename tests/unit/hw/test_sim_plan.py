"""The signal plan of the simulated crossing, and the files derived from its network."""

from __future__ import annotations

import json

import pytest

from edge.core.intersection import LaneKind
from edge.road.check import check_intersection
from edge.road.map_json import intersection_from_map
from hw.sim.scene_files import SCENES
from hw.sim.scenes.build import documents
from hw.sim.signal_plan import CYCLE_DS, STEPS, group_states

COMPATIBLE = [{1, 5}, {2, 6}, {3, 7}, {4, 8}]


@pytest.fixture(name="derived", scope="module")
def _derived() -> dict[str, str]:
    return documents("four_arm")


def test_committed_files_are_those_of_the_network(derived: dict[str, str]) -> None:
    for name, text in derived.items():
        assert (SCENES / "four_arm" / name).read_text(encoding="utf-8") == text, name


def test_lamps_never_conflict_and_a_cycle_is_short_enough() -> None:
    assert CYCLE_DS <= 800
    for step in STEPS:
        moving = {number for (_, number), lamp in step.lamps.items()}
        assert not moving or any(moving <= pair for pair in COMPATIBLE)


def test_every_countdown_ends_when_the_lamp_changes() -> None:
    for now_ds in range(0, CYCLE_DS, 7):
        for index, group in enumerate(group_states(now_ds)):
            left = int(str(group["min_ds"]))
            before, after = group_states(now_ds + left - 1)[index], group_states(now_ds + left)[index]
            assert group["max_ds"] == left
            assert before["lamp"] == group["lamp"] != after["lamp"]


def test_map_has_long_arms_and_a_signal_group_for_every_lamp_group() -> None:
    scene = SCENES / "four_arm"
    crossing = intersection_from_map(json.loads((scene / "map.json").read_text(encoding="utf-8")))
    check_intersection(crossing)
    geometry = json.loads((scene / "geometry.json").read_text(encoding="utf-8"))
    drawn = {lane["id"].replace(":", ""): lane["points"] for lane in geometry["lanes"]}
    groups = set()
    for lane in crossing.lanes:
        groups |= {c.signal_group for c in lane.connections}
        points = drawn[lane.name][::-1] if "_in_" in lane.name else drawn[lane.name]
        assert lane.points_m.tolist() == [pytest.approx(point, abs=0.01) for point in points]
        if lane.kind is LaneKind.VEHICLE:
            assert max(abs(lane.points_m).max(axis=1)) >= 80.0
    wanted = json.loads((scene / "controller.json").read_text(encoding="utf-8"))
    assert groups == {entry["signal_group"] for entry in wanted}
