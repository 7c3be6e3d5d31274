"""`python -m hw.sim.sensing --scene roundabout --seed 3 --seconds 60 --out recorded`: a recording to fuse and score."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from edge.core.errors import DeviceError
from hw.sim.sensing.faults import Faults
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
    _add_faults(parser)
    options = parser.parse_args()
    try:
        found = record(
            options.scene,
            seed=options.seed,
            seconds=options.seconds,
            setup=options.setup,
            faults=_faults(options),
        )
    except (DeviceError, ValueError) as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    _write(options.out / "scans.jsonl", found.scans)
    _write(options.out / "truth.jsonl", found.truth)
    (options.out / "sensors.toml").write_text("\n".join(map(_table, found.sensors)), encoding="utf-8")


def _add_faults(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is wrong with the sensors; times are seconds from the start")
    group.add_argument(
        "--jitter", type=float, default=0.0, metavar="S", help="of all capture times, one sigma"
    )
    group.add_argument("--late", type=_named, metavar="SENSOR=S", help="its clock is slow")
    group.add_argument("--dead", type=_named, metavar="SENSOR=S", help="it falls silent then")
    group.add_argument("--biased", metavar="SENSOR", help="its positions are 1 m off")
    group.add_argument("--loss", type=float, default=Faults().loss, metavar="SHARE", help="of V2X messages")
    group.add_argument("--rotate", type=float, default=0.0, metavar="S", help="between new temporary ids")
    group.add_argument("--gnss-outage", type=_pair, metavar="BEGIN:END", help="V2X stations are silent")
    group.add_argument("--clock-step", type=_pair, metavar="AT:BY", help="the node's clock steps")


def _faults(options: argparse.Namespace) -> Faults:
    return Faults(
        jitter_s=options.jitter,
        late=options.late,
        dead=options.dead,
        biased=options.biased,
        loss=options.loss,
        rotate_s=options.rotate,
        gnss_outage_s=options.gnss_outage,
        clock_step=options.clock_step,
    )


def _named(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("=")
    return name, float(seconds)


def _pair(text: str) -> tuple[float, float]:
    first, _, second = text.partition(":")
    return float(first), float(second)


def _write(path: Path, lines: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def _table(sensor: dict[str, Any]) -> str:
    return "[[sensor]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in sensor.items())


if __name__ == "__main__":
    main()
