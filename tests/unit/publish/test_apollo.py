"""The gateway to Apollo cars, against a car whose octets are made by hand, over real gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest

from edge.config.apollo import ApolloConfig
from edge.core.kinds import ObjectClass
from edge.core.mercator import map_grid
from edge.core.road_events import EventKind, RoadEvent
from edge.core.signals import GroupState, MovementState
from edge.core.stamp import NS_PER_S, TimeSource
from edge.core.v2x import RadioFrame, V2xReport
from edge.flow.board import HealthBoard
from edge.publish.apollo import ApolloGateway
from edge.wire.apollo_status import CarStatusDecoder
from tests.unit.publish.apollo_car import YES, Car, push, status
from tests.unit.publish.feed import corner, signal_state
from tests.unit.publish.protobuf_by_hand import Message
from tests.unit.publish.scenes import KINDS, User, scene_of
from tests.waiting import until

GREEN, RED = MovementState.PROTECTED_MOVEMENT_ALLOWED, MovementState.STOP_AND_REMAIN
GRID = map_grid(corner().frame, zone=None)


def on_map(x_m: float, y_m: float) -> tuple[float, float]:
    """A place of the site on the car's map."""
    east, north = GRID.to_grid(np.array([[x_m, y_m]]))[0]
    return float(east), float(north)


OUTLINE = (on_map(-15.0, -15.0), on_map(15.0, -15.0), on_map(15.0, 15.0), on_map(-15.0, 15.0))


def car_at(x_m: float, y_m: float, *, yaw_rad: float = math.pi / 2, **more: Any) -> bytes:
    """A car's status, its rear axle at a place of the site."""
    options = {"outline": OUTLINE, "measured_s": time.time()} | more
    return status(on_map(x_m, y_m), heading=yaw_rad + GRID.turn_rad, **options)


class Site:
    """A running gateway."""

    def __init__(self, **config: Any) -> None:
        self.board = HealthBoard(now_ns=time.time_ns)
        self.frames: list[RadioFrame] = []
        self.clock_set_by_ns = 0
        self.gateway = ApolloGateway(
            ApolloConfig.model_validate({"listen": "127.0.0.1:0", **config}),
            corner(),
            node_id="corner-1",
            sensor_kinds=KINDS,
            send=self.frames.append,
            board=self.board,
            now_ns=lambda: time.time_ns() + self.clock_set_by_ns,
        )
        self.counters = self.board.counters("apollo")

    @property
    def reports(self) -> list[V2xReport]:
        """What fusion reads off the frames that it was handed."""
        decoder = CarStatusDecoder(GRID, ApolloConfig().shape)
        return [decoder.decode(frame) for frame in self.frames]


@contextlib.asynccontextmanager
async def running(**config: Any) -> AsyncIterator[Site]:
    site = Site(**config)
    task = asyncio.create_task(site.gateway.run())
    await until(lambda: site.board.state("apollo") is not None or task.done())
    try:
        yield site
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def lights_of(message: Message) -> dict[int, Message]:
    """Single lights by their type."""
    lanes = [lane for road in message.all(2) for lane in road.all(1)]
    return {int(lane.sub(3)[2]): lane.sub(3) for lane in lanes}  # type: ignore[arg-type]


async def test_a_car_that_pushes_its_status_is_called_back_with_the_lights_of_its_junction() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        assert await push(site.gateway.port, car_at(0.0, -60.0))
        now_ns = time.time_ns()
        green = GroupState(2, GREEN, min_end_ns=now_ns + 7 * NS_PER_S + 400_000_000, next_state=None)
        red = GroupState(5, RED, max_end_ns=now_ns + 12 * NS_PER_S + 400_000_000)
        site.gateway.signals(signal_state(green, red, now_ns=now_ns))
        await until(lambda: car.lights)
        message = car.lights[-1]
        assert message[4] == b"J_7", "the car drops lights of another junction than its own"
        assert message[3] == 5
        assert message.sub(1)[1] == pytest.approx(time.time(), abs=2.0)
        found = lights_of(message)
        straight, left = found[1], found[2]
        assert (straight[1], straight[4]) == (3, 7), "green, of which seven whole seconds are promised"
        assert (left[1], left[4]) == (1, 13), "red for as long as it may last"
        (road,) = message.all(2)
        assert road[2] == 3, "the lane comes from the south"
        place = (road.all(1)[0][1], road.all(1)[0][2])
        assert place == pytest.approx(on_map(0.057, -18.0), abs=0.02), "eight metres before the stop line"


