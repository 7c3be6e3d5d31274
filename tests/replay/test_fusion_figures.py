"""Accuracy of the fusion on simulated traffic with fixed seeds; a change that costs accuracy fails here."""

from __future__ import annotations

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from tests.unit.fusion.score import Score, score
from tests.unit.fusion.worlds import CameraModel, Path, RoadUser, World, stop_and_go, straight, turning

END_S = 20.0
SEEDS = (11, 12, 13)


def approach(quarter: int, lateral_m: float, speed_mps: float, begin_s: float) -> Path:
    """Straight across, after `quarter` quarter turns."""

    def path(t: float) -> tuple[float, float]:
        x, y = -45.0 + speed_mps * (t - begin_s), lateral_m
        for _ in range(quarter):
            x, y = -y, x
        return x, y

    return path


def traffic(seed: int) -> list[RoadUser]:
    """Platoons from two sides, then from the other two; a queue, a turn, and three on foot."""
    rng = np.random.default_rng(seed)
    users: list[RoadUser] = []
    for quarter in range(4):
        speed, begin = rng.uniform(8, 11), rng.uniform(0, 1.5) + (0.0 if quarter % 2 == 0 else 10.0)
        for number in range(3):
            start = begin + number * rng.uniform(2.3, 2.8)
            name = f"{quarter}{number}" if rng.random() < 0.35 else ""
            path = approach(quarter, -2.0, speed, start)
            users.append(RoadUser(path, begin_s=start, end_s=start + 90.0 / speed, temporary_id=name))
    users += [RoadUser(straight(-24.0 - 7.5 * k, -9.0, 0, 0)) for k in range(3)]
    users.append(RoadUser(stop_and_go(-45, -5.5, 9, brake_s=1.9, wait_s=7), temporary_id="f1"))
    users.append(RoadUser(turning(26, 7, straight_s=4.0)))
    users += [RoadUser(straight(21 + 1.8 * k, -12, 0, 1.2), ObjectClass.PEDESTRIAN) for k in range(3)]
    return users


def mean(worlds: list[World], field: str) -> float:
    return float(np.mean([getattr(found, field) for found in map(_score, worlds)]))


def _score(world: World) -> Score:
    return score(world, skip_s=1.5)


def run(*, bias_m: float, radio: bool) -> list[World]:
    worlds = []
    for seed in SEEDS:
        south = CameraModel("south", -17, -17, bias=(0.7 * bias_m, 0.7 * bias_m))
        north = CameraModel("north", 17, 17, bias=(-0.5 * bias_m, 0.85 * bias_m), phase_s=0.05)
        world = World(traffic(seed), [south, north], seed=seed, radio=radio)
        world.run(END_S)
        worlds.append(world)
    return worlds


@pytest.mark.parametrize(
    ("bias_m", "radio", "rmse_m", "speed_mps", "switches"),
    [(0.0, False, 0.55, 1.05, 6.0), (0.0, True, 0.47, 0.8, 6.0), (1.0, True, 1.0, 1.0, 18.0)],
    ids=["cameras", "cameras and radio", "biased cameras and radio"],
)
def test_accuracy(bias_m: float, *, radio: bool, rmse_m: float, speed_mps: float, switches: float) -> None:
    worlds = run(bias_m=bias_m, radio=radio)
    figures = {name: mean(worlds, name) for name in Score.__dataclass_fields__}
    assert figures["recall"] > 0.98, figures
    assert figures["precision"] > 0.95, figures
    assert figures["rmse_m"] < rmse_m, figures
    assert figures["speed_rmse_mps"] < speed_mps, figures
    assert figures["switches"] <= switches, figures
    assert 0.2 < figures["nees"] < 3.5, figures
