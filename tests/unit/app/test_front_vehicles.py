"""Vehicles that report over gRPC: fusion hears them, and they are advised on the next signal."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.access.roles import Role
from edge.app.front_vehicles import VehicleDesk
from edge.core.errors import CodecError
from edge.core.intersection import Intersection
from edge.core.kinds import ObjectClass
from edge.core.signals import GroupState, MovementState, SignalState
from edge.core.situation import LaneMeasure, Scene
from edge.core.stamp import NS_PER_S
from edge.core.v2x import VEHICLES, RadioFrame
from edge.flow.channel import Latest
from edge.publish import vehicles as vehicle_streams
from edge.publish.hub import Hub
from edge.publish.vehicles import MOST_OF_ONE, VehicleStreams
from edge.sdk import Advice, Credentials, EdgeClient, RefusedError, VehicleState
from edge.sdk.vehicle import report_message
from edge.v1 import common_pb2, vehicle_pb2
from edge.wire.vehicle import VehicleReportDecoder, parse_report
from tests.certificates import Authority, Guarded
from tests.unit.publish.feed import FRAME, corner, served, signal_state
from tests.unit.publish.scenes import scene_of
from tests.waiting import until

GREEN, RED = MovementState.PROTECTED_MOVEMENT_ALLOWED, MovementState.STOP_AND_REMAIN
NORTH = math.pi / 2


def vehicle(
    south_m: float = 60.0,
    *,
    speed_mps: float | None = 10.0,
    maneuver: str | None = "straight",
    age_s: float = 0.0,
    limit_mps: float | None = 14.0,
) -> VehicleState:
    """A car on lane 3, so far south of the origin; the stop line is at 10 m."""
    latitude, longitude = FRAME.to_geodetic(0.3, -south_m)
    return VehicleState(
        "a1b2",
        time.time_ns() - round(age_s * NS_PER_S),
        latitude,
        longitude,
        speed_mps=speed_mps,
        yaw_rad=NORTH,
        length_m=4.0,
        maneuver=maneuver,
        speed_limit_mps=limit_mps,
    )


class Street:
    """A node's part for vehicles, and what fusion was told."""

    def __init__(self, *groups: GroupState) -> None:
        self.sent: list[RadioFrame] = []
        self.signals: Latest[SignalState] = Latest()
        self.show(*groups)
        desk = VehicleDesk(corner(), send=self.sent.append, signals=self.signals)
        self.desk, self.streams = desk, VehicleStreams(desk)

    def show(self, *groups: GroupState) -> None:
        """Change the lights."""
        self.signals.set(signal_state(*groups, now_ns=time.time_ns(), life_s=30.0))

    def advise(self, state: VehicleState) -> vehicle_pb2.Advice:
        """Advice on one report."""
        return self.desk.advise(self.desk.take(report_message(state).SerializeToString(), "host"))


def in_s(seconds: float) -> int:
    return time.time_ns() + round(seconds * NS_PER_S)


def red(seconds: float) -> GroupState:
    return GroupState(2, RED, max_end_ns=in_s(seconds), next_state=GREEN)


def posted(limit_mps: float) -> Intersection:
    """The corner with a speed limit."""
    plain = corner()
    lanes = tuple(replace(lane, speed_limit_mps=limit_mps) for lane in plain.lanes)
    return replace(plain, lanes=lanes)


def scene_with_queue(*, lane: int, queue: int, until_ns: int) -> Scene:
    """A scene in which so many stand on a lane."""
    measures = (LaneMeasure(lane, queue, 0.0, queue, 0),)
    return replace(scene_of(now_ns=until_ns), valid_until_ns=until_ns, lanes=measures)


async def states(*given: VehicleState, wait: asyncio.Event | None = None) -> AsyncIterator[VehicleState]:
    for state in given:
        yield state
    if wait is not None:
        await wait.wait()


async def test_a_vehicle_reports_is_fused_and_advised_and_again_when_the_lights_change() -> None:
    street, done = Street(red(9.0)), asyncio.Event()
    async with (
        served(Hub(), vehicles=street.streams) as server,
        EdgeClient(server.address) as client,
        contextlib.aclosing(client.report(states(vehicle(), wait=done))) as advices,
        asyncio.timeout(20),
    ):
        first = await anext(advices)
        street.show(GroupState(2, GREEN, min_end_ns=in_s(20.0)))
        street.streams.lights_changed()
        second = await anext(advices)
        done.set()
        with pytest.raises(StopAsyncIteration):
            await anext(advices)
    assert (first.kind, first.lane) == ("slow_down", 3)
    assert first.distance_m == pytest.approx(48.0, abs=1.5), "to the stop line, from the front of the car"
    assert first.speed_mps is not None
    assert first.speed_mps[1] == pytest.approx(4.8, abs=0.3)
    assert second.kind == "keep"
    assert second.signal is not None
    assert second.signal.is_green
    heard = VehicleReportDecoder(FRAME).decode(street.sent[0])
    assert (street.sent[0].link, heard.temporary_id, heard.object_class) == (
        VEHICLES,
        "a1b2",
        ObjectClass.CAR,
    )
    assert (heard.x_m, heard.y_m) == pytest.approx((0.3, -60.0), abs=0.01)
    assert heard.verified is None
    assert street.streams.counters["vehicles"] == 0


