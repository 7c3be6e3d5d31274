"""Crowds: many people and cyclists close together, on top of random traffic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge.core.kinds import ObjectClass
from hw.sim.poses import WorldState
from models.train.traffic import Traffic, fill_traffic

_SHARE_WITH_CROWD = 0.45


def crowded_traffic(geometry: dict[str, Any], generator: np.random.Generator) -> WorldState:
    """One moment on a crossing; nearly every second one has a crowd on foot, on bicycles, or both."""
    traffic = Traffic(generator)
    if generator.random() < _SHARE_WITH_CROWD:
        _crowd(traffic, _middle(geometry, generator), ObjectClass.PEDESTRIAN, generator)
    if generator.random() < _SHARE_WITH_CROWD:
        _crowd(traffic, _middle(geometry, generator), ObjectClass.BICYCLE, generator)
    fill_traffic(traffic, geometry, generator)
    return traffic.state()


def _middle(geometry: dict[str, Any], generator: np.random.Generator) -> np.ndarray:
    """Where a crowd stands: somewhere on a pavement or a crossing, not far from the junction."""
    kinds = ("sidewalk", "crossing", "bicycle")
    lanes = [lane for lane in geometry["lanes"] if lane["kind"] in kinds]
    line = np.asarray(lanes[int(generator.integers(len(lanes)))]["points"], dtype=float)
    near = min(line[0], line[-1], key=np.linalg.norm)
    other = line[-1] if near is line[0] else line[0]
    along = (other - near) / max(1e-6, float(np.linalg.norm(other - near)))
    return np.asarray(near + along * generator.uniform(0, 12))


def _crowd(traffic: Traffic, middle: np.ndarray, kind: ObjectClass, generator: np.random.Generator) -> None:
    """Some heading one way, some the other, denser towards the middle."""
    many = int(generator.integers(8, 36) if kind is ObjectClass.PEDESTRIAN else generator.integers(4, 14))
    way, spread = generator.uniform(-math.pi, math.pi), generator.uniform(1.5, 5.0)
    for _ in range(many):
        place = middle + generator.normal(0, spread, 2)
        yaw = way + math.pi * (generator.random() < 0.4) + generator.normal(0, 0.4)
        speed = float(generator.uniform(0.5, 1.8) if generator.random() < 0.7 else 0.0)
        one = ObjectClass.MOTORCYCLE if kind is ObjectClass.BICYCLE and generator.random() < 0.3 else kind
        traffic.add(place, yaw, speed, one, traffic.size(one))
