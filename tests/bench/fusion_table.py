"""The regression table of the fusion: `python tests/bench/fusion_table.py [--write]`, or `make figures`.

Prints how our tracker does on every scene, two seeds of 30 s each with the errors of the report, and with `--write`
keeps the table in edge/fusion/FIGURES.md. A change of the fusion goes with a fresh table, so that the history shows
what it did.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from edge.app.fuse import sensor_model
from edge.config.sensors import SensorConfig
from edge.evaluation import Figures, score
from edge.fusion.offline import fuse
from hw.sim.sensing import record

ROOT = Path(__file__).parents[2]
SCENES = ("four_arm", "t_junction", "roundabout", "five_arm")
SEEDS = (101, 102)
SECONDS = 30.0
COLUMNS = {
    "HOTA": ("hota", 1),
    "DetA": ("deta", 1),
    "AssA": ("assa", 1),
    "IDF1": ("idf1", 1),
    "MOTA": ("mota", 1),
    "ID switches": ("id_switches", 1),
    "GOSPA m": ("gospa", 2),
    "RMSE m": ("rmse_m", 3),
    "velocity RMSE m/s": ("velocity_rmse_mps", 2),
    "NEES": ("nees", 2),
    "confirmed after s, 95 %": ("confirm_p95_s", 2),
}
TARGET = ROOT / "edge" / "fusion" / "FIGURES.md"
HEAD = f"""# Figures of the fusion

Simulated sensors whose noise, offsets and clocks differ from what they state (`hw.sim.sensing`, setup `report`); seeds
{" and ".join(map(str, SEEDS))}, {SECONDS:.0f} s each, from the first second on. What each figure means:
[`edge/evaluation/README.md`](../evaluation/README.md). Refreshed by `make figures`.

"""


def figures_of(job: tuple[str, int]) -> Figures:
    """Our tracker on one scene and seed."""
    scene, seed = job
    recording = record(scene, seed=seed, seconds=SECONDS)
    models = [sensor_model(SensorConfig(**sensor)) for sensor in recording.sensors]
    return score(recording.truth, fuse(recording.scans, models), skip_s=1.0, radius_m=62.0)


def row(name: str, found: Sequence[Figures]) -> str:
    """A line of the table: means over the seeds."""
    cells = [name]
    for attribute, digits in COLUMNS.values():
        mean = float(np.mean([getattr(figures, attribute) for figures in found]))
        cells.append("-" if math.isnan(mean) else f"{mean:.{digits}f}")
    return "| " + " | ".join(cells) + " |\n"


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"keep it in {TARGET.relative_to(ROOT)}")
    write = parser.parse_args().write
    jobs = [(scene, seed) for scene in SCENES for seed in SEEDS]
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = dict(zip(jobs, pool.map(figures_of, jobs), strict=True))
    table = "| scene | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|\n"
    for scene in SCENES:
        table += row(scene, [found[scene, seed] for seed in SEEDS])
    table += row("all", list(found.values()))
    print(table)
    if write:
        TARGET.write_text(HEAD + table, encoding="utf-8")


if __name__ == "__main__":
    main()
