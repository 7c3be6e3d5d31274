"""What sensors get wrong all the time is found from their disagreement, and only as far as it shows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from edge.core.tracks import Tracks
from edge.fusion import SensorModel, Tracker
from edge.fusion.recorded import read_scan

START_NS = 1_700_000_000_000_000_000
STEP_NS = 50_000_000
SIGMA_M = 0.3
CARS = 19


def crossing(t: float) -> list[tuple[float, float]]:
    """Cars on two rings, 12 m/s, some 21 m apart."""
    cars = []
    for radius, count, way in ((40.0, 12, 1.0), (25.0, 7, -1.0)):
        for number in range(count):
            angle = way * 12.0 * t / radius + 2.0 * math.pi * number / count
            cars.append((radius * math.cos(angle), radius * math.sin(angle)))
    return cars


def run(
    sensors: dict[str, tuple[float, float, float, float]],
    *,
    seconds: float,
    seed: int = 1,
    learn: bool = True,
) -> tuple[Tracker, Tracks]:
    """Cameras with (offset x, offset y, lateness in s, noise factor); each sees every car at 10 Hz."""
    rng = np.random.default_rng(seed)
    tracker = Tracker(tuple(SensorModel(name, "camera") for name in sensors), learn=learn)
    tracks = tracker.advance(START_NS)
    for cycle in range(1, round(seconds * 1e9 / STEP_NS)):
        now_ns = START_NS + cycle * STEP_NS
        for number, (name, (dx, dy, late_s, noise)) in enumerate(sensors.items()):
            if (cycle + number) % 2:
                continue
            objects: list[dict[str, Any]] = []
            for x, y in crossing(cycle * STEP_NS * 1e-9 + late_s):
                error = rng.normal(0, SIGMA_M * noise, 2)
                cov = [SIGMA_M**2, 0.0, SIGMA_M**2]
                objects.append({"x": x + dx + error[0], "y": y + dy + error[1], "cov": cov, "class": "car"})
            told = {"t_meas_ns": now_ns, "t_arrival_ns": now_ns, "sensor": name, "kind": "camera"}
            tracker.ingest_recorded(read_scan({**told, "objects": objects}))
        tracks = tracker.advance(now_ns)
    return tracker, tracks


def errors(tracks: Tracks, seconds: float) -> np.ndarray:
    truth = np.array(crossing(seconds - STEP_NS * 1e-9))
    distance = np.hypot(*np.moveaxis(truth[:, None] - tracks.state[None, :, :2], -1, 0))
    return distance.min(axis=1)


def test_difference_of_two_offsets_is_found() -> None:
    tracker, _tracks = run({"a": (0.5, 0.0, 0.0, 1.0), "b": (-0.3, 0.4, 0.0, 1.0)}, seconds=12.0)
    a, b = tracker.calibration()["a"], tracker.calibration()["b"]
    assert a.offset_x_m - b.offset_x_m == pytest.approx(0.8, abs=0.12)
    assert a.offset_y_m - b.offset_y_m == pytest.approx(-0.4, abs=0.12)


def test_wrong_clock_is_found_where_another_sensor_looks() -> None:
    sensors = {"a": (0.0, 0.0, 0.0, 1.0), "b": (0.0, 0.0, 0.0, 1.0), "c": (0.0, 0.0, 0.2, 1.0)}
    tracker, tracks = run(sensors, seconds=15.0)
    found = tracker.calibration()
    assert found["c"].late_s - found["a"].late_s == pytest.approx(0.2, abs=0.03)
    assert len(tracks) == CARS


def test_two_cameras_with_clocks_far_apart_give_one_track_per_car() -> None:
    sensors = {"a": (0.0, 0.0, 0.0, 1.0), "b": (0.0, 0.0, 0.2, 1.0)}
    counts = [len(run(sensors, seconds=seconds)[1]) for seconds in (4.0, 8.0, 12.0)]
    assert counts == [CARS, CARS, CARS]


@pytest.mark.parametrize("noise", [1.0, 2.0])
def test_noise_that_is_not_as_stated_is_found(noise: float) -> None:
    tracker, _tracks = run({"a": (0.0, 0.0, 0.0, noise), "b": (0.0, 0.0, 0.0, 1.0)}, seconds=12.0)
    assert tracker.calibration()["a"].noise == pytest.approx(noise**2, rel=0.4)


def test_sensor_that_is_far_off_is_suspect_and_the_others_are_not() -> None:
    sensors = dict.fromkeys("abc", (0.0, 0.0, 0.0, 1.0))
    assert run(sensors, seconds=12.0)[0].suspects() == ()
    assert run(sensors | {"c": (0.8, 0.6, 0.0, 1.0)}, seconds=12.0)[0].suspects() == ("c",)


def test_learning_makes_tracks_better_and_can_be_switched_off() -> None:
    sensors = {"a": (0.6, 0.0, 0.0, 1.0), "b": (-0.6, 0.0, 0.0, 1.0)}
    with_it, without = (errors(run(sensors, seconds=12.0, learn=learn)[1], 12.0) for learn in (True, False))
    assert with_it.mean() < without.mean()
    taken = run(sensors, seconds=5.0, learn=False)[0].calibration()["a"]
    assert (taken.offset_x_m, taken.noise) == (0.0, 1.0)


def test_a_sensor_alone_learns_no_offset() -> None:
    tracker, _tracks = run({"a": (1.0, 0.0, 0.0, 1.0)}, seconds=10.0)
    assert tracker.calibration()["a"].offset_x_m == pytest.approx(0.0, abs=1e-9)
