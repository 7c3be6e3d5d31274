"""What the GB/T 20999 driver asks, and what it makes of answers, reports and heartbeats."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.signals import GroupKind
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Address, DataValue, Frame, FrameType
from hw.signal.gb20999_controller import Clock, Gb20999Reader
from hw.signal.gb20999_link import TcpLink
from hw.signal.gb20999_questions import Habits
from hw.sim.gb20999_device import LAMP_GROUPS, STAGES
from tests.unit.hw.gb20999_bench import POLL_NS, T0_NS, Bench, by_number


@pytest.mark.parametrize("wildcards", ["refused", "ignored"])
def test_controller_that_answers_only_for_single_elements_is_asked_so(
    wildcards: Literal["refused", "ignored"],
) -> None:
    bench = Bench(start_ds=20.0)
    bench.device.wildcards = wildcards
    for _ in range(60):
        bench.turn()
    snapshot = bench.settled()
    assert [group.number for group in snapshot.groups] == list(LAMP_GROUPS)
    assert snapshot.groups[8].kind is GroupKind.PEDESTRIAN
    assert all(group.likely_end_ns is not None for group in snapshot.groups)


def test_answer_with_the_next_sequence_is_taken() -> None:
    bench = Bench()
    bench.device.sequence_step = 1
    snapshot = bench.settled()
    assert snapshot.stamp.error_ns < 50 * NS_PER_MS
    assert by_number(snapshot)[1].max_end_ns is not None


def test_counts_of_two_instants_are_not_compared_with_the_plan() -> None:
    bench = Bench(habits=Habits(poll_s=0.0))
    bench.settled()
    report = bench.device.report()
    parts = [replace(report, values=(value,)) for value in report.values]
    whole, _ = bench.reader.accept(report, arrival_ns=bench.ns)
    assert whole is not None
    assert by_number(whole)[1].max_end_ns is not None
    for part in parts:
        split, _ = bench.reader.accept(part, arrival_ns=bench.ns)
        assert split is not None
    assert all(group.max_end_ns is None for group in split.groups)
    assert by_number(split)[1].likely_end_ns is not None


def test_answer_in_several_frames_is_put_together() -> None:
    bench = Bench()
    bench.settled()
    bench.ns += POLL_NS
    (question, *_) = bench.reader.due((bench.ns - T0_NS) / NS_PER_S, bench.ns)
    answer = bench.device.answer(question)
    assert answer is not None
    parts = [replace(answer, values=(value,)) for value in answer.values]
    told = [bench.reader.accept(part, arrival_ns=bench.ns)[0] for part in parts]
    assert None not in told
    assert bench.reader.counters["unasked"] == 0
    assert bench.reader.accept(parts[0], arrival_ns=bench.ns) == (None, None)


def test_controller_that_counts_its_own_sequences_is_understood() -> None:
    bench = Bench()
    bench.device.sequence_step = 77
    snapshot = bench.settled()
    assert by_number(snapshot)[1].max_end_ns is not None
    assert bench.reader.counters["unasked"] == 0


def test_answer_to_a_question_that_is_no_longer_open_is_not_taken_for_fresh() -> None:
    bench = Bench()
    bench.settled()
    bench.ns += POLL_NS
    (question, *_) = bench.reader.due((bench.ns - T0_NS) / NS_PER_S, bench.ns)
    answer = bench.device.answer(question)
    assert answer is not None
    bench.ns += 5 * NS_PER_S
    bench.reader.due((bench.ns - T0_NS) / NS_PER_S, bench.ns)
    assert bench.reader.accept(answer, arrival_ns=bench.ns) == (None, None)
    assert bench.reader.counters["unasked"] == 1


def test_answer_proves_life_when_it_was_asked_for_and_not_when_it_was_read() -> None:
    bench = Bench()
    bench.settled()
    bench.ns += POLL_NS
    asked_ns = bench.ns
    (question, *_) = bench.reader.due((bench.ns - T0_NS) / NS_PER_S, bench.ns)
    answer = bench.device.answer(question)
    assert answer is not None
    snapshot, _ = bench.reader.accept(answer, arrival_ns=asked_ns + 400 * NS_PER_MS)
    assert snapshot is not None
    assert snapshot.alive_ns == asked_ns
    assert (snapshot.stamp.capture_ns, snapshot.stamp.error_ns) == (
        asked_ns + 400 * NS_PER_MS,
        400 * NS_PER_MS,
    )


def test_clock_that_was_set_begins_the_countdown_anew() -> None:
    bench = Bench()
    settled = by_number(bench.settled())[1]
    bench.reader.clock_was_set()
    anew = bench.turn()
    assert anew is not None
    widths = [
        group.max_end_ns - group.min_end_ns
        for group in (settled, by_number(anew)[1])
        if group.max_end_ns is not None and group.min_end_ns is not None
    ]
    assert widths[0] < 300 * NS_PER_MS
    assert widths[1] > 900 * NS_PER_MS


def test_octets_that_waited_while_the_process_stood_still_are_stamped_when_it_last_ran() -> None:
    steady_s = [100.0]
    link = TcpLink(
        "c",
        controller=None,
        counters=Counter(),
        capacity=4,
        now_ns=lambda: T0_NS,
        steady_s=lambda: steady_s[0],
    )
    link.beat()
    link.take([Frame(FrameType.HEARTBEAT)])
    steady_s[0] += 5.0
    link.take([Frame(FrameType.HEARTBEAT)])
    link.beat()
    link.take([Frame(FrameType.HEARTBEAT)])

    async def arrivals() -> list[int]:
        return [(await link.next())[1] for _ in range(3)]

    assert asyncio.run(arrivals()) == [T0_NS, T0_NS - round(4.9 * NS_PER_S), T0_NS]


def test_answer_to_an_older_question_is_dropped() -> None:
    bench = Bench()
    bench.settled()
    bench.ns += POLL_NS
    older = bench.reader.due((bench.ns - T0_NS) / NS_PER_S, bench.ns)
    bench.ns += POLL_NS
    newer = bench.reader.due((bench.ns - T0_NS) / NS_PER_S, bench.ns)
    answers = [bench.device.answer(frames[0]) for frames in (newer, older)]
    taken = [bench.reader.accept(answer, arrival_ns=bench.ns)[0] for answer in answers if answer is not None]
    assert [snapshot is None for snapshot in taken] == [False, True]
    assert bench.reader.counters["out_of_order"] == 1


def test_plan_that_changes_is_read_anew() -> None:
    bench = Bench()
    bench.settled()
    bench.device.plan = 2
    doubled = b"".join((2 * (s.length_ds // 10)).to_bytes(2, "big") for s in reversed(STAGES.values()))
    stages = bytes(reversed(range(1, 5)))
    bench.device.overrides |= {
        Address(*objects.PLAN_STAGES, 2): stages.rjust(16, b"\0"),
        Address(*objects.PLAN_TIMES, 2): doubled.rjust(32, b"\0"),
    }
    first = bench.turn()
    assert first is not None
    assert all(group.max_end_ns is None for group in first.groups)
    snapshot = bench.settled()
    assert snapshot.plan == 2
    assert all(group.max_end_ns is None for group in snapshot.groups)  # its count is still that of plan 1
    assert by_number(snapshot)[1].likely_end_ns is not None


def test_reports_alone_make_snapshots_and_heartbeats_keep_them_alive() -> None:
    bench = Bench(habits=Habits(poll_s=0.0))
    told, _ = bench.reader.accept(bench.device.report(), arrival_ns=T0_NS)
    beaten, _ = bench.reader.accept(Frame(FrameType.HEARTBEAT_REPLY_71), arrival_ns=T0_NS + NS_PER_S)
    assert told is not None
    assert beaten is not None
    assert (told.stamp.capture_ns, told.alive_ns) == (T0_NS, T0_NS)
    assert (beaten.stamp.capture_ns, beaten.alive_ns) == (T0_NS, T0_NS + NS_PER_S)


def test_heartbeats_do_not_keep_a_controller_alive_that_no_longer_answers() -> None:
    bench = Bench()
    bench.settled()
    assert bench.reader.accept(Frame(FrameType.HEARTBEAT_REPLY), arrival_ns=bench.ns) == (None, None)


def test_controllers_heartbeat_is_answered() -> None:
    asked = Frame(FrameType.HEARTBEAT, sequence=7, controller_id=9)
    _, answer = Bench().reader.accept(asked, arrival_ns=T0_NS)
    assert answer == replace(asked, kind=FrameType.HEARTBEAT_REPLY)


def test_only_questions_and_heartbeats_are_ever_sent() -> None:
    bench = Bench()
    sent: Counter[int] = Counter()
    for turn in range(200):
        sent.update(frame.kind for frame in bench.reader.due(turn * 0.2, T0_NS))
    assert set(sent) == {FrameType.QUERY, FrameType.HEARTBEAT}


@pytest.mark.parametrize(("hours", "off"), [(8, 0), (9, 1)])
def test_clock_in_local_time_is_compared_in_its_zone(hours: int, off: int) -> None:
    bench = Bench()
    bench.device.zone = timezone(timedelta(hours=8))
    bench.reader = Gb20999Reader("c", clock=Clock(zone=timezone(timedelta(hours=hours))))
    bench.settled()
    assert bench.reader.counters["clock_off"] == off
    assert bench.reader.clock_offset_s is not None
    assert abs(bench.reader.clock_offset_s + 3600 * (hours - 8)) < 2


def test_reported_alarms_and_faults_are_counted_by_type() -> None:
    bench = Bench(habits=Habits(poll_s=0.0))
    alarm, fault = Address(*objects.ALARM_TYPE, 3), Address(*objects.FAULT_TYPE, 0)
    values = (DataValue(1, alarm, b"\x10"), DataValue(2, fault, b"\x10\x99\x99"), DataValue(3, None))
    for kind in (FrameType.REPORT, FrameType.SET, FrameType.REPORT):
        bench.reader.accept(Frame(kind, values), arrival_ns=T0_NS)
    counted = {word: n for word, n in bench.reader.counters.items() if word.startswith(("alarm_", "fault_"))}
    assert counted == {"alarm_lamp": 2, "fault_green_conflict": 2, "fault_other": 4}


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=80)), max_size=5))
def test_hostile_reports_raise_nothing(told: list[tuple[int, bytes]]) -> None:
    bench = Bench(habits=Habits(poll_s=0.0))
    bench.reader.accept(bench.device.report(), arrival_ns=T0_NS)
    paths = list(objects.OBJECTS)
    values = tuple(DataValue(1, Address(*paths[n % len(paths)], n % 5), data) for n, data in told)
    for kind in FrameType:
        bench.reader.accept(Frame(kind, values), arrival_ns=T0_NS)
