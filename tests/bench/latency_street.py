"""The load of bench_latency, made beforehand: detections of four cameras, BSM datagrams, lamps; kept in files.

Road users go round and round on ring lanes, 12 m apart, neighbouring lanes in opposite directions. Four cameras on a
pole in the middle see a quarter each of the lanes on which three hundred of them are. Two hundred vehicles say BSM at
10 Hz: a hundred of those that cameras see, a hundred on lanes beyond. Times in the files count from the beginning of
the run; stamps are put in at sending.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.app.demo_site import SCENE_DIRECTORY
from edge.core.geodesy import LocalFrame
from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.v2x import j2735

CAMERAS = ("one", "two", "three", "four")
USERS, SENDERS, SEEN_SENDERS = 300, 200, 100
CAMERA_HZ, BSM_HZ = 15.0, 10.0
SPEED_MPS, LANE_M, GAP_M = 8.0, 4.0, 12.0
SEEN_FROM_M, BEYOND_FROM_M = 30.0, 112.0
HEIGHT_M, RANGE_M, IMAGE_SIZE = 9.0, 90.0, (1920, 1080)
FOCAL_PX = 0.48 * IMAGE_SIZE[0]
"""So that the columns of the visible polygon, 2 to 98 % of the width, span a right angle."""
SIGMA_M = 0.4
_SCENE = tomllib.loads((SCENE_DIRECTORY / "scene.toml").read_text(encoding="utf-8"))
ORIGIN = (float(_SCENE["origin"]["latitude_deg"]), float(_SCENE["origin"]["longitude_deg"]))
_MINUTE_MS = 60_000
_SECOND_MARK_BITS = 16


def _lanes(count: int, first_m: float) -> Iterator[tuple[float, float, float]]:
    """Radius (m), first angle (rad) and sense of rotation of so many road users, lane by lane from the inside."""
    lane = 0
    while count > 0:
        radius_m = first_m + lane * LANE_M
        most = int(2 * math.pi * radius_m / GAP_M)
        for slot in range(min(count, most)):
            yield radius_m, 2 * math.pi * slot / most, 1.0 - 2.0 * (lane % 2)
        count -= most
        lane += 1


_ROUND = np.array([*_lanes(USERS, SEEN_FROM_M), *_lanes(SENDERS - SEEN_SENDERS, BEYOND_FROM_M)])


def places_m(who: NDArray[np.int64], at_s: float) -> NDArray[np.float64]:
    """(n, 4) x, y, vx, vy of some road users; those from `USERS` on are beyond the sight of the cameras."""
    radius, first, sense = _ROUND[who].T
    angle = first + sense * SPEED_MPS * at_s / radius
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([radius * c, radius * s, -sense * SPEED_MPS * s, sense * SPEED_MPS * c], axis=1)


def camera_points(camera: int) -> list[list[float]]:
    """Marked points of a camera that looks level over its quarter from the pole: u, v (px), x, y (m)."""
    c, s = math.cos(_middle_rad(camera)), math.sin(_middle_rad(camera))
    ahead_right_m = ((20.0, -15.0), (20.0, 15.0), (60.0, -50.0), (60.0, 50.0), (40.0, 0.0), (90.0, 10.0))
    return [
        [
            IMAGE_SIZE[0] / 2 + FOCAL_PX * right / ahead,
            IMAGE_SIZE[1] / 2 + FOCAL_PX * HEIGHT_M / ahead,
            ahead * c + right * s,
            ahead * s - right * c,
        ]
        for ahead, right in ahead_right_m
    ]


def _middle_rad(camera: int) -> float:
    return (camera + 0.5) * math.pi / 2


def write_camera(path: Path, camera: int, seconds: float) -> None:
    """Positions of every frame of one camera, (frames, n, 2), filled up with NaN."""
    chance = np.random.default_rng(camera)
    frames = [_frame(camera, frame / CAMERA_HZ, chance) for frame in range(int(seconds * CAMERA_HZ))]
    filled = np.full((len(frames), max(map(len, frames)), 2), np.nan)
    for row, frame in zip(filled, frames, strict=True):
        row[: len(frame)] = frame
    np.save(path, filled)


def _frame(camera: int, at_s: float, chance: np.random.Generator) -> NDArray[np.float64]:
    """(n, 2) what is in the camera's quarter, with noise."""
    places = places_m(np.arange(USERS), at_s)[:, :2]
    quarter = np.floor(np.arctan2(places[:, 1], places[:, 0]) / (math.pi / 2)) % len(CAMERAS)
    seen: NDArray[np.float64] = places[quarter == camera]
    return seen + chance.normal(0.0, SIGMA_M, seen.shape)


