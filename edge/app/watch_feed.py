"""What `edge watch` has received, and the picture of it at an instant. Pure: time is an argument."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeVar

from edge.app.view import GroupRow, HealthRow, LaneRow, Picture
from edge.app.view_cells import Point
from edge.app.view_plan import PlanHead, PlanLane, PlanUser
from edge.app.view_style import STATES, Lamp
from edge.sdk import (
    HealthUpdate,
    Intersection,
    Lane,
    LanesUpdate,
    RoadUser,
    SceneUpdate,
    SignalGroup,
    SignalsUpdate,
    Update,
)

U = TypeVar("U", SignalsUpdate, SceneUpdate, LanesUpdate, HealthUpdate)

STALE_AFTER_NS = 2_000_000_000
_RATE_WINDOW_NS = 3_000_000_000
_RATE_LEAST_NS = 1_000_000_000
_HEAD_AHEAD_M = 1.5
_BLIND = {"": ("down", "starting"), "source": ("down", "starting"), "model": ("down",)}
_DEFAULT_SIZE_M = (1.0, 1.0)
_ARROWS = {"left": "←", "straight": "↑", "right": "→", "u_turn": "↶"}
_SIDES = ("East", "North-east", "North", "North-west", "West", "South-west", "South", "South-east")


class Feed:
    """The newest of everything that one node sent."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.info: Intersection | None = None
        self.reconnects = 0
        self.refused = False
        self.problem = f"no answer from {address} yet"
        self._signals: SignalsUpdate | None = None
        self._scene: SceneUpdate | None = None
        self._lanes: LanesUpdate | None = None
        self._health: HealthUpdate | None = None
        self._heard_ns = 0
        self._scene_times_ns: deque[int] = deque(maxlen=128)
        self._signal_times_ns: deque[int] = deque(maxlen=128)

    @property
    def complete(self) -> bool:
        """Whether there has been something of every layer."""
        return None not in (self.info, self._signals, self._scene, self._lanes, self._health)

    @property
    def map_is_old(self) -> bool:
        """Whether the signals speak of another revision of the map than the one that is known."""
        signals, info = self._signals, self.info
        return signals is not None and info is not None and signals.map_revision != info.revision

    def take(self, update: Update, *, now_ns: int) -> None:
        """Keep an update; the newest of its layer wins."""
        self._heard_ns, self.problem = now_ns, ""
        match update:
            case SignalsUpdate():
                self._signals = update
                self._signal_times_ns.append(now_ns)
            case SceneUpdate():
                self._scene = update
                self._scene_times_ns.append(now_ns)
            case LanesUpdate():
                self._lanes = update
            case HealthUpdate():
                self._health = update

    def lost(self, problem: str) -> None:
        """The connection is gone; what is known ages until it expires."""
        self.problem = problem

    def picture(self, *, now_ns: int) -> Picture:
        """What may be shown as current at `now_ns`."""
        signals = _fresh(self._signals, now_ns)
        scene = _fresh(self._scene, now_ns)
        lanes = _fresh(self._lanes, now_ns)
        health = _fresh(self._health, now_ns)
        info = self.info
        return Picture(
            title=(info.name or info.node_id) if info else "no intersection yet",
            address=self._address,
            state=self._state(now_ns),
            alert=self._alert(signals, scene, now_ns=now_ns),
            facts=self._facts(now_ns),
            lanes=_plan_lanes(info),
            heads=_heads(info, signals, now_ns=now_ns),
            users=tuple(_plan_user(user) for user in scene.road_users) if scene else (),
            signals=_group_rows(info, signals, now_ns=now_ns),
            objects_current=scene is not None,
            lane_rows=_lane_rows(info, lanes),
            health=_health_rows(health, now_ns=now_ns),
        )

    def _state(self, now_ns: int) -> str:
        if not self._heard_ns:
            return "connecting"
        if now_ns - self._heard_ns < STALE_AFTER_NS:
            return "live"
        return "lost" if self.problem else "stale"

    def _alert(self, signals: SignalsUpdate | None, scene: SceneUpdate | None, *, now_ns: int) -> str:
        if self._state(now_ns) != "live":
            age = f", silent for {(now_ns - self._heard_ns) / 1e9:.0f} s" if self._heard_ns else ""
            return f"{self.problem or 'data stopped'}{age}; nothing older is shown as current"
        if signals is not None and signals.withdrawn:
            return f"signals withdrawn: {'; '.join(signals.reasons) or 'the node gave no reason'}"
        if signals is None and self._signals is not None:
            return "signals expired: the last message is past its validity"
        if signals is not None and signals.reasons:
            return f"signal timing: {'; '.join(signals.reasons)}"
        if scene is None:
            return "road users unavailable: the node sends no current scene"
        blind = _blind_cameras(_fresh(self._health, now_ns))
        return f"not seeing: camera {', '.join(blind)}; who nobody else sees is missing" if blind else ""

    def _facts(self, now_ns: int) -> tuple[str, ...]:
        facts = []
        for name, times in (("signals", self._signal_times_ns), ("scene", self._scene_times_ns)):
            recent = [t for t in times if now_ns - t < _RATE_WINDOW_NS]
            if recent and recent[-1] - recent[0] >= _RATE_LEAST_NS:
                facts.append(f"{name} {(len(recent) - 1) * 1e9 / (recent[-1] - recent[0]):.1f} Hz")
        if self._scene is not None and self._scene.capture_ns > 0 and _fresh(self._scene, now_ns):
            facts.append(f"scene {(now_ns - self._scene.capture_ns) / 1e6:.0f} ms after capture")
        if self.reconnects:
            facts.append(f"reconnects {self.reconnects}")
        return tuple(facts)


