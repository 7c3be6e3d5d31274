"""What VIR, RSC and PSM of T/CSAE 157-2020 share: driving behaviour, planned paths, and lanes named by their nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge.core.geodesy import LocalFrame, heading_to_yaw_rad
from edge.v2x.csae_elements import (
    Origin,
    bits_of,
    duration_of,
    names_of,
    offset_from,
    place_of,
    time_offset,
)
from edge.v2x.motion import (
    HEADING_STEP_DEG,
    HEADING_UNAVAILABLE,
    SPEED_STEP_MPS,
    SPEED_UNAVAILABLE,
    heading_of,
    steps,
)

BEHAVIORS = (
    "go_straight",
    "change_lane_left",
    "change_lane_right",
    "enter_ramp",
    "leave_ramp",
    "intersection_straight",
    "intersection_left",
    "intersection_right",
    "intersection_u_turn",
    "stop_and_go",
    "stop",
    "slow_down",
    "speed_up",
    "park",
)
"""DE_DriveBehavior by bit; bit 0 is the most significant."""

LAST_LANE_BIT = 15
_LANE_BITS = ("reserved", *(str(number) for number in range(1, LAST_LANE_BIT + 1)))
"""DE_ReferenceLanes: bit 1 to 15 are the lanes of that number."""


@dataclass(frozen=True, slots=True)
class LinkRef:
    """Lanes of the road from one node of the MAP to the next.

    Attributes:
        upstream, downstream: node ids.
        region: of both; None: not said.
        lanes: 1 to 15, from the left; empty: all.
    """

    upstream: int
    downstream: int
    region: int | None = None
    lanes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """One point of a planned path.

    Attributes:
        x_m, y_m: ENU metres.
        speed_mps, yaw_rad: on passing it; None: not said.
        at_ns: UTC ns of passing it; None: not said.
        link: the road it lies on; None: not said.
    """

    x_m: float
    y_m: float
    speed_mps: float | None = None
    yaw_rad: float | None = None
    at_ns: int | None = None
    link: LinkRef | None = None


def behavior_bits(names: Sequence[str], *, what: str) -> tuple[bytes, int]:
    """Names of `BEHAVIORS` as DriveBehavior."""
    return bits_of(names, BEHAVIORS, what=what)


def behaviors_of(bits: tuple[bytes, int] | None) -> tuple[str, ...]:
    """DriveBehavior to names; empty where it is not said."""
    return () if bits is None else names_of(bits, BEHAVIORS)


def node_reference(node: int, region: int | None) -> dict[str, int]:
    """NodeReferenceID."""
    return {"id": node} if region is None else {"region": region, "id": node}


def link_value(link: LinkRef, *, what: str) -> dict[str, Any]:
    """A road as ReferenceLink."""
    value: dict[str, Any] = {
        "upstreamNodeId": node_reference(link.upstream, link.region),
        "downstreamNodeId": node_reference(link.downstream, link.region),
    }
    if link.lanes:
        value["referenceLanes"] = bits_of([str(number) for number in link.lanes], _LANE_BITS, what=what)
    return value


def link_of(value: Mapping[str, Any]) -> LinkRef:
    """ReferenceLink to a road; the region is that of the downstream node."""
    names = names_of(value.get("referenceLanes", (b"", 0)), _LANE_BITS)
    return LinkRef(
        upstream=value["upstreamNodeId"]["id"],
        downstream=value["downstreamNodeId"]["id"],
        region=value["downstreamNodeId"].get("region"),
        lanes=tuple(int(name) for name in names if name.isdigit()),
    )


def path_value(
    points: Sequence[PlannedPoint], *, origin: Origin, frame: LocalFrame, made_ns: int, what: str
) -> list[dict[str, Any]]:
    """A path as PathPlanning; times count from that of the message."""
    return [point_value(point, origin=origin, frame=frame, made_ns=made_ns, what=what) for point in points]


def point_value(
    point: PlannedPoint, *, origin: Origin, frame: LocalFrame, made_ns: int, what: str
) -> dict[str, Any]:
    """A point as PathPlanningPoint; a time that has passed is now."""
    value: dict[str, Any] = {"pos": offset_from(origin, point.x_m, point.y_m, frame=frame)}
    if point.link is not None:
        value["posInMap"] = link_value(point.link, what=what)
    if point.speed_mps is not None:
        value["speed"] = steps("speed", point.speed_mps, SPEED_STEP_MPS, 0, 8190)
    if point.yaw_rad is not None:
        value["heading"] = heading_of(point.yaw_rad)
    if point.at_ns is not None:
        value["estimatedTime"] = time_offset(point.at_ns - made_ns)
    return value


def path_of(
    values: Sequence[Mapping[str, Any]], *, origin: Origin, frame: LocalFrame, made_ns: int
) -> tuple[PlannedPoint, ...]:
    """PathPlanning to a path."""
    return tuple(point_of(value, origin=origin, frame=frame, made_ns=made_ns) for value in values)


def point_of(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame, made_ns: int) -> PlannedPoint:
    """PathPlanningPoint to a point."""
    x_m, y_m = place_of(value["pos"], origin, frame=frame, what="PathPlanning")
    speed, heading = value.get("speed", SPEED_UNAVAILABLE), value.get("heading", HEADING_UNAVAILABLE)
    return PlannedPoint(
        x_m=x_m,
        y_m=y_m,
        speed_mps=None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        yaw_rad=None if heading == HEADING_UNAVAILABLE else heading_to_yaw_rad(heading * HEADING_STEP_DEG),
        at_ns=instant_after(value.get("estimatedTime"), made_ns=made_ns),
        link=link_of(value["posInMap"]) if "posInMap" in value else None,
    )


def instant_after(offset: int | None, *, made_ns: int) -> int | None:
    """TimeOffset from the time of a message to UTC ns; None: not said."""
    duration_ns = None if offset is None else duration_of(offset)
    return None if duration_ns is None else made_ns + duration_ns


def reference_path(
    points: Sequence[tuple[float, float]], *, radius_m: float, origin: Origin, frame: LocalFrame
) -> dict[str, Any]:
    """An area along a line as ReferencePath."""
    return {
        "activePath": [offset_from(origin, x_m, y_m, frame=frame) for x_m, y_m in points],
        "pathRadius": steps("radius", radius_m, 0.1, 0, 65_535),
    }


def line_of(
    value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame
) -> tuple[tuple[float, float], ...]:
    """The line of a ReferencePath."""
    return tuple(place_of(point, origin, frame=frame, what="ReferencePath") for point in value["activePath"])
