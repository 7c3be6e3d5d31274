"""The fusion against Stone Soup's GNN and a CARMA-style tracker: `python tests/bench/bench_fusion.py [--full]`.

All take the same scans in one process, cycle by cycle in turns; times are CPU time of the process for 100 ms of scans.
Nothing was tuned on these scenes and seeds, and their noise differs from what sensors state. The default is 2 scenes
x 2 seeds x 20 s; `--full` is 5 seeds and 60 s. Means over runs with 95 % intervals (Student's t over the runs); ratios
are ours over theirs, of each run. The last line is one JSON object:
  rmse_ratio, gospa_ratio, hota_gain   against Stone Soup; the gain in points of 100
  idsw_ratio         (ours + 1) / (theirs + 1), of the sums over all runs
  nees               ours, mean over two dimensions; 2 is exact
  speed_ratio        Stone Soup's time over our tracker's, which gets arrays as in the node
  speed_ratio_lines  likewise over that of `edge fuse`, which reads and writes lines
  carma_gospa_ratio  against the CARMA-style tracker
  replay_gain_pct    by how much replay of late scans lowers our RMSE
  cycle_ms, stone_soup_cycle_ms   mean CPU time of a cycle, of our tracker alone and of Stone Soup
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from scipy.stats import t as student_t

from edge.app.fuse import sensor_model
from edge.config.sensors import SensorConfig
from edge.evaluation import score
from edge.fusion.offline import fuse
from edge.fusion.recorded import read_scan
from edge.fusion.sensors import SensorModel
from edge.fusion.tracker import Tracker
from edge.fusion.warm import warm
from hw.sim.sensing import record
from tests.bench.reference import carma_style, stone_soup
from tests.bench.reference.cycles import cycles

Line = dict[str, Any]
SCENES = ("roundabout", "five_arm")
SETUP = "report"
PROCESS_NOISE = 0.5
"""Spectral density of acceleration per axis, m2/s3, of both references: the best for them on the scenes for tuning."""
REPLAY_NS = 400_000_000
WORKERS = 2
RADIUS_M = 80.0
"""Tracks farther from the middle do not count; road users beyond 60 m are ignored anyway."""
SKIP_S = 2.0
"""Not scored at the beginning: all road users at once have no track yet, which no tracker in service meets."""
OURS, LATE, GNN, CARMA = "ours", "ours, no replay", "Stone Soup GNN", "CARMA style"
ALONE = "our tracker"
COLUMNS = ("hota", "idf1", "mota", "id_switches", "gospa", "rmse_m", "nees", "confirm_p95_s")
WANTED: dict[str, tuple[float, float]] = {
    "rmse_ratio": (0.0, 0.90),
    "gospa_ratio": (0.0, 0.80),
    "hota_gain": (2.0, math.inf),
    "idsw_ratio": (0.0, 1.0),
    "nees": (1.6, 2.6),
    "speed_ratio": (200.0, math.inf),
    "carma_gospa_ratio": (0.0, 0.85),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One scene and seed.

    Attributes:
        scene, seed: which.
        figures: by tracker and figure; `cycle_ms` among them.
    """

    scene: str
    seed: int
    figures: dict[str, dict[str, float]]


def run_scene(job: tuple[str, int, float]) -> Run:
    """All trackers on one recording, a cycle each in turns."""
    scene, seed, seconds = job
    recording = record(scene, seed=seed, seconds=seconds, setup=SETUP)
    models = [sensor_model(SensorConfig(**sensor)) for sensor in recording.sensors]
    warm()
    trackers: dict[str, Callable[[], Iterator[Line]]] = {
        OURS: lambda: fuse(recording.scans, models, replay_ns=REPLAY_NS),
        LATE: lambda: fuse(recording.scans, models, replay_ns=0),
        ALONE: lambda: _tracker_alone(recording.scans, models),
        GNN: lambda: stone_soup.run(recording.scans, recording.sensors, process_noise=PROCESS_NOISE),
        CARMA: lambda: carma_style.run(recording.scans, recording.sensors, process_noise=PROCESS_NOISE),
    }
    lines, spent = _in_turns({name: start() for name, start in trackers.items()})
    figures = {name: {"cycle_ms": float(np.mean(times[1:])) * 1e3} for name, times in spent.items()}
    for name in (OURS, LATE, GNN, CARMA):
        found = score(recording.truth, lines[name], radius_m=RADIUS_M, skip_s=SKIP_S)
        figures[name] |= {column: float(getattr(found, column)) for column in COLUMNS}
    return Run(scene, seed, figures)


def _tracker_alone(scans: Sequence[Line], models: Sequence[SensorModel]) -> Iterator[Line]:
    """Our tracker on scans that were read before the first cycle."""
    tracker = Tracker(tuple(models), replay_ns=REPLAY_NS)
    read = {id(line): read_scan(line) for line in scans}

    def cycle(lines: Sequence[Line], now_ns: int) -> Line:
        for line in lines:
            tracker.ingest_recorded(read[id(line)])
        tracker.advance(now_ns)
        return {}

    return cycles(scans, cycle)