def _fresh(update: U | None, now_ns: int) -> U | None:
    return update if update is not None and update.is_valid(now_ns=now_ns) else None


def _plan_lanes(info: Intersection | None) -> tuple[PlanLane, ...]:
    lanes: Iterable[Lane] = info.lanes if info else ()
    return tuple(
        PlanLane(lane.points_m, lane.width_m or 3.0, lane.kind == "crosswalk")
        for lane in lanes
        if len(lane.points_m) > 1 and lane.kind != "sidewalk"
    )


def _plan_user(user: RoadUser) -> PlanUser:
    source = "both" if user.cameras and user.v2x_links else "camera" if user.cameras else "V2X"
    if not user.cameras and not user.v2x_links:
        source = "unseen"
    velocity = (user.speed_mps * math.cos(user.course_rad), user.speed_mps * math.sin(user.course_rad))
    length_m, width_m = user.size_m[0] or _DEFAULT_SIZE_M[0], user.size_m[1] or _DEFAULT_SIZE_M[1]
    yaw_rad = user.course_rad if user.yaw_rad is None else user.yaw_rad
    return PlanUser(user.kind, source, (user.x_m, user.y_m), velocity, yaw_rad, length_m, width_m)


def _lamp(group: SignalGroup | None, signals: SignalsUpdate | None) -> tuple[Lamp, str]:
    if signals is None:
        return Lamp.NONE, "no current data"
    if signals.withdrawn:
        return Lamp.NONE, "withdrawn"
    return STATES.get(group.state if group else "unavailable", STATES["unavailable"])


def countdown(group: SignalGroup, *, now_ns: int) -> tuple[str, str]:
    """Seconds left and the promised range with confidence, as texts; empty when unknown."""

    def seconds(end_ns: int | None) -> str:
        return "" if end_ns is None else str(math.ceil(max((end_ns - now_ns) / 1e9 - 0.05, 0.0)))

    low, high, likely = (seconds(end) for end in (group.min_end_ns, group.max_end_ns, group.likely_end_ns))
    promise = f"{low}-{high} s" if low and high and low != high else ""
    if likely:
        sure = "" if group.confidence is None else f"{group.confidence:.0%}"
        return likely, ", ".join(part for part in (promise, sure) if part)
    if high:
        return (f"≤{high}" if promise else high), promise
    return (f"≥{low}" if low else ""), ""


