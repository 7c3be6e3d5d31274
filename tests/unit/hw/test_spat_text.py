"""SPAT that comes encoded: text and payload, states, time marks over the hour, order, clock."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import (
    GroupKind,
    GroupState,
    IntersectionStatus,
    LampState,
    MovementState,
    SignalSnapshot,
)
from edge.core.stamp import NS_PER_MS, NS_PER_S, TimeSource
from edge.v2x import j2735
from edge.v2x.framing import build_immediate_forward, immediate_forward
from hw.signal.spat_text import SpatReader, SpatTextController, payload_of, split_texts
from tests.unit.v2x.samples import signal_state
from tests.waiting import until

NOON_NS = 1_750_000_000 * NS_PER_S // (3600 * NS_PER_S) * 3600 * NS_PER_S
"""A full hour."""
GREEN = MovementState.PROTECTED_MOVEMENT_ALLOWED


def text(*groups: GroupState, now_ns: int, status: IntersectionStatus = IntersectionStatus.NONE) -> bytes:
    spat = j2735.encode_spat(signal_state(*groups, status=status), now_ns=now_ns)
    return build_immediate_forward(immediate_forward(spat, kind="SPAT", signature=False))


def read(datagram: bytes, *, arrival_ns: int, reader: SpatReader | None = None) -> SignalSnapshot:
    reader = reader or SpatReader("c")
    snapshot = reader.accept(datagram, arrival_ns=arrival_ns)
    assert snapshot is not None, reader.counters
    return snapshot


@pytest.mark.parametrize(
    ("shown", "lamp"),
    [
        (MovementState.UNAVAILABLE, LampState.UNKNOWN),
        (MovementState.DARK, LampState.DARK),
        (MovementState.STOP_THEN_PROCEED, LampState.FLASHING_RED),
        (MovementState.STOP_AND_REMAIN, LampState.RED),
        (MovementState.PRE_MOVEMENT, LampState.RED_YELLOW),
        (MovementState.PERMISSIVE_MOVEMENT_ALLOWED, LampState.GREEN),
        (GREEN, LampState.GREEN),
        (MovementState.PERMISSIVE_CLEARANCE, LampState.YELLOW),
        (MovementState.PROTECTED_CLEARANCE, LampState.YELLOW),
        (MovementState.CAUTION_CONFLICTING_TRAFFIC, LampState.FLASHING_YELLOW),
    ],
)
def test_every_state_of_the_message_is_a_lamp(shown: MovementState, lamp: LampState) -> None:
    (group,) = read(text(GroupState(7, shown), now_ns=NOON_NS), arrival_ns=NOON_NS).groups
    assert (group.kind, group.number, group.lamp) == (GroupKind.GROUP, 7, lamp)


@given(
    st.integers(-3_599, 3_599),
    *(st.one_of(st.none(), st.integers(0, 35_000)) for _ in range(3)),
    st.integers(0, 150),
)
def test_ends_come_back_to_a_tenth_over_every_turn_of_the_hour(
    offset_s: int, least: int | None, latest: int | None, likely: int | None, late_ms: int
) -> None:
    now_ns = NOON_NS + offset_s * NS_PER_S
    ends = [
        None if tenths is None else now_ns + tenths * 100 * NS_PER_MS for tenths in (least, latest, likely)
    ]
    told = read(text(GroupState(7, GREEN, *ends), now_ns=now_ns), arrival_ns=now_ns + late_ms * NS_PER_MS)
    (group,) = told.groups
    assert [group.min_end_ns, group.max_end_ns, group.likely_end_ns] == ends
    assert (told.stamp.capture_ns, told.stamp.source) == (now_ns, TimeSource.SENSOR)


def test_clock_that_is_off_leaves_ends_relative_to_the_arrival() -> None:
    reader = SpatReader("c")
    arrival_ns = NOON_NS + 7 * NS_PER_S
    sent = text(GroupState(7, GREEN, NOON_NS + 4 * NS_PER_S), now_ns=NOON_NS)
    snapshot = read(sent, arrival_ns=arrival_ns, reader=reader)
    assert (snapshot.stamp.capture_ns, snapshot.stamp.source) == (arrival_ns, TimeSource.ARRIVAL)
    assert snapshot.groups[0].min_end_ns == arrival_ns + 4 * NS_PER_S
    assert reader.counters["clock_rejected"] == 1


def test_status_bits_are_the_messages_own() -> None:
    wanted = IntersectionStatus.PREEMPT | IntersectionStatus.FIXED_TIME
    sent = text(GroupState(7, GREEN), now_ns=NOON_NS, status=wanted | IntersectionStatus.NO_VALID_MAP)
    assert read(sent, arrival_ns=NOON_NS).status == wanted


def test_message_that_is_not_valid_says_nothing_of_any_group() -> None:
    withdrawn = text(GroupState(7, GREEN), now_ns=NOON_NS, status=IntersectionStatus.NO_VALID_SPAT)
    assert read(withdrawn, arrival_ns=NOON_NS).groups[0].lamp is LampState.UNKNOWN


def test_repeated_and_late_messages_are_counted_and_a_clock_that_was_set_is_followed() -> None:
    reader = SpatReader("c")

    def accept(made_ms: int, arrival_ms: int, shown: MovementState = GREEN) -> SignalSnapshot | None:
        sent = text(GroupState(7, shown), now_ns=NOON_NS + made_ms * NS_PER_MS)
        return reader.accept(sent, arrival_ns=NOON_NS + arrival_ms * NS_PER_MS)

    assert accept(100, 101) is not None
    assert accept(100, 201) is None
    assert accept(0, 202) is None
    changed = accept(100, 301, MovementState.PROTECTED_CLEARANCE)
    assert changed is not None
    assert changed.alive_ns == NOON_NS + 101 * NS_PER_MS
    assert accept(-5000, 401) is not None
    assert (reader.counters["repeated"], reader.counters["out_of_order"]) == (2, 1)


def test_intersection_is_chosen_by_its_id() -> None:
    sent = text(GroupState(7, GREEN), now_ns=NOON_NS)
    number = signal_state().intersection
    assert SpatReader("c", intersection=number).accept(sent, arrival_ns=NOON_NS) is not None
    other = SpatReader("c", intersection=number + 1)
    assert other.accept(sent, arrival_ns=NOON_NS) is None
    assert other.counters["other_intersection"] == 1


@pytest.mark.parametrize(
    "dressed",
    [
        "Payload={}",
        "payload={}\n",
        "Version=0.7\nType=SPAT\nPayload={}\nPSID=0x8002\n",
        "Version=0.7\r\nPayload= {}\r\n\r\n",
    ],
)
def test_only_the_payload_of_the_text_counts(dressed: str) -> None:
    spat = j2735.encode_spat(signal_state(GroupState(7, GREEN)), now_ns=NOON_NS)
    assert payload_of(dressed.format(spat.hex()).encode()) == spat
    spaced = "\n".join(spat.hex(" ")[at : at + 30] for at in range(0, len(spat.hex(" ")), 30))
    assert payload_of(dressed.format(spaced).encode()) == spat
    assert payload_of(spat) == spat
    two = (dressed.format(spat.hex()) + "\n") * 2
    assert [payload_of(part) for part in split_texts(two.encode())] == [spat, spat]


@given(st.binary(max_size=300))
def test_garbage_is_counted_and_nothing_else_happens(octets: bytes) -> None:
    reader = SpatReader("c")
    assert reader.accept(octets, arrival_ns=NOON_NS) is None
    assert reader.accept(b"Payload=" + octets.hex().encode(), arrival_ns=NOON_NS) is None
    assert reader.counters["bad_content"] == 2


@given(st.data())
def test_wrong_octets_in_a_message_raise_only_the_codecs_own_error(data: st.DataObject) -> None:
    spat = bytearray(
        j2735.encode_spat(signal_state(GroupState(7, GREEN), GroupState(9, GREEN)), now_ns=NOON_NS)
    )
    for _ in range(data.draw(st.integers(1, 4))):
        spat[data.draw(st.integers(0, len(spat) - 1))] = data.draw(st.integers(0, 255))
    SpatReader("c").accept(b"Payload=" + spat.hex().encode(), arrival_ns=NOON_NS)


def test_text_without_a_payload_is_a_codec_error() -> None:
    for datagram in (b"", b"Version=0.7\n", b"Payload=\n", b"Payload=0\n", b"Payload=xy\n"):
        with pytest.raises(CodecError):
            payload_of(datagram)


@pytest.mark.data
def test_recorded_datagram_of_a_roadside_unit(data_dir: Path) -> None:
    recorded = (data_dir / "ifm41" / "ifm41_spat.txt").read_bytes()
    snapshot = read(recorded, arrival_ns=NOON_NS)
    assert {group.number: group.lamp for group in snapshot.groups} == {
        **dict.fromkeys((1, 3, 4, 5, 7, 8, 12, 16), LampState.RED),
        **dict.fromkeys((2, 6), LampState.GREEN),
        **dict.fromkeys((10, 14), LampState.YELLOW),
    }


async def test_driver_hears_datagrams_of_allowed_senders_only() -> None:
    sent = text(GroupState(7, GREEN), now_ns=NOON_NS)
    for senders, heard in ((None, True), (frozenset({"192.0.2.1"}), False)):
        driver = SpatTextController("127.0.0.1", 0, name="c", senders=senders)
        async with driver.snapshots() as snapshots, asyncio.timeout(5):
            assert driver.address is not None
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.sendto(sent, driver.address)
                if heard:
                    assert (await anext(snapshots)).groups[0].lamp is LampState.GREEN
                else:
                    await until(lambda: driver.counters.get("foreign"))  # noqa: B023 - awaited here
