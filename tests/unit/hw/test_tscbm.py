"""TSCBM datagrams: real captures, round trips, malformed input."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from hw.signal.tscbm import (
    TscbmBlock,
    TscbmMasks,
    TscbmMessage,
    decode_tscbm,
    encode_tscbm,
    nearest_utc_ns,
    status_flags,
    to_snapshot,
)

T0 = 1_700_000_000 * NS_PER_S


def captured(data_dir: Path) -> list[bytes]:
    """Seven real datagrams of 245 bytes, one of 241, and the first again without its pedestrian calls."""
    lines = (data_dir / "tscbm" / "carma_streets_ntcip_spat_data.txt").read_text().split()
    short = [path.read_bytes() for path in sorted((data_dir / "tscbm").glob("*.bin"))]
    return [bytes.fromhex(line) for line in lines] + short + [bytes.fromhex(lines[0])[:241]]


def snapshot_of(message: TscbmMessage) -> SignalSnapshot:
    return to_snapshot(message, controller="c", stamp=Stamp(T0, TimeSource.SENSOR), alive_ns=T0)


def lamps(message: TscbmMessage, kind: GroupKind) -> dict[int, LampState]:
    return {g.number: g.lamp for g in snapshot_of(message).groups if g.kind is kind}


def lit(message: TscbmMessage, lamp: LampState) -> set[int]:
    return {number for number, shown in lamps(message, GroupKind.VEHICLE).items() if shown is lamp}


def message(**changes: object) -> TscbmMessage:
    blocks = tuple(TscbmBlock(number) for number in range(1, 17))
    fields: dict[str, object] = {
        "blocks": blocks,
        "masks": TscbmMasks(),
        "status": 0,
        "action_plan": 0,
        "version": 2,
        "discontinuity": 0,
        "sequence": 0,
        "second_of_day": 0,
        "millisecond": 0,
    }
    return TscbmMessage(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.data
@pytest.mark.parametrize(
    ("index", "lamp", "phases"),
    [
        (0, LampState.GREEN, {2, 6}),
        (1, LampState.GREEN, {4, 8}),
        (2, LampState.GREEN, {4, 8}),
        (3, LampState.GREEN, {4, 8}),
        (4, LampState.YELLOW, {4, 8}),
        (5, LampState.FLASHING_YELLOW, {4, 8}),
        (6, LampState.FLASHING_RED, {2, 6}),
        (7, LampState.GREEN, {2, 6}),
        (8, LampState.GREEN, {2, 6}),
    ],
)
def test_real_datagram_shows_its_lamps(data_dir: Path, index: int, lamp: LampState, phases: set[int]) -> None:
    assert lit(decode_tscbm(captured(data_dir)[index]), lamp) == phases


@pytest.mark.data
def test_real_datagrams_encode_to_the_same_bytes(data_dir: Path) -> None:
    vectors = captured(data_dir)
    assert len(vectors) == 9
    assert [encode_tscbm(decode_tscbm(vector)) for vector in vectors] == vectors


@pytest.mark.data
def test_real_clock_is_second_of_day_and_version_is_read(data_dir: Path) -> None:
    first, newest = (decode_tscbm(captured(data_dir)[index]) for index in (0, 7))
    assert (first.second_of_day, first.millisecond, first.sequence, first.version) == (41_244, 500, 0x11, 2)
    assert (newest.version, newest.latched_calls) == (1, None)


@pytest.mark.data
def test_countdowns_are_promises_from_the_message_time(data_dir: Path) -> None:
    groups = {(g.kind, g.number): g for g in snapshot_of(decode_tscbm(captured(data_dir)[1])).groups}
    green = groups[GroupKind.VEHICLE, 4]
    assert (green.min_end_ns, green.max_end_ns) == (T0 + 3_900_000_000, T0 + 15_900_000_000)


@pytest.mark.data
def test_resting_green_promises_nothing(data_dir: Path) -> None:
    groups = {(g.kind, g.number): g for g in snapshot_of(decode_tscbm(captured(data_dir)[7])).groups}
    assert (groups[GroupKind.VEHICLE, 2].min_end_ns, groups[GroupKind.VEHICLE, 2].max_end_ns) == (None, None)
    assert groups[GroupKind.VEHICLE, 4].min_end_ns == T0 + 4_000_000_000


@given(st.binary(max_size=300))
def test_random_bytes_raise_only_codec_errors(payload: bytes) -> None:
    with pytest.raises(CodecError):
        decode_tscbm(payload)


@given(st.integers(0, 240), st.integers(0, 255), st.sampled_from([241, 245]))
def test_one_changed_byte_decodes_or_is_refused(offset: int, value: int, length: int) -> None:
    calls = {"direct_calls": 0, "latched_calls": 0} if length == 245 else {}
    payload = bytearray(encode_tscbm(message(**calls)))
    payload[offset] = value
    try:
        decoded = decode_tscbm(bytes(payload))
    except CodecError:
        return
    assert encode_tscbm(decoded) == bytes(payload)
    assert len(snapshot_of(decoded).groups) == 3 * sum(block.number > 0 for block in decoded.blocks)


def _with(payload: bytes, offset: int, *values: int) -> bytes:
    return payload[:offset] + bytes(values) + payload[offset + len(values) :]


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(encode_tscbm(message())[:-1], id="cut"),
        pytest.param(encode_tscbm(message()) + b"\0\0", id="between the two lengths"),
        pytest.param(encode_tscbm(message()) + bytes(5), id="too long"),
        pytest.param(_with(encode_tscbm(message()), 0, 0xCE), id="identifier"),
        pytest.param(_with(encode_tscbm(message()), 1, 15), id="block count"),
        pytest.param(_with(encode_tscbm(message()), 2, 2), id="number twice"),
        pytest.param(_with(encode_tscbm(message()), 2, 17), id="number 17"),
        pytest.param(_with(encode_tscbm(message()), 236, 0x01, 0x51, 0x80), id="second 86400"),
        pytest.param(_with(encode_tscbm(message()), 239, 0x03, 0xE8), id="millisecond 1000"),
    ],
)
def test_malformed_datagram_is_refused(payload: bytes) -> None:
    with pytest.raises(CodecError, match="TSCBM"):
        decode_tscbm(payload)


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        (0x01, IntersectionStatus.MANUAL_CONTROL),
        (0x02, IntersectionStatus.STOP_TIME),
        (0x04, IntersectionStatus.FAILURE_FLASH),
        (0x08, IntersectionStatus.PREEMPT),
        (0x10, IntersectionStatus.PRIORITY),
        (0x20, IntersectionStatus.NONE),
        (0x40, IntersectionStatus.NONE),
        (0x80, IntersectionStatus.PROGRAMMED_FLASH),
        (0x0A, IntersectionStatus.STOP_TIME | IntersectionStatus.PREEMPT),
    ],
)
def test_status_bits_have_their_own_meaning(status: int, flags: IntersectionStatus) -> None:
    assert status_flags(status) == flags


@pytest.mark.parametrize(
    ("masks", "kind", "lamp"),
    [
        (TscbmMasks(), GroupKind.VEHICLE, LampState.DARK),
        (TscbmMasks(phase_reds=1, phase_yellows=1), GroupKind.VEHICLE, LampState.RED_YELLOW),
        (TscbmMasks(phase_greens=1, flashing_phases=1), GroupKind.VEHICLE, LampState.FLASHING_GREEN),
        (TscbmMasks(phase_reds=1, phase_greens=1), GroupKind.VEHICLE, LampState.UNKNOWN),
        (TscbmMasks(phase_yellows=1, phase_greens=1), GroupKind.VEHICLE, LampState.UNKNOWN),
        (TscbmMasks(flashing_phases=1), GroupKind.VEHICLE, LampState.UNKNOWN),
        (TscbmMasks(overlap_greens=1), GroupKind.OVERLAP, LampState.GREEN),
        (TscbmMasks(overlap_yellows=1, flashing_overlaps=1), GroupKind.OVERLAP, LampState.FLASHING_YELLOW),
        (TscbmMasks(phase_greens=1), GroupKind.OVERLAP, LampState.DARK),
        (TscbmMasks(dont_walks=1), GroupKind.PEDESTRIAN, LampState.RED),
        (TscbmMasks(dont_walks=1, pedestrian_clears=1), GroupKind.PEDESTRIAN, LampState.FLASHING_RED),
        (TscbmMasks(walks=1), GroupKind.PEDESTRIAN, LampState.GREEN),
        (TscbmMasks(walks=1, dont_walks=1), GroupKind.PEDESTRIAN, LampState.UNKNOWN),
        (TscbmMasks(phase_greens=2), GroupKind.VEHICLE, LampState.DARK),
    ],
)
def test_masks_give_the_lamp_of_number_one(masks: TscbmMasks, kind: GroupKind, lamp: LampState) -> None:
    assert lamps(message(masks=masks), kind)[1] is lamp


def test_pedestrian_call_is_direct_or_latched() -> None:
    snapshot = snapshot_of(message(direct_calls=0b01, latched_calls=0b10))
    calling = {g.number for g in snapshot.groups if g.call}
    assert calling == {1, 2}
    assert {g.kind for g in snapshot.groups if g.call} == {GroupKind.PEDESTRIAN}


@pytest.mark.parametrize(
    ("clock_s", "arrival_s", "offset_s", "expected_s"),
    [
        pytest.param(100, 100.05, 0, 100, id="same day"),
        pytest.param(86_399, 86_400.05, 0, 86_399, id="arrival after midnight"),
        pytest.param(0, 86_399.95, 0, 86_400, id="controller clock ahead over midnight"),
        pytest.param(28_900, 100, 28_800, 100, id="local time of UTC+8"),
        pytest.param(3_600, 4 * 86_400 + 28_800, -25_200, 4 * 86_400 + 28_800, id="local time of UTC-7"),
    ],
)
def test_time_of_day_finds_its_day(clock_s: int, arrival_s: float, offset_s: int, expected_s: int) -> None:
    found = nearest_utc_ns(
        message(second_of_day=clock_s), arrival_ns=round(arrival_s * NS_PER_S), utc_offset_s=offset_s
    )
    assert found == expected_s * NS_PER_S


@given(st.integers(0, 2**61), st.integers(0, 86_399), st.integers(0, 999), st.integers(-50_400, 50_400))
def test_nearest_instant_is_within_half_a_day_and_reads_the_same(
    arrival_ns: int, second: int, millisecond: int, offset_s: int
) -> None:
    clock = message(second_of_day=second, millisecond=millisecond)
    found = nearest_utc_ns(clock, arrival_ns=arrival_ns, utc_offset_s=offset_s)
    assert abs(found - arrival_ns) <= 43_200 * NS_PER_S
    assert (found // 1_000_000 + offset_s * 1000) % 86_400_000 == second * 1000 + millisecond
