"""The GB/T 20999 driver: derived ends against the truth of the simulated plan, questions, real sockets, faults."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import DeviceError
from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Address, DataValue, Frame, FrameType
from hw.signal.gb20999_codes import Lamp, Mode
from hw.signal.gb20999_controller import Clock, Gb20999Controller, Gb20999Reader
from hw.signal.gb20999_countdown import StageClock, StageReading
from hw.signal.gb20999_link import TcpLink, Transport, Way
from hw.signal.gb20999_questions import Habits
from hw.sim.gb20999_controller import Gb20999Fake
from hw.sim.gb20999_device import LAMP_GROUPS, STAGES, Gb20999Device
from hw.sim.signal_plan import CYCLE_DS, group_states
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS, corner
from tests.waiting import until

T0_NS = 1_750_000_000 * NS_PER_S
POLL_NS = 200 * NS_PER_MS
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp")


class Bench:
    """A device and a reader in virtual time, with a network that takes a random while."""

    def __init__(self, *, start_ds: float = 0.0, seed: int = 0, habits: Habits | None = None) -> None:
        self.ns = T0_NS
        self._start_ds, self._chance = start_ds, random.Random(seed)
        self.device = Gb20999Device(self.cycle_ds, now_ns=lambda: self.ns)
        self.reader = Gb20999Reader("c", habits=habits)

    def cycle_ds(self) -> float:
        return (self._start_ds + (self.ns - T0_NS) / (100 * NS_PER_MS)) % CYCLE_DS

    def turn(self) -> SignalSnapshot | None:
        """One period: what is due goes out, answers come back; the last snapshot."""
        end_ns, last = self.ns + POLL_NS, None
        while frames := self.reader.due((self.ns - T0_NS) / NS_PER_S, self.ns):
            for frame in frames:
                self.ns += self._chance.randrange(0, 15 * NS_PER_MS)
                answer = self.device.answer(frame)
                self.ns += self._chance.randrange(0, 15 * NS_PER_MS)
                if answer is not None:
                    snapshot, _ = self.reader.accept(answer, arrival_ns=self.ns)
                    last = snapshot or last
        self.ns = max(self.ns, end_ns)
        return last

    def settled(self) -> SignalSnapshot:
        """The snapshot once everything has been told."""
        snapshot = None
        for _ in range(30):
            snapshot = self.turn() or snapshot
        assert snapshot is not None
        return snapshot


def true_ends(cycle_ds: float, at_ns: int) -> dict[int, int]:
    """End of every lamp group by the plan itself."""
    states = group_states(cycle_ds)
    return {n: at_ns + int(str(state["min_ds"])) * 100 * NS_PER_MS for n, state in enumerate(states, start=1)}


def by_number(snapshot: SignalSnapshot) -> dict[int, ControllerGroup]:
    return {group.number: group for group in snapshot.groups}


@settings(max_examples=20)
@given(st.integers(0, CYCLE_DS - 1), st.integers(0, 2**16))
def test_promises_hold_and_are_tight_over_the_whole_plan(start_ds: int, seed: int) -> None:
    bench = Bench(start_ds=float(start_ds), seed=seed)
    bench.settled()
    promised = 0
    for _ in range(60):
        snapshot = bench.turn()
        if snapshot is None:
            continue
        captured_ns = snapshot.stamp.capture_ns
        cycle_ds = (start_ds + (captured_ns - T0_NS) / (100 * NS_PER_MS)) % CYCLE_DS
        slack_ns = snapshot.stamp.error_ns + 100 * NS_PER_MS  # of the reading, and of the truth's tenths
        if _near_change(cycle_ds):
            continue
        truth = true_ends(cycle_ds, captured_ns)
        for number, group in by_number(snapshot).items():
            if group.min_end_ns is not None:
                assert group.min_end_ns <= truth[number] + slack_ns
            if group.max_end_ns is not None:
                assert group.max_end_ns >= truth[number] - slack_ns
                assert group.min_end_ns is not None
                assert group.max_end_ns - group.min_end_ns <= 1.1 * NS_PER_S
                promised += 1
            if group.likely_end_ns is not None:
                assert abs(group.likely_end_ns - truth[number]) <= 0.6 * NS_PER_S + slack_ns
    assert promised > 100


def _near_change(cycle_ds: float) -> bool:
    """Whether a lamp changes within two tenths."""
    return any(
        int(str(state["min_ds"])) <= 2 for at in (cycle_ds, cycle_ds - 2) for state in group_states(at)
    )


def test_every_group_has_its_kind_colour_and_an_end_once_all_is_told() -> None:
    snapshot = Bench(start_ds=20.0).settled()
    kinds = [GroupKind.VEHICLE] * 8 + [GroupKind.PEDESTRIAN] * 4
    assert [group.kind for group in snapshot.groups] == kinds
    assert all(group.likely_end_ns is not None for group in snapshot.groups)
    assert (snapshot.plan, snapshot.status) == (1, IntersectionStatus.FIXED_TIME)
    assert snapshot.cycle_position_s is not None


def test_second_between_two_counts_tells_the_end_to_a_poll_period() -> None:
    bench = Bench()
    bench.settled()
    snapshot = bench.turn()
    assert snapshot is not None
    green = by_number(snapshot)[1]
    assert green.min_end_ns is not None
    assert green.max_end_ns is not None
    assert green.max_end_ns - green.min_end_ns <= 1.3 * POLL_NS


@pytest.mark.parametrize("mode", [Mode.LOCAL_ACTUATED, Mode.LOCAL_ADAPTIVE, Mode.CENTRE_OPTIMISED])
def test_actuated_controller_promises_nothing(mode: Mode) -> None:
    bench = Bench()
    bench.device.mode = mode
    snapshot = bench.settled()
    assert snapshot.status == IntersectionStatus.TRAFFIC_DEPENDENT
    assert all(group.min_end_ns is None and group.max_end_ns is None for group in snapshot.groups)
    assert all(group.likely_end_ns is not None for group in snapshot.groups)


@pytest.mark.parametrize(
    ("mode", "status"),
    [
        (Mode.LOCAL_MANUAL, IntersectionStatus.MANUAL_CONTROL),
        (Mode.FLASH, IntersectionStatus.PROGRAMMED_FLASH),
        (Mode.ALL_OFF, IntersectionStatus.OFF),
        (Mode.ALL_RED, IntersectionStatus.NONE),
    ],
)
def test_mode_without_a_countdown_has_no_ends(mode: Mode, status: IntersectionStatus) -> None:
    bench = Bench()
    bench.device.mode = mode
    snapshot = bench.settled()
    assert snapshot.status == status
    assert all(group.likely_end_ns is None and group.max_end_ns is None for group in snapshot.groups)


def test_unknown_mode_promises_nothing() -> None:
    bench = Bench()
    bench.device.lacks = {objects.RUN_MODE}
    snapshot = bench.settled()
    assert snapshot.status == IntersectionStatus.NONE
    assert all(group.max_end_ns is None for group in snapshot.groups)


@pytest.mark.parametrize(
    ("request_name", "flag"),
    [("priority", IntersectionStatus.PRIORITY), ("emergency", IntersectionStatus.PREEMPT)],
)
def test_running_request_takes_the_promises_within_a_heartbeat_and_gives_them_back(
    request_name: str, flag: IntersectionStatus
) -> None:
    bench = Bench()
    assert by_number(bench.settled())[1].max_end_ns is not None
    for runs in (True, False):
        setattr(bench.device, request_name, runs)
        turns = [bench.turn() for _ in range(6)]
        snapshot = [turn for turn in turns if turn is not None][-1]
        assert bool(snapshot.status & flag) is runs
        assert all(group.max_end_ns is None for group in snapshot.groups) is runs


def test_controller_without_requests_is_not_asked_for_them_again_and_again() -> None:
    bench = Bench()
    bench.device.lacks = {objects.PRIORITY_RUNS, objects.EMERGENCY_RUNS}
    snapshot = [bench.settled() for _ in range(3)][-1]
    assert by_number(snapshot)[1].likely_end_ns is not None
    assert bench.reader.counters["refused"] == 2


def test_countdown_that_leaves_the_plan_is_no_promise() -> None:
    bench = Bench()
    bench.settled()
    remaining = Address(*objects.STAGE_REMAINING, bench.device.stage)
    bench.device.overrides[remaining] = (40).to_bytes(2, "big")
    snapshot = bench.turn()
    assert snapshot is not None
    assert all(group.max_end_ns is None and group.min_end_ns is None for group in snapshot.groups)
    assert by_number(snapshot)[1].likely_end_ns is not None


@pytest.mark.parametrize(
    ("code", "lamp"),
    [
        (Lamp.OFF, LampState.DARK),
        (Lamp.RED_FAST_FLASH, LampState.FLASHING_RED),
        (Lamp.GREEN_FLASH, LampState.FLASHING_GREEN),
        (Lamp.GREEN_FAST_FLASH, LampState.FLASHING_GREEN),
        (Lamp.YELLOW_FLASH, LampState.FLASHING_YELLOW),
        (Lamp.RED_YELLOW, LampState.RED_YELLOW),
        (0x77, LampState.UNKNOWN),
    ],
)
def test_every_lamp_of_the_standard(code: int, lamp: LampState) -> None:
    bench = Bench()
    bench.device.overrides[Address(*objects.LAMP_STATE, 3)] = bytes((code,))
    assert by_number(bench.settled())[3].lamp is lamp


@pytest.mark.parametrize(
    ("code", "kind"),
    [(2, GroupKind.VEHICLE), (4, GroupKind.GROUP), (6, GroupKind.VEHICLE), (99, GroupKind.GROUP)],
)
def test_types_of_lamp_groups_are_kinds(code: int, kind: GroupKind) -> None:
    bench = Bench()
    bench.device.overrides[Address(*objects.LAMP_TYPE, 3)] = bytes((code,))
    assert by_number(bench.settled())[3].kind is kind


def test_kinds_of_the_site_stand_in_where_the_controller_does_not_tell_them() -> None:
    bench = Bench()
    bench.device.lacks = {objects.LAMP_TYPE}
    bench.reader = Gb20999Reader("c", kinds={3: GroupKind.PEDESTRIAN})
    groups = by_number(bench.settled())
    assert (groups[3].kind, groups[4].kind) == (GroupKind.PEDESTRIAN, GroupKind.GROUP)


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


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=80)), max_size=5))
def test_hostile_reports_raise_nothing(told: list[tuple[int, bytes]]) -> None:
    bench = Bench(habits=Habits(poll_s=0.0))
    bench.reader.accept(bench.device.report(), arrival_ns=T0_NS)
    paths = list(objects.OBJECTS)
    values = tuple(DataValue(1, Address(*paths[n % len(paths)], n % 5), data) for n, data in told)
    for kind in FrameType:
        bench.reader.accept(Frame(kind, values), arrival_ns=T0_NS)


def reading(
    remaining: int, at_s: float, *, elapsed: int | None = None, planned: int | None = None
) -> StageReading:
    at_ns = round(at_s * NS_PER_S)
    return StageReading(1, remaining, elapsed, planned, at_ns, at_ns + 10 * NS_PER_MS)


def test_rounding_down_is_seen_where_the_counts_are_a_second_short_of_the_plan() -> None:
    end = StageClock(Counter()).read(reading(4, 5.5, elapsed=5, planned=10))
    assert end is not None
    assert (end.earliest_ns, end.latest_ns) == (round(9.5 * NS_PER_S), round(10.51 * NS_PER_S))
    assert end.as_planned


def test_unknown_rounding_leaves_two_seconds() -> None:
    end = StageClock(Counter()).read(reading(4, 5.0))
    assert end is not None
    assert (end.earliest_ns, end.latest_ns) == (8 * NS_PER_S, round(10.01 * NS_PER_S))
    assert not end.as_planned


def test_jump_of_the_countdown_begins_anew() -> None:
    counters: Counter[str] = Counter()
    clock = StageClock(counters)
    clock.read(reading(9, 0.0))
    end = clock.read(reading(3, 1.0))
    assert counters["countdown_jumped"] == 1
    assert end is not None
    assert end.earliest_ns == 3 * NS_PER_S


# Over real sockets


class Rig:
    """A fake and a driver on loopback; the position in the cycle is set by the test."""

    def __init__(self, transport: Transport, *, habits: Habits | None = None) -> None:
        self.at_ds = 20.0
        self.device = Gb20999Device(lambda: self.at_ds)
        self.fake = Gb20999Fake(self.device, "udp" if transport == "udp" else "tcp")
        self._transport, self._habits = transport, habits or Habits(poll_s=0.02)

    def driver(self) -> Gb20999Controller:
        way = Way(self._transport, self.fake.address, ("127.0.0.1", 0))
        return Gb20999Controller(way, name="c", habits=self._habits)


async def next_with(snapshots: AsyncIterator[SignalSnapshot], number: int, lamp: LampState) -> SignalSnapshot:
    """The first snapshot in which a group shows a lamp."""
    async with asyncio.timeout(5):
        async for snapshot in snapshots:
            if by_number(snapshot)[number].lamp is lamp:
                return snapshot
    raise AssertionError


async def drain(snapshots: AsyncIterator[SignalSnapshot], *, within_s: float) -> None:
    """Read on until something breaks."""
    async with asyncio.timeout(within_s):
        async for _ in snapshots:
            pass


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("version", [0x0100, 0x0102])
async def test_change_of_a_lamp_is_seen(transport: Transport, version: int) -> None:
    rig = Rig(transport, habits=Habits(poll_s=0.02, header=Frame(FrameType.QUERY, version=version)))
    async with rig.fake.running(), rig.driver().snapshots() as snapshots:
        await next_with(snapshots, 1, LampState.GREEN)
        rig.at_ds = 90.0
        assert (await next_with(snapshots, 1, LampState.YELLOW)).plan == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_report_is_a_snapshot_at_once_without_being_asked(transport: Transport) -> None:
    rig = Rig(transport, habits=Habits(poll_s=0.0))
    async with rig.fake.running(), rig.driver().snapshots() as snapshots:
        await next_with(snapshots, 1, LampState.GREEN)
        rig.at_ds = 90.0
        rig.fake.report()
        await next_with(snapshots, 1, LampState.YELLOW)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("fault", "counter"), [("wrong_crc", "bad_crc"), ("wrong_version", "bad_version"), ("silent", "timeouts")]
)
async def test_fault_is_counted_and_over_when_it_is_over(
    transport: Transport, fault: str, counter: str
) -> None:
    rig = Rig(transport)
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            await next_with(snapshots, 1, LampState.GREEN)
            setattr(rig.fake.faults, fault, True)
            waiting = asyncio.create_task(next_with(snapshots, 1, LampState.YELLOW))
            rig.at_ds = 90.0
            await until(lambda: driver.counters.get(counter, 0) > 0)
            assert not waiting.done()
            setattr(rig.fake.faults, fault, False)
            await waiting


async def test_controller_that_refuses_everything_says_nothing_and_is_asked_on() -> None:
    rig = Rig("udp")
    rig.fake.faults.refuses = True
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            waiting = asyncio.create_task(next_with(snapshots, 1, LampState.GREEN))
            await until(lambda: driver.counters.get("refused", 0) > 0)
            rig.fake.faults.refuses = False
            await waiting


async def test_stream_in_single_octets_with_garbage_between_the_frames() -> None:
    rig = Rig("tcp")
    rig.fake.faults.partial, rig.fake.faults.garbage = True, b"\x00garbage\x7d"
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            await next_with(snapshots, 1, LampState.GREEN)
    assert driver.counters["bad_content"] > 0


async def test_stream_with_wrong_escapes_recovers() -> None:
    rig = Rig("tcp")
    async with rig.fake.running():
        driver = rig.driver()
        async with driver.snapshots() as snapshots:
            rig.fake.faults.wrong_escapes = True
            waiting = asyncio.create_task(next_with(snapshots, 1, LampState.GREEN))
            await until(lambda: sum(n for name, n in driver.counters.items() if name.startswith("bad")) > 3)
            rig.fake.faults.wrong_escapes = False
            await waiting


async def test_lost_heartbeats_of_a_reporting_controller_are_its_silence() -> None:
    rig = Rig("udp", habits=Habits(poll_s=0.0, heartbeat_s=0.02))
    async with rig.fake.running(), rig.driver().snapshots() as snapshots:
        first = await next_with(snapshots, 1, LampState.GREEN)
        alive = await anext(snapshots)
        while alive.alive_ns == first.alive_ns:
            alive = await anext(snapshots)
        assert alive.stamp == first.stamp or alive.stamp.capture_ns >= first.stamp.capture_ns
        rig.fake.faults.silent = True
        with pytest.raises(TimeoutError):
            await drain(snapshots, within_s=0.3)


async def test_controller_that_connects_to_the_node() -> None:
    driver = Gb20999Controller(
        Way("tcp-server", ("127.0.0.1", 0), ("127.0.0.1", 0)), name="c", habits=Habits(poll_s=0.02)
    )
    async with driver.snapshots() as snapshots:
        fake = Gb20999Fake(Gb20999Device(lambda: 20.0), "tcp-client", centre=driver.address)
        async with fake.running():
            await next_with(snapshots, 1, LampState.GREEN)
        with pytest.raises(DeviceError, match="connection was lost"):
            await drain(snapshots, within_s=5)


async def test_shipped_controller_runs_as_a_program() -> None:
    program = (sys.executable, "-m", "hw.sim.gb20999_controller", "--listen", "127.0.0.1:0", "--mode", "22")
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        host, _, port = (
            (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip().rpartition(":")
        )
        driver = Gb20999Controller(Way("udp", (host, int(port)), ("127.0.0.1", 0)), name="c")
        async with asyncio.timeout(10), driver.snapshots() as snapshots:
            assert (await anext(snapshots)).status == IntersectionStatus.TRAFFIC_DEPENDENT
    finally:
        process.kill()
        await process.wait()


async def test_stranger_may_not_connect_as_the_controller() -> None:
    driver = Gb20999Controller(Way("tcp-server", ("192.0.2.1", 0), ("127.0.0.1", 0)), name="c")
    async with driver.snapshots():
        assert driver.address is not None
        fake = Gb20999Fake(Gb20999Device(lambda: 20.0), "tcp-client", centre=driver.address)
        async with fake.running():
            await until(lambda: driver.counters.get("foreign") == 1)


async def test_nobody_at_the_address_is_a_device_error() -> None:
    way = Way("tcp", ("127.0.0.1", 1))
    with pytest.raises(DeviceError, match="cannot connect to"):
        async with Gb20999Controller(way, name="c").snapshots():
            pass


def test_signal_lane_finds_no_broken_promise_in_two_cycles() -> None:
    bench, intersection = Bench(start_ds=300.0, seed=5), corner()
    walkers = dict(zip((9, 10), CROSSWALK_GROUPS, strict=True))
    rules = {(GroupKind.VEHICLE, n): GroupRule(n) for n in VEHICLE_GROUPS}
    rules |= {(GroupKind.PEDESTRIAN, n): GroupRule(group, protected=False) for n, group in walkers.items()}
    lane = SignalLane(
        intersection, groups=rules, limits=LaneLimits(liveness_ns=700 * NS_PER_MS), conflicts=()
    )
    timed = shown = 0
    for _ in range(2 * CYCLE_DS // 2 + 30):
        snapshot = bench.turn()
        if snapshot is None:
            continue
        state = lane.update(snapshot, bench.ns)
        shown += not state.withdrawn
        timed += sum(group.max_end_ns is not None for group in state.groups)
    broken = ("promises_broken", "ended_early", "overstayed", "timing_contradicts", "timing_past")
    assert {name: lane.counters[name] for name in broken} == dict.fromkeys(broken, 0)
    assert shown > 700
    assert timed > 3000
