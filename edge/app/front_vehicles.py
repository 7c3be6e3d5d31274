"""Vehicles that report over gRPC: their word goes to fusion, advice about the next signal comes back."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from edge.core.intersection import Intersection, Lane, Maneuver
from edge.core.signals import GroupState, SignalState
from edge.core.situation import Scene
from edge.core.v2x import VEHICLES, RadioFrame
from edge.flow.channel import Latest
from edge.road import LaneLookup
from edge.situation.advice import Advice, AdviceKind, Approach, advise
from edge.v1 import common_pb2, vehicle_pb2
from edge.wire.vehicle import parse_report, to_advice

CLOCKS_DIFFER_NS = 2_000_000_000
"""A report that is further from our time tells nothing of now."""
STANDING_MPS = 0.5
"""Who is slower and says no limit of its own would be told to go no faster than that."""
PLACE_M = 7.0
"""One who stands in a queue takes so much of the lane; who stands behind the vehicle is not in its way."""
_MANEUVERS = {
    vehicle_pb2.MANEUVER_STRAIGHT: Maneuver.STRAIGHT,
    vehicle_pb2.MANEUVER_LEFT: Maneuver.LEFT,
    vehicle_pb2.MANEUVER_RIGHT: Maneuver.RIGHT,
    vehicle_pb2.MANEUVER_U_TURN: Maneuver.U_TURN,
}


class VehicleDesk:
    """Takes reports and advises.

    Args:
        send: hands a frame to fusion.
        signals: the newest signal state; None: the node has no controller.
    """

    def __init__(
        self,
        intersection: Intersection,
        *,
        send: Callable[[RadioFrame], None],
        signals: Latest[SignalState] | None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._frame, self._lookup = intersection.frame, LaneLookup(intersection)
        self._lanes = {lane.lane: lane for lane in intersection.lanes}
        self._send, self._signals, self._now_ns = send, signals, now_ns
        self._scene: Scene | None = None

    def take(self, octets: bytes, sender: str) -> vehicle_pb2.VehicleReport:
        """Hand a report on. Raises `CodecError` for one that cannot be."""
        report = parse_report(octets)
        self._send(RadioFrame(VEHICLES, self._now_ns(), sender, octets))
        return report

    def advise(self, report: vehicle_pb2.VehicleReport) -> vehicle_pb2.Advice:
        """Advice for the vehicle where it last said it was."""
        now_ns = self._now_ns()
        age_ns = now_ns - report.stamp_ns
        if abs(age_ns) > CLOCKS_DIFFER_NS:
            words = f"the report is {age_ns / 1e9:.1f} s old by this node's clock"
            return _none(report, words, now_ns)
        if not report.HasField("speed_mps"):
            return _none(report, "the report has no speed_mps", now_ns)
        lane, distance_m = self._place(report)
        if lane is None or not lane.ingress:
            return _none(report, "the vehicle is on no lane that leads to the intersection", now_ns)
        distance_m = max(0.0, distance_m - report.speed_mps * max(0, age_ns) / 1e9 - report.length_m / 2)
        return self._about(report, lane, distance_m, now_ns)

    def _about(
        self, report: vehicle_pb2.VehicleReport, lane: Lane, distance_m: float, now_ns: int
    ) -> vehicle_pb2.Advice:
        state = None if self._signals is None else self._signals.value
        number, group = _group_of(lane, _MANEUVERS.get(report.maneuver)), None
        if isinstance(number, str):
            found = Advice(AdviceKind.NONE, number)
        elif (group := _shown(state, number, now_ns)) is None:
            found = Advice(AdviceKind.NONE, "there are no valid signals")
        elif (limit_mps := _limit_mps(report, lane)) < STANDING_MPS:
            found = Advice(AdviceKind.NONE, "the vehicle stands: say its speed_limit_mps")
        else:
            ahead = min(self._queue(lane.lane, now_ns), int(distance_m / PLACE_M))
            approach = Approach(distance_m, report.speed_mps, limit_mps, ahead)
            found = advise(approach, group, now_ns=now_ns)
        return to_advice(
            report,
            kind=found.kind,
            reason=found.reason,
            speed_mps=found.speed_mps,
            lane=lane.lane,
            distance_m=distance_m,
            group=group,
            now_ns=now_ns,
        )

    def take_scene(self, scene: Scene) -> None:
        """What stands at the stop lines."""
        self._scene = scene

    def _queue(self, lane: int, now_ns: int) -> int:
        """Road users in the queue of a lane; 0 where nobody has looked just now."""
        if self._scene is None or now_ns > self._scene.valid_until_ns:
            return 0
        return next((found.queue_length for found in self._scene.lanes if found.lane == lane), 0)

    def _place(self, report: vehicle_pb2.VehicleReport) -> tuple[Lane | None, float]:
        """The lane that the vehicle is on, and the way to its stop line, m."""
        place = np.array([self._frame.to_local(report.position.latitude_deg, report.position.longitude_deg)])
        yaw = np.array([report.yaw_rad if report.HasField("yaw_rad") else math.nan])
        walking = np.array([report.object_class == common_pb2.OBJECT_CLASS_PEDESTRIAN])
        found = self._lookup.find(place, yaw_rad=yaw, walking=walking)
        return self._lanes.get(int(found.lane[0])), float(found.distance_m[0])


def _limit_mps(report: vehicle_pb2.VehicleReport, lane: Lane) -> float:
    """What the vehicle says of itself, else as fast as now; never above what is posted."""
    own_mps: float = report.speed_limit_mps or report.speed_mps
    return own_mps if lane.speed_limit_mps is None else min(own_mps, lane.speed_limit_mps)


def _none(report: vehicle_pb2.VehicleReport, reason: str, now_ns: int) -> vehicle_pb2.Advice:
    return to_advice(report, kind=AdviceKind.NONE, reason=reason, now_ns=now_ns)


def _group_of(lane: Lane, maneuver: Maneuver | None) -> int | str:
    """The signal group that rules the way; words where there is none or more than one."""
    ways = [way for way in lane.connections if maneuver is None or way.maneuver & maneuver]
    groups = {way.signal_group for way in ways if way.signal_group is not None}
    if len(groups) == 1:
        return groups.pop()
    if not groups:
        return f"no signal rules lane {lane.lane} for this way"
    return f"lane {lane.lane} has several signal groups: say the maneuver"


def _shown(state: SignalState | None, number: int, now_ns: int) -> GroupState | None:
    """The group as it is shown now; None where nothing valid is."""
    if state is None or state.withdrawn or now_ns > state.valid_until_ns:
        return None
    return next((group for group in state.groups if group.signal_group == number), None)
