"""Random road users on a crossing: queues at stop lines, moving traffic, people on foot and on bicycles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from edge.core.kinds import TYPICAL_SIZE_M, ObjectClass
from hw.sim.poses import HEADER_BYTES, WorldState, body_length, decode, empty_rows

STAMP_NS = 1_700_000_000_000_000_000
_REACH_M = 75.0
_VEHICLES = (ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.MOTORCYCLE)


class Traffic:
    """Collects road users that do not overlap."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._found: list[tuple[float, float, float, float, int, np.ndarray]] = []  # x y yaw speed kind size

    def add(
        self, place: np.ndarray, yaw: float, speed_mps: float, kind: ObjectClass, size: np.ndarray
    ) -> bool:
        """Place one road user; false when another is in its way."""
        for x, y, other_yaw, _, _, other in self._found:
            reach = (size[0] + other[0]) / 2 + 0.3
            if (x - place[0]) ** 2 + (y - place[1]) ** 2 < reach**2 and _overlap(
                place, yaw, size, np.array([x, y]), other_yaw, other
            ):
                return False
        self._found.append((float(place[0]), float(place[1]), yaw, speed_mps, int(kind), size))
        return True

    def size(self, kind: ObjectClass) -> np.ndarray:
        """Length, width and height of one of a kind, with the spread of real ones."""
        generator = self._generator
        size = TYPICAL_SIZE_M[kind] * generator.normal(1.0, 0.06, 3).clip(0.85, 1.18)
        if kind is ObjectClass.CAR and generator.random() < 0.18:
            size = np.array([5.2, 2.0, 2.1]) * generator.normal(1.0, 0.06, 3)
        if kind is ObjectClass.TRUCK:
            size[0] *= generator.uniform(0.75, 1.35)
            size[2] *= generator.uniform(0.75, 1.15)
        if kind is ObjectClass.PEDESTRIAN:
            size[0] = generator.uniform(0.2, 0.55)
        return size

    def state(self) -> WorldState:
        """All that was placed, with colours."""
        generator, rows = self._generator, empty_rows(len(self._found))
        for row, (x, y, yaw, speed, kind, size) in zip(rows, self._found, strict=True):
            row["x"], row["y"], row["yaw"], row["speed"], row["kind"] = x, y, yaw, speed, kind
            row["length"], row["width"], row["height"] = size
            vivid = generator.random() < (0.7 if kind >= ObjectClass.MOTORCYCLE else 0.45)
            grey = np.full(3, generator.uniform(12, 245)) + generator.normal(0, 5, 3)
            row["colour"] = (generator.uniform(10, 245, 3) if vivid else grey).clip(0, 255).astype(np.uint8)
        names = tuple(f"u{generator.integers(1 << 31)}" for _ in self._found)
        return WorldState(STAMP_NS, names, rows)


def random_traffic(geometry: dict[str, Any], generator: np.random.Generator) -> WorldState:
    """One moment on a crossing."""
    traffic = Traffic(generator)
    fill_traffic(traffic, geometry, generator)
    return traffic.state()


def fill_traffic(traffic: Traffic, geometry: dict[str, Any], generator: np.random.Generator) -> None:
    """Add queues, moving vehicles, riders and walkers."""
    density = generator.uniform(0.3, 1.0)
    _crossing_box(traffic, geometry, generator)
    for lane in geometry["lanes"]:
        line = np.asarray(lane["points"], dtype=float)
        if lane["kind"] == "vehicle":
            _vehicles(traffic, line, generator, density)
        elif lane["kind"] == "bicycle":
            _riders(traffic, line, generator, density)
        else:
            _walkers(traffic, line, lane["width_m"], generator, density)


def recorded_traffic(path: Path) -> list[WorldState]:
    """The moments of a file of pose frames."""
    data, states, at = path.read_bytes(), [], 0
    while at < len(data):
        header = data[at : at + HEADER_BYTES]
        end = at + HEADER_BYTES + body_length(header)
        states.append(decode(header, data[at + HEADER_BYTES : end]))
        at = end
    return states


def _kind(generator: np.random.Generator) -> ObjectClass:
    return _VEHICLES[int(generator.choice(4, p=[0.62, 0.14, 0.1, 0.14]))]


