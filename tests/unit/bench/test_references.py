"""The trackers that the fusion is compared with: a broken one would make ours look good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.bench.reference import carma_style, stone_soup

START_NS = 1_700_000_000_000_000_000
SECONDS, SETTLED_S = 4.0, 1.5
SENSORS = [
    {"name": "west", "kind": "camera", "position_m": [-20.0, 0.0], "bias_m": 0.2},
    {"name": "radar", "kind": "radar", "position_m": [0.0, -20.0], "bias_m": 0.2},
    {"name": "radio", "kind": "v2x", "bias_m": 0.5},
]
Run = Callable[..., Iterator[dict[str, Any]]]


def cars(t: float) -> np.ndarray:
    """(2, 4) x, y, vx, vy of a car going east and one going north; the second crosses 12 m behind the first."""
    return np.array([[-18.0 + 10.0 * t, 0.0, 10.0, 0.0], [0.0, -30.0 + 10.0 * t, 0.0, 10.0]])


def scan(name: str, kind: str, t: float, late_s: float, objects: list[dict[str, Any]]) -> dict[str, Any]:
    arrival_ns = START_NS + round((t + late_s) * 1e9)
    return {
        "t_meas_ns": START_NS + round(t * 1e9),
        "t_arrival_ns": arrival_ns,
        "sensor": name,
        "kind": kind,
        "objects": objects,
    }


def scans() -> list[dict[str, Any]]:
    """A camera with anisotropic noise and clutter, a radar that measures velocity, V2X of the second car."""
    rng = np.random.default_rng(5)
    found = []
    for t in np.arange(0.0, SECONDS, 0.1):
        seen = [
            {"x": x + rng.normal(0, 0.8), "y": y + rng.normal(0, 0.2), "cov": [0.64, 0.0, 0.04]}
            for x, y in cars(t)[:, :2]
        ]
        seen.append({"x": rng.uniform(-40, 40), "y": rng.uniform(-40, 40)})
        found.append(scan("west", "camera", t, 0.12, seen))
        noisy = cars(t + 0.04) + rng.normal(0, 0.3, (2, 4))
        spread = {"cov": [0.09, 0.0, 0.09], "vcov": [0.09, 0.0, 0.09]}
        heard = [dict(zip(("x", "y", "vx", "vy"), row.tolist(), strict=True), **spread) for row in noisy]
        found.append(scan("radar", "radar", t + 0.04, 0.035, heard))
        found.append(scan("radio", "v2x", t + 0.04, 0.04 + rng.exponential(0.05), [{**heard[1], "id": "b"}]))
    return sorted(found, key=lambda line: line["t_arrival_ns"])


@pytest.mark.parametrize("run", [stone_soup.run, carma_style.run], ids=["Stone Soup", "CARMA style"])
def test_two_crossing_cars_are_two_tracks(run: Run) -> None:
    spent: list[float] = []
    lines = list(run(scans(), SENSORS, process_noise=1.0, spent_s=spent))
    assert len(spent) == len(lines)
    assert [line["t_ns"] % 100_000_000 for line in lines] == [0] * len(lines)
    settled = [line for line in lines if line["t_ns"] >= START_NS + SETTLED_S * 1e9]
    assert len(settled) >= 24
    identities, errors, speeds = set(), [], []
    for line in settled:
        truth = cars((line["t_ns"] - START_NS) * 1e-9)
        assert len(line["tracks"]) == 2, line
        for state in truth:
            track = min(line["tracks"], key=lambda t: np.hypot(t["x"] - state[0], t["y"] - state[1]))
            identities.add((track["id"], float(state[3])))
            errors.append(np.hypot(track["x"] - state[0], track["y"] - state[1]))
            speeds.append(np.hypot(track["vx"] - state[2], track["vy"] - state[3]))
    assert len(identities) == 2, identities
    assert np.sqrt(np.mean(np.square(errors))) < 0.4
    assert np.sqrt(np.mean(np.square(speeds))) < 0.6


@pytest.mark.parametrize("run", [stone_soup.run, carma_style.run], ids=["Stone Soup", "CARMA style"])
def test_a_line_knows_only_what_had_arrived(run: Run) -> None:
    """Scans that come later change nothing of the lines before."""
    every = scans()
    some = [line for line in every if line["t_arrival_ns"] <= START_NS + 2_000_000_000]
    early = [_places(line) for line in run(some, SENSORS, process_noise=1.0)]
    whole = [_places(line) for line in run(every, SENSORS, process_noise=1.0)]
    assert early == whole[: len(early)]


def _places(line: dict[str, Any]) -> tuple[int, list[tuple[float, float]]]:
    return line["t_ns"], sorted((round(t["x"], 6), round(t["y"], 6)) for t in line["tracks"])


@pytest.mark.parametrize("run", [stone_soup.run, carma_style.run], ids=["Stone Soup", "CARMA style"])
def test_nothing_gives_nothing(run: Run) -> None:
    assert list(run([], SENSORS, process_noise=1.0)) == []
