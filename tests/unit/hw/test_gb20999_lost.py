"""Lamps of a GB/T 20999 controller that were not told anew are never shown as fresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.core.signals import LampState, SignalSnapshot
from edge.core.stamp import NS_PER_MS
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Address, DataValue, Frame, FrameType
from hw.signal.gb20999_picture import lamp_of
from hw.signal.gb20999_questions import Habits
from tests.unit.hw.gb20999_bench import Bench, by_number

ALL_LAMPS = Address(*objects.LAMP_STATE, 0)


def _only_first(value: DataValue) -> DataValue:
    return replace(value, address=ALL_LAMPS._replace(element=1), data=value.data[:1])


@pytest.mark.parametrize(
    "cut", [lambda value: replace(value, data=value.data[:1]), _only_first], ids=["short", "one element"]
)
def test_lamps_that_answers_leave_out_become_unknown(cut: Callable[[DataValue], DataValue]) -> None:
    bench = Bench()
    assert by_number(bench.settled())[5].lamp is LampState.GREEN
    last: SignalSnapshot | None = None
    for frame in [frame for _ in range(5) for frame in _due(bench)]:
        answer = bench.device.answer(frame)
        if answer is not None:
            values = tuple(cut(v) if v.address == ALL_LAMPS else v for v in answer.values)
            snapshot, _ = bench.reader.accept(replace(answer, values=values), arrival_ns=bench.ns)
            last = snapshot or last
    assert last is not None
    lamps = {number: group.lamp for number, group in by_number(last).items()}
    assert lamps.pop(1) is not LampState.UNKNOWN
    assert set(lamps.values()) == {LampState.UNKNOWN}


def _due(bench: Bench) -> list[Frame]:
    bench.ns += 200 * NS_PER_MS
    return bench.reader.due(bench.cycle_ds() / 10, bench.ns)


def test_lost_report_is_found_out_within_two_heartbeats() -> None:
    bench = Bench(habits=Habits(poll_s=0.0))
    bench.settled()
    last: SignalSnapshot | None = None
    for _ in range(120):  # 24 s without any report, heartbeats answered
        last = bench.turn() or last
        beaten, _ = bench.reader.accept(Frame(FrameType.HEARTBEAT_REPLY), arrival_ns=bench.ns)
        last = beaten or last
    assert last is not None
    was = {number: group.lamp for number, group in by_number(last).items()}
    truth = {number: lamp_of(code) for number, code in bench.device.lamps.items()}
    assert was == truth


def test_answer_that_a_report_overtook_does_not_bring_old_lamps_back() -> None:
    bench = Bench(habits=Habits(poll_s=0.0))
    bench.settled()
    asked: list[Frame] = []
    for _ in range(10):
        for frame in [] if asked else _due(bench):
            if any(value.address == ALL_LAMPS for value in frame.values):
                asked.append(frame)
            elif (answer := bench.device.answer(frame)) is not None:
                bench.reader.accept(answer, arrival_ns=bench.ns)
    old = bench.device.answer(asked[0])
    assert old is not None
    report = Frame(FrameType.REPORT, (DataValue(1, ALL_LAMPS._replace(element=1), b"\x30"),))
    bench.ns += NS_PER_MS
    told, _ = bench.reader.accept(report, arrival_ns=bench.ns)
    assert told is not None
    assert by_number(told)[1].lamp is LampState.YELLOW
    assert bench.reader.accept(old, arrival_ns=bench.ns + NS_PER_MS) == (None, None)
    assert bench.reader.counters["out_of_order"] == 1
