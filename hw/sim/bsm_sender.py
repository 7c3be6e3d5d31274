"""Simulated on-board radios: equipped vehicles say where they are, in SAE J2735 over UDP or T/CSAE 53 over MQTT."""

from __future__ import annotations

import asyncio
import math
import socket
import zlib
from collections import Counter, deque
from typing import Any

import aiomqtt
import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.v2x import csae, j2735
from hw.sim.gnss import POSITION_SIGMA_M, GnssError
from hw.sim.poses import WorldState, empty_rows

PERIOD_NS = 100 * NS_PER_MS
LOSS = 0.05
ESN = "DEMO0001"
TOPIC = f"V2X/RSU/{ESN}/BSM/UP"
MQTT_WAITING = 64
RETRY_S = 1.0


class MqttOutlet:
    """A bounded queue in front of a broker; the oldest message goes when it is full. Counters: sent, dropped, lost.

    Args:
        address: of the broker; one that is down is tried again for ever.
    """

    def __init__(self, address: tuple[str, int], *, topic: str = TOPIC) -> None:
        self.counters: Counter[str] = Counter()
        self._address, self._topic = address, topic
        self._waiting: deque[bytes] = deque(maxlen=MQTT_WAITING)
        self._arrived = asyncio.Event()

    def put(self, payload: bytes) -> None:
        """Queue a message."""
        self.counters["dropped"] += len(self._waiting) == MQTT_WAITING
        self._waiting.append(payload)
        self._arrived.set()

    async def run(self) -> None:
        """Send until cancelled."""
        host, port = self._address
        while True:
            try:
                async with aiomqtt.Client(host, port, timeout=5.0) as client:
                    await self._send(client)
            except aiomqtt.MqttError:
                self.counters["lost"] += 1
                await asyncio.sleep(RETRY_S)

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await client.publish(self._topic, self._waiting.popleft(), qos=0)
                self.counters["sent"] += 1


class OnBoardUnit:
    """The radio of one vehicle.

    Attributes:
        due_ns: UTC ns of the next message.
        speaks_csae: T/CSAE 53, else SAE J2735.
    """

    def __init__(self, name: str, *, seed: int, now_ns: int) -> None:
        code = zlib.crc32(f"{seed}/obu/{name}".encode())
        self._generator = np.random.default_rng(code)
        self.speaks_csae = bool(code & 1)
        self._pseudonym = self._generator.bytes(8 if self.speaks_csae else 4).hex()
        self.due_ns = now_ns + int(self._generator.integers(PERIOD_NS))
        self._gnss, self._count = GnssError(self._generator), int(self._generator.integers(128))

    def message(self, row: Any, *, state_ns: int, frame: LocalFrame) -> bytes | None:
        """The message due at `due_ns`; None when the air loses it. The next is due a period later."""
        at_ns, self.due_ns = self.due_ns, self.due_ns + PERIOD_NS
        east_m, north_m, speed_error = self._gnss.next(PERIOD_NS / NS_PER_S)
        self._count += 1
        if self._generator.random() < LOSS:
            return None
        ahead_m = float(row["speed"]) * (at_ns - state_ns) / NS_PER_S
        yaw = float(row["yaw"])
        report = V2xReport(
            link="air",
            dialect="csae-53-a" if self.speaks_csae else "j2735-2020",
            temporary_id=self._pseudonym,
            stamp=Stamp(at_ns, TimeSource.SENSOR),
            arrival_ns=at_ns,
            x_m=float(row["x"]) + ahead_m * math.cos(yaw) + east_m,
            y_m=float(row["y"]) + ahead_m * math.sin(yaw) + north_m,
            ellipse_m=(POSITION_SIGMA_M, POSITION_SIGMA_M),
            speed_mps=max(0.0, float(row["speed"]) + speed_error),
            yaw_rad=yaw,
            acceleration_mps2=float(row["acceleration"]),
            length_m=float(row["length"]),
            width_m=float(row["width"]),
            object_class=ObjectClass(int(row["kind"])),
        )
        encode = csae.encode_bsm if self.speaks_csae else j2735.encode_bsm
        return encode(report, frame=frame, message_count=self._count)


class BsmSender:
    """The radios of all equipped vehicles. Counters: udp, mqtt, lost (in the air), failed (no socket).

    Args:
        frame: the scene's frame.
        seed: of the radios.
        udp, mqtt: where each dialect goes; None: nowhere.
    """

    def __init__(
        self, frame: LocalFrame, *, seed: int, udp: tuple[str, int] | None, mqtt: MqttOutlet | None
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._frame, self._seed, self._udp, self._mqtt = frame, seed, udp, mqtt
        self._units: dict[str, OnBoardUnit] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def prepare(self) -> None:
        """Load the encoders of the dialects in use: that takes longer than a step."""
        dialects = {False: self._udp is not None, True: self._mqtt is not None}
        row, number = empty_rows(1)[0], 0
        while any(dialects.values()):
            unit = OnBoardUnit(str(number), seed=self._seed, now_ns=0)
            number += 1
            if dialects[unit.speaks_csae] and unit.message(row, state_ns=0, frame=self._frame) is not None:
                dialects[unit.speaks_csae] = False

    def offer(self, state: WorldState) -> None:
        """Send what has become due by this state."""
        if self._udp is None and self._mqtt is None:
            return
        units: dict[str, OnBoardUnit] = {}
        for name, row in zip(state.ids, state.rows, strict=True):
            if not row["equipped"]:
                continue
            unit = self._units.get(name)
            if unit is None or abs(state.stamp_ns - unit.due_ns) > NS_PER_S:
                unit = OnBoardUnit(name, seed=self._seed, now_ns=state.stamp_ns)
            units[name] = unit
            if unit.due_ns <= state.stamp_ns:
                self._emit(unit, unit.message(row, state_ns=state.stamp_ns, frame=self._frame))
        self._units = units

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _emit(self, unit: OnBoardUnit, payload: bytes | None) -> None:
        if payload is None:
            self.counters["lost"] += 1
        elif unit.speaks_csae and self._mqtt is not None:
            self._mqtt.put(payload)
            self.counters["mqtt"] += 1
        elif not unit.speaks_csae and self._udp is not None:
            self._send(payload, self._udp)

    def _send(self, payload: bytes, address: tuple[str, int]) -> None:
        try:
            self._socket.sendto(payload, address)
            self.counters["udp"] += 1
        except OSError:
            self.counters["failed"] += 1
