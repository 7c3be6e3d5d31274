"""What the page is told, as JSON: the list, the map and the live picture of each intersection.

Heavy parts are made once per update and shared by every browser. Numbers that are not finite never reach the page.
Times are milliseconds of UTC by the centre's clock unless the name says node.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

from edge.centre.state import Layer, Node, NodeState, Part, Registry
from edge.core.stamp import NS_PER_MS
from edge.v1 import common_pb2, intersection_pb2, node_pb2, scene_pb2, signals_pb2

USER_LIMIT = 1000
_MANEUVERS = ("left", "straight", "right", "u_turn")
_DEFAULT_SIZE_M = (1.0, 1.0)
_DEFAULT_LANE_WIDTH_M = 3.0

CentreNode = Node[intersection_pb2.Intersection, node_pb2.Update]
CentreRegistry = Registry[intersection_pb2.Intersection, node_pb2.Update]


def _finite(value: float, *, digits: int = 3) -> float:
    return round(value, digits) if math.isfinite(value) else 0.0


def _optional_ms(message: Any, field: str) -> float | None:
    return getattr(message, field) / NS_PER_MS if message.HasField(field) else None


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def map_of(node_id: str, description: intersection_pb2.Intersection) -> dict[str, object]:
    """Geometry and names."""
    return {
        "id": node_id,
        "name": description.name or node_id,
        "intersection": description.intersection,
        "revision": description.revision,
        "latitude": _finite(description.origin.latitude_deg, digits=7),
        "longitude": _finite(description.origin.longitude_deg, digits=7),
        "lanes": [_lane(lane) for lane in description.lanes],
    }


def _lane(lane: intersection_pb2.Lane) -> dict[str, object]:
    return {
        "lane": lane.lane,
        "kind": intersection_pb2.LaneKind.Name(lane.kind).removeprefix("LANE_KIND_").lower(),
        "ingress": lane.ingress,
        "egress": lane.egress,
        "width": min(max(_finite(lane.width_m), 0.0) or _DEFAULT_LANE_WIDTH_M, 30.0),
        "points": [[_finite(p.x_m), _finite(p.y_m)] for p in lane.points],
        "group": lane.signal_group if lane.HasField("signal_group") else None,
        "name": lane.name,
        "connections": [
            {
                "to": c.to_lane,
                "group": c.signal_group if c.HasField("signal_group") else None,
                "maneuvers": [name for name in _MANEUVERS if getattr(c, name)],
            }
            for c in lane.connections
        ],
    }


def signals_of(signals: signals_pb2.Signals) -> dict[str, object]:
    """Groups with their ends; none of them when withdrawn."""
    return {
        "status": "withdrawn" if signals.withdrawn else "valid",
        "revision": signals.revision,
        "flags": list(signals.status),
        "reasons": list(signals.reasons),
        "groups": [] if signals.withdrawn else [_group(group) for group in signals.groups],
    }


def _group(group: signals_pb2.SignalGroup) -> dict[str, object]:
    confidence = group.confidence if group.HasField("confidence") else None
    return {
        "group": group.signal_group,
        "state": _state_name(group.state),
        "min_end_ms": _optional_ms(group, "min_end_ns"),
        "max_end_ms": _optional_ms(group, "max_end_ns"),
        "likely_end_ms": _optional_ms(group, "likely_end_ns"),
        "confidence": None if confidence is None else _finite(confidence),
        "next": _state_name(group.next_state) if group.HasField("next_state") else None,
    }


def _state_name(state: int) -> str:
    if state not in signals_pb2.MovementState.values():
        return "UNAVAILABLE"
    return signals_pb2.MovementState.Name(state).removeprefix("MOVEMENT_STATE_")


def scene_of(scene: scene_pb2.Scene) -> dict[str, object]:
    """Road users with a finite position, at most `USER_LIMIT`."""
    usable = [user for user in scene.road_users if math.isfinite(user.x_m) and math.isfinite(user.y_m)]
    return {"stamp_ms": scene.stamp_ns / NS_PER_MS, "objects": [_user(user) for user in usable[:USER_LIMIT]]}


def _user(user: scene_pb2.RoadUser) -> dict[str, object]:
    speed, course = _finite(user.speed_mps), _finite(user.course_rad, digits=6)
    length = user.length_m if user.HasField("length_m") else _DEFAULT_SIZE_M[0]
    width = user.width_m if user.HasField("width_m") else _DEFAULT_SIZE_M[1]
    return {
        "id": user.track_id,
        "class": _class_name(user.object_class),
        "x": round(user.x_m, 2),
        "y": round(user.y_m, 2),
        "vx": round(speed * math.cos(course), 2),
        "vy": round(speed * math.sin(course), 2),
        "yaw": _finite(user.yaw_rad) if user.HasField("yaw_rad") else None,
        "length": min(_finite(length, digits=2), 40.0),
        "width": min(_finite(width, digits=2), 10.0),
        "source": _source(user),
        "cov": [_finite(v) for v in (user.covariance_xx_m2, user.covariance_xy_m2, user.covariance_yy_m2)],
        "existence": _finite(user.existence),
        "trust": _finite(user.trust),
        "lane": user.lane,
        "sensors": [*user.cameras, *user.v2x_links],
        "v2x_id": user.v2x_id,
    }


def _class_name(value: int) -> str:
    if value not in common_pb2.ObjectClass.values() or value == common_pb2.OBJECT_CLASS_UNSPECIFIED:
        return "unknown"
    return common_pb2.ObjectClass.Name(value).removeprefix("OBJECT_CLASS_").lower()


def _source(user: scene_pb2.RoadUser) -> str:
    """Who perceived it within the last second."""
    if user.cameras and user.v2x_links:
        return "both"
    if user.cameras:
        return "camera"
    return "v2x" if user.v2x_links else "none"


def lanes_of(lanes: scene_pb2.Lanes) -> dict[str, object]:
    """Measures of every lane."""
    return {
        "lanes": [
            {
                "lane": lane.lane,
                "count": lane.count,
                "queue": lane.queue_length,
                "passed": lane.passed_total,
                "speed": _finite(lane.mean_speed_mps) if lane.HasField("mean_speed_mps") else None,
            }
            for lane in lanes.lanes
        ]
    }


def health_of(health: common_pb2.Health) -> dict[str, object]:
    """State of every component and the newest events."""
    return {
        "components": [
            {
                "component": part.component,
                "state": common_pb2.HealthState.Name(part.state).removeprefix("HEALTH_STATE_").lower()
                if part.state in common_pb2.HealthState.values()
                else "unspecified",
                "level": part.state,
                "message": part.message,
                "since_ms": part.since_ns / NS_PER_MS,
            }
            for part in health.components
        ],
        "events": [
            {"at_ms": e.stamp_ns / NS_PER_MS, "component": e.component, "kind": e.kind, "text": e.text}
            for e in health.events[-20:]
        ],
    }


_BODIES: dict[Layer, Callable[[node_pb2.Update], dict[str, object]]] = {
    Layer.SIGNALS: lambda update: signals_of(update.signals),
    Layer.SCENE: lambda update: scene_of(update.scene),
    Layer.LANES: lambda update: lanes_of(update.lanes),
    Layer.HEALTH: lambda update: health_of(update.health),
}


class Pictures:
    """The source of the page's texts over a registry; see `edge.centre.events.Source`."""

    def __init__(self, registry: CentreRegistry, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._registry, self._now_ns = registry, now_ns
        self._made: dict[tuple[str, Layer], tuple[Part[node_pb2.Update], str]] = {}
        self._maps: dict[str, tuple[int, str]] = {}

    def list_json(self) -> str:
        """All intersections in short."""
        now_ns = self._now_ns()
        nodes = self._registry.nodes()
        self._forget({node.node_id for node in nodes})
        return _dump(
            {"centre_ms": now_ns / NS_PER_MS, "intersections": [_summary(n, now_ns=now_ns) for n in nodes]}
        )

    def map_json(self, node_id: str) -> tuple[int, str] | None:
        """Version and text of a node's geometry; None unknown."""
        node = self._registry.node(node_id)
        if node is None:
            return None
        known = self._maps.get(node_id)
        if known is None or known[0] != node.description_version:
            text = _dump(map_of(node_id, node.description))
            known = self._maps[node_id] = (node.description_version, text)
        return known[0], f'{{"centre_ms":{self._now_ns() / NS_PER_MS},{known[1][1:]}'

    def picture_json(self, node_id: str) -> str | None:
        """The live picture; parts that are not current are null. None for an unknown node."""
        node = self._registry.node(node_id)
        if node is None:
            return None
        now_ns = self._now_ns()
        head = _dump(
            {
                "centre_ms": now_ns / NS_PER_MS,
                "id": node_id,
                "state": node.state(now_ns=now_ns).value,
                "heard_at_ms": node.heard_ns / NS_PER_MS,
                "rates": _rates(node, now_ns=now_ns),
            }
        )
        parts = ",".join(f'"{layer.value}":{self._part_json(node, layer, now_ns=now_ns)}' for layer in Layer)
        return f"{head[:-1]},{parts}}}"

    async def wait(self, node_id: str | None, seen: int) -> int:
        """The node's version once it is newer than `seen`; None or unknown: wait for a node to come."""
        node = None if node_id is None else self._registry.node(node_id)
        if node is None:
            await self._registry.changed.wait_newer(self._registry.changed.version)
            return seen
        await node.changed.wait_newer(seen)
        return node.changed.version

    def _part_json(self, node: CentreNode, layer: Layer, *, now_ns: int) -> str:
        part = node.current(layer, now_ns=now_ns)
        if part is None:
            return "null"
        known = self._made.get((node.node_id, layer))
        if known is None or known[0] is not part:
            expires_ms = part.expires_ns(received_ns=node.received_ns[layer]) / NS_PER_MS
            text = _dump({"valid_until_ms": expires_ms, **_BODIES[layer](part.message)})
            known = self._made[node.node_id, layer] = (part, text)
        return known[1]

    def _forget(self, kept: set[str]) -> None:
        for key in [key for key in self._made if key[0] not in kept]:
            del self._made[key]
        for node_id in [node_id for node_id in self._maps if node_id not in kept]:
            del self._maps[node_id]


def _summary(node: CentreNode, *, now_ns: int) -> dict[str, object]:
    signals, scene = (node.current(layer, now_ns=now_ns) for layer in (Layer.SIGNALS, Layer.SCENE))
    state = node.state(now_ns=now_ns)
    words = "none" if signals is None else "withdrawn" if signals.message.signals.withdrawn else "valid"
    return {
        "id": node.node_id,
        "name": node.description.name or node.node_id,
        "state": state.value,
        "heard_ms": max(now_ns - node.heard_ns, 0) / NS_PER_MS,
        "objects": len(scene.message.scene.road_users) if scene and state is NodeState.LIVE else None,
        "signals": words,
        "latitude": _finite(node.description.origin.latitude_deg, digits=7),
        "longitude": _finite(node.description.origin.longitude_deg, digits=7),
    }


def _rates(node: CentreNode, *, now_ns: int) -> dict[str, object]:
    signals, scene = node.meters[Layer.SIGNALS], node.meters[Layer.SCENE]
    captures = [m.capture_latency_ms for m in (scene, signals) if m.capture_latency_ms is not None]
    latencies = [m.latency_ms for m in (scene, signals) if m.latency_ms is not None]
    return {
        "signals_seen": Layer.SIGNALS in node.parts,
        "signals_hz": round(signals.rate_hz(now_ns=now_ns), 2),
        "scene_hz": round(scene.rate_hz(now_ns=now_ns), 2),
        "latency_ms": round(latencies[0], 2) if latencies else None,
        "capture_latency_ms": round(captures[0], 2) if captures else None,
        "taken": node.taken,
        "dropped_old": node.dropped_old,
        "dropped_duplicate": node.dropped_duplicate,
        "ignored": node.ignored,
        "sessions": node.sessions,
    }
