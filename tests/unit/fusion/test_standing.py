"""Who stands stays: tracked for hours, known as parked, heading kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from edge.core.tracks import Tracks
from edge.fusion import SensorModel, Tracker
from edge.fusion.recorded import read_scan

START_NS, STEP_NS = 1_700_000_000_000_000_000, 500_000_000
SQUARE = np.array([[-40.0, -40.0], [40.0, -40.0], [40.0, 40.0], [-40.0, 40.0]])


def braking(t: float) -> tuple[float, float]:
    """Place and speed of a car that comes from the west at 8 m/s and brakes at 2 m/s2 to stand at the origin."""
    if t < 3.0:
        return -40.0 + 8.0 * t, 8.0
    left = max(0.0, 4.0 - (t - 3.0))
    return -left * left, 2.0 * left


def stand(hours: float, *, kind: Any = "camera", gaps: bool = True) -> tuple[set[int], list[Tracks]]:
    """A car drives up, stops at the origin, and is seen twice a second but for now and then half a minute."""
    rng = np.random.default_rng(8)
    tracker = Tracker((SensorModel("s", kind, visible_polygon=SQUARE, position_m=np.array([0.0, -30.0])),))
    ids: set[int] = set()
    kept: list[Tracks] = []
    for k in range(round(hours * 7200)):
        now_ns = START_NS + k * STEP_NS
        x, _speed = braking(0.5 * k)
        hidden = gaps and k > 600 and k % 1200 < 60
        blocker = {"x": x, "y": -12.0, "cov": [0.1, 0, 0.1], "class": "truck", "length": 8.5, "width": 2.5}
        car = {"x": x + rng.normal(0, 0.3), "y": rng.normal(0, 0.3), "cov": [0.09, 0, 0.09], "class": "car"}
        line = {"t_meas_ns": now_ns, "t_arrival_ns": now_ns, "sensor": "s", "kind": kind}
        tracker.ingest_recorded(read_scan({**line, "objects": [blocker] if hidden else [car]}))
        tracks = tracker.advance(now_ns)
        near = np.flatnonzero(np.hypot(*tracks.state[:, :2].T) < 2.0)
        if k > 20:
            ids |= set(tracks.track_id[near].tolist())
        if k % 1200 == 599:
            kept.append(tracks)
    return ids, kept


def test_car_that_stands_for_two_hours_is_one_track_and_parked() -> None:
    ids, kept = stand(2.0, gaps=False)
    assert len(ids) == 1
    assert all(len(tracks) == 1 for tracks in kept)
    assert [bool(tracks.parked()[0]) for tracks in kept[1:]] == [True] * (len(kept) - 1)
    assert not kept[0].parked()[0]
    assert kept[-1].still_ns[0] * 1e-9 == pytest.approx(7200, rel=0.1)


def test_car_that_a_truck_hides_for_half_a_minute_keeps_its_id() -> None:
    ids, kept = stand(0.5)
    assert len(ids) == 1
    assert len(kept[-1]) == 1


def test_heading_is_kept_at_standstill() -> None:
    _ids, kept = stand(0.2, gaps=False)
    assert all(abs(math.sin(tracks.yaw_rad[0])) < 0.2 for tracks in kept)
    assert all(math.cos(tracks.yaw_rad[0]) > 0.9 for tracks in kept)


def test_radar_that_overlooks_what_stands_does_not_end_it() -> None:
    tracker = Tracker((SensorModel("r", "radar", visible_polygon=SQUARE),))
    rng = np.random.default_rng(3)
    shown = []
    for k in range(400):
        now_ns = START_NS + k * 50_000_000
        x, speed = braking(0.05 * k)
        found = [{"x": x, "y": 0.0, "cov": [0.1, 0, 0.1], "vx": speed, "vy": 0.0, "vcov": [0.1, 0, 0.1]}]
        seen = found if speed or rng.random() < 0.15 else []
        line = {"t_meas_ns": now_ns, "t_arrival_ns": now_ns, "sensor": "r", "kind": "radar", "objects": seen}
        tracker.ingest_recorded(read_scan(line))
        shown.append(len(tracker.advance(now_ns)))
    assert min(shown[10:]) == 1
