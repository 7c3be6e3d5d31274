"""Updates as a client sees them: frozen values, times in UTC nanoseconds, places in metres of the site's frame."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from edge.v1 import common_pb2, node_pb2, scene_pb2, signals_pb2


class Layer(enum.IntEnum):
    """Part of the live picture."""

    SIGNALS = common_pb2.LAYER_SIGNALS
    SCENE = common_pb2.LAYER_SCENE
    LANES = common_pb2.LAYER_LANES
    HEALTH = common_pb2.LAYER_HEALTH
    RADIO_FRAMES = common_pb2.LAYER_RADIO_FRAMES


@dataclass(frozen=True, slots=True)
class Head:
    """What every update says about itself.

    Attributes:
        sequence: counts up by one per published update of the layer; a gap is what was left out for us.
        epoch: start of the process that made it; a change says that ids start anew.
        capture_ns: capture time of the newest measurement that contributed; 0 none.
        published_ns: when the node made it.
        valid_until_ns: do not use it after this.
    """

    sequence: int
    epoch: int
    capture_ns: int
    published_ns: int
    valid_until_ns: int

    def is_valid(self, *, now_ns: int) -> bool:
        """Whether it may still be used."""
        return now_ns <= self.valid_until_ns


GREEN_STATES = frozenset({"permissive_movement_allowed", "protected_movement_allowed", "flashing_green"})


@dataclass(frozen=True, slots=True)
class SignalGroup:
    """Phase and timing of one signal group.

    Attributes:
        signal_group: SignalGroupID of the MAP.
        state: SAE J2735 name in lower case, e.g. `stop_and_remain`, `protected_movement_allowed`.
        min_end_ns, max_end_ns: promises of the controller; None: no promise.
        likely_end_ns, confidence: best estimate and how sure (0 to 1); None unknown.
        next_state: the state after this one where it is certain; None unknown.
    """

    signal_group: int
    state: str
    min_end_ns: int | None
    max_end_ns: int | None
    likely_end_ns: int | None
    confidence: float | None
    next_state: str | None

    @property
    def is_green(self) -> bool:
        """Whether road users of the group may go."""
        return self.state in GREEN_STATES


@dataclass(frozen=True, slots=True)
class SignalsUpdate(Head):
    """Signals of the intersection. When `withdrawn`, no group's state may be used; `reasons` say why."""

    intersection: int
    revision: int
    map_revision: int
    groups: tuple[SignalGroup, ...]
    status: tuple[str, ...]
    withdrawn: bool
    reasons: tuple[str, ...]

    def group(self, signal_group: int) -> SignalGroup | None:
        """The group of that number; None when there is none."""
        return next((g for g in self.groups if g.signal_group == signal_group), None)


@dataclass(frozen=True, slots=True)
class RoadUser:
    """One road user, predicted to the scene's `stamp_ns`; the position is its centre on the ground.

    Attributes:
        kind: `car`, `truck`, `bus`, `motorcycle`, `bicycle`, `pedestrian` or `unknown`.
        x_m, y_m: east and north of the site's origin; the same in WGS-84 degrees.
        covariance_m2: xx, xy, yy.
        course_rad: direction of motion, counter-clockwise from east.
        yaw_rad: direction it faces, likewise; None unknown.
        size_m: length, width, height; None unknown.
        existence, trust: 0 to 1.
        cameras, v2x_links: who saw or heard it within the last second.
        v2x_id: a pseudonym where it speaks V2X, of this node and epoch, not its id on the radio; empty: it does not.
        lane: LaneID; 0 none.
        capture_ns: capture time of its newest measurement.
    """

    track_id: int
    kind: str
    class_probability: float
    x_m: float
    y_m: float
    latitude_deg: float
    longitude_deg: float
    covariance_m2: tuple[float, float, float]
    speed_mps: float
    course_rad: float
    yaw_rad: float | None
    size_m: tuple[float | None, float | None, float | None]
    existence: float
    trust: float
    cameras: tuple[str, ...]
    v2x_links: tuple[str, ...]
    v2x_id: str
    lane: int
    capture_ns: int


@dataclass(frozen=True, slots=True)
class SceneUpdate(Head):
    """All road users (of the area asked for) at `stamp_ns`."""

    stamp_ns: int
    road_users: tuple[RoadUser, ...]


@dataclass(frozen=True, slots=True)
class LaneMeasure:
    """Traffic on one lane; `mean_speed_mps` None when it is empty."""

    lane: int
    count: int
    mean_speed_mps: float | None
    queue_length: int
    passed_total: int


@dataclass(frozen=True, slots=True)
class LanesUpdate(Head):
    """Traffic on all lanes."""

    lanes: tuple[LaneMeasure, ...]


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """Health of one component; `state` is `ok`, `starting`, `degraded` or `down`."""

    component: str
    state: str
    since_ns: int
    message: str
    counters: dict[str, int]


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """Something that happened once."""

    stamp_ns: int
    component: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class HealthUpdate(Head):
    """Health of the node, and its newest events."""

    components: tuple[ComponentHealth, ...]
    events: tuple[HealthEvent, ...]


