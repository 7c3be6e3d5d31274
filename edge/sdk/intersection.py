"""The geometry of an intersection as a client sees it."""

from __future__ import annotations

from dataclasses import dataclass

from edge.v1 import intersection_pb2


@dataclass(frozen=True, slots=True)
class Connection:
    """A way from the end of a lane to another.

    Attributes:
        signal_group: None: not signalised.
        maneuvers: of `straight`, `left`, `right`, `u_turn`.
    """

    to_lane: int
    signal_group: int | None
    maneuvers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane.

    Attributes:
        kind: `vehicle`, `bicycle`, `crosswalk`, `sidewalk` or `unspecified`.
        points_m: centre line, east and north; the first point is at the stop line or the exit.
        points_deg: the same points, latitude and longitude.
        signal_group: of a crosswalk; None elsewhere.
        speed_limit_mps: posted for every motor vehicle; None: not known.
    """

    lane: int
    kind: str
    ingress: bool
    egress: bool
    width_m: float
    points_m: tuple[tuple[float, float], ...]
    points_deg: tuple[tuple[float, float], ...]
    connections: tuple[Connection, ...]
    signal_group: int | None
    name: str
    speed_limit_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor or link of the node."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Intersection:
    """One intersection; `latitude_deg` and `longitude_deg` are the origin of all metres."""

    node_id: str
    intersection: int
    region: int | None
    revision: int
    name: str
    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    lanes: tuple[Lane, ...]
    signal_groups: tuple[int, ...]
    sensors: tuple[Sensor, ...]

    def lane(self, lane: int) -> Lane | None:
        """The lane of that LaneID; None when there is none."""
        return next((found for found in self.lanes if found.lane == lane), None)

    def signal_group_of(self, lane: int, *, maneuver: str | None = None) -> int:
        """The signal group that rules a lane (for one maneuver, where they differ).

        Raises:
            ValueError: no such lane, no signal, or several groups; says which there are.
        """
        found = self.lane(lane)
        if found is None:
            known = ", ".join(str(each.lane) for each in self.lanes)
            raise ValueError(f"there is no lane {lane}; lanes: {known}")
        ways = [c for c in found.connections if maneuver is None or maneuver in c.maneuvers]
        groups = {c.signal_group for c in ways if c.signal_group is not None}
        if maneuver is None and found.signal_group is not None:
            groups.add(found.signal_group)
        if len(groups) == 1:
            return groups.pop()
        turning = "" if maneuver is None else f" for {maneuver}"
        if not groups:
            raise ValueError(f"lane {lane} has no signal group{turning}")
        named = ", ".join(
            f"{c.signal_group} ({'/'.join(c.maneuvers)})" for c in ways if c.signal_group is not None
        )
        raise ValueError(
            f"lane {lane} has several signal groups{turning}: {named}; give maneuver or signal_group"
        )


def read_intersection(message: intersection_pb2.Intersection) -> Intersection:
    """The value of a message."""
    return Intersection(
        node_id=message.node_id,
        intersection=message.intersection,
        region=message.region if message.HasField("region") else None,
        revision=message.revision,
        name=message.name,
        latitude_deg=message.origin.latitude_deg,
        longitude_deg=message.origin.longitude_deg,
        elevation_m=message.origin.elevation_m,
        lanes=tuple(_lane(lane) for lane in message.lanes),
        signal_groups=tuple(message.signal_groups),
        sensors=tuple(Sensor(sensor.name, sensor.kind) for sensor in message.sensors),
    )


def _lane(message: intersection_pb2.Lane) -> Lane:
    kinds = intersection_pb2.LaneKind
    known = message.kind in kinds.values()
    return Lane(
        lane=message.lane,
        kind=kinds.Name(message.kind).removeprefix("LANE_KIND_").lower() if known else "unspecified",
        ingress=message.ingress,
        egress=message.egress,
        width_m=message.width_m,
        points_m=tuple((point.x_m, point.y_m) for point in message.points),
        points_deg=tuple((point.latitude_deg, point.longitude_deg) for point in message.geo_points),
        connections=tuple(_connection(connection) for connection in message.connections),
        signal_group=message.signal_group if message.HasField("signal_group") else None,
        name=message.name,
        speed_limit_mps=message.speed_limit_mps if message.HasField("speed_limit_mps") else None,
    )


def _connection(message: intersection_pb2.Connection) -> Connection:
    turns = tuple(turn for turn in ("straight", "left", "right", "u_turn") if getattr(message, turn))
    return Connection(
        message.to_lane, message.signal_group if message.HasField("signal_group") else None, turns
    )
