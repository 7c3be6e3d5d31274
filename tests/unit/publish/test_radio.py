"""The broadcaster with a recording radio in real time."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from edge.core.errors import CodecError, DeviceError
from edge.core.health import HealthState
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.ports import RadioMessage
from edge.publish.radio import MOST_OCTETS, MessageEncoders, RadioBroadcaster
from tests.waiting import until


class RecordingRadio:
    """Takes every message; blocks or fails when told to."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = Counter()
        self.messages: list[tuple[int, RadioMessage]] = []
        self.blocked = asyncio.Event()
        self.blocked.set()
        self.lost = False

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        yield

    async def send(self, message: RadioMessage) -> None:
        if self.lost:
            raise DeviceError("radio", "gone")
        await self.blocked.wait()
        self.messages.append((time.time_ns(), message))

    def of(self, kind: str) -> list[RadioMessage]:
        return [message for _, message in self.messages if message.kind == kind]


def state(revision: int, *, valid_for_ns: int = 10 * NS_PER_S, withdrawn: bool = False) -> SignalState:
    now_ns = time.time_ns()
    status = IntersectionStatus.NO_VALID_SPAT if withdrawn else IntersectionStatus.NONE
    return SignalState(
        intersection=1,
        revision=revision,
        map_revision=0,
        stamp=Stamp(now_ns, TimeSource.SENSOR),
        alive_ns=now_ns,
        published_ns=now_ns,
        valid_until_ns=now_ns + valid_for_ns,
        groups=(GroupState(1, MovementState.STOP_AND_REMAIN),),
        status=status,
    )


def encode_spat(found: SignalState, now_ns: int) -> bytes:
    return bytes([found.revision, found.withdrawn]) + now_ns.to_bytes(8, "big")


ENCODERS = MessageEncoders(spat=encode_spat, map=lambda now_ns: (now_ns or 0).to_bytes(8, "big"))


@contextlib.asynccontextmanager
async def broadcasting(
    radio: RecordingRadio, states: Latest[SignalState], *, encoders: MessageEncoders = ENCODERS
) -> AsyncIterator[tuple[RadioBroadcaster, HealthBoard]]:
    board = HealthBoard(now_ns=time.time_ns)
    broadcaster = RadioBroadcaster(radio, states=states, encoders=encoders, component="rsu", board=board)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(broadcaster.run(), name="broadcaster")
        yield broadcaster, board
        task.cancel()


async def test_spat_fills_every_slot_and_map_goes_out_each_second() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3))
    async with broadcasting(radio, states) as (broadcaster, board):
        await until(lambda: len(radio.of("MAP")) >= 2)
        counters = dict(board.counters("rsu"))
    spat_slots = [int.from_bytes(m.payload[2:], "big") // (100 * NS_PER_MS) for m in radio.of("SPAT")]
    assert len(set(spat_slots)) == len(spat_slots) >= 2
    assert broadcaster.slots.sent + broadcaster.slots.missed >= len(spat_slots) - 1
    assert counters["spat_sent"] == len(spat_slots)
    seconds = [int.from_bytes(m.payload, "big") // NS_PER_S for m in radio.of("MAP")]
    assert len(set(seconds)) == len(seconds)
    assert board.state("rsu") is HealthState.OK


async def test_map_does_not_say_when_it_was_made_while_the_clock_is_not_synchronised() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(dataclasses.replace(state(3), dated=False))
    async with broadcasting(radio, states):
        await until(lambda: bool(radio.of("MAP")))
    assert {int.from_bytes(m.payload, "big") for m in radio.of("MAP")} == {0}


async def test_change_goes_out_before_the_next_slot() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3))
    async with broadcasting(radio, states) as (_, board):
        await until(lambda: radio.of("SPAT"))
        for revision in range(
            4, 14
        ):  # a slot may begin just before a change on a busy machine, not ten times
            states.set(state(revision))
            await until(lambda wanted=revision: any(m.payload[0] == wanted for m in radio.of("SPAT")))
        await until(lambda: board.counters("rsu")["spat_changes"] >= 1)
    slots = [int.from_bytes(m.payload[2:], "big") // (100 * NS_PER_MS) for m in radio.of("SPAT")]
    assert len(set(slots)) < len(slots)


async def test_withdrawal_is_a_change_and_a_repeat_is_not() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3))
    async with broadcasting(radio, states) as (_, board):
        await until(lambda: radio.of("SPAT"))
        states.set(state(3))
        states.set(state(3, withdrawn=True))
        await until(lambda: any(m.payload[1] for m in radio.of("SPAT")))
        await until(lambda: len(radio.of("SPAT")) >= 4)
        assert board.counters("rsu")["spat_changes"] <= 1


async def test_expired_state_is_not_sent_and_its_slots_are_missed() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3, valid_for_ns=-1))
    async with broadcasting(radio, states) as (broadcaster, board):
        await until(lambda: board.counters("rsu")["stale"] >= 3)
        assert broadcaster.slots.missed_in_a_row_max >= 1
    assert radio.of("SPAT") == []


