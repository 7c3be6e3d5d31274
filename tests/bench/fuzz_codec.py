"""Feeds broken frames to everything that reads octets from outside: `tests/bench/fuzz_codec.py --frames 1000000`.

Every frame is a recorded or a random sound one with bits flipped, its end cut, octets added, or a piece of another
spliced in. It fails when anything but `CodecError` is raised, when a call takes more than 50 ms of thread time, or when
memory grows by more than 16 MB after the first tenth.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from edge.core.errors import CodecError
from tests.unit.v2x.mutations import mutated, recorded_frames, targets

LIMIT_MS = 50.0
GROWTH_MB = 16.0


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    data = Path(os.environ.get("EDGE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    recorded = recorded_frames(data)
    found = targets(recorded, per_message=20)
    streams = [
        mutated(target.frames, random.Random(options.seed * 1000 + i)) for i, target in enumerate(found)
    ]
    counts = {"read": 0, "refused": 0}
    worst_ms, worst_of, start, early_mb = 0.0, "", time.monotonic(), 0.0
    for number in range(options.frames):
        target, octets = found[number % len(found)], next(streams[number % len(found)])
        began = time.thread_time_ns()
        try:
            target.read(octets)
            counts["read"] += 1
        except CodecError:
            counts["refused"] += 1
        except Exception as error:
            print(f"{target.name}, seed {options.seed}, frame {number}: {error!r}\n{octets.hex()}")
            return 1
        spent_ms = (time.thread_time_ns() - began) / 1e6
        if spent_ms > worst_ms:
            worst_ms, worst_of = spent_ms, f"{target.name}: {octets.hex()}"
        if number == options.frames // 10:
            early_mb = resident_mb()
    growth_mb = resident_mb() - early_mb
    figures = {
        "frames": options.frames,
        "seed": options.seed,
        "recorded": len(recorded),
        "readers": len(found),
        **counts,
        "worst_ms": round(worst_ms, 2),
        "growth_mb": round(growth_mb, 1),
        "seconds": round(time.monotonic() - start, 1),
    }
    print(f"slowest call: {worst_of[:200]}")
    print(json.dumps({"bench": "fuzz_codec", "figures": figures}))
    return 1 if worst_ms > LIMIT_MS or growth_mb > GROWTH_MB else 0


if __name__ == "__main__":
    sys.exit(main())
