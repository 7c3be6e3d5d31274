"""Calls one Apollo car: lights as they come, road users at a rate, events every second, each the newest or none."""

from __future__ import annotations

import asyncio
import itertools
import math
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import DecodeError

from edge.apollo import v2x_pb2
from edge.core.mercator import SiteGrid
from edge.core.road_events import RoadEvent
from edge.core.sensed import own_tracks
from edge.core.signals import SignalState
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_S
from edge.core.v2x import V2xReport
from edge.flow.channel import Latest
from edge.publish.radio_ids import RadioIds
from edge.publish.standing import standing_vehicles
from edge.wire.apollo_lights import LightTable
from edge.wire.apollo_obstacles import Obstacle, obstacles_head, to_obstacles, to_rsi

SERVICE = "/apollo.v2x.ObuToCar/"
CALL_TIMEOUT_S = 0.08
"""Of one call: what takes longer is overtaken by the next."""
LATE_IN_A_ROW, PAUSE_S = 3, 0.5
"""A car that does not keep up is asked less often: what waits in its sockets is read as if it were new."""
UNSUPPORTED_PAUSE_S = 60.0
EVENTS_PERIOD_S = 1.0
ALARM_SPAT = 511
OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 16 * 1024),
)
EGO_MEMORY_NS = NS_PER_S


@dataclass(frozen=True, slots=True)
class Picture:
    """A scene, encoded once for all cars."""

    scene: Scene
    obstacles: list[Obstacle]
    events: tuple[RoadEvent, ...]


class Feed:
    """What every car gets, in its newest form.

    Args:
        table: lights of the intersection.
        grid: the cars' map.
        node_id: name under which the node speaks.
        sensor_kinds: `camera` ... per sensor: only road users that we sense go out.
        elevation_m: of the site.
        edition: of the cars' Apollo.
    """

    def __init__(
        self,
        table: LightTable,
        grid: SiteGrid,
        *,
        node_id: str,
        sensor_kinds: Mapping[str, str],
        elevation_m: float,
        edition: int = 6,
    ) -> None:
        self.edition = edition
        self.table, self.grid, self.node_id, self.elevation_m = table, grid, node_id, elevation_m
        self.signals: Latest[SignalState] = Latest()
        self.scenes: Latest[Scene] = Latest()
        self._kinds, self._pseudonyms = sensor_kinds, RadioIds()
        self._picture: Picture | None = None
        self.heard_events: tuple[RoadEvent, ...] = ()

    def events(self, now_ns: int) -> tuple[RoadEvent, ...]:
        """What holds now: what we see, and what others told."""
        scene = self.scenes.value
        seen = () if scene is None or now_ns > scene.valid_until_ns else self.picture(scene, now_ns).events
        return seen + tuple(event for event in self.heard_events if event.active(now_ns=now_ns))

    def picture(self, scene: Scene, now_ns: int) -> Picture:
        """The scene as cars get it; made at the first question."""
        if self._picture is None or self._picture.scene is not scene:
            tracks = scene.tracks
            rows = [int(row) for row in own_tracks(tracks, self._kinds)]
            ids = self._pseudonyms.of((int(tracks.track_id[row]) for row in rows), now_ns=now_ns)
            obstacles = to_obstacles(
                tracks, rows, self.grid, ids=ids, elevation_m=self.elevation_m, edition=self.edition
            )
            self._picture = Picture(scene, obstacles, standing_vehicles(scene, rows, ids))
        return self._picture


