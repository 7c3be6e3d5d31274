"""Recordings of snapshots: written, read, played at their pace, over faults and ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError, DeviceError
from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from hw.signal.replay import Playing, ReplayController
from hw.signal.snapshot_file import SnapshotRecorder, parse_snapshot, snapshot_line
from hw.signal.tscbm_controller import TscbmController
from tests.tscbm_sender import TscbmSender

T0_NS = 1_750_000_000 * NS_PER_S
NOW_NS = T0_NS + 86_400 * NS_PER_S
instants = st.integers(0, 2**62)
ends = st.one_of(st.none(), instants)
groups = st.builds(
    ControllerGroup,
    st.sampled_from(GroupKind),
    st.integers(1, 255),
    st.sampled_from(LampState),
    ends,
    ends,
    ends,
    st.booleans(),
)
statuses = st.sets(st.sampled_from(list(IntersectionStatus))).map(
    lambda flags: IntersectionStatus(sum(flag.value for flag in flags))
)
snapshots_strategy = st.builds(
    SignalSnapshot,
    controller=st.text(max_size=20),
    stamp=st.builds(Stamp, instants, st.sampled_from(TimeSource), st.integers(0, 10**9)),
    alive_ns=instants,
    groups=st.lists(groups, max_size=5).map(tuple),
    status=statuses,
    plan=st.one_of(st.none(), st.integers(0, 255)),
    cycle_position_s=st.one_of(st.none(), st.floats(0, 1000)),
)


class SteppedClock:
    """A clock that jumps to where it is told to wait."""

    def __init__(self, start_ns: int = NOW_NS) -> None:
        self.ns = start_ns
        self.waits_ns: list[int] = []

    def now_ns(self) -> int:
        return self.ns

    async def sleep_until(self, when_ns: int) -> None:
        self.waits_ns.append(max(0, when_ns - self.ns))
        self.ns = max(self.ns, when_ns)


def snapshot(tenth: int, lamp: LampState = LampState.GREEN) -> SignalSnapshot:
    at_ns = T0_NS + tenth * 100 * NS_PER_MS
    group = ControllerGroup(GroupKind.VEHICLE, 2, lamp, at_ns + NS_PER_S, at_ns + 2 * NS_PER_S)
    return SignalSnapshot("recorded", Stamp(at_ns - NS_PER_MS, TimeSource.SENSOR), at_ns, (group,))


def recording(path: Path, *tenths: int) -> Path:
    with SnapshotRecorder(path) as recorder:
        for tenth in tenths:
            recorder.write(snapshot(tenth))
    return path


async def play(path: Path, count: int, *, clock: SteppedClock, playing: Playing) -> list[SignalSnapshot]:
    controller = ReplayController(path, name="c", playing=playing, clock=clock)
    async with asyncio.timeout(5), controller.snapshots() as snapshots:
        return [await anext(snapshots) for _ in range(count)]


@given(snapshots_strategy)
def test_snapshots_survive_their_line(original: SignalSnapshot) -> None:
    assert parse_snapshot(snapshot_line(original)) == original


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(
    st.sampled_from(("controller", "capture_ns", "alive_ns", "groups", "kind", "number", "lamp", "status")), inner
) | st.lists(inner)))  # fmt: skip
def test_any_json_raises_only_the_codecs_own_error(value: object) -> None:
    try:
        parse_snapshot(json.dumps(value))
    except CodecError:
        return


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "{}", "[" * 100_000, '{"groups": 3}'])
def test_line_that_is_no_snapshot_is_a_codec_error(line: str) -> None:
    with pytest.raises(CodecError):
        parse_snapshot(line)


async def test_real_pace_keeps_distances_and_moves_every_time_to_now(tmp_path: Path) -> None:
    clock = SteppedClock()
    played = await play(recording(tmp_path / "r", 0, 1, 4), 3, clock=clock, playing=Playing())
    assert clock.waits_ns == [0, 100 * NS_PER_MS, 300 * NS_PER_MS]
    assert [s.alive_ns for s in played] == [NOW_NS, NOW_NS + 100 * NS_PER_MS, NOW_NS + 400 * NS_PER_MS]
    assert played[2].stamp.capture_ns == played[2].alive_ns - NS_PER_MS
    assert played[2].groups[0].min_end_ns == played[2].alive_ns + NS_PER_S
    assert {s.controller for s in played} == {"c"}


async def test_fast_pace_waits_for_nothing_and_every_snapshot_is_of_its_moment(tmp_path: Path) -> None:
    clock = SteppedClock()
    played = await play(recording(tmp_path / "r", 0, 50), 2, clock=clock, playing=Playing(pace="fast"))
    assert clock.waits_ns == []
    assert [s.alive_ns for s in played] == [NOW_NS, NOW_NS]


async def test_original_stamps_stay(tmp_path: Path) -> None:
    playing = Playing(stamps="original")
    played = await play(recording(tmp_path / "r", 0, 3), 2, clock=SteppedClock(), playing=playing)
    assert [s.alive_ns for s in played] == [T0_NS, T0_NS + 300 * NS_PER_MS]


async def test_recording_repeats_with_times_that_go_on(tmp_path: Path) -> None:
    played = await play(recording(tmp_path / "r", 0, 1), 5, clock=SteppedClock(), playing=Playing())
    alive = [s.alive_ns for s in played]
    assert alive == sorted(alive)


async def test_recording_that_stops_is_a_lost_device(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="has ended"):
        await play(recording(tmp_path / "r", 0), 2, clock=SteppedClock(), playing=Playing(at_end="stop"))


async def test_recording_without_a_snapshot_is_a_device_error_and_no_endless_loop(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_text("nothing\n\n", encoding="utf-8")
    with pytest.raises(DeviceError, match="holds no snapshot"):
        await play(path, 1, clock=SteppedClock(), playing=Playing())


async def test_absent_recording_is_a_device_error(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="cannot read"):
        await play(tmp_path / "none", 1, clock=SteppedClock(), playing=Playing())


async def test_broken_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "r"
    good = snapshot_line(snapshot(0))
    path.write_bytes(b"\xff\xfe\n" + b"x" * 300_000 + b"\n" + good.encode() + b"\n" + good.encode())
    controller = ReplayController(path, name="c", playing=Playing(at_end="stop"), clock=SteppedClock())
    async with controller.snapshots() as snapshots:
        assert (await anext(snapshots)).groups
        assert (await anext(snapshots)).groups
    assert controller.counters["bad_content"] >= 2


async def test_live_controller_is_recorded_and_played_again(tmp_path: Path) -> None:
    live = TscbmController("127.0.0.1", 0, name="live")
    async with asyncio.timeout(5), live.snapshots() as snapshots:
        assert live.address is not None
        sender = TscbmSender(live.address)
        with SnapshotRecorder(tmp_path / "r") as recorder:
            sender.send(greens=0b1, reds=0b10)
            first = await anext(snapshots)
            recorder.write(first)
        sender.close()
    playing = Playing(stamps="original")
    (played,) = await play(tmp_path / "r", 1, clock=SteppedClock(), playing=playing)
    assert (played.groups, played.stamp, played.alive_ns) == (first.groups, first.stamp, first.alive_ns)
