"""The tracker follows road users through what they do at an intersection."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from edge.core.tracks import Tracks
from tests.unit.fusion.score import ids_of, score
from tests.unit.fusion.worlds import CameraModel, RoadUser, World, stop_and_go, straight, turning


def two_cameras(bias_m: float = 0.0, **options: float) -> list[CameraModel]:
    """Cameras at opposite corners whose scans alternate."""
    return [
        CameraModel("south", -17, -17, bias=(0.7 * bias_m, 0.7 * bias_m), **options),  # type: ignore[arg-type]
        CameraModel("north", 17, 17, bias=(-0.7 * bias_m, -0.7 * bias_m), phase_s=0.05, **options),  # type: ignore[arg-type]
    ]


def only(tracks: Tracks) -> int:
    assert len(tracks) == 1
    return 0


@pytest.mark.parametrize(
    "path",
    [straight(-50, -2, 12, 0), turning(10, 6), stop_and_go(-50, -2, 10, brake_s=3, wait_s=3)],
    ids=["straight", "turning", "stop-and-go"],
)
def test_one_road_user_keeps_one_id(path) -> None:  # type: ignore[no-untyped-def]
    world = World([RoadUser(path)], two_cameras())
    world.run(8)
    found = score(world)
    assert found.recall > 0.99
    assert found.precision > 0.97
    assert found.rmse_m < 0.9
    assert len(ids_of(world, 0)) == 1


def test_crossing_paths_do_not_swap() -> None:
    users = [
        RoadUser(straight(-40, -2, 10, 0)),
        RoadUser(straight(2, 48, 0, -10)),
        RoadUser(straight(40, 2, -10, 0)),
    ]
    world = World(users, two_cameras())
    world.run(8)
    assert score(world).switches == 0
    assert len({ids_of(world, user)[0] for user in range(3)}) == 3


def test_occluded_car_keeps_its_id() -> None:
    truck = RoadUser(straight(0, -4, 0, 0), ObjectClass.TRUCK)
    car = RoadUser(straight(-25, 4, 6, 0))
    camera = CameraModel("south", 0, -18, clutter=0.0)
    world = World([truck, car], [camera])
    world.run(8)
    hidden = [t for t in world.times if camera.hidden(car.state(t)[:2], [(truck.state(t)[:2], truck.size())])]
    assert hidden[-1] - hidden[0] > 0.5
    assert len(ids_of(world, 1)) == 1


def test_cameras_biased_against_each_other_see_one_car() -> None:
    for path in (straight(-45, -2, 9, 0), straight(6, 3, 0, 0)):
        world = World([RoadUser(path)], two_cameras(1.0, clutter=0.0))
        world.run(8)
        assert {len(tracks) for t, tracks in zip(world.times, world.published, strict=True) if t > 1} == {1}
        assert len(ids_of(world, 0)) == 1


def test_stationary_car_is_tracked_for_five_minutes() -> None:
    world = World([RoadUser(straight(8, -2, 0, 0))], two_cameras(0.5), rate_hz=4.0)
    world.run(300)
    assert score(world).recall > 0.999
    assert len(ids_of(world, 0)) == 1
    assert score(world).speed_rmse_mps < 0.8


def test_yaw_is_held_at_standstill() -> None:
    world = World([RoadUser(stop_and_go(-50, -2, 10, brake_s=3, wait_s=60))], two_cameras())
    world.run(20)
    yaw = [
        tracks.yaw_rad[only(tracks)] for t, tracks in zip(world.times, world.published, strict=True) if t > 9
    ]
    assert max(abs(value) for value in yaw) < math.radians(15)


def test_long_bus_is_one_track_of_its_size() -> None:
    bus = RoadUser(straight(-45, -2, 8, 0), ObjectClass.BUS, temporary_id="b5", size_m=(18.0, 2.55, 3.1))
    world = World([bus], two_cameras(0.7, clutter=0.0), radio=True)
    world.run(8)
    assert {len(tracks) for t, tracks in zip(world.times, world.published, strict=True) if t > 1} == {1}
    last = world.published[-1]
    assert last.size_m[0, 0] == pytest.approx(18.0)
    assert ObjectClass(int(last.class_log_odds[0].argmax())) is ObjectClass.BUS
    assert score(world).rmse_m < 1.0


def test_pedestrian_crowd_stays_ten() -> None:
    crowd = [
        RoadUser(straight(9 + 1.5 * (k % 5), -10 + 2.0 * (k // 5), 0, 1.2), ObjectClass.PEDESTRIAN)
        for k in range(10)
    ]
    world = World(crowd, two_cameras(near_sigma_m=0.25, clutter=0.0, hides=False))
    world.run(10)
    found = score(world, skip_s=1.5)
    assert found.recall > 0.97
    assert found.precision > 0.97
    counts = [len(tracks) for t, tracks in zip(world.times, world.published, strict=True) if t > 2]
    assert np.mean(counts) == pytest.approx(10, abs=0.3)


def test_two_pedestrians_a_metre_apart_stay_two() -> None:
    pair = [RoadUser(straight(8 + x, -8, 0, 1.2), ObjectClass.PEDESTRIAN) for x in (0.0, 1.0)]
    world = World(pair, two_cameras(near_sigma_m=0.3, clutter=0.0, hides=False))
    world.run(10)
    counts = [len(tracks) for t, tracks in zip(world.times, world.published, strict=True) if t > 2]
    assert np.mean([count == 2 for count in counts]) > 0.97


def test_clutter_does_not_confirm() -> None:
    world = World([], two_cameras(clutter=1.0), seed=5)
    world.run(60)
    assert np.mean([len(tracks) for tracks in world.published]) < 0.1


def test_lost_camera_is_bridged_by_the_other() -> None:
    cameras = two_cameras(0.5)
    cameras[0].lost_s = (2.0, 6.0)
    world = World([RoadUser(straight(-40, -2, 9, 0))], cameras)
    world.run(8)
    assert len(ids_of(world, 0)) == 1
    assert score(world).recall > 0.99


def test_road_user_that_nobody_sees_any_more_ends() -> None:
    world = World([RoadUser(straight(-40, -2, 9, 0), end_s=4.0)], two_cameras(clutter=0.0))
    world.run(10)
    after = [len(tracks) for t, tracks in zip(world.times, world.published, strict=True) if t > 7.1]
    assert max(after) == 0
