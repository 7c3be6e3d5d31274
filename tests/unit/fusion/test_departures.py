"""Cars that pull away or turn where sensors are slow or say little of their noise; each is one track."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.fusion import SensorModel
from edge.fusion.offline import fuse

START_NS = 1_700_000_000_000_000_000
Path = Callable[[float], tuple[float, float]]


def seen(path: Path, *, seconds: float, rate_hz: float, seed: int) -> list[dict[str, Any]]:
    """Lines of a camera that states no covariance; its noise is 0.5 m."""
    rng = np.random.default_rng(seed)
    lines = []
    for k in range(round(seconds * rate_hz)):
        x, y = path(k / rate_hz)
        time_ns = START_NS + round(k / rate_hz * 1e9)
        found = {"x": x + rng.normal(0, 0.5), "y": y + rng.normal(0, 0.5), "class": "car"}
        lines.append({
            "t_meas_ns": time_ns,
            "t_arrival_ns": time_ns + 50_000_000,
            "sensor": "cam",
            "kind": "camera",
            "objects": [found],
        })  # fmt: skip
    return lines


def tracked(
    path: Path, *, seconds: float, rate_hz: float = 10.0, seed: int = 1
) -> tuple[set[int], float, int]:
    """Ids that were published, worst normalised error squared, and instants with exactly one track."""
    ids: set[int] = set()
    worst, single = 0.0, 0
    sensor = SensorModel("cam", "camera", bias_m=0.4, clutter_per_m2=5e-5)
    for line in fuse(seen(path, seconds=seconds, rate_hz=rate_hz, seed=seed), [sensor]):
        ids |= {track["id"] for track in line["tracks"]}
        single += len(line["tracks"]) == 1
        for track in line["tracks"]:
            x, y = path((line["t_ns"] - START_NS) * 1e-9)
            dx, dy = track["x"] - x, track["y"] - y
            xx, xy, yy = track["cov"]
            worst = max(worst, (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy))
    return ids, worst, single


def departure(acceleration: float) -> Path:
    """Stands for eight seconds, then drives off to the east."""
    return lambda t: (0.5 * acceleration * max(0.0, t - 8.0) ** 2, 0.0)


def bend(radius_m: float, speed_mps: float) -> Path:
    """East for four seconds, a quarter of a circle to the left, then north."""

    def path(t: float) -> tuple[float, float]:
        along = speed_mps * (t - 4.0)
        quarter = radius_m * math.pi / 2
        if along < 0.0:
            return along, 0.0
        angle = min(along, quarter) / radius_m
        return radius_m * math.sin(angle), radius_m * (1 - math.cos(angle)) + max(0.0, along - quarter)

    return path


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("acceleration", [2.0, 3.0])
def test_car_that_pulls_away_keeps_its_id(acceleration: float, seed: int) -> None:
    ids, worst, _ = tracked(departure(acceleration), seconds=12.0, seed=seed)
    assert len(ids) == 1
    assert worst < 25.0


@pytest.mark.parametrize("rate_hz", [5.0, 10.0])
def test_car_that_turns_sharply_keeps_its_id(rate_hz: float) -> None:
    ids, worst, _ = tracked(bend(5.0, 5.0), seconds=10.0, rate_hz=rate_hz)
    assert len(ids) == 1
    assert worst < 25.0


@pytest.mark.parametrize(("speed_mps", "rate_hz"), [(14.0, 2.0), (8.0, 1.0)])
def test_fast_car_is_tracked_by_a_slow_sensor(speed_mps: float, rate_hz: float) -> None:
    ids, _, single = tracked(lambda t: (speed_mps * t - 60.0, 0.0), seconds=12.0, rate_hz=rate_hz)
    assert len(ids) == 1
    assert single > 60
