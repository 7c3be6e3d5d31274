"""The gateway to OpenV2X: a roadside unit on its topics, up and down. `edge/publish/OPENV2X.md`."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeGuard

from edge.config.openv2x import OpenV2xConfig
from edge.core.errors import CodecError, DeviceError
from edge.core.health import HealthState
from edge.core.intersection import Intersection
from edge.core.road_events import RoadEvent
from edge.core.sensed import own_tracks
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_MS
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.ports import Bus, BusMessage
from edge.publish.perceived import perceived_objects
from edge.publish.radio_ids import RadioIds
from edge.publish.standing import standing_vehicles
from edge.v2x.openv2x_map import write_map
from edge.v2x.openv2x_rsi import read_rsi, write_rsi
from edge.v2x.openv2x_rsm import MAX_BYTES, MAX_OBJECTS, read_json, write_rsm

ACCEPTED, REFUSED = 0, 1
MAX_EVENTS = 128
UNLIMITED = -1
LONGEST_BEAT_S = 14
"""The centre takes a unit for dead after 15 s."""
EVENTS_PERIOD_S = 1.0
EVENTS_RANGE_M = 20_000.0
"""Events that come down from farther away are not of this intersection's cars."""
EVENT_SPACING_S = 1.0
LONGEST_WORDS = 250
MOST = 2**53
"""The largest whole number that every reader of JSON has."""


OpenBus = Callable[[tuple[str, ...]], AbstractAsyncContextManager[Bus]]
"""Connects and subscribes to topics. Raises `DeviceError`."""


