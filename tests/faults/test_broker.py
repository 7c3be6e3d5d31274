"""A broker that dies and returns, under a broadcaster and a receiver that are supervised as in the node."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator

from edge.core.health import HealthState
from edge.core.signals import SignalState
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.flow.channel import Bounded, Latest
from edge.flow.supervise import Backoff, supervise
from edge.ports import RadioMessage
from edge.publish.radio import MessageEncoders, RadioBroadcaster
from edge.sources.limiter import SenderLimiter
from edge.sources.radio import pump_radio
from hw.rsu.mqtt_radio import MqttRadio
from hw.rsu.mqtt_session import Broker
from hw.rsu.receivers import MqttReceiver
from tests.mosquitto import Mosquitto, mosquitto
from tests.waiting import until

__all__ = ["mosquitto"]
BACKOFF = Backoff(first_s=0.05, limit_s=0.2)
OTHER_MISSED_LIMIT = 4
"""A busy test machine may cost a slot or two; waiting for the broker's time-out would cost ten."""
ENCODERS = MessageEncoders(
    spat=lambda _, now_ns: now_ns.to_bytes(8, "big"), map=lambda now_ns: (now_ns or 0).to_bytes(8, "big")
)


class OtherRadio:
    """A radio that is always well."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = Counter()
        self.sent = 0

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        yield

    async def send(self, message: RadioMessage) -> None:
        self.sent += message.kind == "SPAT"


def state() -> SignalState:
    now_ns = time.time_ns()
    stamp = Stamp(now_ns, TimeSource.SENSOR)
    return SignalState(1, 0, 0, stamp, now_ns, now_ns, now_ns + 3_600 * NS_PER_S, ())


class Running:
    """The tasks of one test and what they wrote."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        broker = Broker(mosquitto.host, mosquitto.port, timeout_s=1.0)
        self.board = HealthBoard(now_ns=time.time_ns)
        self.states: Latest[SignalState] = Latest()
        self.states.set(state())
        self.heard: Bounded[RadioFrame] = Bounded(10_000)
        self.everything: list[RadioFrame] = []
        self.receiver = MqttReceiver(broker, link="link", topics=("V2X/RSU/+/SPAT/DOWN",))
        self.radio = self._broadcaster(MqttRadio(broker, name="radio", esn="R1"), "rsu.mqtt")
        self.other_radio = OtherRadio()
        self.other = self._broadcaster(self.other_radio, "rsu.other")

    def _broadcaster(self, radio: MqttRadio | OtherRadio, component: str) -> RadioBroadcaster:
        return RadioBroadcaster(
            radio, states=self.states, encoders=ENCODERS, component=component, board=self.board
        )

    def _hear(self, frame: RadioFrame) -> None:
        self.heard.put(frame)
        self.everything.append(frame)

    async def listen(self) -> None:
        await pump_radio(
            self.receiver,
            self.heard.put,
            component="link",
            board=self.board,
            limiter=SenderLimiter(rate_hz=1_000),
        )

    @contextlib.asynccontextmanager
    async def tasks(self) -> AsyncIterator[None]:
        parts = {"rsu.mqtt": self.radio.run, "rsu.other": self.other.run, "link": self.listen}
        async with asyncio.TaskGroup() as group:
            started = [
                group.create_task(supervise(name, run, board=self.board, backoff=BACKOFF), name=name)
                for name, run in parts.items()
            ]
            yield
            for task in started:
                task.cancel()


async def test_broadcast_goes_on_after_a_restart_and_nothing_stale_is_delivered(mosquitto: Mosquitto) -> None:
    running = Running(mosquitto)
    async with running.tasks():
        await until(lambda: len(running.heard) >= 2)
        mosquitto.stop()
        await until(lambda: running.board.state("rsu.mqtt") is HealthState.DOWN)
        await until(lambda: running.board.state("link") is HealthState.DOWN)
        sent = running.other_radio.sent
        await until(lambda: running.other_radio.sent >= sent + 3)
        assert running.other.slots.missed_in_a_row_max <= OTHER_MISSED_LIMIT
        running.heard.drain()
        restarted_ns = time.time_ns()
        await asyncio.to_thread(mosquitto.start)
        await until(lambda: len(running.heard) >= 3)
    frames = running.heard.drain()
    ages_ns = [frame.arrival_ns - int.from_bytes(frame.payload, "big") for frame in frames]
    assert min(int.from_bytes(frame.payload, "big") for frame in frames) >= restarted_ns - 100 * NS_PER_MS
    assert max(ages_ns) < NS_PER_S
    assert running.radio.slots.missed_in_a_row_max >= 1
    assert running.board.counters("rsu.mqtt")["restarts"] >= 1
    assert "bugs" not in running.board.counters("rsu.mqtt")


async def test_broker_that_swallows_everything_costs_the_other_radio_nothing(mosquitto: Mosquitto) -> None:
    """A peer that accepts the connection and never answers: connecting times out, again and again."""
    mosquitto.stop()
    with socket.create_server((mosquitto.host, mosquitto.port)):
        running = Running(mosquitto)
        async with running.tasks():
            await until(lambda: running.board.counters("rsu.mqtt")["restarts"] >= 1)
            assert running.other_radio.sent >= 5
            assert running.other.slots.missed_in_a_row_max <= OTHER_MISSED_LIMIT
    assert running.radio.slots.sent == 0
    assert running.heard.drain() == []


async def test_messages_count_up_over_the_restart(mosquitto: Mosquitto) -> None:
    running = Running(mosquitto)
    async with running.tasks():
        for restart in range(2):
            await until(lambda: len(running.heard) >= 2)
            if restart == 0:
                await asyncio.to_thread(mosquitto.restart)
                running.heard.drain()
    times_ns = [int.from_bytes(frame.payload, "big") for frame in running.heard.drain()]
    assert all(later > earlier for earlier, later in itertools.pairwise(times_ns))


async def test_broker_that_stood_still_delivers_at_most_three_late_messages(mosquitto: Mosquitto) -> None:
    running = Running(mosquitto)
    async with running.tasks():
        await until(lambda: len(running.heard) >= 2)
        mosquitto.freeze()
        await until(lambda: running.board.counters("rsu.mqtt")["lost"] >= 1)
        sent = running.other_radio.sent
        await until(lambda: running.other_radio.sent >= sent + 10)
        assert running.other.slots.missed_in_a_row_max <= OTHER_MISSED_LIMIT
        running.heard.drain()
        thawed_ns = time.time_ns()
        mosquitto.thaw()
        await until(lambda: any(_sent_ns(frame) > thawed_ns for frame in running.heard.drain()))
    assert running.board.counters("rsu.mqtt")["unacknowledged"] >= 3
    late = [frame for frame in running.everything if frame.arrival_ns - _sent_ns(frame) > NS_PER_S // 2]
    assert len(late) <= 3


def _sent_ns(frame: RadioFrame) -> int:
    return int.from_bytes(frame.payload, "big")
