"""The gateway to OpenV2X on a real broker: what its centre sees of us, and what we make of what comes down."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge.config.openv2x import OpenV2xConfig
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.core.kinds import ObjectClass
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.publish.openv2x import OpenV2xGateway
from edge.v2x.openv2x_link import OpenV2xDecoder
from hw.rsu.mqtt_bus import open_bus
from hw.rsu.mqtt_session import Broker
from tests.mosquitto import Mosquitto, mosquitto
from tests.unit.publish.feed import FRAME
from tests.unit.publish.scenes import KINDS, User, scene_of
from tests.unit.signals.corner import corner
from tests.waiting import until

__all__ = ["mosquitto"]
OWN = "V2X/RSU/E1"


class Centre:
    """OpenV2X's side: keeps what is published, and publishes."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.heard: list[tuple[str, bytes]] = []

    async def listen(self) -> None:
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            self.heard.append((str(message.topic), message.payload))

    async def say(self, topic: str, value: Any, *, retain: bool = False) -> None:
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        await self._client.publish(topic, payload, qos=1, retain=retain)

    def on(self, topic: str) -> list[Any]:
        """Payloads of a topic, read."""
        return [json.loads(payload) for name, payload in self.heard if name == topic]


class Site:
    """A gateway, its centre, and what both made of it."""

    def __init__(self, broker: Mosquitto, state: Path, **config: Any) -> None:
        self.config = OpenV2xConfig.model_validate(
            {"broker": f"{broker.host}:{broker.port}", "esn": "E1", **config}
        )
        self.board = HealthBoard(now_ns=time.time_ns)
        self.frames: list[RadioFrame] = []
        self.events: tuple[RoadEvent, ...] = ()
        bus = partial(open_bus, Broker(broker.host, broker.port, timeout_s=5.0), device="openv2x")
        self.gateway = OpenV2xGateway(
            self.config,
            corner(),
            sensor_kinds=KINDS,
            open_bus=lambda topics: bus(topics=topics),
            send=self.frames.append,
            on_events=self._take,
            state=state,
            board=self.board,
        )
        self.counters = self.board.counters("openv2x")

    def _take(self, events: tuple[RoadEvent, ...]) -> None:
        self.events = events


@contextlib.asynccontextmanager
async def running(broker: Mosquitto, state: Path, **config: Any) -> AsyncIterator[tuple[Site, Centre]]:
    site = Site(broker, state, **config)
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe("#", qos=1)
        centre = Centre(client)
        listening = asyncio.create_task(centre.listen())
        task = asyncio.create_task(site.gateway.run())
        try:
            await until(lambda: site.counters["infos"] or task.done())
            yield site, centre
        finally:
            for work in (task, listening):
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError, DeviceError):
                    await work


def crossing(now_ns: int, *, sequence: int = 1) -> Any:
    return scene_of(
        User(1, (5.0, 8.0, 1.0, 0.0), ObjectClass.PEDESTRIAN),
        User(2, (30.0, 0.0, 9.0, 0.0), seen_by=("obu",)),
        now_ns=now_ns,
        life_s=5.0,
        sequence=sequence,
    )