def _in_turns(trackers: dict[str, Iterator[Line]]) -> tuple[dict[str, list[Line]], dict[str, list[float]]]:
    """Lines of each tracker and the CPU time of each line."""
    lines: dict[str, list[Line]] = {name: [] for name in trackers}
    spent: dict[str, list[float]] = {name: [] for name in trackers}
    running = dict(trackers)
    while running:
        for name, tracker in list(running.items()):
            began = time.process_time()
            line = next(tracker, None)
            if line is None:
                del running[name]
                continue
            spent[name].append(time.process_time() - began)
            lines[name].append(line)
    return lines, spent


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half width of its 95 % interval; NaN for a single value."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return mean, math.nan
    half = student_t.ppf(0.975, count - 1) * float(np.std(values, ddof=1)) / math.sqrt(count)
    return mean, float(half)


def compared(runs: Sequence[Run]) -> dict[str, tuple[float, float]]:
    """Figures with their intervals."""

    def over_runs(figure: Callable[[dict[str, dict[str, float]]], float]) -> tuple[float, float]:
        return interval([figure(run.figures) for run in runs])

    ours, theirs = (sum(run.figures[name]["id_switches"] for run in runs) for name in (OURS, GNN))
    return {
        "rmse_ratio": over_runs(lambda f: f[OURS]["rmse_m"] / f[GNN]["rmse_m"]),
        "gospa_ratio": over_runs(lambda f: f[OURS]["gospa"] / f[GNN]["gospa"]),
        "hota_gain": over_runs(lambda f: f[OURS]["hota"] - f[GNN]["hota"]),
        "idsw_ratio": ((ours + 1) / (theirs + 1), math.nan),
        "nees": over_runs(lambda f: f[OURS]["nees"]),
        "speed_ratio": over_runs(lambda f: f[GNN]["cycle_ms"] / f[ALONE]["cycle_ms"]),
        "speed_ratio_lines": over_runs(lambda f: f[GNN]["cycle_ms"] / f[OURS]["cycle_ms"]),
        "carma_gospa_ratio": over_runs(lambda f: f[OURS]["gospa"] / f[CARMA]["gospa"]),
        "replay_gain_pct": over_runs(lambda f: 100.0 * (1.0 - f[OURS]["rmse_m"] / f[LATE]["rmse_m"])),
        "idsw": (ours, math.nan),
        "stone_soup_idsw": (theirs, math.nan),
        "cycle_ms": over_runs(lambda f: f[ALONE]["cycle_ms"]),
        "stone_soup_cycle_ms": over_runs(lambda f: f[GNN]["cycle_ms"]),
    }


def print_table(title: str, runs: Sequence[Run]) -> None:
    """Means and half widths of 95 % intervals of each tracker."""
    columns = (*COLUMNS, "cycle_ms")
    print(f"\n{title}: {len(runs)} runs, mean and half of the 95 % interval")
    print(" " * 16 + "".join(f"{column:>19}" for column in columns))
    for name in (OURS, LATE, GNN, CARMA):
        cells = [interval([run.figures[name][column] for run in runs]) for column in columns]
        print(f"{name:<16}" + "".join(f"{f'{mean:.3f} ±{half:.3f}':>19}" for mean, half in cells))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="5 seeds and 60 s instead of 2 and 20 s")
    parser.add_argument("--seeds", type=int, help="how many seeds")
    parser.add_argument("--seconds", type=float, help="length of a run")
    parser.add_argument("--scene", action="append", help=f"instead of {', '.join(SCENES)}")
    options = parser.parse_args()
    seeds = options.seeds or (5 if options.full else 2)
    seconds = options.seconds or (60.0 if options.full else 20.0)
    scenes = tuple(options.scene or SCENES)
    jobs = [(scene, seed, seconds) for seed in range(1, seeds + 1) for scene in scenes]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(max_workers=WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        runs = list(pool.map(run_scene, jobs))
    for scene in scenes:
        print_table(scene, [run for run in runs if run.scene == scene])
    print_table("all", runs)
    print()
    figures = compared(runs)
    for name, (mean, half) in figures.items():
        low, high = WANTED.get(name, (-math.inf, math.inf))
        wanted = f"  wanted {low:g} .. {high:g}" if name in WANTED else ""
        missed = "" if low <= mean <= high else "   MISSED"
        spread = "" if math.isnan(half) else f"±{half:.3f}"
        print(f"{name:<20}{mean:9.3f} {spread:<9}{wanted}{missed}")
    print(
        json.dumps(
            {"bench": "fusion", "figures": {name: round(mean, 3) for name, (mean, _) in figures.items()}}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