def class_log_odds(n: int) -> NDArray[np.float64]:
    """Cars, beyond doubt."""
    odds = np.full((n, CLASS_COUNT), -3.0)
    odds[:, ObjectClass.CAR] = 3.0
    return odds


def sender_offset_ms(sender: int) -> int:
    """When in its period a sender speaks."""
    return int(sender * 1000 / BSM_HZ / SENDERS)


def write_bsm(path: Path, seconds: float) -> None:
    """Datagrams of every sender in order of sending, (messages, octets), with the second mark left at 0."""
    frame, chance = LocalFrame(*ORIGIN), np.random.default_rng(9)
    beyond = np.arange(USERS, USERS + SENDERS - SEEN_SENDERS)
    who = np.concatenate([np.arange(SEEN_SENDERS) * 3, beyond])
    rows = []
    for turn in range(int(seconds * BSM_HZ)):
        for sender in range(SENDERS):
            at_s = turn / BSM_HZ + sender_offset_ms(sender) / 1000
            x, y, vx, vy = (float(v) for v in places_m(who[sender : sender + 1], at_s)[0])
            rows.append(_bsm(sender, turn, (x, y, vx, vy), frame, chance))
    np.save(path, np.array([np.frombuffer(row, np.uint8) for row in rows]))


def _bsm(
    sender: int,
    turn: int,
    state: tuple[float, float, float, float],
    frame: LocalFrame,
    chance: np.random.Generator,
) -> bytes:
    x, y, vx, vy = state
    east, north = chance.normal(0.0, 0.8, 2)
    report = V2xReport(
        link="air",
        dialect=j2735.DIALECT,
        temporary_id=f"{sender + 1:08x}",
        stamp=Stamp(0, TimeSource.SENSOR),
        arrival_ns=0,
        x_m=x + east,
        y_m=y + north,
        ellipse_m=(1.0, 1.0),
        speed_mps=math.hypot(vx, vy),
        yaw_rad=math.atan2(vy, vx),
        length_m=4.5,
        width_m=1.8,
        object_class=ObjectClass.CAR,
    )
    return j2735.encode_bsm(report, frame=frame, message_count=turn % 128)


class SecondMark:
    """Puts the time into a datagram: finds where the encoder writes DSecond, once."""

    def __init__(self) -> None:
        frame, chance = LocalFrame(*ORIGIN), np.random.default_rng(0)
        plain = _bsm(0, 0, (0.0, 0.0, 1.0, 0.0), frame, np.random.default_rng(0))
        marked = self._encoded_at(1, frame, chance)
        difference = int.from_bytes(plain, "big") ^ int.from_bytes(marked, "big")
        self._shift = difference.bit_length() - 1
        if difference != 1 << self._shift:
            raise ValueError("the second mark is not where it was looked for")

    @staticmethod
    def _encoded_at(millisecond: int, frame: LocalFrame, chance: np.random.Generator) -> bytes:
        east, north = chance.normal(0.0, 0.8, 2)
        report = V2xReport(
            link="air",
            dialect=j2735.DIALECT,
            temporary_id=f"{1:08x}",
            stamp=Stamp(millisecond * NS_PER_MS, TimeSource.SENSOR),
            arrival_ns=0,
            x_m=east,
            y_m=north,
            ellipse_m=(1.0, 1.0),
            speed_mps=1.0,
            yaw_rad=0.0,
            length_m=4.5,
            width_m=1.8,
            object_class=ObjectClass.CAR,
        )
        return j2735.encode_bsm(report, frame=frame, message_count=0)

    def stamped(self, datagram: bytes, stamp_ns: int) -> bytes:
        """The datagram with the millisecond of the minute of a time."""
        value = int.from_bytes(datagram, "big")
        mark = stamp_ns // NS_PER_MS % _MINUTE_MS
        return (value | mark << self._shift).to_bytes(len(datagram), "big")