async def test_a_unit_registers_beats_and_shows_its_map(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with running(mosquitto, tmp_path, heartbeat_s=1) as (_site, centre):
        await until(lambda: centre.on(f"{OWN}/MAP/UP") and len(centre.on("V2X/RSU/HB/UP")) >= 2)
        (info,) = centre.on("V2X/RSU/INFO/UP")
        for key in ("rsuId", "rsuName", "rsuEsn", "version", "rsuStatus", "location", "config"):
            assert key in info, "the centre creates a unit of nothing less"
        assert info["location"] == {"lat": 48.0, "lon": 11.0}
        beats = centre.on("V2X/RSU/HB/UP")
        assert [beat["seqNum"] for beat in beats[:2]] == [0, 1]
        assert beats[0]["rsuEsn"] == "E1"
        assert centre.on("V2X/RSU/RunningInfo/UP")[0]["runningInfo"]["cpu"]["load"] >= 0
        (shown,) = centre.on(f"{OWN}/MAP/UP")
        assert shown["nodes"]["Node"][0]["inLinks"]["Link"]


async def test_road_users_that_we_sense_go_up_and_where_asked_down(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with running(mosquitto, tmp_path, rsm=["up", "down"]) as (site, centre):
        site.gateway.scene(crossing(time.time_ns()))
        await until(lambda: centre.on(f"{OWN}/RSM/DOWN"))
        (up,) = centre.on(f"{OWN}/RSM/UP")
        assert up == centre.on(f"{OWN}/RSM/DOWN")[0]
        (person,) = up["content"]["rsms"][0]["participants"]
        assert (person["ptcType"], person["source"]) == ("pedestrian", 3)


@pytest.mark.data
async def test_a_vehicle_that_stands_goes_up_as_others_recorded_their_events(
    mosquitto: Mosquitto, tmp_path: Path, data_dir: Path
) -> None:
    samples = json.loads((data_dir / "openv2x" / "mqtt_samples.json").read_text())
    recorded = next(s["payload"] for s in samples if s["topic"].endswith("RSI/UP/DAWNLINE"))
    async with running(mosquitto, tmp_path) as (site, centre):
        standing = User(9, (5.0, 30.0, 0.0, 0.0), ObjectClass.TRUCK, lane=3, still_s=400.0)
        site.gateway.scene(scene_of(standing, now_ns=time.time_ns(), life_s=5.0))
        await until(lambda: centre.on(f"{OWN}/RSI/UP/DAWNLINE"))
        (told,) = centre.on(f"{OWN}/RSI/UP/DAWNLINE")
        assert told.keys() == recorded.keys()
        (event,) = told["event_content"]
        assert event.keys() == recorded["event_content"][0].keys()
        assert (event["event_type"], event["event_source"]) == (903, "detection")
        assert {key: type(value) for key, value in event.items()} == {
            key: type(value) for key, value in recorded["event_content"][0].items()
        }


async def test_dots_may_stand_between_the_words_of_a_topic(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with running(mosquitto, tmp_path, delimiter=".") as (_site, centre):
        await until(lambda: centre.on("V2X.RSU.HB.UP") and centre.on("V2X.RSU.E1.MAP.UP"))
        await centre.say("V2X.RSU.E1.CONFIG.DOWN", {"rsmConfig": {"upLimit": 3}, "seqNum": "4", "ack": True})
        await until(lambda: centre.on("V2X.RSU.E1.CONFIG.DOWN.ACK"))


@pytest.mark.data
async def test_recorded_road_users_of_another_unit_reach_fusion(
    mosquitto: Mosquitto, tmp_path: Path, data_dir: Path
) -> None:
    samples = json.loads((data_dir / "openv2x" / "mqtt_samples.json").read_text())
    async with running(mosquitto, tmp_path, listen_to=["R328328"], times="arrival") as (site, centre):
        for sample in samples:
            if sample["direction"] == "up":
                await centre.say(sample["topic"], sample["payload"])
        await centre.say("V2X/RSU/R2/RSM/UP", {})
        await centre.say("V2X/RSU/R328328/RSM/UP", b"after all others")
        await until(lambda: len(site.frames) == 2)
        frame = site.frames[0]
        assert (frame.link, frame.sender) == ("openv2x", "R328328")
        found = OpenV2xDecoder(FRAME, times="arrival").decode(frame)
        assert len(found.objects) == 1
        assert found.stamp_ns == frame.arrival_ns


async def test_a_configuration_that_comes_down_limits_rsm_and_is_acknowledged(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with running(mosquitto, tmp_path) as (site, centre):
        down = f"{OWN}/CONFIG/DOWN"
        await centre.say(
            down, {"bsmConfig": {}, "rsmConfig": {"upLimit": 0, "upFilters": []}, "seqNum": "12"}
        )
        await until(lambda: centre.on(f"{down}/ACK"))
        assert centre.on(f"{down}/ACK") == [{"seqNum": "12", "errorCode": 0}]
        site.gateway.scene(crossing(time.time_ns()))
        await centre.say(down, {"rsmConfig": {"upLimit": "many"}, "seqNum": "13"})
        await until(lambda: len(centre.on(f"{down}/ACK")) == 2)
        assert centre.on(f"{down}/ACK")[1] == {"seqNum": "13", "errorCode": 1}
        assert not centre.on(f"{OWN}/RSM/UP")
        await centre.say(down, {"rsmConfig": {"upLimit": -1}, "seqNum": "14"})
        await until(lambda: site.counters["configs"] == 2)
        sequence = 2
        while not centre.on(f"{OWN}/RSM/UP"):
            site.gateway.scene(crossing(time.time_ns(), sequence=sequence))
            sequence += 1
            await asyncio.sleep(0.02)  # the pace of the scenes
        assert site.counters["refused"] == 1


async def test_management_may_set_the_heartbeat_and_no_more(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with running(mosquitto, tmp_path, heartbeat_s=1) as (site, centre):
        down = f"{OWN}/MNG/DOWN"
        asked = {"hbRate": 1, "runningInfoRate": 60, "logLevel": "INFO", "reboot": 0, "addressChg": None}
        answers = []
        for number, change in enumerate(({}, {"reboot": 1}, {"addressChg": {"cssUrl": "x"}}, {"hbRate": 0})):
            await centre.say(down, asked | change | {"seqNum": number})
            await until(lambda wanted=number: len(centre.on(f"{down}/ACK")) > wanted)
            answers.append(centre.on(f"{down}/ACK")[-1]["errorCode"])
        assert answers == [0, 1, 1, 1]
        beats = site.counters["beats"]
        await until(lambda: site.counters["beats"] > beats)


@pytest.mark.parametrize("keep", [False, True])
async def test_a_map_that_comes_down_is_never_taken_over(
    mosquitto: Mosquitto, tmp_path: Path, keep: bool
) -> None:
    async with running(mosquitto, tmp_path, keep_maps=keep) as (site, centre):
        value = {"mapSlice": "centre", "map": {"nodes": {}}, "eTag": "v1", "ack": False, "seqNum": "5"}
        await centre.say(f"{OWN}/MAP/DOWN", value)
        await until(lambda: centre.on(f"{OWN}/MAP/DOWN/ACK"))
        assert centre.on(f"{OWN}/MAP/DOWN/ACK") == [{"seqNum": "5", "errorCode": 0 if keep else 1}]
        kept = list((tmp_path / "openv2x").glob("*"))
        assert [json.loads(path.read_text()) for path in kept] == ([value] if keep else [])
        assert [event.kind for event in site.board.events][-1] == ("map_offered" if keep else "map_refused")


async def test_events_that_come_down_are_held_until_they_end(mosquitto: Mosquitto, tmp_path: Path) -> None:
    place = {"lat": 480_000_000, "lon": 110_000_000}
    row = {
        "alertID": "7",
        "duration": 0,
        "eventStatus": True,
        "timeStamp": time.time_ns() // 1_000_000,
        "eventType": 707,
        "eventPosition": place,
    }
    async with running(mosquitto, tmp_path, relay_events=True) as (site, centre):
        await centre.say(f"{OWN}/RSI/DOWN", {"rsiSourceId": "C", "rsiDatas": [row, row | {"alertID": "8"}]})
        await until(lambda: len(site.events) == 2)
        assert site.events[0].kind is EventKind.CONGESTION
        assert site.events[0].end_ns == pytest.approx(time.time_ns() + 60 * NS_PER_S, abs=20 * NS_PER_S)
        await centre.say(f"{OWN}/RSI/DOWN", {"rsiSourceId": "C", "rsiDatas": [row | {"eventStatus": False}]})
        await until(lambda: len(site.events) == 1)
        assert site.events[0].event == "C/8"


async def test_nonsense_and_what_the_broker_kept_are_counted_and_the_link_goes_on(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as old:
        await old.publish(f"{OWN}/MAP/DOWN", b"{}", qos=1, retain=True)
    async with running(mosquitto, tmp_path) as (site, centre):
        await until(lambda: site.counters["retained"] == 1)
        for payload in (b"nonsense", b"[]", b"", b"{" * 70_000, b'{"rsiDatas": 7}'):
            await centre.say(f"{OWN}/RSI/DOWN", payload)
        await until(lambda: site.counters["bad"] == 5)
        assert site.board.state("openv2x") is HealthState.DEGRADED
        await centre.say(f"{OWN}/CONFIG/DOWN", {"rsmConfig": None, "seqNum": 1})
        await until(lambda: centre.on(f"{OWN}/CONFIG/DOWN/ACK"))
        assert site.board.state("openv2x") is HealthState.OK


HOSTILE = (
    ("CONFIG", b'{"rsmConfig":{"upLimit":1' + b"0" * 400 + b'},"seqNum":1}'),
    ("CONFIG", b'{"rsmConfig":{"upLimit":NaN},"seqNum":1}'),
    ("CONFIG", b'{"rsmConfig":{"upLimit":true},"seqNum":1}'),
    ("MNG", b'{"hbRate":true,"seqNum":1}'),
    ("MAP", b'{"mapSlice":"' + b"a" * 60_000 + b'","map":{},"seqNum":1}'),
    ("MAP", b'{"mapSlice":' + b"[" * 900 + b"]" * 900 + b',"map":{},"seqNum":1}'),
)
UNREPEATABLE = (
    b"NaN",
    b"1e999",
    b"[" * 500 + b"]" * 500,
    b'"' + b"a" * 60_000 + b'"',
    b'"\\ud800"',
    b"1" * 400,
)


async def test_hostile_values_are_refused_and_answered_and_end_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with running(mosquitto, tmp_path, keep_maps=True) as (site, centre):
        for kind, payload in HOSTILE:
            await centre.say(f"{OWN}/{kind}/DOWN", payload)
        await until(lambda: site.counters["refused"] == len(HOSTILE))
        answers = [
            answer for kind in ("CONFIG", "MNG", "MAP") for answer in centre.on(f"{OWN}/{kind}/DOWN/ACK")
        ]
        assert all(answer == {"seqNum": 1, "errorCode": 1} for answer in answers)
        assert not list((tmp_path / "openv2x").glob("*"))
        assert all(len(event.text) < 300 for event in site.board.events)


async def test_a_sequence_number_that_nobody_could_read_back_is_a_bad_message(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with running(mosquitto, tmp_path) as (site, centre):
        for value in UNREPEATABLE:
            await centre.say(f"{OWN}/CONFIG/DOWN", b'{"rsmConfig":{"upLimit":0},"seqNum":' + value + b"}")
        await until(lambda: site.counters["bad"] == len(UNREPEATABLE))
        assert not centre.on(f"{OWN}/CONFIG/DOWN/ACK")
        assert not site.counters["configs"]


async def test_a_flood_of_what_is_refused_is_one_event_and_counted(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with running(mosquitto, tmp_path) as (site, centre):
        for _ in range(200):
            await centre.say(f"{OWN}/MAP/DOWN", {"map": {}})
        await until(lambda: site.counters["refused"] == 200)
        told = [event.kind for event in site.board.events].count("map_refused")
        assert told + site.counters["events_left_out"] == 200
        assert told < 100


async def test_events_of_another_continent_are_counted_and_not_relayed(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    row = {
        "alertID": 1,
        "eventType": 707,
        "timeStamp": 1,
        "eventPosition": {"lat": 319_348_000, "lon": 1_188_214_000},
    }
    near = row | {"alertID": 2, "eventPosition": {"lat": 480_000_000, "lon": 110_000_000}}
    async with running(mosquitto, tmp_path, relay_events=True) as (site, centre):
        await centre.say(f"{OWN}/RSI/DOWN", {"rsiSourceId": "C", "rsiDatas": [row, near]})
        await until(lambda: site.events)
        assert [event.event for event in site.events] == ["C/2"]
        assert site.counters["far"] == 1


async def test_a_broker_that_stands_still_is_a_lost_device(mosquitto: Mosquitto, tmp_path: Path) -> None:
    site = Site(mosquitto, tmp_path, heartbeat_s=1)
    task = asyncio.create_task(site.gateway.run())
    await until(lambda: site.counters["infos"])
    mosquitto.freeze()
    try:
        with pytest.raises(DeviceError, match="acknowledge"):
            await asyncio.wait_for(task, 10.0)
    finally:
        mosquitto.thaw()


async def test_a_broker_that_goes_is_a_lost_device(mosquitto: Mosquitto, tmp_path: Path) -> None:
    site = Site(mosquitto, tmp_path)
    task = asyncio.create_task(site.gateway.run())
    await until(lambda: site.counters["infos"])
    mosquitto.stop()
    with pytest.raises(DeviceError, match="openv2x"):
        await asyncio.wait_for(task, 10.0)
