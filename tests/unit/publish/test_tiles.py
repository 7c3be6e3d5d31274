"""Scenes cut by tiles: nothing of the area is missing, nothing far from it comes along."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.publish.area import Area, Box, Circle
from edge.publish.tiles import TILE_M, TiledScene, tiles_of
from edge.v1 import node_pb2
from tests.unit.publish.feed import scene

NOW_NS = 1_790_000_000 * 10**9
METRES = st.floats(-3000.0, 3000.0)
CIRCLES = st.builds(Circle, METRES, METRES, st.floats(0.1, 4000.0))
BOXES = st.tuples(METRES, METRES, METRES, METRES).map(
    lambda v: Box(min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)
PLACES = st.lists(st.tuples(METRES, METRES), max_size=30)


def cut(update: node_pb2.Update, area: Area) -> node_pb2.Update:
    """What a subscriber to the area gets."""
    tiles = tiles_of(area)
    if tiles is None:
        return update
    return node_pb2.Update.FromString(TiledScene(update).payload(tiles))


def outside_m(area: Area, x_m: float, y_m: float) -> float:
    """How far a place is from the area; 0 inside."""
    if isinstance(area, Circle):
        return max(0.0, math.hypot(x_m - area.x_m, y_m - area.y_m) - area.radius_m)
    away_x = max(area.west_m - x_m, 0.0, x_m - area.east_m)
    return math.hypot(away_x, max(area.south_m - y_m, 0.0, y_m - area.north_m))


@given(places=PLACES, area=CIRCLES | BOXES)
def test_all_inside_and_none_beyond_a_tile(places: list[tuple[float, float]], area: Area) -> None:
    found = {user.track_id for user in cut(scene(*places, now_ns=NOW_NS), area).scene.road_users}
    for track_id, (x_m, y_m) in enumerate(places, start=1):
        away_m = outside_m(area, x_m, y_m)
        if away_m == 0.0:
            assert track_id in found
        if away_m > TILE_M * math.sqrt(2.0) and max(abs(x_m), abs(y_m)) < 975.0:
            assert track_id not in found


@given(places=PLACES, area=CIRCLES | BOXES)
def test_everything_but_the_road_users_outside_is_as_it_was(
    places: list[tuple[float, float]], area: Area
) -> None:
    update = scene(*places, now_ns=NOW_NS)
    update.sequence = 7
    got = cut(update, area)
    kept = {user.track_id for user in got.scene.road_users}
    expected = node_pb2.Update()
    expected.CopyFrom(update)
    del expected.scene.road_users[:]
    expected.scene.road_users.extend(user for user in update.scene.road_users if user.track_id in kept)
    got.scene.road_users.sort(key=lambda user: user.track_id)
    assert got == expected


@pytest.mark.parametrize(
    "area", [Circle(0.0, 0.0, 975.0), Circle(5.0, 5.0, 1300.0), Box(-1e9, -1e9, 900.0, math.inf)]
)
def test_large_area_is_as_cheap_to_keep_as_a_small_one(area: Area) -> None:
    small, large = tiles_of(Circle(0.0, 0.0, 1.0)), tiles_of(area)
    assert small is not None
    assert large is not None
    assert sys.getsizeof(large) == sys.getsizeof(small) < 10_000


@pytest.mark.parametrize(
    "area", [Circle(0.0, 0.0, 5000.0), Circle(0.0, 0.0, 1e308), Box(-1e9, -1e9, 1e9, 1e9)]
)
def test_an_area_that_covers_all_costs_nothing(area: Area) -> None:
    assert tiles_of(area) is None


def test_places_far_away_are_in_the_outermost_tiles() -> None:
    update = scene((90_000.0, -90_000.0), now_ns=NOW_NS)
    assert len(cut(update, Circle(90_000.0, -90_000.0, 1.0)).scene.road_users) == 1
    assert not cut(update, Circle(0.0, 0.0, 500.0)).scene.road_users
