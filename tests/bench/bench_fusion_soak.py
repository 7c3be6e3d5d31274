"""A simulated day of fusion: `python tests/bench/bench_fusion_soak.py [--full]`; the short form runs half an hour.

Thirty road users come and go, three sensors see them at 10 Hz, a third of them speak and change their temporary ids.
Memory is what no file is behind, after the first tenth of the run and at its end. The last line is one JSON object:
  hours, scans, tracks_published    what was run
  ids, ids_used_twice               track ids given, and those that came back after they had gone for a minute
  tracks_max                        rows of the table at most
  growth_mb                         memory at the end less that after a tenth of the run
  per_road_user                     track ids per road user
  cpu_minutes                       CPU time
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.core.kinds import CLASS_COUNT
from edge.fusion import SensorModel, Tracker
from edge.fusion import table as columns
from edge.fusion.recorded import RecordedScan
from edge.fusion.warm import warm
from tests.bench.proc import anonymous_mb

FloatArray = NDArray[np.float64]
START_NS, STEP_NS = 1_700_000_000_000_000_000, 100_000_000
USERS, SIGMA_M, DETECTION = 30, 0.4, 0.92
RADIUS_M, SPEED_MPS = 60.0, 9.0
LATENCY_NS = (40_000_000, 90_000_000, 140_000_000)
FORGOTTEN = 600
"""Cycles after which an id that comes back counts as used twice."""


class Day:
    """Road users that cross the site on chords, and leave for good."""

    def __init__(self, *, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.origin, self.velocity = np.zeros((USERS, 2)), np.zeros((USERS, 2))
        self.begun, self.ends = np.zeros(USERS), np.zeros(USERS)
        self.number = np.zeros(USERS, dtype=np.int64)
        self.count = 0
        for user in range(USERS):
            self._enter(user, float(self.rng.uniform(-12, 0)))

    def _enter(self, user: int, t: float) -> None:
        side, lane = self.rng.integers(0, 4) * math.pi / 2, (user - USERS / 2) * 3.6
        ahead = np.array([math.cos(side), math.sin(side)])
        self.velocity[user] = ahead * SPEED_MPS * self.rng.uniform(0.8, 1.2)
        self.origin[user] = -RADIUS_M * ahead + lane * np.array([-ahead[1], ahead[0]])
        self.begun[user], self.ends[user] = t, t + 2 * RADIUS_M / float(np.hypot(*self.velocity[user]))
        self.count += 1
        self.number[user] = self.count

    def places(self, t: float) -> FloatArray:
        """(USERS, 2) where they are; whoever has left comes in anew as another one."""
        for user in np.flatnonzero(self.ends < t):
            self._enter(int(user), t)
        return self.origin + (t - self.begun)[:, None] * self.velocity

    def scan(self, sensor: int, now_ns: int) -> RecordedScan:
        """What a sensor saw `LATENCY_NS` ago."""
        captured = now_ns - LATENCY_NS[sensor]
        t = (captured - START_NS) * 1e-9
        places = self.places(t)
        seen = np.flatnonzero((self.rng.random(USERS) < DETECTION) & (self.begun <= t))
        false = self.rng.uniform(-RADIUS_M, RADIUS_M, (self.rng.poisson(0.3), 2))
        rows = np.full((len(seen) + len(false), columns.M_COLUMNS), np.nan)
        rows[:, columns.M_X : columns.M_Y + 1] = np.vstack([places[seen], false])
        rows[:, columns.M_X : columns.M_Y + 1] += self.rng.normal(0, SIGMA_M, (len(rows), 2))
        rows[:, columns.M_XX] = rows[:, columns.M_YY] = SIGMA_M**2
        rows[:, columns.M_XY] = 0.0
        rows[:, columns.M_CONFIDENCE] = 0.8
        rows[:, columns.M_CLASSES : columns.M_SHARES] = np.where(np.arange(CLASS_COUNT) == 0, 2.0, -1.0)
        if sensor < 2:
            return RecordedScan(f"s{sensor}", "camera", captured, now_ns, rows, ("",) * len(rows))
        speaking = seen[seen % 3 == 0]
        rows = rows[: len(seen)][seen % 3 == 0]
        rows[:, columns.M_VX : columns.M_VY + 1] = self.velocity[speaking]
        rows[:, [columns.M_VXX, columns.M_VYY]], rows[:, columns.M_VXY] = 0.09, 0.0
        epoch = int(t // 300)
        names = tuple(f"{self.number[user]:x}-{epoch}" for user in speaking)
        return RecordedScan("radio", "v2x", captured, now_ns, rows, names)


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="24 hours instead of half of one")
    hours = 24.0 if parser.parse_args().full else 0.5
    warm()
    day = Day(seed=1)
    tracker = Tracker((SensorModel("s0", "camera"), SensorModel("s1", "camera"), SensorModel("radio", "v2x")))
    cycles = round(hours * 3600 * 1e9 / STEP_NS)
    last: dict[int, int] = {}
    published = highest = twice = ids = 0
    early_mb, began = 0.0, time.process_time()
    for cycle in range(1, cycles + 1):
        now_ns = START_NS + cycle * STEP_NS
        for sensor in range(3):
            tracker.ingest_recorded(day.scan(sensor, now_ns))
        tracks = tracker.advance(now_ns)
        published, highest = published + len(tracks), max(highest, tracker.track_count)
        for track_id in tracks.track_id.tolist():
            twice += cycle - last.get(track_id, cycle) > FORGOTTEN
            ids += track_id not in last
            last[track_id] = cycle
        if cycle % 3000 == 0:
            last = {key: seen for key, seen in last.items() if cycle - seen < 36_000}
        if cycle == cycles // 10:
            early_mb = anonymous_mb(os.getpid())
    figures = {
        "hours": hours,
        "scans": tracker.counters["scans"],
        "tracks_published": published,
        "ids": ids,
        "ids_used_twice": int(twice),
        "tracks_max": highest,
        "growth_mb": round(anonymous_mb(os.getpid()) - early_mb, 1),
        "per_road_user": round(ids / day.count, 3),
        "cpu_minutes": round((time.process_time() - began) / 60, 1),
    }
    print(json.dumps({"bench": "fusion_soak", "figures": figures}))


if __name__ == "__main__":
    main()