async def test_messages_expire_with_their_slot_or_their_state() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3, valid_for_ns=NS_PER_S))
    async with broadcasting(radio, states):
        await until(lambda: radio.of("SPAT") and radio.of("MAP"))
    spat, road_map = radio.of("SPAT")[0], radio.of("MAP")[0]
    sent_ns = int.from_bytes(spat.payload[2:], "big")
    assert spat.expires_ns <= sent_ns + 100 * NS_PER_MS
    assert road_map.expires_ns == int.from_bytes(road_map.payload, "big") + NS_PER_S


async def test_radio_that_blocks_loses_the_message_and_the_next_one_is_tried() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    radio.blocked.clear()
    states.set(state(3))
    async with broadcasting(radio, states) as (broadcaster, board):
        await until(lambda: board.counters("rsu")["send_timeouts"] >= 2)
        radio.blocked.set()
        await until(lambda: radio.of("SPAT"))
        await until(lambda: broadcaster.slots.sent >= 1)
    assert broadcaster.slots.missed_in_a_row_max >= 1


async def test_refusal_by_the_network_is_told_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.publish.radio.REFUSAL_NS", 300 * NS_PER_MS)
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3))
    async with broadcasting(radio, states) as (_broadcaster, board):
        await until(lambda: radio.messages and board.state("rsu") is HealthState.OK)
        radio.counters["refused"] = 1
        await until(lambda: board.state("rsu") is HealthState.DOWN)
        assert "is the RSU on, is its address right" in board.snapshot()[-1].message
        await until(lambda: board.state("rsu") is HealthState.OK)


async def test_radio_that_blocks_does_not_delay_another() -> None:
    stuck, well, states = RecordingRadio(), RecordingRadio(), Latest[SignalState]()
    stuck.blocked.clear()
    states.set(state(3))
    async with broadcasting(stuck, states), broadcasting(well, states) as (_, board):
        await until(lambda: len(well.of("SPAT")) >= 3)
        assert board.counters("rsu")["send_timeouts"] == 0
    assert stuck.messages == []


async def test_lost_radio_ends_the_run_with_a_device_error_and_missed_slots_go_on_counting() -> None:
    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3))
    board = HealthBoard(now_ns=time.time_ns)
    broadcaster = RadioBroadcaster(radio, states=states, encoders=ENCODERS, component="rsu", board=board)
    radio.lost = True
    for _ in range(2):
        with pytest.raises(DeviceError, match="gone"):
            await broadcaster.run()
    assert broadcaster.slots.missed >= 1


async def test_message_that_cannot_be_encoded_is_counted_and_shown() -> None:
    def refuse(now_ns: int) -> bytes:
        raise CodecError("MAP", f"too many lanes at {now_ns}")

    radio, states = RecordingRadio(), Latest[SignalState]()
    states.set(state(3))
    async with broadcasting(radio, states, encoders=MessageEncoders(spat=encode_spat, map=refuse)) as (
        _,
        board,
    ):
        await until(lambda: len(radio.of("SPAT")) >= 3)
        assert board.counters("rsu")["encode_errors"] >= 1
        assert board.state("rsu") is HealthState.DEGRADED
    assert radio.of("MAP") == []


async def test_a_map_too_large_for_some_radios_goes_out_and_is_told() -> None:
    radio, states, size = RecordingRadio(), Latest[SignalState](), MOST_OCTETS
    states.set(state(3))
    encoders = MessageEncoders(spat=encode_spat, map=lambda _now_ns: bytes(size))
    async with broadcasting(radio, states, encoders=encoders) as (_, board):
        await until(lambda: len(radio.of("MAP")) >= 1)
        assert board.state("rsu") is HealthState.OK
        size += 1
        await until(lambda: board.counters("rsu")["too_large"] >= 1)
        await until(lambda: board.state("rsu") is HealthState.DEGRADED)
        size -= 1
        await until(lambda: board.state("rsu") is HealthState.OK)
    assert MOST_OCTETS + 1 in {len(message.payload) for message in radio.of("MAP")}


@pytest.mark.parametrize("set_back_s", [3_600, -3_600])
async def test_clock_that_is_set_while_a_slot_is_awaited_is_followed(set_back_s: int) -> None:
    radio, states, back_ns = RecordingRadio(), Latest[SignalState](), 0

    def now_ns() -> int:
        return time.time_ns() - back_ns

    states.set(state(3, valid_for_ns=7_200 * NS_PER_S))
    board = HealthBoard(now_ns=now_ns)
    broadcaster = RadioBroadcaster(
        radio, states=states, encoders=ENCODERS, component="rsu", board=board, now_ns=now_ns
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(broadcaster.run(), name="broadcaster")
        await until(lambda: len(radio.of("SPAT")) >= 2)
        back_ns = set_back_s * NS_PER_S
        sent = len(radio.of("SPAT"))
        await until(lambda: len(radio.of("SPAT")) >= sent + 2)
        task.cancel()
    made = [int.from_bytes(message.payload[2:], "big") for message in radio.of("SPAT")[sent:]]
    assert all(at_ns <= now_ns() for at_ns in made)
    assert broadcaster.slots.missed < 600  # of the 36000 that were leapt over, none
