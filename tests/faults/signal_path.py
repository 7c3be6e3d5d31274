"""The signal path of the front for fault tests: a real driver, pump and lane over a small crossing."""

from __future__ import annotations

import time
from typing import Generic, TypeVar

import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.signals import GroupKind, SignalState
from edge.flow.board import HealthBoard
from edge.ports import SignalController
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from edge.sources.signals import pump_controller


def crossing() -> Intersection:
    """Group 1 goes east, group 2 goes north."""

    def lane(number: int, start: tuple[float, float], end: tuple[float, float], *to: Connection) -> Lane:
        points = np.array([start, end])
        return Lane(number, LaneKind.VEHICLE, bool(to), not to, 3.5, points, to)

    east = Connection(2, 1, Maneuver.STRAIGHT)
    north = Connection(4, 2, Maneuver.STRAIGHT)
    lanes = (
        lane(1, (-10.0, 0.0), (-50.0, 0.0), east),
        lane(2, (10.0, 0.0), (50.0, 0.0)),
        lane(3, (0.0, -10.0), (0.0, -50.0), north),
        lane(4, (0.0, 10.0), (0.0, 50.0)),
    )
    return Intersection(7, None, 1, "crossing", LocalFrame(48.0, 11.0), lanes)


Driver = TypeVar("Driver", bound=SignalController)


class SignalPath(Generic[Driver]):
    """Pump, lane and the newest state, with vehicle groups 1 and 2."""

    def __init__(self, controller: Driver, *, limits: LaneLimits | None = None) -> None:
        rules = {(GroupKind.VEHICLE, number): GroupRule(number) for number in (1, 2)}
        self.lane = SignalLane(crossing(), groups=rules, limits=limits)
        self.controller = controller
        self.board = HealthBoard(now_ns=time.time_ns)
        self.state: SignalState = self.lane.tick(time.time_ns())

    def tick(self) -> SignalState:
        self.state = self.lane.tick(time.time_ns())
        return self.state

    async def run(self) -> None:
        await pump_controller(
            self.controller,
            lambda snapshot: setattr(self, "state", self.lane.update(snapshot, time.time_ns())),
            component="controller",
            board=self.board,
            silent_after_s=0.5,
        )
