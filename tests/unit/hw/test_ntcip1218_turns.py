"""Who may go when a unit answers late: one message of a kind under way, one waiting, the newest wins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from edge.core.errors import DeviceError
from edge.ports import RadioMessage
from hw.rsu import ntcip1218
from hw.rsu.ntcip1218 import Ntcip1218Radio
from hw.rsu.ntcip1218_link import SnmpDenied, SnmpRefused, Value
from hw.rsu.ntcip1218_rows import MAX_ROWS, PAYLOAD, RSU_MODE, STANDBY, IfmRow, Pace, cell
from tests.waiting import until

ROWS = {
    "SPAT": IfmRow(1, psid=0x8002, channel=183, priority=6, rsu_signs=True),
    "MAP": IfmRow(2, psid=0x8002, channel=183, priority=6, rsu_signs=True),
}


class HeldUnit:
    """A unit that answers a message when it is told to, with yes or with an error."""

    def __init__(self) -> None:
        self.mode: Value = 3
        self.written: list[bytes] = []
        self.pending: list[asyncio.Future[None]] = []

    async def get(self, name: str, *, timeout_s: float) -> Value | None:
        del timeout_s
        return {RSU_MODE: self.mode, MAX_ROWS: 2}[name]

    async def set(self, *values: tuple[str, Value], timeout_s: float) -> None:
        del timeout_s
        names = dict(values)
        if RSU_MODE in names:
            self.mode = names[RSU_MODE]
        if self.mode == STANDBY or RSU_MODE in names:
            return
        (payload,) = (names[cell(PAYLOAD, row)] for row in (1, 2) if cell(PAYLOAD, row) in names)
        assert isinstance(payload, bytes)
        self.written.append(payload)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pending.append(answer)
        await answer

    def answer(self, error: Exception | None = None) -> None:
        """Answer the oldest."""
        pending = self.pending.pop(0)
        pending.set_exception(error) if error else pending.set_result(None)


class Clock:
    def __init__(self) -> None:
        self.now_ns = 1_000

    def __call__(self) -> int:
        return self.now_ns


@contextlib.asynccontextmanager
async def opened(unit: HeldUnit, clock: Clock) -> AsyncIterator[Ntcip1218Radio]:
    @contextlib.asynccontextmanager
    async def open_link() -> AsyncIterator[HeldUnit]:
        yield unit

    radio = Ntcip1218Radio(open_link, name="radio", rows=ROWS, pace=Pace(poll_s=0), now_ns=clock)
    async with radio.connected():
        yield radio


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ntcip1218, "TURN_TIMEOUT_S", 0.001)
    monkeypatch.setattr(ntcip1218, "ANSWER_TIMEOUT_S", 0.05)


def message(payload: bytes, kind: str = "SPAT", *, expires_ns: int = 2_000) -> RadioMessage:
    return RadioMessage(kind, payload, expires_ns)


async def test_newest_takes_the_place_of_the_one_that_waits() -> None:
    unit = HeldUnit()
    async with opened(unit, Clock()) as radio:
        for payload in (b"1", b"2", b"3", b"4"):
            await radio.send(message(payload))
        await until(lambda: unit.pending)
        assert unit.written == [b"1"]
        unit.answer()
        await until(lambda: unit.pending)
        unit.answer()
    assert unit.written == [b"1", b"4"]
    assert radio.counters == {"sent": 2, "replaced": 2}


async def test_one_that_waited_too_long_is_never_written() -> None:
    unit, clock = HeldUnit(), Clock()
    async with opened(unit, clock) as radio:
        await radio.send(message(b"1"))
        await radio.send(message(b"2"))
        clock.now_ns = 2_001
        await until(lambda: unit.pending)
        unit.answer()
        await until(lambda: radio.counters.get("expired"))
    assert unit.written == [b"1"]


async def test_kinds_do_not_wait_for_each_other() -> None:
    unit = HeldUnit()
    async with opened(unit, Clock()) as radio:
        await radio.send(message(b"spat"))
        await radio.send(message(b"map", "MAP"))
        await until(lambda: len(unit.pending) == 2)
        unit.answer()
        unit.answer()
    assert unit.written == [b"spat", b"map"]


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([TimeoutError()] * 3, "does not answer"),
        ([SnmpRefused("genErr", "x")] * 3, "refuses messages: genErr"),
        ([SnmpRefused("noCreation", "x")], "row 1 is gone"),
        ([SnmpDenied("not in time window")], "not in time window"),
    ],
)
async def test_unit_is_given_up_in_words(errors: list[Exception], words: str) -> None:
    unit = HeldUnit()
    async with opened(unit, Clock()) as radio:
        for number, error in enumerate(errors):
            await radio.send(message(bytes([number])))
            await until(lambda: unit.pending)
            unit.answer(error)
        await until(lambda: radio.counters.get("lost"))
        with pytest.raises(DeviceError, match=words):
            await radio.send(message(b"next"))
    assert b"next" not in unit.written


async def test_bug_of_a_link_comes_to_whoever_sends_next() -> None:
    unit = HeldUnit()
    async with opened(unit, Clock()) as radio:
        await radio.send(message(b"1"))
        await until(lambda: unit.pending)
        unit.answer(ZeroDivisionError("bug"))
        with pytest.raises(ZeroDivisionError):
            await radio.send(message(b"2"))


async def test_failures_count_only_in_a_row() -> None:
    unit = HeldUnit()
    async with opened(unit, Clock()) as radio:
        for number in range(9):
            await radio.send(message(bytes([number])))
            await until(lambda: unit.pending)
            unit.answer(None if number % 3 == 2 else TimeoutError())
    assert radio.counters == {"sent": 3, "unanswered": 6}


async def test_message_without_an_answer_is_abandoned_at_the_end() -> None:
    unit = HeldUnit()
    async with opened(unit, Clock()) as radio:
        await radio.send(message(b"1"))
        await radio.send(message(b"2"))
    assert unit.written == [b"1"]
    assert radio.counters == {"abandoned": 1}
    assert unit.pending[0].cancelled()
