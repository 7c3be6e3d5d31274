"""What a client sees: small frozen values, units in names, unknown is None. Times are UTC nanoseconds since 1970."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Layer(enum.IntEnum):
    """Part of the live picture; the values are those of `edge.v1.Layer`."""

    SIGNALS = 1
    SCENE = 2
    LANES = 3
    HEALTH = 4
    RADIO_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Circle:
    """Only road users within `radius_m` of a point in the local frame."""

    x_m: float
    y_m: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Box:
    """Only road users within a box in the local frame."""

    west_m: float
    south_m: float
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True)
class SignalGroup:
    """Phase and timing of one signal group.

    Attributes:
        signal_group: SignalGroupID of the MAP.
        state: name of the movement state, e.g. `PROTECTED_MOVEMENT_ALLOWED`.
        min_end_ns, max_end_ns: promises of the controller.
        likely_end_ns: best estimate; `confidence` 0..1 goes with it.
        next_state: the state after this one, where it is certain.
    """

    signal_group: int
    state: str
    min_end_ns: int | None = None
    max_end_ns: int | None = None
    likely_end_ns: int | None = None
    confidence: float | None = None
    next_state: str | None = None

    @property
    def green(self) -> bool:
        """Whether vehicles of the group may go."""
        return self.state in {"PERMISSIVE_MOVEMENT_ALLOWED", "PROTECTED_MOVEMENT_ALLOWED", "FLASHING_GREEN"}

    def seconds_left(self, now_ns: int) -> float | None:
        """Best estimate of the seconds until the state ends; None unknown."""
        ends = (self.likely_end_ns, self.min_end_ns, self.max_end_ns)
        end_ns = next((end for end in ends if end is not None), None)
        return None if end_ns is None else max(0.0, (end_ns - now_ns) / 1e9)


@dataclass(frozen=True, slots=True)
class Update:
    """What every update carries.

    Attributes:
        sequence: of the layer; a gap is what was conflated.
        epoch: a change says that sequences and ids start anew.
        capture_ns: newest measurement that contributed.
        published_ns: when the node made it.
        valid_until_ns: drop it after this.
        received_ns: when the client had it.
    """

    sequence: int
    epoch: int
    capture_ns: int
    published_ns: int
    valid_until_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class SignalsUpdate(Update):
    """Signals of the intersection; `withdrawn` means that no state may be used."""

    intersection: int
    revision: int
    withdrawn: bool
    groups: Mapping[int, SignalGroup]
    status: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoadUser:
    """One road user at the stamp of the scene; the position is its centre on the ground.

    Attributes:
        object_class: `CAR`, `TRUCK`, `BUS`, `MOTORCYCLE`, `BICYCLE`, `PEDESTRIAN` or `UNKNOWN`.
        covariance_m2: xx, xy, yy.
        course_rad: direction of motion, counter-clockwise from east; `yaw_rad` is where it faces.
        cameras, v2x_links: who saw or heard it within the last second.
        lane: LaneID; 0: none.
    """

    track_id: int
    object_class: str
    class_probability: float
    x_m: float
    y_m: float
    latitude_deg: float
    longitude_deg: float
    covariance_m2: tuple[float, float, float]
    speed_mps: float
    course_rad: float
    yaw_rad: float | None
    length_m: float | None
    width_m: float | None
    existence: float
    trust: float
    cameras: tuple[str, ...]
    v2x_links: tuple[str, ...]
    v2x_id: str
    lane: int
    capture_ns: int


@dataclass(frozen=True, slots=True)
class SceneUpdate(Update):
    """All road users (of the area asked for) at `stamp_ns`."""

    stamp_ns: int
    road_users: tuple[RoadUser, ...]


@dataclass(frozen=True, slots=True)
class LaneMeasure:
    """Traffic on one lane; `mean_speed_mps` is None when it is empty."""

    lane: int
    count: int
    mean_speed_mps: float | None
    queue_length: int
    passed_total: int


@dataclass(frozen=True, slots=True)
class LanesUpdate(Update):
    """Traffic on all lanes."""

    lanes: Mapping[int, LaneMeasure]


@dataclass(frozen=True, slots=True)
class Component:
    """Health of one component of the node; `state` is OK, STARTING, DEGRADED or DOWN."""

    component: str
    state: str
    since_ns: int
    message: str
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class HealthUpdate(Update):
    """Health of the node; `events` are (stamp_ns, component, kind, text), oldest first."""

    components: Mapping[str, Component]
    events: tuple[tuple[int, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class RadioFrameUpdate(Update):
    """A standard message as it went to a radio."""

    kind: str
    dialect: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LaneInfo:
    """Geometry of one lane.

    Attributes:
        kind: `VEHICLE`, `BICYCLE`, `CROSSWALK` or `SIDEWALK`.
        points_m: centre line from the stop line outwards, local frame.
        signal_groups: groups that rule the lane's connections.
        connections: (to_lane, signal_group or None, maneuvers).
    """

    lane: int
    kind: str
    ingress: bool
    egress: bool
    width_m: float
    points_m: tuple[tuple[float, float], ...]
    signal_groups: tuple[int, ...]
    connections: tuple[tuple[int, int | None, tuple[str, ...]], ...]
    name: str


@dataclass(frozen=True, slots=True)
class IntersectionInfo:
    """Geometry, signal groups and sensors of the intersection; `origin` is latitude, longitude, elevation."""

    node_id: str
    intersection: int
    revision: int
    name: str
    origin: tuple[float, float, float]
    lanes: Mapping[int, LaneInfo]
    signal_groups: tuple[int, ...]
    sensors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NextGreen:
    """When a signal group may go.

    Attributes:
        signal_group: the group.
        green: it is green now; then `seconds` is the time until the green ends.
        seconds: time until it turns green, or until its green ends; None: the controller promises nothing.
        certain: the time is a promise of the controller, not an estimate.
    """

    signal_group: int
    green: bool
    seconds: float | None
    certain: bool
