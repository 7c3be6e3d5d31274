"""Likely ends of greens on a real log, in time order: `python tests/bench/bench_prediction.py [EVENTS.parquet]`.

Three controllers on a coordinated afternoon. At every second of every green from the 21st of each phase on: the error
of the likely end, against the mean of the last ten greens less the elapsed time. The last line is one JSON object:
  mae_ratio             mean absolute error over that of the baseline
  ratio_low, ratio_high 95 % interval of the ratio, bootstrap over cycles
  coverage_90           share of ends inside the learned 5-95 % interval
  early_end_violations  published least ends that came too late
  confidence_gap        mean difference between confidence and how often the end was within a second
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.app.event_log import read_events
from edge.app.signal_predict import print_report
from tests.bench.proc import machine

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("EDGE_DATA", ROOT.parent / "shared" / "data"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", type=Path, nargs="?", default=DATA / "atspm" / "hires_test_data.parquet")
    given = parser.parse_args()
    if not given.events.is_file():
        print(f"no log at {given.events}: give one, or set EDGE_DATA")
        return 0
    print(machine())
    figures = print_report(read_events(given.events))
    good = (
        figures["mae_ratio"] <= 0.75
        and 0.85 <= figures["coverage_90"] <= 0.95
        and figures["early_end_violations"] == 0
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
