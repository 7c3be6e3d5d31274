"""States of the simulated world to scans, truth and sensors, as `edge fuse` and `edge evaluate` read them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_S
from hw.sim.lockstep import open_world
from hw.sim.poses import WorldState
from hw.sim.sensing import spoken
from hw.sim.sensing.chance import generator
from hw.sim.sensing.faults import Faults
from hw.sim.sensing.layout import Mount, mounts
from hw.sim.sensing.lists import scans_of
from hw.sim.sensing.motion import Motion, Users
from hw.sim.sensing.setups import SETUPS
from hw.sim.sensing.sight import in_view

START_NS = 1_700_000_000 * NS_PER_S
RATE_HZ = 20.0
TRUTH_NS = 100_000_000
SCORED_M = 60.0
"""Road users farther from the middle are not scored."""
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded.

    Attributes:
        scans: lines in order of arrival.
        truth: a line every 100 ms.
        sensors: tables of the file of sensors.
    """

    scans: list[Line]
    truth: list[Line]
    sensors: list[Line]


def record(
    scene: str, *, seed: int, seconds: float, setup: str = "report", faults: Faults | None = None
) -> Recording:
    """Run a scene and its sensors. One SUMO simulation runs in a process at a time.

    Raises:
        DeviceError: the scene does not load.
    """
    world = open_world(scene, seed=seed, rate_hz=RATE_HZ, start_ns=START_NS - round(NS_PER_S / RATE_HZ))
    try:
        states = [world.step() for _ in range(round(seconds * RATE_HZ) + 1)]
    finally:
        world.close()
    return simulate(states, scene=scene, seed=seed, setup=setup, faults=faults)


def simulate(
    states: Sequence[WorldState],
    *,
    scene: str = "four_arm",
    seed: int,
    setup: str = "report",
    faults: Faults | None = None,
) -> Recording:
    """What the sensors of a scene report of given states.

    Args:
        states: at least two, in order of time.
        scene: whose sensors.
        seed: of all chance; each sensor has its own, whatever the others do.
        setup: `clean`, `tune` or `report`.
        faults: what is wrong with the sensors.

    Raises:
        ValueError: the states are not in order of time, or a fault is that of a sensor which the scene lacks.
    """
    motion, faults, chosen = Motion(states), faults or Faults(), mounts(scene)
    strangers = faults.strangers({mount.name for mount in chosen}, spoken.NAME)
    if strangers:
        raise ValueError(f"{scene} has no sensor {sorted(strangers)[0]!r}")
    scans: list[tuple[float, int, Line]] = []
    for mount in chosen:
        clock = _Clock(motion.first_ns, faults, seed=seed, sensor=mount.name, sigma_s=SETUPS[setup].clock_s)
        for t, arrival_s, objects in scans_of(mount, motion, SETUPS[setup], seed=seed, faults=faults):
            scans.append((arrival_s, len(scans), clock.line(t, arrival_s, mount.name, mount.kind, objects)))
    clock = _Clock(motion.first_ns, faults, seed=seed, sensor=spoken.NAME)
    for t, arrival_s, entry in spoken.reports_of(motion, SETUPS[setup], seed=seed, faults=faults):
        scans.append((arrival_s, len(scans), clock.line(t, arrival_s, spoken.NAME, "v2x", [entry])))
    scans.sort(key=lambda scan: scan[:2])
    tables = [*(mount.table() for mount in chosen), dict(spoken.TABLE)]
    return Recording([line for _, _, line in scans], _truth(motion, chosen, faults), tables)


class _Clock:
    """Stamps of one sensor."""

    def __init__(
        self, start_ns: int, faults: Faults, *, seed: int, sensor: str, sigma_s: float = 0.0
    ) -> None:
        self._start_ns, self._faults = start_ns, faults
        self._source = generator(seed, sensor, "jitter")
        self._behind_s = sigma_s * float(generator(seed, sensor, "clock").normal())
        if faults.late is not None and faults.late[0] == sensor:
            self._behind_s += faults.late[1]

    def line(self, t: float, arrival_s: float, sensor: str, kind: str, objects: list[Line]) -> Line:
        """A line of the file of scans."""
        jitter_s = self._faults.jitter_s * float(self._source.normal()) if self._faults.jitter_s else 0.0
        return {
            "t_meas_ns": stepped(self._start_ns, t, self._faults) + round((jitter_s - self._behind_s) * 1e9),
            "t_arrival_ns": stepped(self._start_ns, arrival_s, self._faults),
            "sensor": sensor,
            "kind": kind,
            "objects": objects,
        }


def stepped(start_ns: int, t: float, faults: Faults) -> int:
    """What the node's clock shows at `t` seconds from the start."""
    step = faults.clock_step
    seconds = t + step[1] if step is not None and t >= step[0] else t
    return start_ns + round(seconds * 1e9)


def _truth(motion: Motion, chosen: Sequence[Mount], faults: Faults) -> list[Line]:
    """A line at every multiple of 100 ms that the node's clock shows for the first time."""
    lines: list[Line] = []
    for shown_ns, stamp_ns in _instants(motion, faults):
        users = motion.at(stamp_ns)
        seen = np.zeros(len(users), dtype=bool)
        for mount in chosen:
            seen |= in_view(users, mount)
        objects = [_object(users, k, seen=bool(seen[k])) for k in range(len(users))]
        lines.append({"t_ns": shown_ns, "objects": objects})
    return lines


def _instants(motion: Motion, faults: Faults) -> Iterator[tuple[int, int]]:
    """What the node's clock shows and the true UTC ns. A clock set back shows times again: they are left out."""
    step_ns, turn_ns = 0, motion.last_ns + 1
    if faults.clock_step is not None:
        turn_ns, step_ns = (round(seconds * NS_PER_S) for seconds in faults.clock_step)
        turn_ns = min(motion.first_ns + turn_ns, motion.last_ns + 1)
    first_ns = -(-motion.first_ns // TRUTH_NS) * TRUTH_NS
    yield from ((shown_ns, shown_ns) for shown_ns in range(first_ns, turn_ns, TRUTH_NS))
    again_ns = -(-max(turn_ns, turn_ns + step_ns) // TRUTH_NS) * TRUTH_NS
    yield from (
        (shown_ns, shown_ns - step_ns) for shown_ns in range(again_ns, motion.last_ns + step_ns + 1, TRUTH_NS)
    )


def _object(users: Users, k: int, *, seen: bool) -> Line:
    (x, y), (vx, vy) = users.centre[k].tolist(), users.velocity[k].tolist()
    return {
        "id": users.ids[k],
        "x": round(x, 3),
        "y": round(y, 3),
        "vx": round(vx, 3),
        "vy": round(vy, 3),
        "class": ObjectClass(int(users.kind[k])).name.lower(),
        "length": round(float(users.size[k, 0]), 2),
        "width": round(float(users.size[k, 1]), 2),
        "yaw": round(float(users.yaw[k]), 3),
        "ignore": not seen or math.hypot(x, y) > SCORED_M,
    }