def _heads(info: Intersection | None, signals: SignalsUpdate | None, *, now_ns: int) -> tuple[PlanHead, ...]:
    """One head per signal group and approach, just beyond the stop line."""
    places: dict[tuple[int, int], list[Point]] = {}
    for lane in info.lanes if info else ():
        if not lane.ingress or lane.kind not in ("vehicle", "bicycle") or len(lane.points_m) < 2:
            continue
        (x0, y0), (x1, y1) = lane.points_m[:2]
        length = math.hypot(x0 - x1, y0 - y1) or 1.0
        ahead = ((x0 - x1) / length, (y0 - y1) / length)
        sector = round(math.atan2(ahead[1], ahead[0]) / (math.pi / 8))
        for group in _groups_of(lane):
            spot = (x0 + _HEAD_AHEAD_M * ahead[0], y0 + _HEAD_AHEAD_M * ahead[1])
            places.setdefault((group, sector), []).append(spot)
    known = _by_number(signals)
    found = []
    for (group, _sector), spots in places.items():
        state = known.get(group)
        left = countdown(state, now_ns=now_ns)[0] if state else ""
        found.append(PlanHead(_middle(spots), _lamp(state, signals)[0], left))
    return tuple(found)


def _groups_of(lane: Lane) -> tuple[int, ...]:
    found = {c.signal_group for c in lane.connections} | {lane.signal_group}
    return tuple(sorted(group for group in found if group is not None))


def _by_number(signals: SignalsUpdate | None) -> dict[int, SignalGroup]:
    """Groups whose state may be used."""
    if signals is None or signals.withdrawn:
        return {}
    return {group.signal_group: group for group in signals.groups}


def _group_rows(
    info: Intersection | None, signals: SignalsUpdate | None, *, now_ns: int
) -> tuple[GroupRow, ...]:
    known = _by_number(signals)
    rows = []
    for number in info.signal_groups if info else ():
        state = known.get(number)
        lamp, word = _lamp(state, signals)
        left, detail = countdown(state, now_ns=now_ns) if state else ("", "")
        rows.append(GroupRow(number, describe(info, number), lamp, word, left, detail))
    return tuple(rows)


def describe(info: Intersection | None, group: int) -> str:
    """Sides and turns of a signal group, e.g. `East, West ↑→`."""
    lanes = [lane for lane in info.lanes if lane.points_m] if info else []
    centre = _middle([lane.points_m[0] for lane in lanes])
    sides: dict[str, None] = {}
    turns: set[str] = set()
    walk = False
    for lane in lanes:
        if group not in _groups_of(lane):
            continue
        if lane.kind == "crosswalk":
            walk = True
            east, north = _middle(lane.points_m)
        else:
            east, north = lane.points_m[-1]
            turns |= {turn for c in lane.connections if c.signal_group == group for turn in c.maneuvers}
        sector = round(math.atan2(north - centre[1], east - centre[0]) / (math.pi / 4)) % 8
        sides[_SIDES[sector]] = None
    arrows = "".join(arrow for turn, arrow in _ARROWS.items() if turn in turns)
    return f"{', '.join(sides)}{' walk' if walk else ''} {arrows}".strip()


def _middle(points: Sequence[Point]) -> Point:
    count = max(len(points), 1)
    return sum(p[0] for p in points) / count, sum(p[1] for p in points) / count


def _lane_rows(info: Intersection | None, lanes: LanesUpdate | None) -> tuple[LaneRow, ...]:
    names = {lane.lane: lane.name for lane in info.lanes} if info else {}
    measures = lanes.lanes if lanes else ()
    return tuple(
        LaneRow(m.lane, names.get(m.lane, ""), m.count, m.mean_speed_mps, m.queue_length, m.passed_total)
        for m in measures
    )


def _blind_cameras(health: HealthUpdate | None) -> list[str]:
    """Cameras that see nothing at the moment: their process, source or model is down, or they have not begun yet."""
    found = set()
    for part in health.components if health else ():
        kind, _, rest = part.component.partition(".")
        name, _, what = rest.partition(".")
        if kind == "camera" and part.state in _BLIND.get(what, ()):
            found.add(name)
    return sorted(found)


def _health_rows(health: HealthUpdate | None, *, now_ns: int) -> tuple[HealthRow, ...]:
    parts = health.components if health else ()
    order = ("down", "degraded", "starting", "ok")
    return tuple(
        HealthRow(
            part.component,
            part.state,
            part.message,
            (now_ns - part.since_ns) / 1e9 if part.since_ns else None,
        )
        for part in sorted(
            parts, key=lambda p: (order.index(p.state) if p.state in order else 0, p.component)
        )
    )
