"""A camera that says how well it can see: its misses count for less, and a blind look for nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edge.core.detections import Detections
from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.fusion import SensorModel, Tracker
from edge.fusion.recorded import read_scan
from tests.unit.fusion.worlds import at_ns, detections

PERIOD_S = 0.1
SEEN = 30
"""Scans that show the car before the camera sees nothing any more."""
PLACE = np.array([12.0, 3.0])


def scan(index: int, *, shows: bool, sight: float) -> Detections:
    places = [PLACE] if shows else []
    found = detections(
        "cam",
        index * PERIOD_S,
        index,
        list(places),
        [np.diag([0.2, 0.2]) for _ in places],
        [ObjectClass.CAR for _ in places],
    )
    return dataclasses.replace(found, sight=sight)


def tracker_after(empty: int, *, sight: float) -> Tracker:
    """A tracker whose camera saw a standing car, and then nothing for some scans."""
    area = np.array([[-50.0, -50.0], [50.0, -50.0], [50.0, 50.0], [-50.0, 50.0]])
    tracker = Tracker((SensorModel("cam", "camera", visible_polygon=area),))
    for index in range(SEEN + empty):
        shows = index < SEEN
        tracker.ingest(scan(index, shows=shows, sight=1.0 if shows else sight))
        tracker.advance(at_ns(index * PERIOD_S) + 1)
    return tracker


def tracks(tracker: Tracker, empty: int) -> int:
    return len(tracker.advance(at_ns((SEEN + empty) * PERIOD_S)))


@pytest.mark.parametrize(("sight", "left"), [(1.0, 0), (0.05, 1), (0.0, 1)], ids=["clear", "dirty", "blind"])
def test_a_camera_that_cannot_see_does_not_delete_what_it_misses(sight: float, left: int) -> None:
    tracker = tracker_after(20, sight=sight)
    assert tracks(tracker, 20) == left
    assert tracker.counters["scans_blind"] == (20 if sight == 0.0 else 0)


def test_a_blind_look_brings_nothing_new() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    for index in range(SEEN):
        tracker.ingest(scan(index, shows=True, sight=0.0))
        assert len(tracker.advance(at_ns(index * PERIOD_S) + 1)) == 0
    assert tracker.track_count == 0


def test_a_dim_camera_still_finds_road_users() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    for index in range(SEEN):
        tracker.ingest(scan(index, shows=True, sight=0.3))
        found = tracker.advance(at_ns(index * PERIOD_S) + 1)
    assert len(found) == 1


def test_what_a_dim_camera_misses_teaches_nothing_about_where_it_looks() -> None:
    """Without a polygon the area is learned: a spell of fog must not look like a place that is never seen."""
    foggy, clear = (Tracker((SensorModel("cam", "camera"),)) for _ in range(2))
    for tracker, spell in ((foggy, True), (clear, False)):
        for index in range(SEEN):
            tracker.ingest(scan(index, shows=True, sight=1.0))
            tracker.advance(at_ns(index * PERIOD_S) + 1)
        for index in range(SEEN, SEEN + 15):
            tracker.ingest(scan(index, shows=not spell, sight=0.1 if spell else 1.0))
            tracker.advance(at_ns(index * PERIOD_S) + 1)
    column = 0
    missed = [int(tracker._coverage[column][..., 1].sum()) for tracker in (foggy, clear)]
    assert missed[0] <= missed[1]


def test_sight_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Detections\.sight"):
        scan(0, shows=True, sight=1.2)


def test_recorded_scan_may_state_its_sight() -> None:
    line = {"sensor": "cam", "kind": "camera", "t_meas_ns": 1, "t_arrival_ns": 2, "objects": []}
    assert read_scan(line).sight == 1.0
    assert read_scan(line | {"sight": 0.25}).sight == 0.25
    with pytest.raises(CodecError, match="sight"):
        read_scan(line | {"sight": "nan"})
