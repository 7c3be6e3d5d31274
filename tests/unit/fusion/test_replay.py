"""Late scans give the same picture as scans in order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.detections import Detections
from edge.core.kinds import ObjectClass
from edge.core.tracks import Tracks
from edge.core.v2x import V2xReport
from edge.fusion import SensorModel, Tracker
from tests.unit.fusion.worlds import CameraModel, RoadUser, World, at_ns, detections, stop_and_go, straight

END_S = 2.0
Arrival = tuple[float, Detections | tuple[V2xReport, ...]]


def crossing() -> World:
    users = [
        RoadUser(straight(-25, -2, 10, 0), temporary_id="a1"),
        RoadUser(straight(2, 25, 0, -9)),
        RoadUser(stop_and_go(-20, -5.5, 8, brake_s=0.5, wait_s=5), temporary_id="b2"),
        RoadUser(straight(9, -8, 0, 1.2), ObjectClass.PEDESTRIAN),
    ]
    cameras = [CameraModel("south", -17, -17), CameraModel("north", 17, 17, phase_s=0.05)]
    return World(users, cameras, radio=True, learn=False)


def captured(scan: Detections | tuple[V2xReport, ...]) -> int:
    return scan.stamp.capture_ns if isinstance(scan, Detections) else scan[0].stamp.capture_ns


WORLD = crossing()
SCANS = sorted((scan for _arrival, scan in WORLD.arrivals(END_S)), key=captured)


def run(arrivals: list[Arrival], *, from_s: float = 0.05) -> tuple[Tracker, list[Tracks]]:
    """Cycle every 50 ms until all have come."""
    tracker, published = WORLD.tracker(), []
    waiting = sorted(arrivals, key=lambda item: item[0])
    for t in np.arange(from_s, END_S + 0.45, 0.05):
        while waiting and waiting[0][0] <= t:
            tracker.ingest(waiting.pop(0)[1])
        published.append(tracker.advance(at_ns(float(t))))
    assert not waiting
    return tracker, published


def assert_same(a: Tracks, b: Tracks, *, ids: bool = True) -> None:
    assert len(a) == len(b) > 0
    for name in (
        "state",
        "covariance",
        "existence",
        "class_log_odds",
        "size_m",
        "yaw_rad",
        "trust",
        "last_seen_ns",
    ):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert a.v2x_id == b.v2x_id
    if ids:
        np.testing.assert_array_equal(a.track_id, b.track_id)


IN_ORDER = run([(captured(s) * 1e-9 - at_ns(0) * 1e-9, s) for s in SCANS])[1][-1]


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_tracks_and_ids(random) -> None:  # type: ignore[no-untyped-def]
    window = [s for s in SCANS if captured(s) < at_ns(0.4)]
    shuffled = list(window)
    random.shuffle(shuffled)
    results = []
    for scans in (window, shuffled):
        tracker = WORLD.tracker()
        for scan in scans:
            tracker.ingest(scan)
        results.append(tracker.advance(at_ns(0.4)))
    assert_same(*results)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.0, 0.34), min_size=len(SCANS), max_size=len(SCANS)))
def test_late_scans_end_in_the_state_of_scans_in_order(delays: list[float]) -> None:
    arrivals = [
        ((captured(scan) - at_ns(0)) * 1e-9 + delay, scan) for scan, delay in zip(SCANS, delays, strict=True)
    ]
    tracker, published = run(arrivals)
    assert tracker.counters["scans_late"] == 0
    assert_same(published[-1], IN_ORDER, ids=False)
    for tracks in published:
        assert len(set(tracks.track_id.tolist())) == len(tracks)


def test_published_ids_stay_when_late_scans_rewrite_the_past() -> None:
    rng = np.random.default_rng(4)
    for _ in range(10):
        arrivals = [((captured(s) - at_ns(0)) * 1e-9 + float(rng.uniform(0, 0.34)), s) for s in SCANS]
        _tracker, published = run(arrivals)
        last = published[-1]
        for row, identity in enumerate(last.track_id):
            first = next(k for k, tracks in enumerate(published) if identity in tracks.track_id)
            for tracks in published[first:]:
                found = np.flatnonzero(tracks.track_id == identity)
                assert len(found) <= 1
                for column in found:
                    moved = np.hypot(*(tracks.state[column, :2] - last.state[row, :2]))
                    assert moved < 12.0 * (last.stamp_ns - tracks.stamp_ns) * 1e-9 + 4.0


def test_scan_older_than_the_window_is_counted_and_not_used() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),), replay_ns=400_000_000)
    good = [
        detections("cam", 0.1 * k, k, [np.zeros(2)], [np.eye(2) * 0.2], [ObjectClass.CAR]) for k in range(8)
    ]
    for scan in good:
        tracker.ingest(scan)
    before = tracker.advance(at_ns(1.0))
    tracker.ingest(detections("cam", 0.55, 99, [np.zeros(2) + 1.0], [np.eye(2) * 0.2], [ObjectClass.CAR]))
    assert tracker.counters["scans_late"] == 1
    assert_same(tracker.advance(at_ns(1.0)), before)
    tracker.ingest(detections("cam", 0.65, 100, [np.zeros(2) + 1.0], [np.eye(2) * 0.2], [ObjectClass.CAR]))
    assert tracker.counters["scans_late"] == 1
    assert not np.array_equal(tracker.advance(at_ns(1.0)).state, before.state)


def test_scan_from_just_ahead_waits_for_its_time() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    tracker.ingest(detections("cam", 0.2, 0, [np.zeros(2)], [np.eye(2) * 0.2], [ObjectClass.CAR]))
    tracker.advance(at_ns(0.1))
    assert tracker.counters["scans_run"] == 0
    tracker.advance(at_ns(0.2))
    assert tracker.counters["scans_run"] == 1


def test_flood_between_two_cycles_is_bounded_and_counted() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    empty = [detections("cam", 0.0001 * k, k, [], [], []) for k in range(2100)]
    for scan in empty:
        tracker.ingest(scan)
    assert tracker.counters["scans_dropped"] == 2100 - 2048


def test_silence_of_all_sensors_is_survived() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    for start in (0.0, 60.0):
        for k in range(5):
            t = start + 0.1 * k
            tracker.ingest(detections("cam", t, k, [np.zeros(2)], [np.eye(2) * 0.2], [ObjectClass.CAR]))
            tracks = tracker.advance(at_ns(t))
        assert len(tracks) == 1
        assert len(tracker.advance(at_ns(start + 30.0))) == 0
    assert tracks.track_id[0] == 2


@pytest.mark.parametrize("window_ns", [0, 100_000_000, 2_000_000_000])
def test_any_window_tracks_scans_that_come_at_once(window_ns: int) -> None:
    tracker = Tracker((SensorModel("cam", "camera"),), replay_ns=window_ns)
    for k in range(10):
        tracker.ingest(detections("cam", 0.1 * k, k, [np.zeros(2)], [np.eye(2) * 0.2], [ObjectClass.CAR]))
        tracks = tracker.advance(at_ns(0.1 * k))
    assert len(tracks) == 1
    assert tracker.counters["scans_late"] == 0