async def test_a_report_with_a_certificate_counts_as_verified(tmp_path: Path) -> None:
    street, authority = Street(red(9.0)), Authority(tmp_path / "pki")
    node = Guarded(authority, Hub(), audit=tmp_path / "audit.jsonl", vehicles=street.streams)
    own = Credentials.from_folder(authority.issue("bus-17", Role.VEHICLE))
    async with node.serving() as address, EdgeClient(address, credentials=own) as client, asyncio.timeout(20):
        await _first(client)
    heard = VehicleReportDecoder(FRAME).decode(street.sent[0])
    assert heard.verified == "tls"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age_s": 5.0}, "s old by this node's clock"),
        ({"speed_mps": None}, "no speed_mps"),
        ({"speed_mps": 0.2, "limit_mps": None}, "the vehicle stands"),
        ({"south_m": 400.0}, "on no lane"),
        ({"maneuver": None}, "several signal groups: say the maneuver"),
        ({"maneuver": "right"}, "no signal rules lane 3"),
        ({"maneuver": "left"}, "no valid signals"),
    ],
    ids=["old", "no speed", "stands", "elsewhere", "which group", "no such way", "group not shown"],
)
def test_without_ground_there_is_no_advice_but_a_reason(change: dict[str, Any], words: str) -> None:
    advice = Street(red(9.0)).advise(vehicle(**change))
    assert advice.kind == vehicle_pb2.ADVICE_KIND_NONE
    assert words in advice.reason
    assert not advice.HasField("speed_high_mps")


def test_no_speed_above_the_posted_limit_is_advised() -> None:
    street = Street(GroupState(2, GREEN, min_end_ns=in_s(30.0)))
    free = street.advise(vehicle())
    street.desk = VehicleDesk(posted(8.0), send=street.sent.append, signals=street.signals)
    posted_high = street.advise(vehicle()).speed_high_mps
    assert (free.speed_high_mps, posted_high) == (14.0, 8.0)


def test_who_stands_at_the_stop_line_leaves_first() -> None:
    street = Street(red(5.0))
    alone = street.advise(vehicle())
    street.desk.take_scene(scene_with_queue(lane=3, queue=2, until_ns=in_s(0.5)))
    behind_two = street.advise(vehicle())
    assert behind_two.speed_high_mps == pytest.approx(alone.speed_high_mps * 6.0 / 10.0, abs=0.1)
    street.desk.take_scene(scene_with_queue(lane=3, queue=40, until_ns=in_s(0.5)))
    nearer = street.advise(vehicle(south_m=20.0))
    assert nearer.distance_m < 9.0
    assert nearer.kind == vehicle_pb2.ADVICE_KIND_STOP, "most of the forty stand behind it"
    street.desk.take_scene(scene_with_queue(lane=3, queue=2, until_ns=in_s(-0.5)))
    assert street.advise(vehicle()).speed_high_mps == pytest.approx(alone.speed_high_mps, abs=0.1)


@pytest.mark.parametrize("reasons", [("lamps disagree",), ()], ids=["withdrawn", "expired"])
def test_signals_that_may_not_be_used_are_not_advised_on(reasons: tuple[str, ...]) -> None:
    street = Street()
    street.signals.set(signal_state(red(9.0), now_ns=time.time_ns() - 2 * NS_PER_S, reasons=reasons))
    advice = street.advise(vehicle())
    assert (advice.kind, advice.reason) == (vehicle_pb2.ADVICE_KIND_NONE, "there are no valid signals")


@pytest.mark.parametrize(
    "change",
    [
        {"vehicle_id": ""},
        {"vehicle_id": "x" * 33},
        {"vehicle_id": "a\nb"},
        {"stamp_ns": 0},
        {"speed_mps": -1.0},
        {"speed_mps": math.nan},
        {"yaw_rad": math.inf},
        {"length_m": 0.0},
        {"length_m": 1e9},
        {"position_sigma_m": math.nan},
        {"speed_limit_mps": 1e3},
        {"position": common_pb2.GeoPoint(latitude_deg=math.nan)},
        {"position": common_pb2.GeoPoint(latitude_deg=91.0)},
    ],
    ids=str,
)
def test_reports_that_cannot_be_reach_nobody(change: dict[str, object]) -> None:
    street, message = Street(red(9.0)), report_message(vehicle())
    for name, value in change.items():
        if isinstance(value, common_pb2.GeoPoint):
            message.position.CopyFrom(value)
        else:
            setattr(message, name, value)
    with pytest.raises(CodecError, match=next(iter(change))):
        street.desk.take(message.SerializeToString(), "host")
    assert not street.sent


