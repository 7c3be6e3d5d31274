"""Tracks become a scene: lanes, queues and passages."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection, Lane, LaneKind
from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.situation import LaneMeasure, Scene
from edge.core.tracks import Tracks
from edge.road import LaneLookup
from edge.situation import SceneBuilder

WEST_IN = Lane(1, LaneKind.VEHICLE, True, False, 3.5, np.array([[-15.0, -2.0], [-100.0, -2.0]]))
EAST_OUT = Lane(2, LaneKind.VEHICLE, False, True, 3.5, np.array([[15.0, -2.0], [60.0, -2.0]]))
CROSSWALK = Lane(
    3, LaneKind.CROSSWALK, True, True, 4.0, np.array([[-12.0, -8.0], [-12.0, 8.0]]), signal_group=12
)
MEETING = Lane(4, LaneKind.VEHICLE, False, True, 3.5, np.array([[-15.0, -2.0], [-15.0, 40.0]]))


def builder(*lanes: Lane) -> SceneBuilder:
    intersection = Intersection(
        1, None, 0, "", LocalFrame(48.0, 11.0), lanes or (WEST_IN, EAST_OUT, CROSSWALK)
    )
    return SceneBuilder(intersection, LaneLookup(intersection), epoch=42)


def tracks(
    *rows: tuple[int, float, float, float, float], kind: ObjectClass = ObjectClass.CAR, at_s: float = 0.0
) -> Tracks:
    """Tracks of rows id, x, y, vx, vy."""
    n = len(rows)
    table = np.array(rows, dtype=float).reshape(n, 5)
    odds = np.full((n, CLASS_COUNT), -2.0)
    if kind is not ObjectClass.UNKNOWN:
        odds[:, kind] = 4.0
    return Tracks(
        stamp_ns=round(at_s * 1e9),
        newest_capture_ns=round(at_s * 1e9),
        track_id=table[:, 0].astype(np.int64),
        state=table[:, 1:],
        covariance=np.zeros((n, 4, 4)),
        existence=np.ones(n),
        class_log_odds=odds,
        size_m=np.full((n, 3), np.nan),
        yaw_rad=np.full(n, np.nan),
        trust=np.ones(n),
        capture_ns=np.zeros(n, dtype=np.int64),
        still_ns=np.zeros(n, dtype=np.int64),
        sensors=("cam",),
        last_seen_ns=np.zeros((n, 1), dtype=np.int64),
        v2x_id=("",) * n,
    )


def measure(scene: Scene, lane: int) -> LaneMeasure:
    return next(m for m in scene.lanes if m.lane == lane)


def test_scene_counts_and_expires() -> None:
    build = builder().build
    first = build(tracks(at_s=1.0), 1_000_000_000)
    second = build(tracks((1, -30.0, -2.0, 9.0, 0.0), at_s=1.05), 1_060_000_000)
    assert (first.sequence, second.sequence, second.epoch) == (1, 2, 42)
    assert second.published_ns == 1_060_000_000
    assert second.valid_until_ns == 1_550_000_000
    assert first.lanes == ()
    assert second.lane_of_track == (1,)


def test_lane_has_count_and_mean_speed() -> None:
    scene = builder().build(
        tracks((1, -30, -2, 9, 0), (2, -50, -2, 5, 0), (3, 30, -2, 12, 0), (4, 0, 30, 1, 0)), 0
    )
    assert scene.lane_of_track == (1, 1, 2, 0)
    assert measure(scene, 1) == LaneMeasure(1, 2, 7.0, 0, 0)
    assert measure(scene, 2).mean_speed_mps == 12.0
    assert [m.lane for m in scene.lanes] == [1, 2]


@pytest.mark.parametrize(
    ("cars", "expected"),
    [
        ([(-17.5, 0.0), (-24.0, 0.0), (-31.0, 1.0), (-39.0, 8.0)], 3),
        ([(-17.5, 0.0), (-24.0, 0.0), (-60.0, 0.0)], 2),
        ([(-18.0, 5.0), (-24.0, 0.0)], 0),
        ([(-45.0, 0.0), (-52.0, 0.0)], 0),
        ([(-24.0, 0.0), (-17.5, 0.0)], 2),
    ],
    ids=["and one comes", "with a gap", "that has started", "far from the line", "in any order"],
)
def test_queue_stands_from_the_stop_line(cars: list[tuple[float, float]], expected: int) -> None:
    rows = [(k + 1, x, -2.0, speed, 0.0) for k, (x, speed) in enumerate(cars)]
    assert measure(builder().build(tracks(*rows), 0), 1).queue_length == expected  # type: ignore[arg-type]


def test_pedestrians_are_on_the_crosswalk_and_cars_are_not() -> None:
    build = builder().build
    assert build(tracks((1, -12, -2, 0, 1.2), kind=ObjectClass.PEDESTRIAN), 0).lane_of_track == (3,)
    assert build(tracks((2, -12, -2, 9, 0)), 0).lane_of_track == (0,)
    assert build(tracks((3, -12, -2, 9, 0), kind=ObjectClass.UNKNOWN), 0).lane_of_track == (0,)


def drive(scene_of: SceneBuilder, identity: int, x: list[float], y: float = -2.0) -> Scene:
    for step, value in enumerate(x):
        scene = scene_of.build(tracks((identity, value, y, 9.0, 0.0), at_s=0.05 * step), step * 50_000_000)
    return scene


def test_road_user_that_crosses_the_stop_line_is_counted_once() -> None:
    build = builder()
    drive(build, 1, [-20.0, -16.0, -14.9, -14.0, -10.0, -5.0, 20.0])
    scene = drive(build, 2, [-20.0, -10.0])
    assert measure(scene, 1).passed_total == 2


def test_standing_on_the_line_is_not_passing() -> None:
    scene = drive(builder(), 1, [-16.0, -15.1, -14.9, -15.1, -14.8, -15.2])
    assert measure(scene, 1).passed_total == 0


def test_going_back_and_over_again_counts_once() -> None:
    scene = drive(builder(), 1, [-16.0, -13.0, -16.0, -13.0])
    assert measure(scene, 1).passed_total == 1


def test_leaving_sideways_is_not_passing() -> None:
    build = builder()
    drive(build, 1, [-40.0, -40.0])
    scene = drive(build, 1, [-40.0], y=10.0)
    assert all(m.passed_total == 0 for m in scene.lanes)


def test_lane_that_begins_at_the_end_takes_over_at_once() -> None:
    build = builder(WEST_IN, MEETING)
    build.build(tracks((1, -16.0, -2.0, 9.0, 0.0)), 0)
    scene = build.build(tracks((1, -14.8, 0.0, 0.0, 9.0)), 50_000_000)
    assert scene.lane_of_track == (4,)
    assert measure(scene, 1).passed_total == 1


def test_exit_and_both_ends_of_a_crosswalk_count() -> None:
    build = builder()
    scene = drive(build, 1, [50.0, 59.0, 62.0])
    assert measure(scene, 2).passed_total == 1
    for identity, way in ((2, 1.0), (3, -1.0)):
        for step in range(20):
            walker = tracks(
                (identity, -12.0, way * (-7.0 + 0.9 * step), 0, way * 1.2), kind=ObjectClass.PEDESTRIAN
            )
            scene = build.build(walker, step)
    assert measure(scene, 3).passed_total == 2


def test_forgotten_tracks_do_not_pile_up() -> None:
    build = builder()
    for step in range(100):
        build.build(tracks((step, -30.0, -2.0, 9.0, 0.0)), step * 1_000_000_000)
    assert len(build._passages._travellers) < 10


def test_known_yaw_wins_over_speed() -> None:
    against = Lane(9, LaneKind.VEHICLE, False, True, 3.5, WEST_IN.points_m)
    given = tracks((1, -30.0, -2.0, 0.1, 0.0))
    given.yaw_rad[0] = math.pi
    assert builder(WEST_IN, against).build(given, 0).lane_of_track == (9,)
    given.yaw_rad[0] = 0.0
    assert builder(WEST_IN, against).build(given, 0).lane_of_track == (1,)
