"""What the page is told: finite numbers, known names, nothing that is not current."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.centre.picture import USER_LIMIT, CentreRegistry, Pictures, map_of, scene_of, signals_of
from edge.centre.state import OFFLINE_AFTER_NS, Layer, Part, Registry
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v1 import intersection_pb2, scene_pb2, signals_pb2
from tests.unit.centre.feed import hello, updates

NOW = 1_800_000_015 * NS_PER_S


class Watched:
    """A registry with one fed node, and its pictures at a time that the test sets."""

    def __init__(self) -> None:
        self.now_ns = NOW
        self.registry: CentreRegistry = Registry(capacity=2)
        self.pictures = Pictures(self.registry, now_ns=lambda: self.now_ns)
        self.session = self.registry.attach("n1", hello("n1"), peer="p", now_ns=NOW)

    def feed(self, sequence: int, *, withdrawn: str = "") -> None:
        batch = updates(sequence, now_ns=self.now_ns, withdrawn=withdrawn)
        for layer, update in zip(Layer, batch, strict=True):
            part = Part(1, sequence, update.capture_ns, update.published_ns, update.valid_until_ns, update)
            self.registry.offer(self.session, layer, part, now_ns=self.now_ns)

    def picture(self) -> Any:
        text = self.pictures.picture_json("n1")
        assert text is not None
        return json.loads(text)


def test_live_picture_holds_every_layer_with_its_end() -> None:
    watched = Watched()
    watched.feed(1)
    picture = watched.picture()
    assert picture["state"] == "live"
    assert picture["signals"]["status"] == "valid"
    assert picture["signals"]["valid_until_ms"] == NOW / NS_PER_MS + 500
    assert {o["source"] for o in picture["scene"]["objects"]} == {"camera", "v2x", "both"}
    assert {o["class"] for o in picture["scene"]["objects"]} >= {"car", "bus", "pedestrian"}
    assert picture["lanes"]["lanes"][0]["count"] == 1
    assert picture["health"]["components"][1]["state"] == "degraded"


def test_withdrawn_signals_carry_no_group() -> None:
    watched = Watched()
    watched.feed(1, withdrawn="conflicting greens")
    signals = watched.picture()["signals"]
    assert (signals["status"], signals["groups"], signals["reasons"]) == (
        "withdrawn",
        [],
        ["conflicting greens"],
    )


def test_layers_leave_the_picture_when_their_validity_ends() -> None:
    watched = Watched()
    watched.feed(1)
    watched.now_ns = NOW + 501 * NS_PER_MS
    picture = watched.picture()
    assert [picture[layer.value] for layer in Layer] == [None] * 4
    assert picture["state"] == "live"
    watched.now_ns = NOW + OFFLINE_AFTER_NS
    assert watched.picture()["state"] == "offline"


def test_new_update_replaces_the_made_text() -> None:
    watched = Watched()
    watched.feed(1)
    before = watched.picture()["scene"]["stamp_ms"]
    watched.now_ns += 100 * NS_PER_MS
    watched.feed(2)
    assert watched.picture()["scene"]["stamp_ms"] == before + 100


def test_list_counts_what_is_current() -> None:
    watched = Watched()
    watched.feed(1)
    (entry,) = json.loads(watched.pictures.list_json())["intersections"]
    assert (entry["state"], entry["objects"], entry["signals"]) == ("live", 8, "valid")
    watched.now_ns += OFFLINE_AFTER_NS
    (entry,) = json.loads(watched.pictures.list_json())["intersections"]
    assert (entry["state"], entry["objects"], entry["signals"]) == ("offline", None, "none")


def test_map_changes_its_version_with_the_description() -> None:
    watched = Watched()
    first = watched.pictures.map_json("n1")
    watched.registry.describe(watched.session, hello("n1", name="Renamed"), now_ns=NOW)
    second = watched.pictures.map_json("n1")
    assert first is not None
    assert second is not None
    assert second[0] == first[0] + 1
    assert json.loads(second[1])["name"] == "Renamed"


def test_unknown_node_has_no_picture() -> None:
    watched = Watched()
    assert watched.pictures.picture_json("n2") is None
    assert watched.pictures.map_json("n2") is None


@pytest.mark.parametrize("field", ["x_m", "y_m"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_road_user_without_a_place_is_left_out(field: str, value: float) -> None:
    scene = scene_pb2.Scene(road_users=[scene_pb2.RoadUser(track_id=1), scene_pb2.RoadUser(track_id=2)])
    setattr(scene.road_users[0], field, value)
    objects: Any = scene_of(scene)["objects"]
    assert [o["id"] for o in objects] == [2]


def test_scene_is_bounded() -> None:
    scene = scene_pb2.Scene(road_users=[scene_pb2.RoadUser(track_id=i) for i in range(USER_LIMIT + 5)])
    objects: Any = scene_of(scene)["objects"]
    assert len(objects) == USER_LIMIT


def test_states_and_classes_of_a_newer_version_are_unknown() -> None:
    groups: Any = signals_of(signals_pb2.Signals(groups=[signals_pb2.SignalGroup(state=77)]))["groups"]
    assert groups[0]["state"] == "UNAVAILABLE"
    objects: Any = scene_of(scene_pb2.Scene(road_users=[scene_pb2.RoadUser(object_class=77)]))["objects"]
    assert objects[0]["class"] == "unknown"
    assert objects[0]["source"] == "none"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=64), min_size=12, max_size=12))
def test_any_numbers_become_json_that_a_browser_reads(values: list[float]) -> None:
    user = scene_pb2.RoadUser(
        x_m=values[0],
        y_m=values[1],
        speed_mps=values[2],
        course_rad=values[3],
        yaw_rad=values[4],
        length_m=values[5],
        width_m=values[6],
        covariance_xx_m2=values[7],
        existence=values[8],
    )
    group = signals_pb2.SignalGroup(confidence=values[9])
    lane = intersection_pb2.Lane(width_m=values[10])
    origin = intersection_pb2.Intersection(lanes=[lane])
    origin.origin.latitude_deg = values[11]
    parts = (
        scene_of(scene_pb2.Scene(road_users=[user])),
        signals_of(signals_pb2.Signals(groups=[group])),
        map_of("n1", origin),
    )
    assert json.loads(json.dumps(parts, allow_nan=False))