class OpenV2xGateway:
    """One unit of an OpenV2X site.

    Counters on the board: rsm_sent, rsi_sent, objects_told, beats, infos, rsm_heard, rsi_heard, configs, maps_kept,
    refused (what came down and was refused), bad (unreadable), far (events), retained, scenes_stale, acknowledged,
    events_left_out (of health, more than one a second).

    Args:
        sensor_kinds: kind per sensor: only road users that we sense go out.
        open_bus: connects to the broker.
        send: hands fusion what other units tell of; never waits.
        on_events: takes the events that came down and hold now, after each change.
        state: directory for maps that are kept.
    """

    def __init__(
        self,
        config: OpenV2xConfig,
        intersection: Intersection,
        *,
        sensor_kinds: Mapping[str, str],
        open_bus: OpenBus,
        send: Callable[[RadioFrame], None],
        on_events: Callable[[tuple[RoadEvent, ...]], None],
        state: Path,
        board: HealthBoard,
    ) -> None:
        self._config, self._intersection, self._kinds = config, intersection, sensor_kinds
        self._open_bus, self._send, self._on_events = open_bus, send, on_events
        self._directory, self._board = state / "openv2x", board
        self._counters = board.counters(config.name)
        self._scenes: Latest[Scene] = Latest()
        self._pseudonyms = RadioIds()
        self._events: dict[str, RoadEvent] = {}
        self._rsm_limit_hz: int | None = None
        self._heartbeat_s = config.heartbeat_s
        self._beat = self._maps = 0
        self._events_due_s = -math.inf
        self._told_s: dict[str, float] = {}
        up = {
            f"V2X/RSU/{esn}/RSM/UP{driver}": esn for esn in config.listen_to for driver in ("", "/DAWNLINE")
        }
        own = f"V2X/RSU/{config.esn}"
        down = {
            f"{own}/MAP/DOWN": self._take_map,
            "V2X/RSU/MAP/DOWN": self._take_map,
            f"{own}/CONFIG/DOWN": self._take_config,
            "V2X/RSU/CONFIG/DOWN": self._take_config,
            f"{own}/MNG/DOWN": self._take_management,
            f"{own}/RSI/DOWN": self._take_rsi,
        }
        self._units = {self._topic(topic): esn for topic, esn in up.items()}
        self._takers = {self._topic(topic): taker for topic, taker in down.items()}

    def _topic(self, topic: str) -> str:
        return topic.replace("/", self._config.delimiter)

    def scene(self, scene: Scene) -> None:
        """Give the site a scene; never waits."""
        self._scenes.set(scene)

    async def run(self) -> None:
        """Register, beat, tell and listen until cancelled. Raises `DeviceError` when the broker is lost."""
        async with self._open_bus((*self._units, *self._takers)) as bus:
            self._board.set(self._config.name, HealthState.OK)
            lost: DeviceError | None = None
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._introduce(bus), name="openv2x info")
                    group.create_task(self._keep_beating(bus), name="openv2x heartbeat")
                    group.create_task(self._tell(bus), name="openv2x RSM")
                    group.create_task(self._listen(bus), name="openv2x down")
            except* DeviceError as several:
                lost = DeviceError(self._config.name, str(several.exceptions[0]))
            if lost is not None:
                raise lost

    async def _publish(self, bus: Bus, topic: str, value: Mapping[str, Any]) -> None:
        await bus.publish(self._topic(topic), json.dumps(value, separators=(",", ":")).encode())

    async def _introduce(self, bus: Bus) -> None:
        """Registration, the state of the box and the MAP, now and every `info_s`."""
        while True:
            await self._publish(bus, "V2X/RSU/INFO/UP", self._info())
            await self._publish(bus, "V2X/RSU/BaseINFO/UP", self._base_info())
            await self._publish(bus, "V2X/RSU/RunningInfo/UP", self._running_info())
            try:
                octets = write_map(self._intersection, message_count=self._maps)
            except CodecError as error:
                self._board.set(self._config.name, HealthState.DEGRADED, str(error))
            else:
                self._maps = (self._maps + 1) % 128
                await bus.publish(self._topic(f"V2X/RSU/{self._config.esn}/MAP/UP"), octets)
            self._counters["infos"] += 1
            await asyncio.sleep(self._config.info_s)

    def _info(self) -> dict[str, Any]:
        frame = self._intersection.frame
        return {
            "rsuId": self._config.rsu_id or self._config.esn,
            "rsuEsn": self._config.esn,
            "rsuName": self._intersection.name or self._config.esn,
            "version": "v1",
            "rsuStatus": "Normal",
            "location": {"lat": frame.latitude_deg, "lon": frame.longitude_deg},
            "config": {},
        }

    def _base_info(self) -> dict[str, Any]:
        info = self._info()
        told = {key: info[key] for key in ("rsuId", "rsuEsn", "rsuStatus", "location")}
        return told | {"protocolVersion": "v1", "transprotocal": "MQTT", "communicationType": "4G/5G"}

    def _running_info(self) -> dict[str, Any]:
        """What a process may know of its box; disk and network are not told."""
        load = os.getloadavg()[0]
        page = os.sysconf("SC_PAGE_SIZE") / 2**20
        total, free = os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
        busy = min(100, round(100 * load / (os.cpu_count() or 1)))
        cpu, memory = {"uti": busy, "load": load}, {"total": total, "used": total - free}
        return {"rsuEsn": self._config.esn, "runningInfo": {"cpu": cpu, "mem": memory, "disk": {}, "net": {}}}

    async def _keep_beating(self, bus: Bus) -> None:
        while True:
            beat = {
                "rsuEsn": self._config.esn,
                "rsuId": self._config.rsu_id or self._config.esn,
                "seqNum": self._beat,
                "timestamp": time.time_ns() // NS_PER_MS,
            }
            await self._publish(bus, "V2X/RSU/HB/UP", beat)
            self._beat += 1
            self._counters["beats"] += 1
            await asyncio.sleep(self._heartbeat_s)

    async def _tell(self, bus: Bus) -> None:
        """RSM of what we sense, of each scene the newest, at the rate that is allowed."""
        reader, loop = self._scenes.reader(), asyncio.get_running_loop()
        while True:
            scene = await reader.next()
            limit_hz = self._rsm_limit_hz
            rate_hz = self._config.rate_hz if limit_hz is None else min(limit_hz, self._config.rate_hz)
            due_s = loop.time() + (1.0 / rate_hz if rate_hz > 0 else 1.0)
            if rate_hz > 0:
                await self._tell_scene(bus, scene, now_ns=time.time_ns())
            await asyncio.sleep(due_s - loop.time())

    async def _tell_scene(self, bus: Bus, scene: Scene, *, now_ns: int) -> None:
        if now_ns > scene.valid_until_ns:
            self._counters["scenes_stale"] += 1
            return
        tracks = scene.tracks
        rows = [int(row) for row in own_tracks(tracks, self._kinds)][:MAX_OBJECTS]
        if not rows:
            return
        ids = self._pseudonyms.of((int(tracks.track_id[row]) for row in rows), now_ns=now_ns)
        esn = self._config.esn
        objects = perceived_objects(tracks, rows, ids=ids, sensor_kinds=self._kinds, station=esn)
        payload = write_rsm(objects, frame=self._intersection.frame, name=esn)
        for way in self._config.rsm:
            await bus.publish(self._topic(f"V2X/RSU/{esn}/RSM/{way.upper()}"), payload)
            self._counters["rsm_sent"] += 1
        self._counters["objects_told"] += len(rows)
        steady_s = time.monotonic()
        if steady_s >= self._events_due_s:
            self._events_due_s = steady_s + EVENTS_PERIOD_S
            events = standing_vehicles(scene, rows, ids)
            told = write_rsi(events, frame=self._intersection.frame, device=esn, now_ns=now_ns)
            if told is not None:
                await bus.publish(self._topic(f"V2X/RSU/{esn}/RSI/UP/DAWNLINE"), told)
                self._counters["rsi_sent"] += 1

    async def _listen(self, bus: Bus) -> None:
        async for message in bus.messages():
            if message.retained:
                self._counters["retained"] += 1
                continue
            try:
                await self._take(bus, message)
            except CodecError as error:
                self._counters["bad"] += 1
                words = f"last bad message: {error}"[:LONGEST_WORDS]
                self._board.set(self._config.name, HealthState.DEGRADED, words)
            else:
                self._board.set(self._config.name, HealthState.OK)
        raise DeviceError(self._config.name, "the broker closed the link")

    async def _take(self, bus: Bus, message: BusMessage) -> None:
        if len(message.payload) > MAX_BYTES:
            raise CodecError("OpenV2X", f"{len(message.payload)} bytes on {message.topic}")
        esn = self._units.get(message.topic)
        if esn is not None:
            self._counters["rsm_heard"] += 1
            self._send(RadioFrame(self._config.name, time.time_ns(), esn, message.payload))
            return
        taker = self._takers.get(message.topic)
        if taker is None:
            return
        kind = message.topic.split(self._config.delimiter)[-2]
        value = _object(message.payload, what=f"{kind}/DOWN")
        sequence = _sequence(value.get("seqNum"))
        code = taker(value, message.payload)
        self._counters["refused"] += code == REFUSED
        if sequence is not None:
            answer = {"seqNum": sequence, "errorCode": code}
            await self._publish(bus, f"V2X/RSU/{self._config.esn}/{kind}/DOWN/ACK", answer)
            self._counters["acknowledged"] += 1

    def _event(self, kind: str, text: str) -> None:
        """Events are history: of those that anybody at the broker can cause, one a second and kind."""
        now_s = time.monotonic()
        if now_s - self._told_s.get(kind, -math.inf) < EVENT_SPACING_S:
            self._counters["events_left_out"] += 1
            return
        self._told_s[kind] = now_s
        self._board.event(self._config.name, kind, text[:LONGEST_WORDS])

    def _take_map(self, value: dict[str, Any], payload: bytes) -> int:
        """A MAP is never taken over: nobody signed it. It may be kept for a person to look at."""
        name = value.get("mapSlice", "map")
        if not (self._config.keep_maps and isinstance(value.get("map"), dict) and _is_name(name)):
            words = f" {name!r}" if _is_name(name) else ""
            self._event("map_refused", f"a MAP{words} came down and was refused")
            return REFUSED
        path = self._directory / "map.json"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            path.write_bytes(payload)
        except OSError as error:
            self._event("map_refused", f"{path}: {error.strerror}")
            return REFUSED
        self._counters["maps_kept"] += 1
        self._event("map_offered", f"a MAP {name!r} came down: {path}")
        return ACCEPTED

    def _take_config(self, value: dict[str, Any], _payload: bytes) -> int:
        """Only the limit of RSM is ours: -1 none, 0 nothing goes up, else messages a second."""
        section = value.get("rsmConfig") or {}
        limit = section.get("upLimit", UNLIMITED) if isinstance(section, dict) else None
        if not _is_number(limit, least=UNLIMITED):
            return REFUSED
        self._rsm_limit_hz = None if limit == UNLIMITED else limit
        self._counters["configs"] += 1
        words = "without limit" if limit == UNLIMITED else f"at most {limit} a second"
        self._event("configured", f"RSM {words}")
        return ACCEPTED

    def _take_management(self, value: dict[str, Any], _payload: bytes) -> int:
        """Only the heartbeat is ours, from the next one on: a node is neither started anew nor sent elsewhere by it."""
        rate_s = value.get("hbRate")
        if value.get("reboot") or value.get("addressChg") or not _is_number(rate_s, least=1):
            self._event("management_refused", "MNG asks for more than a heartbeat")
            return REFUSED
        self._heartbeat_s = float(min(rate_s, LONGEST_BEAT_S))
        self._counters["configs"] += 1
        return ACCEPTED

    def _take_rsi(self, _value: dict[str, Any], payload: bytes) -> int:
        """Events that are near, until they end or are withdrawn."""
        now_ns = time.time_ns()
        events = read_rsi(payload, frame=self._intersection.frame, arrival_ns=now_ns)
        near = [event for event in events if math.hypot(event.x_m, event.y_m) <= EVENTS_RANGE_M]
        self._counters["rsi_heard"] += len(near)
        self._counters["far"] += len(events) - len(near)
        kept = self._events | {event.event: event for event in near}
        held = {key: event for key, event in kept.items() if event.active(now_ns=now_ns)}
        self._events = dict(list(held.items())[-MAX_EVENTS:])
        if self._config.relay_events:
            self._on_events(tuple(self._events.values()))
        return ACCEPTED


def _object(payload: bytes, *, what: str) -> dict[str, Any]:
    value = read_json(payload, what=what)
    if not isinstance(value, dict):
        raise CodecError(f"OpenV2X {what}", "no JSON object")
    return value


def _sequence(value: Any) -> int | str | None:
    """What an answer repeats; None: none is wanted. Raises `CodecError`."""
    if value is None or _is_name(value) or _is_number(value, least=-MOST):
        found: int | str | None = value
        return found
    raise CodecError("OpenV2X", "a seqNum that is neither a number nor a short text")


def _is_number(value: Any, *, least: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= 64 and value.isprintable()