@dataclass(frozen=True, slots=True)
class RadioFrameUpdate(Head):
    """A standard message as it went to a radio: `kind` SPAT or MAP, `dialect`, UPER `payload`."""

    kind: str
    dialect: str
    payload: bytes


Update = SignalsUpdate | SceneUpdate | LanesUpdate | HealthUpdate | RadioFrameUpdate

_Heads = tuple[int, int, int, int, int]


def read_update(message: node_pb2.Update) -> Update | None:
    """The value of a message; None for a payload that this version does not know."""
    head = (
        message.sequence,
        message.epoch,
        message.capture_ns,
        message.published_ns,
        message.valid_until_ns,
    )
    payload = message.WhichOneof("payload")
    if payload == "signals":
        return _signals(head, message.signals)
    if payload == "scene":
        users = tuple(_road_user(user) for user in message.scene.road_users)
        return SceneUpdate(*head, message.scene.stamp_ns, users)
    if payload == "lanes":
        return LanesUpdate(*head, tuple(_lane(lane) for lane in message.lanes.lanes))
    if payload == "health":
        return _health(head, message.health)
    if payload == "radio_frame":
        frame = message.radio_frame
        return RadioFrameUpdate(*head, frame.kind, frame.dialect, frame.payload)
    return None


def _signals(head: _Heads, message: signals_pb2.Signals) -> SignalsUpdate:
    return SignalsUpdate(
        *head,
        message.intersection,
        message.revision,
        message.map_revision,
        tuple(read_group(group) for group in message.groups),
        tuple(message.status),
        message.withdrawn,
        tuple(message.reasons),
    )


def read_group(message: signals_pb2.SignalGroup) -> SignalGroup:
    """The value of a message."""
    has = message.HasField
    return SignalGroup(
        signal_group=message.signal_group,
        state=_state(message.state),
        min_end_ns=message.min_end_ns if has("min_end_ns") else None,
        max_end_ns=message.max_end_ns if has("max_end_ns") else None,
        likely_end_ns=message.likely_end_ns if has("likely_end_ns") else None,
        confidence=message.confidence if has("confidence") else None,
        next_state=_state(message.next_state) if has("next_state") else None,
    )


def _state(value: int) -> str:
    """A state that this version does not know is `unavailable`: it must not be taken for another."""
    names = signals_pb2.MovementState
    if not value or value not in names.values():
        return "unavailable"
    return names.Name(value).removeprefix("MOVEMENT_STATE_").lower()


def _road_user(message: scene_pb2.RoadUser) -> RoadUser:
    has, kinds = message.HasField, common_pb2.ObjectClass
    known = message.object_class in kinds.values() and message.object_class
    return RoadUser(
        track_id=message.track_id,
        kind=kinds.Name(message.object_class).removeprefix("OBJECT_CLASS_").lower() if known else "unknown",
        class_probability=message.class_probability,
        x_m=message.x_m,
        y_m=message.y_m,
        latitude_deg=message.latitude_deg,
        longitude_deg=message.longitude_deg,
        covariance_m2=(message.covariance_xx_m2, message.covariance_xy_m2, message.covariance_yy_m2),
        speed_mps=message.speed_mps,
        course_rad=message.course_rad,
        yaw_rad=message.yaw_rad if has("yaw_rad") else None,
        size_m=(
            message.length_m if has("length_m") else None,
            message.width_m if has("width_m") else None,
            message.height_m if has("height_m") else None,
        ),
        existence=message.existence,
        trust=message.trust,
        cameras=tuple(message.cameras),
        v2x_links=tuple(message.v2x_links),
        v2x_id=message.v2x_id,
        lane=message.lane,
        capture_ns=message.capture_ns,
    )


def _lane(message: scene_pb2.LaneMeasure) -> LaneMeasure:
    speed_mps = message.mean_speed_mps if message.HasField("mean_speed_mps") else None
    return LaneMeasure(message.lane, message.count, speed_mps, message.queue_length, message.passed_total)


def _health(head: _Heads, message: common_pb2.Health) -> HealthUpdate:
    names = common_pb2.HealthState
    components = (
        ComponentHealth(
            c.component,
            names.Name(c.state).removeprefix("HEALTH_STATE_").lower()
            if c.state in names.values()
            else "down",
            c.since_ns,
            c.message,
            dict(c.counters),
        )
        for c in message.components
    )
    events = (HealthEvent(e.stamp_ns, e.component, e.kind, e.text) for e in message.events)
    return HealthUpdate(*head, tuple(components), tuple(events))


def only_warns(update: Update) -> bool:
    """Whether nobody acts on it as on lights or road users: health, and word that the signals are withdrawn."""
    return isinstance(update, HealthUpdate) or (isinstance(update, SignalsUpdate) and update.withdrawn)
