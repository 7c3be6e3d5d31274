"""Object lists of cameras, radars and lidars."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.core.kinds import CLASS_COUNT, ObjectClass
from hw.sim.sensing.chance import generator, log_uniform
from hw.sim.sensing.faults import Faults
from hw.sim.sensing.layout import Mount
from hw.sim.sensing.motion import Motion, Users
from hw.sim.sensing.setups import Setup
from hw.sim.sensing.sight import ellipse, hidden_share, in_view, polar, rotated

Entry = dict[str, Any]
CONFUSED = 0.08
"""Share of camera detections with a class at random."""
HIDDEN = ((0.01, 1.0), (0.5, 0.8), (0.9, 0.35), (2.0, 0.05))
"""Share of hidden rays up to which a detection is so much less likely."""
RADAR_THROUGH = 0.5
STANDS_MPS, STANDS_SEEN = 0.3, 0.33
FAR_SHARE = 0.67
"""Share of its range from which a camera sees less and less."""
REFLECTOR = 0.1
"""One-sigma place of a radar's reflector along the body, as a share of its length."""


@dataclass(frozen=True, slots=True)
class Truth:
    """How a sensor really errs.

    Attributes:
        noise: factor on the stated one-sigma errors.
        bias_m: x, y constant error.
        detection, clutter: as in `Mount`, but true.
        phase_s: of its first scan.
    """

    noise: float
    bias_m: tuple[float, float]
    detection: float
    clutter: float
    phase_s: float


def truth_of(mount: Mount, setup: Setup, *, seed: int, faults: Faults) -> Truth:
    """Drawn for one sensor and seed."""
    source = generator(seed, mount.name, "truth")
    noise = log_uniform(source, most=setup.noise_factor)
    bias = setup.bias * mount.bias_m * source.normal(0.0, 1.0, 2)
    detection = min(0.98, mount.detection * log_uniform(source, most=setup.detection_factor))
    clutter = mount.clutter * log_uniform(source, most=setup.noise_factor)
    if faults.biased == mount.name:
        bias = np.array(faults.bias_m)
    return Truth(
        noise, (float(bias[0]), float(bias[1])), detection, clutter, float(source.uniform(0, mount.period_s))
    )


def scans_of(
    mount: Mount, motion: Motion, setup: Setup, *, seed: int, faults: Faults
) -> Iterator[tuple[float, float, list[Entry]]]:
    """Capture and arrival in seconds from the start, and the objects, of every scan of one sensor."""
    truth = truth_of(mount, setup, seed=seed, faults=faults)
    source = generator(seed, mount.name, "scans")
    end_s = (motion.last_ns - motion.first_ns) * 1e-9
    for t in np.arange(truth.phase_s, end_s, mount.period_s).tolist():
        users = motion.at(motion.first_ns + round(t * 1e9))
        arrival_s = t + float(source.uniform(*mount.latency_s))
        objects = _seen(users, mount, truth, source) + _false(mount, truth, source)
        if faults.dead is None or faults.dead[0] != mount.name or t < faults.dead[1]:
            yield t, arrival_s, objects


def _seen(users: Users, mount: Mount, truth: Truth, source: np.random.Generator) -> list[Entry]:
    reach, bearing = polar(users, mount)
    view, hidden = in_view(users, mount), hidden_share(users, mount)
    found = []
    for k in np.flatnonzero(view).tolist():
        draws = source.random(2), source.normal(0.0, 1.0, 5)
        if draws[0][0] < truth.detection * _visible(users, k, float(reach[k]), float(hidden[k]), mount):
            found.append(_entry(users, k, float(reach[k]), float(bearing[k]), mount, truth, draws))
    return found


def _visible(users: Users, k: int, reach: float, hidden: float, mount: Mount) -> float:
    share = next(factor for most, factor in HIDDEN if hidden < most)
    if mount.kind == "radar":
        stands = math.hypot(*users.velocity[k]) < STANDS_MPS
        return max(share, RADAR_THROUGH) * (STANDS_SEEN if stands else 1.0)
    if mount.kind == "camera":
        far = (reach / mount.range_m - FAR_SHARE) / (1.0 - FAR_SHARE)
        share *= 1.0 - 0.6 * min(1.0, max(0.0, far))
    return share


def sigmas(mount: Mount, reach: float) -> tuple[float, float]:
    """Stated one-sigma errors along and across the line of sight, m."""
    if mount.kind == "camera":
        return 0.25 + 0.9 * (reach / 50.0) ** 2, 0.15 + 0.006 * reach
    if mount.kind == "radar":
        return 0.35, 0.2 + 0.012 * reach
    return 0.12, 0.12


def _entry(
    users: Users, k: int, reach: float, bearing: float, mount: Mount, truth: Truth, draws: tuple[Any, Any]
) -> Entry:
    (_, confusion), normal = draws
    along, across = sigmas(mount, reach)
    dx, dy = rotated(truth.noise * along * normal[0], truth.noise * across * normal[1], bearing)
    x, y = users.centre[k, 0] + dx + truth.bias_m[0], users.centre[k, 1] + dy + truth.bias_m[1]
    entry: Entry = {"confidence": 0.8, "cov": ellipse(along, across, bearing)}
    if mount.kind == "camera":
        wrong = confusion < CONFUSED
        kind = int(confusion / CONFUSED * CLASS_COUNT) if wrong else int(users.kind[k])
        entry["class"] = ObjectClass(kind).name.lower()
    elif mount.kind == "radar":
        place = REFLECTOR * users.size[k, 0] * normal[4]
        x, y = x + place * math.cos(users.yaw[k]), y + place * math.sin(users.yaw[k])
        du, dv = rotated(truth.noise * 0.15 * normal[2], truth.noise * 0.8 * normal[3], bearing)
        entry["vx"], entry["vy"] = round(users.velocity[k, 0] + du, 3), round(users.velocity[k, 1] + dv, 3)
        entry["vcov"] = ellipse(0.15, 0.8, bearing)
    else:
        entry["length"], entry["width"] = (round(float(value), 2) for value in users.size[k, :2])
        entry["yaw"] = round(float(users.yaw[k]), 3)
    return {"x": round(float(x), 3), "y": round(float(y), 3), **entry}


def _false(mount: Mount, truth: Truth, source: np.random.Generator) -> list[Entry]:
    found = []
    for _ in range(int(source.poisson(truth.clutter))):
        reach = mount.range_m * math.sqrt(source.random())
        bearing = mount.direction_rad + mount.angle_rad * (source.random() - 0.5)
        dx, dy = rotated(reach, 0.0, bearing)
        along, across = sigmas(mount, reach)
        entry: Entry = {
            "x": round(mount.x_m + dx, 3),
            "y": round(mount.y_m + dy, 3),
            "cov": ellipse(along, across, bearing),
            "confidence": 0.8,
        }
        if mount.kind == "camera":
            entry["class"] = ObjectClass(int(source.integers(CLASS_COUNT))).name.lower()
        if mount.kind == "radar":
            entry["vx"], entry["vy"] = (round(float(v), 3) for v in source.normal(0.0, 5.0, 2))
            entry["vcov"] = ellipse(0.15, 0.8, bearing)
        found.append(entry)
    return found
