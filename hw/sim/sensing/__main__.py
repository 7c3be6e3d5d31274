"""`python -m hw.sim.sensing --scene roundabout --seed 3 --seconds 60 --out recorded`: a recording to fuse and score."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from hw.sim.sensing.recording import record
from hw.sim.sensing.setups import SETUPS


def main() -> None:
    """Write scans.jsonl, truth.jsonl and sensors.toml."""
    parser = argparse.ArgumentParser(prog="hw.sim.sensing", description=__doc__)
    parser.add_argument("--scene", default="four_arm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--setup", choices=tuple(SETUPS), default="report")
    parser.add_argument("--out", type=Path, required=True, help="directory")
    options = parser.parse_args()
    found = record(options.scene, seed=options.seed, seconds=options.seconds, setup=options.setup)
    options.out.mkdir(parents=True, exist_ok=True)
    _write(options.out / "scans.jsonl", found.scans)
    _write(options.out / "truth.jsonl", found.truth)
    (options.out / "sensors.toml").write_text("\n".join(map(_table, found.sensors)), encoding="utf-8")


def _write(path: Path, lines: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def _table(sensor: dict[str, Any]) -> str:
    return "[[sensor]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in sensor.items())


if __name__ == "__main__":
    main()
