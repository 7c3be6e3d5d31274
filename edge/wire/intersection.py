"""Intersections to and from `edge.v1.Intersection`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.v1 import common_pb2, intersection_pb2

_KINDS = {
    LaneKind.VEHICLE: intersection_pb2.LANE_KIND_VEHICLE,
    LaneKind.BICYCLE: intersection_pb2.LANE_KIND_BICYCLE,
    LaneKind.CROSSWALK: intersection_pb2.LANE_KIND_CROSSWALK,
    LaneKind.SIDEWALK: intersection_pb2.LANE_KIND_SIDEWALK,
}
_KINDS_BACK = {value: kind for kind, value in _KINDS.items()}


def to_intersection(
    intersection: Intersection, *, node_id: str, sensors: Iterable[tuple[str, str]] = ()
) -> intersection_pb2.Intersection:
    """The message of an intersection; `sensors` are (name, kind)."""
    frame = intersection.frame
    return intersection_pb2.Intersection(
        node_id=node_id,
        intersection=intersection.intersection,
        region=intersection.region,
        revision=intersection.revision,
        name=intersection.name,
        origin=common_pb2.GeoPoint(
            latitude_deg=frame.latitude_deg, longitude_deg=frame.longitude_deg, elevation_m=frame.elevation_m
        ),
        lanes=[_to_lane(lane, frame) for lane in intersection.lanes],
        signal_groups=intersection.signal_groups,
        sensors=[intersection_pb2.Sensor(name=name, kind=kind) for name, kind in sensors],
    )


def _to_lane(lane: Lane, frame: LocalFrame) -> intersection_pb2.Lane:
    points = [(float(x), float(y)) for x, y in lane.points_m]
    degrees = [frame.to_geodetic(x, y) for x, y in points]
    return intersection_pb2.Lane(
        lane=lane.lane,
        kind=_KINDS[lane.kind],
        ingress=lane.ingress,
        egress=lane.egress,
        width_m=lane.width_m,
        points=[common_pb2.LocalPoint(x_m=x, y_m=y) for x, y in points],
        connections=[
            intersection_pb2.Connection(
                to_lane=c.to_lane,
                signal_group=c.signal_group,
                straight=bool(c.maneuver & Maneuver.STRAIGHT),
                left=bool(c.maneuver & Maneuver.LEFT),
                right=bool(c.maneuver & Maneuver.RIGHT),
                u_turn=bool(c.maneuver & Maneuver.U_TURN),
            )
            for c in lane.connections
        ],
        signal_group=lane.signal_group,
        name=lane.name,
        geo_points=[
            common_pb2.GeoPoint(latitude_deg=n, longitude_deg=e, elevation_m=frame.elevation_m)
            for n, e in degrees
        ],
        speed_limit_mps=lane.speed_limit_mps,
    )


def from_intersection(message: intersection_pb2.Intersection) -> Intersection:
    """The intersection of a message. Raises `ValueError` for a lane kind or position that is none."""
    origin = message.origin
    return Intersection(
        intersection=message.intersection,
        region=message.region if message.HasField("region") else None,
        revision=message.revision,
        name=message.name,
        frame=LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m),
        lanes=tuple(_from_lane(lane) for lane in message.lanes),
    )


def _from_lane(message: intersection_pb2.Lane) -> Lane:
    if message.kind not in _KINDS_BACK:
        raise ValueError(f"lane {message.lane}: unknown kind {message.kind}")
    return Lane(
        lane=message.lane,
        kind=_KINDS_BACK[message.kind],
        ingress=message.ingress,
        egress=message.egress,
        width_m=message.width_m,
        points_m=np.array([(p.x_m, p.y_m) for p in message.points], dtype=np.float64).reshape(-1, 2),
        connections=tuple(
            Connection(c.to_lane, c.signal_group if c.HasField("signal_group") else None, _maneuver(c))
            for c in message.connections
        ),
        signal_group=message.signal_group if message.HasField("signal_group") else None,
        name=message.name,
        speed_limit_mps=message.speed_limit_mps if message.HasField("speed_limit_mps") else None,
    )


def _maneuver(message: intersection_pb2.Connection) -> Maneuver:
    flags = (
        (message.straight, Maneuver.STRAIGHT),
        (message.left, Maneuver.LEFT),
        (message.right, Maneuver.RIGHT),
        (message.u_turn, Maneuver.U_TURN),
    )
    found = Maneuver.NONE
    for is_set, maneuver in flags:
        found |= maneuver if is_set else Maneuver.NONE
    return found