def _vehicles(traffic: Traffic, line: np.ndarray, generator: np.random.Generator, density: float) -> None:
    """A queue from the junction outwards, or moving vehicles with gaps."""
    inwards = np.linalg.norm(line[-1]) < np.linalg.norm(line[0])
    start, outward = (line[-1], line[0] - line[-1]) if inwards else (line[0], line[-1] - line[0])
    outward = outward / np.linalg.norm(outward)
    yaw = math.atan2(*((-outward if inwards else outward)[::-1]))
    queued = inwards and generator.random() < 0.6
    at = generator.uniform(0.3, 3.0) if queued else generator.exponential(12.0)
    limit = generator.uniform(8, _REACH_M) if queued else _REACH_M
    while at < limit:
        kind = _kind(generator)
        size = traffic.size(kind)
        aside = generator.normal(0, 0.7 if kind is ObjectClass.MOTORCYCLE else 0.2)
        place = start + outward * (at + size[0] / 2) + aside * np.array([-outward[1], outward[0]])
        traffic.add(
            place, yaw + generator.normal(0, 0.03), 0.0 if queued else generator.uniform(3, 14), kind, size
        )
        at += size[0] + (
            generator.uniform(0.8, 4.0) if queued else generator.exponential(22.0 / density) + 3.0
        )


def _riders(traffic: Traffic, line: np.ndarray, generator: np.random.Generator, density: float) -> None:
    along = line[-1] - line[0]
    along = along / np.linalg.norm(along)
    near = min(line[0], line[-1], key=np.linalg.norm)
    for _ in range(generator.poisson(3.5 * density)):
        place = (
            near
            + near / max(1e-6, np.linalg.norm(near)) * generator.uniform(0, 50)
            + generator.normal(0, 0.35, 2)
        )
        kind = ObjectClass.BICYCLE if generator.random() < 0.8 else ObjectClass.MOTORCYCLE
        yaw = math.atan2(along[1], along[0]) + generator.normal(0, 0.1)
        traffic.add(place, yaw, generator.uniform(0, 6), kind, traffic.size(kind))


def _walkers(
    traffic: Traffic, line: np.ndarray, width_m: float, generator: np.random.Generator, density: float
) -> None:
    """Single people and groups along a pavement or a crossing."""
    along = line[-1] - line[0]
    length = float(np.linalg.norm(along))
    along = along / length
    reach = min(length, 45.0)
    for _ in range(generator.poisson((1.6 if length < 40 else 2.2) * density)):
        middle = generator.uniform(0, reach)
        for _ in range(int(generator.choice([1, 2, 4], p=[0.65, 0.25, 0.1]))):
            aside = generator.uniform(-width_m / 2, width_m / 2)
            place = (
                line[0]
                + along * (middle + generator.normal(0, 0.8))
                + aside * np.array([-along[1], along[0]])
            )
            yaw = (
                math.atan2(along[1], along[0])
                + (math.pi if generator.random() < 0.5 else 0)
                + generator.normal(0, 0.3)
            )
            moving = generator.uniform(0.5, 1.8) if generator.random() < 0.7 else 0.0
            traffic.add(place, yaw, moving, ObjectClass.PEDESTRIAN, traffic.size(ObjectClass.PEDESTRIAN))


def _crossing_box(traffic: Traffic, geometry: dict[str, Any], generator: np.random.Generator) -> None:
    """Vehicles, riders and walkers inside the junction at any angle."""
    corners = np.asarray(geometry["junction"], dtype=float)
    radius = float(np.linalg.norm(corners, axis=1).max())
    for _ in range(generator.poisson(4.0)):
        kind = ObjectClass(int(generator.choice(6, p=[0.4, 0.1, 0.1, 0.12, 0.16, 0.12])))
        place = generator.normal(0, radius / 2, 2).clip(-radius, radius)
        traffic.add(
            place, generator.uniform(-math.pi, math.pi), generator.uniform(0, 9), kind, traffic.size(kind)
        )


def _overlap(
    a: np.ndarray, yaw_a: float, size_a: np.ndarray, b: np.ndarray, yaw_b: float, size_b: np.ndarray
) -> bool:
    """Whether two turned rectangles, with a hand's breadth round them, meet (separating axes)."""
    offset = b - a
    for yaw in (yaw_a, yaw_b):
        for turn in (yaw, yaw + math.pi / 2):
            axis = np.array([math.cos(turn), math.sin(turn)])
            reach = _extent(axis, yaw_a, size_a) + _extent(axis, yaw_b, size_b) + 0.15
            if abs(float(offset @ axis)) > reach:
                return False
    return True


def _extent(axis: np.ndarray, yaw: float, size: np.ndarray) -> float:
    """Half the width of a rectangle along an axis."""
    forward = np.array([math.cos(yaw), math.sin(yaw)])
    sideways = np.array([-forward[1], forward[0]])
    return abs(float(axis @ forward)) * size[0] / 2 + abs(float(axis @ sideways)) * size[1] / 2