async def test_a_red_light_without_times_states_none_and_a_withdrawn_one_is_unknown_and_alarmed() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0))
        site.gateway.signals(signal_state(GroupState(2, RED), now_ns=time.time_ns()))
        await until(lambda: car.lights)
        assert 4 not in lights_of(car.lights[-1])[1]
        site.gateway.signals(
            signal_state(GroupState(2, GREEN), now_ns=time.time_ns(), reasons=["source silent"])
        )
        await until(lambda: car.alarms)
        assert lights_of(car.lights[-1])[1][1] == 0
        assert (car.alarms[0][2], car.alarms[0][3]) == (511, b"source silent")


async def test_an_unsynchronised_clock_leaves_the_seconds_that_are_left() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0))
        now_ns = time.time_ns()
        shown = signal_state(GroupState(2, GREEN, min_end_ns=now_ns + 5_500_000_000), now_ns=now_ns)
        withdrawn = signal_state(now_ns=now_ns, reasons=["clock not synchronised"])
        site.gateway.signals(replace(withdrawn, relative=shown))
        await until(lambda: car.lights)
        straight = lights_of(car.lights[-1])[1]
        assert (straight[1], straight[4]) == (3, 5)
        assert not car.alarms


async def test_an_expired_light_is_never_sent() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0))
        site.gateway.signals(signal_state(now_ns=time.time_ns() - 2 * NS_PER_S))
        await until(lambda: site.counters["stale"])
        assert not car.lights


async def test_road_users_that_we_sense_go_out_and_those_that_we_only_heard_do_not() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0))
        now_ns = time.time_ns()
        walker = User(1, (10.0, 4.0, -1.0, 1.0), ObjectClass.PEDESTRIAN, seen_by=("north", "obu"))
        heard = User(2, (20.0, 0.0, 5.0, 0.0), seen_by=("obu",))
        shared = User(3, (30.0, 0.0, 5.0, 0.0), seen_by=("neighbours-obu",))
        site.gateway.scene(scene_of(walker, heard, shared, now_ns=now_ns))
        await until(lambda: car.obstacles)
        (entry,) = car.obstacles[-1].all(1)
        obstacle = entry.sub(1)
        position, velocity = obstacle.sub(2), obstacle.sub(4)
        assert (position[1], position[2]) == pytest.approx(on_map(10.0, 4.0), abs=1e-3)
        assert math.atan2(velocity[2], velocity[1]) == pytest.approx(3 * math.pi / 4 + GRID.turn_rad)  # type: ignore[arg-type]
        assert (obstacle[10], obstacle[19]) == (3, 10)
        assert obstacle[11] == pytest.approx(now_ns / 1e9)
        assert obstacle[27] == 1, "source: V2X"
        assert obstacle.doubles(22)[0] == pytest.approx(0.25, rel=0.02)
        assert len(obstacle.doubles(22)) == len(obstacle.doubles(23)) == 9
        assert len(obstacle.all(8)) == 4
        area = car.obstacles[-1].sub(2)
        assert area[1] == b"corner-1"
        assert 4 in car.obstacles[-1], "a header"


async def test_a_car_is_not_told_that_it_stands_in_its_own_way() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0, speed=(0.0, 0.0)))
        (own,) = site.reports
        as_seen = User(1, (0.3, -58.0, 0.0, 0.0))
        as_heard = User(2, (3.0, -50.0, 0.0, 0.0), v2x_id=own.temporary_id)
        beside = User(3, (2.2, -58.0, 0.0, 0.0), ObjectClass.PEDESTRIAN)
        site.gateway.scene(scene_of(as_seen, as_heard, beside, now_ns=time.time_ns()))
        await until(lambda: car.obstacles)
        assert [entry.sub(1)[19] for entry in car.obstacles[-1].all(1)] == [10]


async def test_a_vehicle_that_stands_for_minutes_is_an_event_and_marked() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0))
        standing = User(9, (5.0, 30.0, 0.0, 0.0), ObjectClass.TRUCK, lane=3, still_s=400.0)
        site.gateway.scene(scene_of(standing, now_ns=time.time_ns(), life_s=5.0))
        await until(lambda: car.rsi)
        event = car.rsi[0]
        assert (event[2], event[4]) == (b"corner-1", 804)
        (place,) = event.all(7)
        assert (place[1], place[2]) == pytest.approx(on_map(5.0, 30.0), abs=1e-3)
        assert car.obstacles[-1].sub(1).sub(2)[1] == 1


