"""What the nearest peer gets wrong: two cameras whose clocks differ, and one pedestrian seen by two cameras."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.fusion import SensorModel, Tracker
from edge.fusion.recorded import read_scan

START_NS, STEP_NS = 1_700_000_000_000_000_000, 100_000_000
SIGMA_M = 0.3


def count_tracks(
    places: Any, kind: str, *, seconds: float, late_s: float, seed: int
) -> tuple[list[int], list[float]]:
    """Tracks shown per cycle, and the largest distance of a road user to its nearest track."""
    rng = np.random.default_rng(seed)
    tracker = Tracker((SensorModel("a", "camera"), SensorModel("b", "camera")))
    counts, worst = [], []
    for k in range(round(seconds * 10)):
        now_ns = START_NS + k * STEP_NS
        for name, offset_s in (("a", 0.0), ("b", late_s)):
            seen = places(0.1 * k + offset_s)
            objects = [
                {
                    "x": x + rng.normal(0, SIGMA_M),
                    "y": y + rng.normal(0, SIGMA_M),
                    "cov": [SIGMA_M**2, 0.0, SIGMA_M**2],
                    "class": kind,
                }
                for x, y in seen
                if rng.random() < 0.95
            ]
            line = {
                "t_meas_ns": now_ns,
                "t_arrival_ns": now_ns + 60_000_000,
                "sensor": name,
                "kind": "camera",
            }
            tracker.ingest_recorded(read_scan({**line, "objects": objects}))
        tracks = tracker.advance(now_ns + STEP_NS)
        counts.append(len(tracks))
        truth = np.array(places(0.1 * (k + 1)))
        distance = np.hypot(*np.moveaxis(truth[:, None] - tracks.state[None, :, :2], -1, 0))
        worst.append(float(distance.min(axis=1).max()) if len(tracks) else float("inf"))
    return counts, worst


def thirty_cars(t: float) -> list[tuple[float, float]]:
    """Six lanes with five cars each, 25 m apart, at 15 m/s, both ways; long enough for nobody to leave."""
    cars = []
    for lane in range(6):
        way = 1.0 if lane < 3 else -1.0
        cars += [(way * (15.0 * t - 150.0 - 25.0 * place), 3.5 * lane) for place in range(5)]
    return cars


def test_thirty_cars_seen_by_cameras_200_ms_apart_are_thirty_tracks() -> None:
    counts, _worst = count_tracks(thirty_cars, "car", seconds=20.0, late_s=0.2, seed=1)
    assert set(counts[60:]) == {30}
    assert max(counts[20:]) <= 32, "while the clocks are being learned"


def test_thirty_cars_seen_by_cameras_of_one_clock_are_thirty_tracks() -> None:
    counts, worst = count_tracks(thirty_cars, "car", seconds=8.0, late_s=0.0, seed=2)
    assert set(counts[10:]) == {30}
    assert max(worst[20:]) < 2.0


def test_one_pedestrian_seen_by_two_cameras_is_one_track() -> None:
    for seed in range(5):
        counts, _ = count_tracks(
            lambda t: [(1.3 * t, 2.0)], "pedestrian", seconds=30.0, late_s=0.0, seed=seed
        )
        assert set(counts[10:]) == {1}


def test_ten_pedestrians_side_by_side_are_ten_tracks() -> None:
    def row(t: float) -> list[tuple[float, float]]:
        return [(1.3 * t, 1.5 * k) for k in range(10)]

    counts, _ = count_tracks(row, "pedestrian", seconds=20.0, late_s=0.0, seed=7)
    assert abs(np.mean(counts[20:]) - 10) < 0.3
