"""Simulated road users and the sensors that watch them, for tests of the tracker."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.core.detections import Detections
from edge.core.kinds import CLASS_COUNT, TYPICAL_SIZE_M, ObjectClass
from edge.core.stamp import Stamp, TimeSource
from edge.core.tracks import Tracks
from edge.core.v2x import V2xReport
from edge.fusion import SensorModel, Tracker

FloatArray = NDArray[np.float64]
START_NS = 1_700_000_000_000_000_000
Path = Callable[[float], tuple[float, float]]


def at_ns(seconds: float) -> int:
    """UTC ns of a time of the simulated world."""
    return START_NS + round(seconds * 1e9)


@dataclass(frozen=True)
class RoadUser:
    """One road user that follows `path` from `begin_s` to `end_s`."""

    path: Path
    kind: ObjectClass = ObjectClass.CAR
    begin_s: float = 0.0
    end_s: float = 1e9
    temporary_id: str = ""
    size_m: tuple[float, float, float] | None = None

    def state(self, t: float) -> FloatArray:
        """x y vx vy."""
        here, ahead = self.path(t), self.path(t + 0.01)
        return np.array([*here, (ahead[0] - here[0]) / 0.01, (ahead[1] - here[1]) / 0.01])

    def size(self) -> FloatArray:
        return np.array(self.size_m) if self.size_m else TYPICAL_SIZE_M[self.kind]


def straight(x: float, y: float, vx: float, vy: float) -> Path:
    return lambda t: (x + vx * t, y + vy * t)


def turning(radius_m: float, speed_mps: float, *, straight_s: float = 3.0) -> Path:
    """East along y = 0, then left on a circle, then north."""

    def path(t: float) -> tuple[float, float]:
        x_bend = 0.0
        along = speed_mps * (t - straight_s)
        quarter = radius_m * math.pi / 2
        if along < 0:
            return x_bend + along, 0.0
        if along < quarter:
            angle = along / radius_m
            return x_bend + radius_m * math.sin(angle), radius_m * (1 - math.cos(angle))
        return x_bend + radius_m, radius_m + along - quarter

    return path


def stop_and_go(x: float, y: float, speed_mps: float, *, brake_s: float, wait_s: float) -> Path:
    """East at `speed_mps`, brakes at 3 m/s2 from `brake_s`, waits, then accelerates at 2 m/s2."""
    stop_s = speed_mps / 3.0

    def path(t: float) -> tuple[float, float]:
        travelled = speed_mps * min(t, brake_s)
        if t > brake_s:
            braking = min(t - brake_s, stop_s)
            travelled += speed_mps * braking - 1.5 * braking**2
        begin = brake_s + stop_s + wait_s
        if t > begin:
            rising = min(t - begin, speed_mps / 2.0)
            travelled += rising**2 + speed_mps * max(0.0, t - begin - speed_mps / 2.0)
        return x + travelled, y

    return path


@dataclass
class CameraModel:
    """A camera on a pole whose error grows along the line of sight."""

    name: str
    x: float
    y: float
    bias: tuple[float, float] = (0.0, 0.0)
    detection: float = 0.92
    clutter: float = 0.2
    reach_m: float = 70.0
    period_s: float = 0.1
    phase_s: float = 0.0
    latency_s: float = 0.12
    hides: bool = True
    near_sigma_m: float = 0.5
    lost_s: tuple[float, float] = (1e9, 1e9)

    def sensor(self) -> SensorModel:
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        circle = self.reach_m * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return SensorModel(
            self.name,
            "camera",
            detection_probability=0.9,
            clutter_per_m2=1e-4,
            visible_polygon=circle + np.array([self.x, self.y]),
            position_m=np.array([self.x, self.y]),
        )

    def covariance(self, position: FloatArray) -> FloatArray:
        """Sigma along the range 0.5 m at 15 m to 2 m at 55 m; across it grows slowly."""
        ray = position - np.array([self.x, self.y])
        reach = float(np.hypot(*ray))
        along = max(self.near_sigma_m, self.near_sigma_m + 1.5 * (reach - 15.0) / 40.0)
        across = 0.2 + 0.006 * reach
        unit = ray / max(reach, 1e-6)
        side = np.array([-unit[1], unit[0]])
        return along**2 * np.outer(unit, unit) + across**2 * np.outer(side, side)

    def hidden(self, position: FloatArray, others: list[tuple[FloatArray, FloatArray]]) -> bool:
        ray = position - np.array([self.x, self.y])
        reach = float(np.hypot(*ray))
        unit = ray / max(reach, 1e-6)
        for other, size in others:
            to = other - np.array([self.x, self.y])
            along, off = float(to @ unit), abs(float(to[0] * unit[1] - to[1] * unit[0]))
            if 0 < along < reach - 2.0 and off < 0.25 * (size[0] + size[1]):
                return True
        return False

    def scan(self, users: list[RoadUser], t: float, frame: int, rng: np.random.Generator) -> Detections:
        present = [u for u in users if u.begin_s <= t <= u.end_s]
        states = [(u.state(t)[:2], u.size()) for u in present]
        positions, covariances, kinds = [], [], []
        for user, (position, _size) in zip(present, states, strict=True):
            if (
                np.hypot(*(position - np.array([self.x, self.y]))) > self.reach_m
                or rng.random() > self.detection
            ):
                continue
            if self.hides and self.hidden(position, [s for s in states if s[0] is not position]):
                continue
            covariance = self.covariance(position)
            positions.append(rng.multivariate_normal(position, covariance) + np.array(self.bias))
            covariances.append(covariance)
            kinds.append(user.kind)
        for _ in range(rng.poisson(self.clutter)):
            angle, reach = rng.uniform(0, 2 * np.pi), self.reach_m * math.sqrt(rng.random())
            spot = np.array([self.x + reach * math.cos(angle), self.y + reach * math.sin(angle)])
            positions.append(spot)
            covariances.append(self.covariance(spot))
            kinds.append(ObjectClass(int(rng.integers(0, CLASS_COUNT))))
        return detections(
            self.name, t, frame, positions, covariances, kinds, arrival_ns=at_ns(t + self.latency_s)
        )


def detections(
    sensor: str,
    t: float,
    frame: int,
    positions: list[FloatArray],
    covariances: list[FloatArray],
    kinds: list[ObjectClass],
    arrival_ns: int | None = None,
) -> Detections:
    n = len(positions)
    odds = np.full((n, CLASS_COUNT), -2.5)
    for row, kind in enumerate(kinds):
        odds[row, kind] = 2.5
    return Detections(
        sensor=sensor,
        stamp=Stamp(at_ns(t), TimeSource.SENSOR),
        arrival_ns=at_ns(t) if arrival_ns is None else arrival_ns,
        frame_id=frame,
        position_m=np.array(positions, dtype=float).reshape(n, 2),
        covariance_m2=np.array(covariances, dtype=float).reshape(n, 2, 2),
        class_log_odds=odds,
        confidence=np.full(n, 0.8),
        box_px=np.full((n, 4), np.nan, dtype=np.float32),
        size_m=TYPICAL_SIZE_M[kinds].reshape(n, 3).copy() if n else np.empty((0, 3)),
        yaw_rad=np.full(n, np.nan),
        velocity_mps=np.full((n, 2), np.nan),
        image_track=np.full(n, -1),
    )


def report(
    temporary_id: str,
    t: float,
    state: FloatArray,
    *,
    link: str = "radio",
    latency_s: float = 0.05,
    kind: ObjectClass = ObjectClass.CAR,
    size: FloatArray | None = None,
) -> V2xReport:
    size = TYPICAL_SIZE_M[kind] if size is None else size
    return V2xReport(
        link=link,
        dialect="j2735-2020",
        temporary_id=temporary_id,
        stamp=Stamp(at_ns(t), TimeSource.SENSOR),
        arrival_ns=at_ns(t + latency_s),
        x_m=float(state[0]),
        y_m=float(state[1]),
        ellipse_m=(0.8, 0.8),
        speed_mps=float(np.hypot(state[2], state[3])),
        yaw_rad=float(math.atan2(state[3], state[2])),
        length_m=float(size[0]),
        width_m=float(size[1]),
        object_class=kind,
    )


@dataclass
class World:
    """Runs sensors and the tracker on simulated road users; keeps what was published."""

    users: list[RoadUser]
    cameras: list[CameraModel]
    seed: int = 1
    rate_hz: float = 20.0
    radio: bool = False
    replay_ns: int = 400_000_000
    learn: bool = True
    times: list[float] = field(default_factory=list)
    published: list[Tracks] = field(default_factory=list)

    def tracker(self) -> Tracker:
        sensors = [camera.sensor() for camera in self.cameras]
        if self.radio:
            sensors.append(SensorModel("radio", "v2x", bias_m=0.7))
        return Tracker(tuple(sensors), replay_ns=self.replay_ns, learn=self.learn)

    def arrivals(self, end_s: float) -> list[tuple[float, Detections | tuple[V2xReport, ...]]]:
        """Every scan with its arrival time in seconds, in order of arrival."""
        rng = np.random.default_rng(self.seed)
        out: list[tuple[float, Detections | tuple[V2xReport, ...]]] = []
        for camera in self.cameras:
            for frame, t in enumerate(np.arange(camera.phase_s, end_s, camera.period_s)):
                if not camera.lost_s[0] <= t < camera.lost_s[1]:
                    out.append((t + camera.latency_s, camera.scan(self.users, float(t), frame, rng)))
        speaking = [u for u in self.users if u.temporary_id and self.radio]
        for number, user in enumerate(speaking):
            offset = rng.normal(0, 0.5, 2)
            for t in np.arange(0.013 * number + user.begin_s, min(end_s, user.end_s), 0.1):
                state = user.state(float(t)) + np.array(
                    [*(offset + rng.normal(0, 0.3, 2)), *rng.normal(0, 0.1, 2)]
                )
                delay = 0.04 + rng.exponential(0.04)
                heard = report(
                    user.temporary_id, float(t), state, latency_s=delay, kind=user.kind, size=user.size()
                )
                if rng.random() > 0.08:
                    out.append((t + delay, (heard,)))
        return sorted(out, key=lambda item: item[0])

    def run(self, end_s: float) -> Tracker:
        """Cycle to `end_s`; scans come in at the first cycle after their arrival."""
        tracker = self.tracker()
        waiting = self.arrivals(end_s)
        for t in np.arange(0.5 / self.rate_hz, end_s, 1.0 / self.rate_hz):
            while waiting and waiting[0][0] <= t:
                tracker.ingest(waiting.pop(0)[1])
            self.times.append(float(t))
            self.published.append(tracker.advance(at_ns(float(t))))
        return tracker

    def truth(self, t: float) -> tuple[list[int], FloatArray]:
        """Indices of present road users and their (n, 4) states."""
        present = [k for k, u in enumerate(self.users) if u.begin_s <= t <= u.end_s]
        return present, np.array([self.users[k].state(t) for k in present]).reshape(-1, 4)
