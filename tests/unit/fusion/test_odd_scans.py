"""Recorded scans that are not what they should be, as people write them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from edge.fusion import SensorModel
from edge.fusion.complaints import Complaints
from edge.fusion.offline import fuse

START_NS, STEP_NS = 1_700_000_000_000_000_000, 100_000_000
Line = dict[str, Any]


def scan(k: int, objects: list[Line], *, sensor: str = "cam", kind: str = "camera") -> Line:
    return {
        "t_meas_ns": START_NS + k * STEP_NS,
        "t_arrival_ns": START_NS + k * STEP_NS + 80_000_000,
        "sensor": sensor,
        "kind": kind,
        "objects": objects,
    }


def run(lines: list[Line], *sensors: SensorModel) -> tuple[list[Line], Counter[str]]:
    counters: Counter[str] = Counter()
    return list(fuse(lines, sensors or (SensorModel("cam", "camera"),), counters=counters)), counters


def test_velocity_covariance_that_cannot_be_true_is_not_used() -> None:
    for vcov in ([-1.0, 0.0, -1.0], [1.0, 5.0, 1.0], [float("inf"), 0.0, 1.0], [1e12, 0.0, 1e12]):
        lines = [
            scan(k, [{"x": 0.5 * k, "y": 0.0, "cov": [0.1, 0, 0.1], "vx": 5.0, "vy": 0.0, "vcov": vcov}])
            for k in range(40)
        ]
        found, _ = run(lines)
        shown = [track for line in found for track in line["tracks"]]
        assert len({track["id"] for track in shown}) == 1
        assert all(c[0] > 0 and c[2] > 0 and c[0] * c[2] > c[1] ** 2 for c in (t["cov"] for t in shown))


def test_size_that_cannot_be_true_is_not_used() -> None:
    for length in (1e6, 5000.0, float("inf"), -3.0):
        lines = [scan(k, [{"x": 0.5 * k, "y": 0.0, "length": length, "class": "car"}]) for k in range(40)]
        found, _ = run(lines)
        assert len({track["id"] for line in found for track in line["tracks"]}) == 1
        assert len(found[-1]["tracks"]) == 1


def test_one_false_place_at_the_beginning_does_not_move_the_scene() -> None:
    lines = [scan(0, [{"x": 0.0, "y": 0.0}])]
    lines += [scan(k, [{"x": 500_000.0 + 0.5 * k, "y": 4_000_000.0, "class": "car"}]) for k in range(1, 40)]
    found, _ = run(lines)
    assert len(found[-1]["tracks"]) == 1
    assert found[-1]["tracks"][0]["x"] == pytest.approx(500_019.5, abs=1.5)


def test_stray_early_arrivals_are_no_clock_step() -> None:
    lines = [scan(k, [{"x": 0.5 * k, "y": 0.0, "class": "car"}]) for k in range(60)]
    for k in (20, 35, 50):
        lines[k]["t_arrival_ns"] -= 400_000_000
    found, counters = run(lines)
    assert counters["clock_steps"] == 0
    assert counters["arrivals_out_of_order"] == 3
    assert np.all(np.diff([line["t_ns"] for line in found]) == 100_000_000)


def test_repeated_line_is_no_new_evidence() -> None:
    ghost = scan(20, [{"x": 30.0, "y": 30.0, "class": "car"}])
    lines = [scan(k, [{"x": 0.0, "y": 0.0, "class": "car"}]) for k in range(20)] + [ghost] * 5
    lines += [scan(k, [{"x": 0.0, "y": 0.0, "class": "car"}]) for k in range(21, 30)]
    found, counters = run(lines)
    assert counters["scans_repeated"] == 4
    assert all(len(line["tracks"]) <= 1 for line in found)


def test_two_vehicles_with_one_id_are_both_shown() -> None:
    said = [{"x": x, "y": 0.0, "vx": 0.0, "vy": 0.0, "id": "AB"} for x in (0.0, 40.0)]
    lines = [scan(k, said, sensor="radio", kind="v2x") for k in range(30)]
    found, _ = run(lines, SensorModel("radio", "v2x"))
    assert len(found[-1]["tracks"]) == 2


def test_vehicles_without_id_are_not_one() -> None:
    said = [{"x": x, "y": 0.0, "vx": 0.0, "vy": 0.0, "id": None} for x in (0.0, 40.0)]
    lines = [scan(k, said, sensor="radio", kind="v2x") for k in range(30)]
    found, counters = run(lines, SensorModel("radio", "v2x"))
    assert len(found[-1]["tracks"]) == 2
    assert counters["reports_repeated"] == 0


def test_parked_car_outlives_a_pause_of_all_sensors() -> None:
    steps = [*range(100), *range(200, 230)]
    lines = [scan(k, [{"x": 0.0, "y": 0.0, "class": "car"}]) for k in steps]
    found, _ = run(lines)
    assert {len(line["tracks"]) for line in found[10:]} == {1}
    assert len({track["id"] for line in found for track in line["tracks"]}) == 1


def test_what_is_wrong_is_said_once_in_words() -> None:
    good = scan(1, [{"x": 0.0, "y": 0.0}])
    bad = [
        {k: v for k, v in good.items() if k != "t_arrival_ns"},
        good | {"kind": "cam"},
        good | {"sensor": "stranger"},
        good | {"objects": {}},
        scan(2, [{"x": 0.0, "y": 0.0, "confidence": 85}]),
        scan(3, [{"x": 0.0, "y": 0.0, "cov": [[1, 0], [0, 1]]}]),
        scan(4, [{"x": 0.0, "y": 0.0, "cov": [1, 5, 1]}]),
    ]
    numbered = [line | {"_line": n} for n, line in enumerate([good] * 5 + bad * 3, start=1)]
    complaints = Complaints(("cam",))
    list(fuse(numbered, [SensorModel("cam", "camera")], complaints=complaints))
    said = complaints.lines()
    assert len(said) == len(bad)
    for text, (number, words) in zip(
        said,
        [(6, "t_arrival_ns"), (7, "kind 'cam'"), (8, "stranger"), (9, "list"), (10, "confidence"), (11, "cov"),
         (12, "positive definite")],
        strict=True,
    ):  # fmt: skip
        assert text.startswith(f"line {number}: ")
        assert words in text
