"""Cost of a fusion cycle at 40 to 400 road users: `python tests/bench/bench_fusion_scale.py [--full]`.

Six sensors at 20 Hz each see every road user (detection .9, three false detections a scan); a cycle of 50 ms takes six
scans. Five sensors are 20 to 60 ms late and one is 380 ms late, so that every cycle replays the scans of nearly 0.4 s,
which is the most there can be. Road users circle in
cells of their own on one and the same area, so that density grows with their number. Times are wall time of one call of
`Tracker.advance` with the scans of the cycle, the sizes taking turns. The last line is one JSON object:
  p50_N_ms, p99_N_ms    of the cycles at N road users
  growth_exponent       slope of log p50 against log N from 80 to 400
  replayed_per_cycle    scans run a cycle at 240, of which six are new
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.core.kinds import CLASS_COUNT
from edge.fusion import SensorModel, Tracker
from edge.fusion import table as columns
from edge.fusion.recorded import RecordedScan
from edge.fusion.warm import warm

SIZES = (40, 80, 160, 240, 400)
SENSORS, CYCLE_NS = 6, 50_000_000
LATENCY_NS = tuple(ms * 1_000_000 for ms in (20, 30, 40, 50, 60, 380))
START_NS = 1_700_000_000_000_000_000
LATTICE, CELL_M, ORBIT_M, SPEED_MPS = 20, 14.0, 4.0, 4.0
DETECTION, CLUTTER, SIGMA_M = 0.9, 3.0, 0.4
SETTLE, CYCLES, FULL_CYCLES = 40, 200, 1000
WANTED = {"p99_240_ms": 15.0, "growth_exponent": 1.1}

FloatArray = NDArray[np.float64]


class Scene:
    """Road users that circle on a lattice, the scans of all sensors, and a tracker."""

    def __init__(self, count: int, *, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        spots = self._rng.permutation(LATTICE * LATTICE)[:count]
        self._home = (np.stack(np.divmod(spots, LATTICE), axis=1) - LATTICE / 2 + 0.5) * CELL_M
        self._phase = self._rng.uniform(0, 2 * math.pi, count)
        self.tracker = Tracker(
            tuple(SensorModel(f"s{k}", "camera", position_m=np.array([0.0, 0.0])) for k in range(SENSORS))
        )
        self._cycle = 0
        self.replayed = 0

    def _rows(self, t: float) -> FloatArray:
        angle = self._phase + SPEED_MPS / ORBIT_M * t
        places = self._home + ORBIT_M * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        seen = places[self._rng.random(len(places)) < DETECTION]
        half = LATTICE * CELL_M / 2
        false = self._rng.uniform(-half, half, (self._rng.poisson(CLUTTER), 2))
        rows = np.full((len(seen) + len(false), columns.M_COLUMNS), np.nan)
        rows[:, columns.M_X : columns.M_Y + 1] = np.vstack([seen, false])
        rows[: len(seen), columns.M_X : columns.M_Y + 1] += self._rng.normal(0, SIGMA_M, seen.shape)
        rows[:, columns.M_XX] = rows[:, columns.M_YY] = SIGMA_M**2
        rows[:, columns.M_XY] = 0.0
        rows[:, columns.M_CONFIDENCE] = 0.8
        rows[:, columns.M_CLASSES : columns.M_SHARES] = np.where(np.arange(CLASS_COUNT) == 0, 2.0, -1.0)
        return rows

    def _scans(self, now_ns: int) -> Iterator[RecordedScan]:
        for k in range(SENSORS):
            captured = now_ns - LATENCY_NS[k]
            rows = self._rows((captured - START_NS) * 1e-9)
            yield RecordedScan(f"s{k}", "camera", captured, now_ns, rows, ("",) * len(rows))

    def cycle_ms(self) -> float:
        """Run one cycle; what it took."""
        self._cycle += 1
        now_ns = START_NS + self._cycle * CYCLE_NS
        scans = list(self._scans(now_ns))
        before = self.tracker.counters["scans_run"]
        began = time.perf_counter()
        for scan in scans:
            self.tracker.ingest_recorded(scan)
        self.tracker.advance(now_ns)
        spent = (time.perf_counter() - began) * 1e3
        self.replayed += self.tracker.counters["scans_run"] - before
        return spent


def main() -> None:
    """Print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help=f"{FULL_CYCLES} cycles instead of {CYCLES}")
    cycles = FULL_CYCLES if parser.parse_args().full else CYCLES
    warm()
    scenes = {count: Scene(count, seed=count) for count in SIZES}
    spent: dict[int, list[float]] = {count: [] for count in SIZES}
    for turn in range(SETTLE + cycles):
        for count, scene in scenes.items():
            took = scene.cycle_ms()
            if turn >= SETTLE:
                spent[count].append(took)
    figures: dict[str, float] = {}
    for count, values in spent.items():
        p50, p99 = np.percentile(values, (50, 99))
        figures[f"p50_{count}_ms"], figures[f"p99_{count}_ms"] = round(float(p50), 2), round(float(p99), 2)
        found = scenes[count].tracker.track_count
        print(f"{count:4d} road users  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  tracks {found}")
    sizes = [count for count in SIZES if count >= 80]
    slope = np.polyfit(np.log(sizes), np.log([figures[f"p50_{count}_ms"] for count in sizes]), 1)[0]
    figures["growth_exponent"] = round(float(slope), 2)
    figures["replayed_per_cycle"] = round(scenes[240].replayed / (SETTLE + cycles), 1)
    for name, limit in WANTED.items():
        print(f"{name:<20}{figures[name]:8.2f} wanted <= {limit}")
    print(json.dumps({"bench": "fusion_scale", "figures": figures}))


if __name__ == "__main__":
    main()