class CarCaller:
    """One car that is called until cancelled. It holds up nobody: its calls have deadlines, and wait for no others.

    Counters, shared by all cars: lights_sent, obstacles_sent, events_sent, alarms_sent, stale (nothing valid to send),
    no_junction (the car's junction is not known), late, unreachable, unsupported, refused.

    Attributes:
        answers: whether the last call was answered; None: there was none yet.
        junction_id: of our intersection on the car's map; empty: not known.
        ego: the car's last word.
        lane: LaneID of where that was; 0: on none.
    """

    def __init__(
        self, address: str, feed: Feed, *, counters: Counter[str], rate_hz: float, now_ns: Callable[[], int]
    ) -> None:
        self.address, self._feed, self._counters, self._now_ns = address, feed, counters, now_ns
        self._period_s = 1.0 / rate_hz
        self._sequence = itertools.count(1)
        self._pause_until: dict[str, float] = {}
        self._late = 0
        self.answers: bool | None = None
        self.junction_id = b""
        self.ego: V2xReport | None = None
        self.lane = 0

    async def run(self) -> None:
        """Call the car until cancelled."""
        channel = grpc.aio.insecure_channel(self.address, options=OPTIONS)
        async with channel, asyncio.TaskGroup() as group:
            group.create_task(self._lights(channel), name="apollo lights")
            group.create_task(self._obstacles(channel), name="apollo obstacles")
            if self._feed.edition >= 6:
                group.create_task(self._events(channel), name="apollo events")

    async def _lights(self, channel: grpc.aio.Channel) -> None:
        reader, withdrawn = self._feed.signals.reader(), False
        while True:
            state = await reader.next()
            now_ns = self._now_ns()
            if now_ns > state.valid_until_ns:
                self._counters["stale"] += 1
                continue
            payload = self._lights_for(state, now_ns)
            if payload is None:
                self._counters["no_junction"] += 1
                continue
            await self._call(channel, "SendV2xTrafficLight", payload, "lights_sent")
            told = state.relative or state
            if told.withdrawn and not withdrawn and self._feed.edition >= 6:
                await self._alarm(channel, told)
            withdrawn = told.withdrawn

    def _lights_for(self, state: SignalState, now_ns: int) -> bytes | None:
        """All lights of the car's junction, or before edition 6 that of its lane; None where we know of neither."""
        table, ego = self._feed.table, self.ego
        if self._feed.edition >= 6:
            if not self.junction_id:
                return None
            whole = table.message(
                state, junction_id=self.junction_id, sequence=next(self._sequence), now_ns=now_ns
            )
            return bytes(whole.SerializeToString())
        if ego is None or now_ns - ego.arrival_ns > EGO_MEMORY_NS:
            return None
        one = table.lane_message(state, lane=self.lane, sequence=next(self._sequence), now_ns=now_ns)
        return None if one is None else bytes(one.SerializeToString())

    async def _alarm(self, channel: grpc.aio.Channel, state: SignalState) -> None:
        reason = state.reasons[0] if state.reasons else "withdrawn"
        alarm = v2x_pb2.ObuAlarm(mode_num=0.0, error_num=ALARM_SPAT, error_msg=reason)
        await self._call(channel, "SendObuAlarm", alarm.SerializeToString(), "alarms_sent")

    async def _obstacles(self, channel: grpc.aio.Channel) -> None:
        reader, loop = self._feed.scenes.reader(), asyncio.get_running_loop()
        while True:
            scene = await reader.next()
            due_s = loop.time() + self._period_s
            now_ns = self._now_ns()
            if now_ns > scene.valid_until_ns:
                self._counters["stale"] += 1
                continue
            payload = self._obstacles_for(scene, now_ns)
            if payload is not None:
                await self._call(channel, "SendPerceptionObstacles", payload, "obstacles_sent")
            await asyncio.sleep(due_s - loop.time())

    def _obstacles_for(self, scene: Scene, now_ns: int) -> bytes | None:
        """All that we sense but the car itself; before edition 6 a car refuses to hear of nobody."""
        feed = self._feed
        picture = feed.picture(scene, now_ns)
        others = [o.octets for o in picture.obstacles if not self._is_ego(scene, o.row)]
        if not others and feed.edition < 6:
            return None
        head = obstacles_head(
            feed.grid,
            rscu_id=feed.node_id,
            sequence=next(self._sequence),
            now_ns=now_ns,
            elevation_m=feed.elevation_m,
            edition=feed.edition,
        )
        return b"".join((head, *others))

    def _is_ego(self, scene: Scene, row: int) -> bool:
        """Whether a track is the car: by its pseudonym, or because its middle lies within the car's body."""
        ego, tracks = self.ego, scene.tracks
        if ego is None:
            return False
        if tracks.v2x_id[row] == ego.temporary_id:
            return True
        ahead_ns = tracks.stamp_ns - ego.stamp.capture_ns
        if abs(ahead_ns) > EGO_MEMORY_NS or ego.yaw_rad is None:
            return False
        forward = np.array([math.cos(ego.yaw_rad), math.sin(ego.yaw_rad)])
        way_m = (ego.speed_mps or 0.0) * ahead_ns / NS_PER_S
        x, y = tracks.state[row, :2] - (ego.x_m, ego.y_m) - forward * way_m
        along, across = x * forward[0] + y * forward[1], y * forward[0] - x * forward[1]
        return bool(abs(along) <= (ego.length_m or 0.0) / 2 and abs(across) <= (ego.width_m or 0.0) / 2)

    async def _events(self, channel: grpc.aio.Channel) -> None:
        while True:
            await asyncio.sleep(EVENTS_PERIOD_S)
            now_ns = self._now_ns()
            for event in self._feed.events(now_ns):
                message = to_rsi(
                    event,
                    self._feed.grid,
                    rsu_id=self._feed.node_id,
                    number=zlib.crc32(event.event.encode()) % 0x7FFF_FFFF,
                    sequence=next(self._sequence),
                    now_ns=now_ns,
                )
                if message is not None:
                    await self._call(channel, "SendV2xRSI", message.SerializeToString(), "events_sent")

    async def _call(self, channel: grpc.aio.Channel, method: str, payload: bytes, counter: str) -> None:
        """One call; whatever becomes of it is counted."""
        now_s = asyncio.get_running_loop().time()
        if now_s < max(self._pause_until.get(method, 0.0), self._pause_until.get("", 0.0)):
            return
        try:
            answer: bytes = await channel.unary_unary(SERVICE + method)(payload, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            self._failed(method, error.code(), now_s)
            return
        self.answers, self._late = True, 0
        self._counters[counter if _accepted(answer) else "refused"] += 1

    def _failed(self, method: str, code: Any, now_s: float) -> None:
        if code is grpc.StatusCode.UNIMPLEMENTED:
            self.answers = True
            self._counters["unsupported"] += 1
            self._pause_until[method] = now_s + UNSUPPORTED_PAUSE_S
        elif code is grpc.StatusCode.DEADLINE_EXCEEDED:
            self.answers = False
            self._counters["late"] += 1
            self._late += 1
            if self._late >= LATE_IN_A_ROW:
                self._pause_until[""] = now_s + PAUSE_S
        elif code is grpc.StatusCode.UNAVAILABLE:
            self.answers = False
            self._counters["unreachable"] += 1
        else:
            self.answers = True
            self._counters["refused"] += 1


def _accepted(answer: bytes) -> bool:
    response = v2x_pb2.StatusResponse()
    try:
        response.ParseFromString(answer)
    except DecodeError:
        return False
    return bool(response.status)