async def test_events_of_others_are_passed_on_while_they_hold_and_speeds_are_not() -> None:
    car, now_ns = Car(), time.time_ns()
    works = RoadEvent(
        "C/1", EventKind.ROAD_WORKS, 40.0, 0.0, now_ns, end_ns=now_ns + 60 * NS_PER_S, radius_m=20.0
    )
    over = RoadEvent("C/2", EventKind.ACCIDENT, 40.0, 0.0, now_ns, end_ns=now_ns - 1)
    limit = RoadEvent("C/3", EventKind.SPEED_LIMIT, 40.0, 0.0, now_ns, speed_limit_mps=10.0)
    async with car.serving() as port, running(cars=[f"127.0.0.1:{port}"]) as site:
        site.gateway.events((over, limit, works))
        await until(lambda: car.rsi)
        (event,) = car.rsi
        assert (event[4], event[8]) == (38, 20)
        assert (event.sub(6)[1], event.sub(6)[2]) == pytest.approx(on_map(40.0, 0.0), abs=1e-3)


async def test_what_a_car_says_becomes_a_report_at_the_middle_of_its_body_under_a_pseudonym() -> None:
    async with running() as site:
        now_s = time.time()
        octets = car_at(0.0, -60.0, yaw_rad=0.0, speed=(9.0, 0.0), measured_s=now_s - 0.03, sigma_m=0.2)
        await push(site.gateway.port, octets)
        (report,) = site.reports
        assert (report.x_m, report.y_m) == pytest.approx((1.42, -60.0), abs=0.01)
        assert report.yaw_rad == pytest.approx(0.0, abs=1e-6)
        assert report.speed_mps == pytest.approx(9.0)
        assert report.stamp.source is TimeSource.SENSOR
        assert report.stamp.capture_ns == pytest.approx((now_s - 0.03) * 1e9, abs=1e3)
        assert report.ellipse_m == (0.2, 0.2)
        assert report.verified is None
        assert len(bytes.fromhex(report.temporary_id)) == 4


@pytest.mark.parametrize(
    ("behind_s", "source"),
    [(315_964_800 - 18 + 0.05, TimeSource.SENSOR), (3600.0, TimeSource.ARRIVAL), (-5.0, TimeSource.ARRIVAL)],
    ids=["GPS epoch", "an hour late", "of the future"],
)
async def test_a_time_of_another_epoch_is_understood_and_one_of_another_clock_is_not_believed(
    behind_s: float, source: TimeSource
) -> None:
    async with running() as site:
        await push(site.gateway.port, car_at(0.0, -60.0, measured_s=time.time() - behind_s))
        (report,) = site.reports
        assert report.stamp.source is source
        assert 0 <= report.arrival_ns - report.stamp.capture_ns < NS_PER_S


async def test_strangers_far_cars_floods_and_crowds_are_refused_and_counted() -> None:
    async with running(allow=["192.0.2.0/24"]) as site:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await push(site.gateway.port, car_at(0.0, -60.0))
        assert failed.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert site.counters["strangers"] == 1
    async with running() as site:
        assert not await push(site.gateway.port, car_at(900.0, -60.0))
        assert site.counters["far"] == 1
        answers = await asyncio.gather(*(push(site.gateway.port, car_at(0.0, -60.0)) for _ in range(8)))
        assert site.counters["limited"] >= 1
        assert answers.count(True) == len(site.reports)


class OldCar(Car):
    """Edition 5: one lane's light, and it refuses to hear of nobody."""

    async def _light(self, octets: bytes, context: grpc.aio.ServicerContext) -> bytes:
        message = Message(octets)
        if not message.sub(2).all(3) or 1 not in message:
            await context.abort(grpc.StatusCode.CANCELLED, "")
        self.lights.append(message)
        return YES

    async def _obstacle(self, octets: bytes, context: grpc.aio.ServicerContext) -> bytes:
        message = Message(octets)
        if 1 not in message or 2 not in message:
            await context.abort(grpc.StatusCode.CANCELLED, "")
        self.obstacles.append(message)
        return YES


