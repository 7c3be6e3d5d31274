"""Events and signs on the road as messages announce them (RSI, TIM, DENM)."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class EventKind(enum.Enum):
    """What happens. Each dialect maps it to the nearest code of its own, or says that it has none."""

    ACCIDENT = "accident"
    STOPPED_VEHICLE = "stopped_vehicle"
    SLOW_VEHICLE = "slow_vehicle"
    WRONG_WAY_DRIVER = "wrong_way_driver"
    EMERGENCY_VEHICLE = "emergency_vehicle"
    COLLISION_RISK = "collision_risk"
    SIGNAL_VIOLATION = "signal_violation"
    CONGESTION = "congestion"
    QUEUE_END = "queue_end"
    ROAD_WORKS = "road_works"
    ROAD_CLOSED = "road_closed"
    LANE_CLOSED = "lane_closed"
    OBSTACLE = "obstacle"
    ANIMAL_ON_ROAD = "animal_on_road"
    PERSON_ON_ROAD = "person_on_road"
    SLIPPERY_ROAD = "slippery_road"
    ICE = "ice"
    FLOODING = "flooding"
    LOW_VISIBILITY = "low_visibility"
    HEAVY_RAIN = "heavy_rain"
    SNOW = "snow"
    STRONG_WIND = "strong_wind"
    SPEED_LIMIT = "speed_limit"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RoadEvent:
    """One event or sign.

    Attributes:
        event: the node's own id of it, stable over updates, e.g. `queue-3`; as read from a message, one made of the
            sender and the message's own id.
        kind: what happens.
        x_m, y_m: ENU metres, where it happens.
        detected_ns: UTC ns at which it was first known.
        start_ns, end_ns: UTC ns of its validity; None: open.
        revision: counts up with every change of the event.
        cancelled: it is over and is withdrawn before `end_ns`.
        radius_m: how far around the position it matters; None unknown.
        path_m: ENU polyline of the affected road in the direction of travel; empty: not said.
        lanes: LaneIDs affected; empty: not said.
        priority: 0..7, 7 the highest.
        confidence: 0..1; None unknown.
        speed_limit_mps: for `SPEED_LIMIT`; an advised speed for others; None: none.
        text: for people, at most 250 characters.
    """

    event: str
    kind: EventKind
    x_m: float
    y_m: float
    detected_ns: int
    start_ns: int | None = None
    end_ns: int | None = None
    revision: int = 0
    cancelled: bool = False
    radius_m: float | None = None
    path_m: tuple[tuple[float, float], ...] = ()
    lanes: tuple[int, ...] = ()
    priority: int = 0
    confidence: float | None = None
    speed_limit_mps: float | None = None
    text: str = ""

    def active(self, *, now_ns: int) -> bool:
        """Whether it holds at `now_ns`."""
        started = self.start_ns is None or self.start_ns <= now_ns
        return started and not self.cancelled and (self.end_ns is None or now_ns < self.end_ns)
