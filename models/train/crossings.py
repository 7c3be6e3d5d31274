"""Random crossings in the form of a scene's `geometry.json`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def random_crossing(generator: np.random.Generator) -> dict[str, Any]:
    """A crossing of three or four arms round the origin, with lanes, pavements, crossings and stop lines."""
    lane_width = float(generator.uniform(3.0, 3.7))
    inbound, outbound = int(generator.integers(1, 4)), int(generator.integers(1, 3))
    cycle_width = float(generator.choice([0.0, 1.3, 1.8]))
    half_road = max(inbound, outbound) * lane_width + cycle_width
    gap = half_road + float(generator.uniform(2.0, 7.0))
    turn = generator.uniform(-math.pi, math.pi)
    angles = [turn + k * math.pi / 2 + generator.normal(0, 0.08) for k in range(4)]
    if generator.random() < 0.2:
        angles.pop(int(generator.integers(4)))
    geometry: dict[str, Any] = {"lanes": [], "junction": [], "stop_lines": []}
    for number, angle in enumerate(angles):
        arm = _Arm(number, angle, gap, lane_width)
        arm.lanes(geometry, inbound, outbound, cycle_width)
        arm.pavements(geometry, half_road)
    return geometry


class _Arm:
    """One arm, drawn along the x axis and then turned into place."""

    def __init__(self, number: int, angle: float, gap_m: float, lane_width_m: float) -> None:
        self._number, self._gap, self._width = number, gap_m, lane_width_m
        cos, sin = math.cos(angle), math.sin(angle)
        self._rotation = np.array([[cos, sin], [-sin, cos]])

    def _turned(self, points: list[tuple[float, float]]) -> list[list[float]]:
        return (np.array(points) @ self._rotation).tolist()

    def _add(
        self, geometry: dict[str, Any], kind: str, width_m: float, points: list[tuple[float, float]]
    ) -> None:
        name = f"{kind}_{self._number}_{len(geometry['lanes'])}"
        geometry["lanes"].append(
            {"id": name, "kind": kind, "width_m": width_m, "points": self._turned(points)}
        )

    def lanes(self, geometry: dict[str, Any], inbound: int, outbound: int, cycle_width_m: float) -> None:
        """Inbound lanes end at the stop line, outbound lanes begin at the junction."""
        near, far = self._gap, 140.0
        for lane in range(inbound):
            y = self._width * (lane + 0.5)
            self._add(geometry, "vehicle", self._width, [(far, y), (near, y)])
        for lane in range(outbound):
            y = -self._width * (lane + 0.5)
            self._add(geometry, "vehicle", self._width, [(near, y), (far, y)])
        edge_in, edge_out = self._width * inbound, self._width * outbound
        if cycle_width_m:
            middle = cycle_width_m / 2
            self._add(geometry, "bicycle", cycle_width_m, [(far, edge_in + middle), (near, edge_in + middle)])
            self._add(
                geometry, "bicycle", cycle_width_m, [(near, -edge_out - middle), (far, -edge_out - middle)]
            )
        geometry["stop_lines"].append(
            self._turned([(near + 0.4, 0.0), (near + 0.4, edge_in + cycle_width_m)])
        )
        geometry["junction"] += self._turned(
            [(near, -edge_out - cycle_width_m), (near, edge_in + cycle_width_m)]
        )

    def pavements(self, geometry: dict[str, Any], half_road_m: float) -> None:
        side = half_road_m + 1.6
        for y in (-side, side):
            self._add(geometry, "sidewalk", 2.6, [(self._gap - 3.0, y), (140.0, y)])
        x = self._gap - 2.6
        self._add(geometry, "crossing", 3.6, [(x, -half_road_m), (x, half_road_m)])