async def test_a_car_of_edition_5_gets_the_light_of_its_lane_the_strictest_of_several() -> None:
    car = OldCar(lacks=("SendV2xRSI", "SendObuAlarm"))
    async with car.serving() as port, running(car_port=port, edition=5) as site:
        await push(site.gateway.port, car_at(0.2, -40.0, outline=()))
        now_ns = time.time_ns()
        green = GroupState(2, GREEN, min_end_ns=now_ns + 9_500_000_000)
        red = GroupState(5, RED, max_end_ns=now_ns + 3_500_000_000)
        site.gateway.signals(signal_state(green, red, now_ns=now_ns, life_s=30.0))
        await until(lambda: car.lights)
        place = car.lights[-1].sub(2)
        (light,) = place.all(3)
        assert (light[1], light[4]) == (1, 4), (
            "the lane's left turn waits, and the car has one colour for all"
        )
        assert [value for number, value in light.fields if number == 2] == [0, 1]
        assert (place[1], place[2]) == pytest.approx(on_map(0.057, -18.0), abs=0.02)
        assert car.lights[-1][3] == 5
        walker = User(1, (10.0, 4.0, -1.0, 1.0), ObjectClass.PEDESTRIAN)
        site.gateway.scene(scene_of(now_ns=time.time_ns(), life_s=30.0))
        site.gateway.scene(scene_of(walker, now_ns=time.time_ns(), sequence=2, life_s=30.0))
        await until(lambda: car.obstacles)
        (obstacle,) = car.obstacles[-1].all(1)
        assert (obstacle[10], obstacle.sub(2)[1]) == (3, pytest.approx(on_map(10.0, 4.0)[0], abs=1e-3))
        assert site.counters["refused"] == 0


async def test_a_car_of_edition_5_beside_every_lane_gets_no_light() -> None:
    car = OldCar()
    async with car.serving() as port, running(car_port=port, edition=5) as site:
        await push(site.gateway.port, car_at(60.0, -40.0))
        site.gateway.signals(signal_state(now_ns=time.time_ns()))
        await until(lambda: site.counters["no_junction"])
        assert not car.lights


async def test_a_car_that_has_gone_is_called_no_more() -> None:
    car = Car()
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0))
        site.gateway.signals(signal_state(now_ns=time.time_ns()))
        await until(lambda: car.lights)
        while not site.counters["far"]:
            await push(site.gateway.port, car_at(0.0, 900.0))
        calls = car.calls
        site.gateway.signals(signal_state(now_ns=time.time_ns()))
        await until(lambda: site.counters["cars"] == 0)
        assert car.calls == calls


async def test_no_lights_for_a_car_that_heads_for_another_junction() -> None:
    car = Car()
    away = tuple(on_map(x + 300.0, 0.0 + y) for x, y in ((0, 0), (20, 0), (20, 20)))
    async with car.serving() as port, running(car_port=port) as site:
        await push(site.gateway.port, car_at(0.0, -60.0, outline=away))
        site.gateway.signals(signal_state(now_ns=time.time_ns()))
        await until(lambda: site.counters["no_junction"])
        assert not car.lights
        assert site.counters["other_junction"] == 1


async def test_a_stalled_car_holds_up_no_other_and_gets_the_newest_when_it_goes_on() -> None:
    stalled, well = Car(), Car()
    async with stalled.serving() as first, well.serving() as second:
        cars = [f"127.0.0.1:{first}", f"localhost:{second}"]
        async with running(cars=cars, junction_id="J_7") as site:
            stalled.going.clear()
            for count in range(1, 13):
                site.gateway.signals(signal_state(GroupState(2, GREEN), now_ns=time.time_ns()))
                await until(lambda count=count: len(well.lights) >= count)
                await asyncio.sleep(0.05)  # the pace of the lane
            assert site.counters["late"] >= 1
            assert stalled.calls <= 8, "asked less often while it does not answer"
            assert not stalled.lights
            await until(lambda: "do not answer" in _message(site))
            stalled.going.set()
            while not stalled.lights:
                site.gateway.signals(signal_state(GroupState(2, RED), now_ns=time.time_ns()))
                await asyncio.sleep(0.05)
            assert lights_of(stalled.lights[0])[1][1] == 1, "no green from before the stall"


async def test_an_edition_without_a_method_is_not_asked_again_and_still_gets_lights() -> None:
    car = Car(lacks=("SendPerceptionObstacles",))
    async with car.serving() as port, running(cars=[f"127.0.0.1:{port}"], junction_id="J_7") as site:
        for sequence in range(1, 4):
            site.gateway.scene(scene_of(now_ns=time.time_ns(), sequence=sequence))
            site.gateway.signals(signal_state(now_ns=time.time_ns()))
            await until(lambda sequence=sequence: len(car.lights) >= sequence)
        await until(lambda: site.counters["unsupported"])
        assert site.counters["unsupported"] == 1


def _message(site: Site) -> str:
    return next((h.message for h in site.board.snapshot() if h.component == "apollo"), "")
