"""Signal states to the traffic lights of an Apollo car (`ObuTrafficLight`).

The car looks the lights up on its own map, from a point of each lane: so a light goes out per lane and movement, at a
point shortly before the stop line, in UTM. See `edge/publish/APOLLO.md` for what Apollo cannot express.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.apollo import v2x_pb2
from edge.core.intersection import Intersection, Lane, LaneKind, Maneuver
from edge.core.mercator import SiteGrid
from edge.core.signals import GREEN_STATES, GroupState, MovementState, SignalState
from edge.core.stamp import NS_PER_S

BEFORE_STOP_LINE_M = 8.0
MODULE = "v2x"
_Light = v2x_pb2.SingleTrafficLight
_UNKNOWN = GroupState(0, MovementState.UNAVAILABLE)
_COLOUR = {
    MovementState.UNAVAILABLE: _Light.UNKNOWN,
    MovementState.DARK: _Light.BLACK,
    MovementState.STOP_THEN_PROCEED: _Light.RED,
    MovementState.STOP_AND_REMAIN: _Light.RED,
    MovementState.PRE_MOVEMENT: _Light.RED,
    MovementState.PERMISSIVE_MOVEMENT_ALLOWED: _Light.GREEN,
    MovementState.PROTECTED_MOVEMENT_ALLOWED: _Light.GREEN,
    MovementState.PERMISSIVE_CLEARANCE: _Light.YELLOW,
    MovementState.PROTECTED_CLEARANCE: _Light.YELLOW,
    MovementState.CAUTION_CONFLICTING_TRAFFIC: _Light.YELLOW,
    MovementState.FLASHING_GREEN: _Light.FLASH_GREEN,
}
"""Flashing red is a red and flashing yellow a yellow: Apollo knows neither, and stops at both."""
_STRICTEST_FIRST = (
    _Light.RED,
    _Light.UNKNOWN,
    _Light.BLACK,
    _Light.YELLOW,
    _Light.FLASH_GREEN,
    _Light.GREEN,
)
_TYPE = {Maneuver.STRAIGHT: 1, Maneuver.LEFT: 2, Maneuver.RIGHT: 3, Maneuver.U_TURN: 4}
_EAST, _WEST, _SOUTH, _NORTH = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class _Head:
    """One light: a movement of a lane."""

    east_m: float
    north_m: float
    light_type: int
    signal_group: int


class LightTable:
    """The lights of one intersection, laid on the car's map once.

    Args:
        intersection: its vehicle lanes with signalised connections.
        grid: the UTM zone of the car's map.
    """

    def __init__(self, intersection: Intersection, grid: SiteGrid) -> None:
        self._id = intersection.intersection
        self._roads: dict[int, list[_Head]] = {}
        self._lanes: dict[int, list[_Head]] = {}
        for lane in intersection.lanes:
            if lane.kind is LaneKind.VEHICLE and lane.ingress and len(lane.points_m) >= 2:
                self._lanes[lane.lane] = _heads(lane, grid)
                self._roads.setdefault(_arm(lane), []).extend(self._lanes[lane.lane])

    @property
    def lights(self) -> int:
        """How many lights a message holds."""
        return sum(len(heads) for heads in self._roads.values())

    def message(
        self, state: SignalState, *, junction_id: bytes, sequence: int, now_ns: int
    ) -> v2x_pb2.ObuTrafficLight:
        """The lights at `now_ns`; all unknown while the signals are withdrawn.

        A message tells seconds from now and nothing else, so a clock that is not synchronised does not forbid it.
        """
        state = state.relative or state
        groups = {} if state.withdrawn else {group.signal_group: group for group in state.groups}
        message = v2x_pb2.ObuTrafficLight(
            header=header(sequence, now_ns), intersection_id=self._id, hdmap_junction_id=junction_id
        )
        for direction, heads in self._roads.items():
            road = message.road_traffic_light.add(road_direction=direction)
            for head in heads:
                light = _light(head, groups, now_ns)
                road.lane_traffic_light.add(
                    gps_x_m=head.east_m, gps_y_m=head.north_m, single_traffic_light=[light]
                )
        return message

    def lane_message(
        self, state: SignalState, *, lane: int, sequence: int, now_ns: int
    ) -> v2x_pb2.IntersectionTrafficLightData | None:
        """The one light of a car's lane, for editions 3 to 5.5; None where the lane has none.

        The car gives the colour of the first light to every signal of the lane, so of several the strictest goes out.
        """
        heads = self._lanes.get(lane)
        if not heads:
            return None
        state = state.relative or state
        groups = {} if state.withdrawn else {group.signal_group: group for group in state.groups}
        lights = [_light(head, groups, now_ns) for head in heads]
        strictest = min(lights, key=lambda light: _STRICTEST_FIRST.index(light.color))
        shown = v2x_pb2.CurrentLaneLight(
            color=strictest.color,
            traffic_light_type=[head.light_type - 1 for head in heads],
            right_turn_light=all(light.right_turn_light for light in lights),
        )
        if strictest.HasField("color_remaining_time_s"):
            shown.color_remaining_time_s = strictest.color_remaining_time_s
        place = v2x_pb2.CurrentLaneTrafficLight(
            gps_x_m=heads[0].east_m, gps_y_m=heads[0].north_m, single_traffic_light=[shown]
        )
        return v2x_pb2.IntersectionTrafficLightData(
            header=header(sequence, now_ns), current_lane_trafficlight=place, intersection_id=self._id
        )


def header(sequence: int, now_ns: int) -> v2x_pb2.Header:
    """The header that every message to a car must have."""
    return v2x_pb2.Header(timestamp_sec=now_ns / NS_PER_S, module_name=MODULE, sequence_num=sequence % 2**32)


def _light(head: _Head, groups: Mapping[int, GroupState], now_ns: int) -> v2x_pb2.SingleTrafficLight:
    group = groups.get(head.signal_group, _UNKNOWN)
    light = _Light(
        color=_COLOUR[group.state], traffic_light_type=head.light_type, right_turn_light=head.light_type == 3
    )
    remaining_s = _remaining_s(group, now_ns)
    if remaining_s is not None:
        light.color_remaining_time_s = remaining_s
    if group.next_state is not None:
        light.next_color = _COLOUR[group.next_state]
    return light


def _remaining_s(group: GroupState, now_ns: int) -> int | None:
    """Whole seconds that the colour lasts: of a green only what is promised, of a red the longest that is known."""
    if group.state in GREEN_STATES or _COLOUR[group.state] == _Light.YELLOW:
        end_ns = group.min_end_ns
        return None if end_ns is None else max(0, (end_ns - now_ns) // NS_PER_S)
    if _COLOUR[group.state] != _Light.RED:
        return None
    end_ns = group.max_end_ns if group.max_end_ns is not None else group.likely_end_ns
    return None if end_ns is None else max(0, -((now_ns - end_ns) // NS_PER_S))


def _arm(lane: Lane) -> int:
    """The side that the lane comes from."""
    x, y = lane.points_m[1] - lane.points_m[0]
    if abs(x) >= abs(y):
        return _EAST if x > 0 else _WEST
    return _NORTH if y > 0 else _SOUTH


def _heads(lane: Lane, grid: SiteGrid) -> list[_Head]:
    """A light per movement; of two groups for one movement the first counts."""
    east_m, north_m = grid.to_grid(_before_stop_line(lane.points_m)[None])[0]
    found: dict[int, _Head] = {}
    for connection in lane.connections:
        if connection.signal_group is None:
            continue
        for maneuver, light_type in _TYPE.items():
            if connection.maneuver & maneuver:
                found.setdefault(
                    light_type, _Head(float(east_m), float(north_m), light_type, connection.signal_group)
                )
    return list(found.values())


def _before_stop_line(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """A point of the lane 8 m before its stop line, or half its length where it is shorter than 16 m."""
    steps = np.diff(points_m, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    left_m = min(BEFORE_STOP_LINE_M, float(lengths.sum()) / 2)
    for start, step, length in zip(points_m[:-1], steps, lengths, strict=True):
        if left_m <= length:
            place: NDArray[np.float64] = start + step * (left_m / length if length > 0 else 0.0)
            return place
        left_m -= length
    raise ValueError(f"a lane of length {math.fsum(lengths)}")