def test_octets_that_are_no_report_are_refused() -> None:
    with pytest.raises(CodecError, match="is no VehicleReport"):
        parse_report(b"\xff\xff\xff")


async def test_a_bad_report_is_answered_in_words_and_the_stream_goes_on() -> None:
    street, done = Street(red(9.0)), asyncio.Event()
    bad = vehicle()
    async with (
        served(Hub(), vehicles=street.streams) as server,
        EdgeClient(server.address) as client,
        asyncio.timeout(20),
    ):
        sent = states(VehicleState("", bad.stamp_ns, bad.latitude_deg, bad.longitude_deg), wait=done)
        async with contextlib.aclosing(client.report(sent)) as advices:
            answer = asyncio.create_task(anext(advices))
            await until(lambda: street.streams.counters["reports_bad"] == 1)
            done.set()
            with pytest.raises(StopAsyncIteration):
                await answer
    assert street.streams.counters["reports_bad"] == 1


async def test_a_node_that_takes_no_reports_says_so() -> None:
    async with served(Hub()) as server, EdgeClient(server.address) as client, asyncio.timeout(20):
        with pytest.raises(RefusedError, match="takes no reports"):
            await _first(client)


async def test_vehicles_beyond_the_limit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    street = Street(red(9.0))
    street.streams = VehicleStreams(street.desk, most=0)
    async with (
        served(Hub(), vehicles=street.streams) as server,
        EdgeClient(server.address) as client,
        asyncio.timeout(20),
    ):
        with pytest.raises(RefusedError, match="limit of 0 vehicles"):
            await _first(client)


async def test_streams_of_one_certificate_are_bounded_and_an_ended_one_makes_room(tmp_path: Path) -> None:
    street = Street(red(9.0))
    authority = Authority(tmp_path / "pki")
    bus, tram = (authority.issue(name, Role.VEHICLE) for name in ("bus-17", "tram-3"))
    node = Guarded(authority, Hub(), audit=tmp_path / "audit.jsonl", vehicles=street.streams)
    async with (
        node.serving() as address,
        EdgeClient(address, credentials=Credentials.from_folder(bus)) as client,
        EdgeClient(address, credentials=Credentials.from_folder(tram)) as other,
        contextlib.AsyncExitStack() as stack,
        asyncio.timeout(30),
    ):
        never = asyncio.Event()
        for _ in range(MOST_OF_ONE):
            advices = client.report(states(vehicle(), wait=never))
            await anext(await stack.enter_async_context(contextlib.aclosing(advices)))
        with pytest.raises(RefusedError, match="8 streams of this certificate"):
            await _first(client)
        assert await _first(other)
        await advices.aclose()
        await until(lambda: street.streams.counters["vehicles"] < MOST_OF_ONE)
        assert await _first(client)


async def test_a_flood_without_end_is_not_read_as_fast_as_it_comes() -> None:
    street = Street(red(9.0))
    streams = VehicleStreams(street.desk, steady_s=lambda: 100.0)
    octets, sent = report_message(vehicle()).SerializeToString(), 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield octets
            await asyncio.sleep(0)

    class Ear:
        async def write(self, message: bytes) -> None:
            pass

    serving = asyncio.create_task(streams.serve(flood(), Ear(), sender="host"))
    for _ in range(20_000):
        await asyncio.sleep(0)
    serving.cancel()
    assert 16 <= sent < 5_000


async def test_a_flood_of_reports_is_thinned() -> None:
    street = Street(red(9.0))
    streams = VehicleStreams(street.desk, steady_s=lambda: 100.0)
    octets = report_message(vehicle()).SerializeToString()

    async def flood() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield octets

    class Ear:
        def __init__(self) -> None:
            self.heard: list[bytes] = []

        async def write(self, message: bytes) -> None:
            self.heard.append(message)

    await streams.serve(flood(), Ear(), sender="host")
    assert (streams.counters["reports"], streams.counters["reports_limited"]) == (1, 49)


async def test_a_vehicle_that_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vehicle_streams, "SILENCE_S", 0.05)
    street, never = Street(red(9.0)), asyncio.Event()
    async with (
        served(Hub(), vehicles=street.streams) as server,
        EdgeClient(server.address) as client,
        contextlib.aclosing(client.report(states(wait=never))) as advices,
        asyncio.timeout(20),
    ):
        waiting = asyncio.create_task(anext(advices))
        await until(lambda: client.counters.reconnects > 0)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting


async def _first(client: EdgeClient) -> Advice:
    async with contextlib.aclosing(client.report(states(vehicle()))) as advices:
        return await anext(advices)
