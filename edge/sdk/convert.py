"""Messages of `edge.v1` to the SDK's values."""

from __future__ import annotations

from edge.sdk import types
from edge.v1 import common_pb2, intersection_pb2, node_pb2, scene_pb2, signals_pb2


def _short(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)


def update_of(message: node_pb2.Update, *, received_ns: int) -> types.Update | None:
    """The typed update; None for a layer that this SDK does not know."""
    head = (
        message.sequence,
        message.epoch,
        message.capture_ns,
        message.published_ns,
        message.valid_until_ns,
        received_ns,
    )
    kind = message.WhichOneof("payload")
    if kind == "signals":
        return _signals(message.signals, head)
    if kind == "scene":
        users = tuple(_road_user(user) for user in message.scene.road_users)
        return types.SceneUpdate(*head, message.scene.stamp_ns, users)
    if kind == "lanes":
        return types.LanesUpdate(*head, {lane.lane: _lane_measure(lane) for lane in message.lanes.lanes})
    if kind == "health":
        return _health(message.health, head)
    if kind == "radio_frame":
        frame = message.radio_frame
        return types.RadioFrameUpdate(*head, frame.kind, frame.dialect, frame.payload)
    return None


_Head = tuple[int, int, int, int, int, int]


def _signals(message: signals_pb2.Signals, head: _Head) -> types.SignalsUpdate:
    groups = {group.signal_group: _group(group) for group in message.groups}
    return types.SignalsUpdate(
        *head,
        message.intersection,
        message.revision,
        message.withdrawn,
        groups,
        tuple(message.status),
        tuple(message.reasons),
    )


def _group(group: signals_pb2.SignalGroup) -> types.SignalGroup:
    has = group.HasField
    return types.SignalGroup(
        group.signal_group,
        _movement(group.state),
        group.min_end_ns if has("min_end_ns") else None,
        group.max_end_ns if has("max_end_ns") else None,
        group.likely_end_ns if has("likely_end_ns") else None,
        group.confidence if has("confidence") else None,
        _movement(group.next_state) if has("next_state") else None,
    )


def _movement(value: int) -> str:
    known = signals_pb2.MovementState.DESCRIPTOR.values_by_number
    return _short(known[value].name, "MOVEMENT_STATE_") if value in known else "UNAVAILABLE"


def _road_user(user: scene_pb2.RoadUser) -> types.RoadUser:
    has = user.HasField
    return types.RoadUser(
        user.track_id,
        _short(common_pb2.ObjectClass.Name(user.object_class), "OBJECT_CLASS_"),
        user.class_probability,
        user.x_m,
        user.y_m,
        user.latitude_deg,
        user.longitude_deg,
        (user.covariance_xx_m2, user.covariance_xy_m2, user.covariance_yy_m2),
        user.speed_mps,
        user.course_rad,
        user.yaw_rad if has("yaw_rad") else None,
        user.length_m if has("length_m") else None,
        user.width_m if has("width_m") else None,
        user.existence,
        user.trust,
        tuple(user.cameras),
        tuple(user.v2x_links),
        user.v2x_id,
        user.lane,
        user.capture_ns,
    )


def _lane_measure(lane: scene_pb2.LaneMeasure) -> types.LaneMeasure:
    speed = lane.mean_speed_mps if lane.HasField("mean_speed_mps") else None
    return types.LaneMeasure(lane.lane, lane.count, speed, lane.queue_length, lane.passed_total)


def _health(message: common_pb2.Health, head: _Head) -> types.HealthUpdate:
    components = {
        c.component: types.Component(
            c.component,
            _short(common_pb2.HealthState.Name(c.state), "HEALTH_STATE_"),
            c.since_ns,
            c.message,
            dict(c.counters),
        )
        for c in message.components
    }
    events = tuple((e.stamp_ns, e.component, e.kind, e.text) for e in message.events)
    return types.HealthUpdate(*head, components, events)


def intersection_of(message: intersection_pb2.Intersection) -> types.IntersectionInfo:
    """The typed intersection."""
    origin = message.origin
    return types.IntersectionInfo(
        message.node_id,
        message.intersection,
        message.revision,
        message.name,
        (origin.latitude_deg, origin.longitude_deg, origin.elevation_m),
        {lane.lane: _lane(lane) for lane in message.lanes},
        tuple(message.signal_groups),
        {sensor.name: sensor.kind for sensor in message.sensors},
    )


def _lane(lane: intersection_pb2.Lane) -> types.LaneInfo:
    connections = tuple(
        (c.to_lane, c.signal_group if c.HasField("signal_group") else None, _maneuvers(c))
        for c in lane.connections
    )
    groups = {group for _to, group, _maneuver in connections if group is not None}
    if lane.HasField("signal_group"):
        groups.add(lane.signal_group)
    return types.LaneInfo(
        lane.lane,
        _short(intersection_pb2.LaneKind.Name(lane.kind), "LANE_KIND_"),
        lane.ingress,
        lane.egress,
        lane.width_m,
        tuple((point.x_m, point.y_m) for point in lane.points),
        tuple(sorted(groups)),
        connections,
        lane.name,
    )


def _maneuvers(connection: intersection_pb2.Connection) -> tuple[str, ...]:
    flags = {"straight": connection.straight, "left": connection.left}
    flags |= {"right": connection.right, "u-turn": connection.u_turn}
    return tuple(name for name, is_set in flags.items() if is_set)
