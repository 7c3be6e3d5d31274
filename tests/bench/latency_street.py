"""The load of bench_latency, made beforehand: detections of four cameras, BSM datagrams, lamps; kept in files.

Three hundred road users go to and fro on straight lines; each camera sees a quarter of them. Two hundred vehicles say
BSM at 10 Hz: a hundred of those that cameras see, a hundred beyond them. Times in the files count from the beginning of
the run; stamps are put in at sending.
"""

from __future__ import annotations

import math
import tomllib
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
SPEED_MPS, HALF_WAY_M, SPACING_M = 8.0, 90.0, 4.0
SIGMA_M = 0.4
_SCENE = tomllib.loads((SCENE_DIRECTORY / "scene.toml").read_text(encoding="utf-8"))
ORIGIN = (float(_SCENE["origin"]["latitude_deg"]), float(_SCENE["origin"]["longitude_deg"]))
_MINUTE_MS = 60_000
_SECOND_MARK_BITS = 16


def places_m(who: NDArray[np.int64], at_s: float) -> NDArray[np.float64]:
    """(n, 4) x, y, vx, vy of some road users: to and fro along x, four on each line."""
    line, slot = who // 4, who % 4
    phase = at_s * SPEED_MPS + slot * HALF_WAY_M + line * 7.0
    turn = phase % (4 * HALF_WAY_M)
    onward = turn < 2 * HALF_WAY_M
    x = np.where(onward, turn - HALF_WAY_M, 3 * HALF_WAY_M - turn)
    y = (line - USERS / 8) * SPACING_M
    return np.stack(
        [x, y + np.where(onward, 0.0, 1.5), np.where(onward, SPEED_MPS, -SPEED_MPS), 0.0 * x], axis=1
    )


def write_camera(path: Path, camera: int, seconds: float) -> None:
    """Positions of every frame of one camera, (frames, n, 2)."""
    chance = np.random.default_rng(camera)
    who = np.arange(USERS)[np.arange(USERS) % len(CAMERAS) == camera]
    frames = [places_m(who, frame / CAMERA_HZ)[:, :2] for frame in range(int(seconds * CAMERA_HZ))]
    np.save(path, np.array(frames) + chance.normal(0.0, SIGMA_M, (len(frames), len(who), 2)))


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
