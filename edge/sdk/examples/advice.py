"""A car that drives up to an intersection and takes speed advice: `python -m edge.sdk.examples.advice HOST:PORT`.

It starts 100 m before the stop line of the first lane with a signal, at 12 m/s, and follows what it is told.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import sys
import time
from collections.abc import AsyncIterator

from edge.sdk import EdgeClient, Intersection, Lane, VehicleState

START_M, SPEED_MPS, LIMIT_MPS, STEP_S = 100.0, 12.0, 13.9, 0.2
BRAKE_MPS2 = 2.0
Node = tuple[tuple[float, float], tuple[float, float]]
"""Metres of the site and degrees."""


class Car:
    """Drives along one lane towards its stop line."""

    def __init__(self, lane: Lane) -> None:
        self._lane, self.speed_mps, self.wanted_mps = lane, SPEED_MPS, SPEED_MPS
        ends = zip(lane.points_m, lane.points_m[1:], strict=False)
        self.distance_m = min(START_M, sum(math.dist(*end) for end in ends) - 1.0)

    def state(self) -> VehicleState:
        """Where it is now."""
        (here_m, here_deg), (next_m, next_deg), share = self._between()
        latitude, longitude = (a + share * (b - a) for a, b in zip(here_deg, next_deg, strict=True))
        return VehicleState(
            "example",
            time.time_ns(),
            latitude,
            longitude,
            position_sigma_m=0.5,
            speed_mps=self.speed_mps,
            yaw_rad=math.atan2(here_m[1] - next_m[1], here_m[0] - next_m[0]),
            length_m=4.5,
            maneuver=self._lane.connections[0].maneuvers[0],
            speed_limit_mps=LIMIT_MPS,
        )

    def _between(self) -> tuple[Node, Node, float]:
        """The points of the lane before and behind it, and how far it is from the first to the second."""
        left_m = self.distance_m
        nodes = list(zip(self._lane.points_m, self._lane.points_deg, strict=True))
        for here, there in itertools.pairwise(nodes):
            length_m = math.dist(here[0], there[0])
            if left_m <= length_m:
                return here, there, left_m / length_m
            left_m -= length_m
        return nodes[-2], nodes[-1], 1.0

    async def drive(self) -> AsyncIterator[VehicleState]:
        """Its states, until it is at the stop line."""
        while self.distance_m > 0.5 and self.speed_mps > 0.1:
            yield self.state()
            await asyncio.sleep(STEP_S)
            change = max(-BRAKE_MPS2 * STEP_S, min(STEP_S, self.wanted_mps - self.speed_mps))
            self.speed_mps += change
            self.distance_m -= self.speed_mps * STEP_S


def approach_of(here: Intersection) -> Lane:
    """A lane that leads to a signal."""
    return next(lane for lane in here.lanes if lane.ingress and lane.connections and lane.kind == "vehicle")


async def main(address: str) -> None:
    """Drive once."""
    async with EdgeClient(address) as client:
        car = Car(approach_of(await client.intersection()))
        async for advice in client.report(car.drive()):
            if advice.kind == "stop":
                car.wanted_mps = 0.0
            elif advice.speed_mps is not None:
                car.wanted_mps = advice.speed_mps[1]
            print(f"{car.distance_m:5.1f} m, {car.speed_mps:4.1f} m/s: {advice.kind}: {advice.reason}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"))
