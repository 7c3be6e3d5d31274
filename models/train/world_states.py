"""Records moments of a scene's own traffic, as SUMO drives it, for rendering.

    python -m models.train.world_states OUT.poses --seed 101 --count 300 --every 4

Needs libsumo (extra `sim`). OUT.poses holds pose frames one after another, as on the world's pose socket.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import libsumo
import numpy as np

from edge.core.kinds import TYPICAL_SIZE_M, ObjectClass
from hw.sim.poses import WorldState, empty_rows, encode

_KINDS = {
    "passenger": ObjectClass.CAR,
    "delivery": ObjectClass.CAR,
    "truck": ObjectClass.TRUCK,
    "bus": ObjectClass.BUS,
    "motorcycle": ObjectClass.MOTORCYCLE,
    "bicycle": ObjectClass.BICYCLE,
    "pedestrian": ObjectClass.PEDESTRIAN,
}
_WARM_UP_S = 120
_PAINT = (
    (235, 235, 235),
    (25, 25, 28),
    (150, 152, 155),
    (120, 20, 24),
    (25, 50, 120),
    (70, 75, 80),
    (190, 180, 160),
)


def run(scene: Path, *, seed: int, count: int, every_s: float) -> Iterator[WorldState]:
    """Drive the scene and yield a state every so often."""
    name = scene.name
    files = ["-n", f"{scene / name}.net.xml", "-r", f"{scene / name}.rou.xml"]
    quiet = ["--no-step-log", "--no-warnings"]
    libsumo.start(
        ["sumo", *files, *quiet, "--seed", str(seed), "--step-length", "0.5", "--time-to-teleport", "-1"]
    )
    try:
        libsumo.simulationStep(_WARM_UP_S)
        for number in range(1, count + 1):
            libsumo.simulationStep(_WARM_UP_S + number * every_s)
            yield _state(seed)
    finally:
        libsumo.close()


def _state(seed: int) -> WorldState:
    vehicles, people = list(libsumo.vehicle.getIDList()), list(libsumo.person.getIDList())
    rows = empty_rows(len(vehicles) + len(people))
    for row, name in zip(rows, vehicles + people, strict=True):
        domain = libsumo.vehicle if name in set(vehicles) else libsumo.person
        _fill(row, domain, name, seed)
    return WorldState(int(libsumo.simulation.getTime() * 1e9), tuple(vehicles + people), rows)


def _fill(row: np.void, domain: object, name: str, seed: int) -> None:
    """SUMO reports the middle of the front and degrees clockwise from north."""
    kind = _KINDS.get(domain.getVehicleClass(name), ObjectClass.CAR)
    yaw = math.radians(90.0 - domain.getAngle(name))
    x, y = domain.getPosition(name)
    length = domain.getLength(name)
    row["x"], row["y"] = x - math.cos(yaw) * length / 2, y - math.sin(yaw) * length / 2
    row["yaw"], row["speed"], row["kind"] = yaw, domain.getSpeed(name), int(kind)
    row["length"], row["width"] = length, domain.getWidth(name)
    row["height"] = domain.getHeight(name) or TYPICAL_SIZE_M[kind][2]
    generator = np.random.default_rng((seed, zlib.crc32(name.encode())))
    vivid = kind >= ObjectClass.MOTORCYCLE or generator.random() < 0.3
    row["colour"] = generator.integers(20, 240, 3) if vivid else _PAINT[int(generator.integers(len(_PAINT)))]


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scene", type=Path, default=Path("hw/sim/scenes/four_arm"))
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between states")
    options = parser.parse_args()
    states = run(options.scene, seed=options.seed, count=options.count, every_s=options.every)
    options.out.write_bytes(b"".join(encode(state) for state in states))


if __name__ == "__main__":
    main()
