"""Two tracks of one road user become one."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.fusion import SensorModel, Tracker
from edge.fusion.recorded import read_scan

START_NS, STEP_NS = 1_700_000_000_000_000_000, 100_000_000
SQUARE = np.array([[-40.0, -40.0], [40.0, -40.0], [40.0, 40.0], [-40.0, 40.0]])


def walker(x: float, y: float) -> dict[str, Any]:
    return {"x": x, "y": y, "cov": [0.04, 0, 0.04], "class": "pedestrian"}


def tracker_of(*names: str) -> Tracker:
    return Tracker(tuple(SensorModel(name, "camera", visible_polygon=SQUARE) for name in names))


def feed(tracker: Tracker, k: int, sensor: str, objects: list[dict[str, Any]]) -> int:
    """One scan; how many tracks are published after it."""
    now_ns = START_NS + k * STEP_NS
    line = {
        "t_meas_ns": now_ns,
        "t_arrival_ns": now_ns,
        "sensor": sensor,
        "kind": "camera",
        "objects": objects,
    }
    tracker.ingest_recorded(read_scan(line))
    return len(tracker.advance(now_ns))


def test_two_walkers_that_one_camera_sees_side_by_side_stay_two() -> None:
    tracker = tracker_of("a")
    shown = [feed(tracker, k, "a", [walker(0.0, 0.1 * k), walker(0.7, 0.1 * k)]) for k in range(80)]
    assert set(shown[10:]) == {2}


def test_camera_that_died_no_longer_tells_two_tracks_apart() -> None:
    """Camera a dies while it sees two walkers; camera b sees one of them, now nearer to one track, now to the other."""
    tracker = tracker_of("a", "b")
    for k in range(30):
        assert feed(tracker, k, "a", [walker(0.0, 0.0), walker(0.6, 0.0)]) == 2 or k < 10
    shown = [feed(tracker, k, "b", [walker(0.3 + (0.25 if k % 2 else -0.25), 0.0)]) for k in range(30, 80)]
    assert set(shown[30:]) == {1}
