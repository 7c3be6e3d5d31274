"""What road users with a radio say of themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from edge.core.kinds import ObjectClass
from hw.sim.sensing.chance import generator, log_uniform
from hw.sim.sensing.faults import Faults
from hw.sim.sensing.motion import Motion, Users
from hw.sim.sensing.setups import Setup

NAME, PERIOD_S = "v2x", 0.1
GNSS_M, GNSS_TAU_S, WHITE_M, SPEED_MPS = 0.7, 30.0, 0.35, 0.25
LATENCY_S, LATENCY_MEAN_S = 0.04, 0.05
TABLE = {"name": NAME, "kind": "v2x", "bias_m": GNSS_M}


def reports_of(
    motion: Motion, setup: Setup, *, seed: int, faults: Faults
) -> Iterator[tuple[float, float, dict[str, Any]]]:
    """Capture and arrival in seconds from the start, and the object, of every report of every station."""
    noise = log_uniform(generator(seed, NAME, "truth"), most=setup.noise_factor)
    for name, (begin_ns, end_ns) in sorted(motion.presence().items()):
        source = generator(seed, NAME, name)
        begin_s, end_s = ((ns - motion.first_ns) * 1e-9 for ns in (begin_ns, end_ns))
        gnss = setup.bias * GNSS_M * source.normal(0.0, 1.0, 2)
        keep = math.exp(-PERIOD_S / GNSS_TAU_S)
        for t in np.arange(begin_s + source.uniform(0.0, PERIOD_S), end_s, PERIOD_S).tolist():
            drift = setup.bias * GNSS_M * math.sqrt(1.0 - keep * keep)
            gnss = keep * gnss + drift * source.normal(0.0, 1.0, 2)
            normal, lost = source.normal(0.0, 1.0, 4), source.random() < faults.loss
            arrival_s = t + LATENCY_S + float(source.exponential(LATENCY_MEAN_S))
            users = motion.at(motion.first_ns + round(t * 1e9))
            if lost or _silent(t, faults) or name not in users.ids:
                continue
            place = gnss + noise * WHITE_M * normal[:2]
            yield t, arrival_s, _report(users, name, place, normal[2:], _temporary_id(seed, name, t, faults))


def _silent(t: float, faults: Faults) -> bool:
    return faults.gnss_outage_s is not None and faults.gnss_outage_s[0] <= t < faults.gnss_outage_s[1]


def _temporary_id(seed: int, name: str, t: float, faults: Faults) -> str:
    epoch = int(t / faults.rotate_s) if faults.rotate_s > 0.0 else 0
    return f"{int(generator(seed, NAME, name, str(epoch)).integers(1 << 32)):08x}"


def _report(users: Users, name: str, error: Any, speed: Any, temporary_id: str) -> dict[str, Any]:
    k = users.ids.index(name)
    x, y = users.centre[k] + error
    vx, vy = users.velocity[k] + SPEED_MPS * speed
    return {
        "x": round(float(x), 3),
        "y": round(float(y), 3),
        "cov": [WHITE_M**2, 0.0, WHITE_M**2],
        "vx": round(float(vx), 3),
        "vy": round(float(vy), 3),
        "vcov": [SPEED_MPS**2, 0.0, SPEED_MPS**2],
        "class": ObjectClass(int(users.kind[k])).name.lower(),
        "id": temporary_id,
        "length": round(float(users.size[k, 0]), 2),
        "width": round(float(users.size[k, 1]), 2),
        "yaw": round(float(users.yaw[k]), 3),
    }
