"""How long a DENM holds, what is told again and what is withdrawn; each message judged by pycrate's own DENM."""

from __future__ import annotations

import dataclasses
import importlib
import random

import pytest

from edge.core.errors import CodecError
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.v2x.codec import message_codec
from edge.v2x.etsi_denm import (
    AHEAD_NS,
    LONGEST_VALIDITY_S,
    MAX_ACTIONS,
    VALIDITY_S,
    DenmEncoder,
    action_of,
    decode_denm,
    event_of,
)
from edge.v2x.frame import OtherMessageError
from tests.unit.v2x.samples import FRAME, NOW_NS
from tests.unit.v2x.test_etsi_denm import encoder, event, read
from tests.unit.v2x.test_oracle import fits
from tests.unit.v2x.values import random_value


def judged(payload: bytes) -> bytes:
    """The octets, once the original module has taken and given them back."""
    judge = importlib.import_module("pycrate_asn1dir.ITS_DENM_3").DENM_PDU_Descriptions.DENM
    judge.from_uper(payload)
    assert judge.to_uper() == payload
    return payload


def at(seconds: float) -> int:
    return NOW_NS + round(seconds * NS_PER_S)


def told(writer: DenmEncoder, sent: RoadEvent, seconds: float) -> RoadEvent:
    """What a receiver reads of an event that is told so many seconds later."""
    return read(judged(writer.encode(sent, now_ns=at(seconds))), at(seconds))


def test_an_event_without_an_end_is_renewed_at_half_its_validity() -> None:
    writer, endless = encoder(), event()
    first = told(writer, endless, 0)
    assert first.end_ns == at(VALIDITY_S)
    assert told(writer, endless, VALIDITY_S / 2 - 1) == first
    renewed = told(writer, endless, VALIDITY_S / 2)
    assert (renewed.event, renewed.end_ns) == (first.event, at(VALIDITY_S * 1.5))
    assert renewed.revision > first.revision


def test_an_event_of_more_than_a_day_is_told_for_a_day_and_renewed() -> None:
    writer, long = encoder(), event(end_ns=at(3 * LONGEST_VALIDITY_S))
    assert told(writer, long, 0).end_ns == at(LONGEST_VALIDITY_S)
    assert told(writer, long, LONGEST_VALIDITY_S / 2).end_ns == at(1.5 * LONGEST_VALIDITY_S)
    last = told(writer, long, 2.5 * LONGEST_VALIDITY_S)
    assert last.end_ns == at(3 * LONGEST_VALIDITY_S)


def test_an_event_that_ends_before_it_was_said_to_is_cancelled() -> None:
    writer, queue = encoder(), event(end_ns=at(100))
    first = told(writer, queue, 0)
    over = told(writer, dataclasses.replace(queue, end_ns=at(20)), 30)
    assert (over.event, over.cancelled, over.end_ns) == (first.event, True, at(100))
    assert told(writer, dataclasses.replace(queue, end_ns=at(20)), 31) == over


def test_an_event_that_comes_again_is_another_one() -> None:
    writer, queue = encoder(first_sequence_number=9), event(end_ns=at(50))
    assert told(writer, queue, 0).event == event_of(77, 9)
    assert told(writer, dataclasses.replace(queue, cancelled=True), 10).cancelled
    assert told(writer, queue, 20).event == event_of(77, 10)


def test_what_nobody_was_told_of_is_not_cancelled() -> None:
    with pytest.raises(CodecError, match="nobody was told"):
        encoder().encode(event(cancelled=True), now_ns=NOW_NS)


def test_what_has_not_started_is_not_told() -> None:
    with pytest.raises(CodecError, match="has not started"):
        encoder().encode(event(start_ns=at(1)), now_ns=NOW_NS)


def test_no_more_action_ids_are_valid_than_are_kept() -> None:
    writer = encoder(first_sequence_number=65_000)
    for number in range(MAX_ACTIONS):
        writer.encode(event(event=str(number), end_ns=at(60)), now_ns=NOW_NS)
    with pytest.raises(CodecError, match="more than 4096 events"):
        writer.encode(event(event="one more"), now_ns=NOW_NS)
    assert writer.encode(event(event="one more"), now_ns=at(61))


@pytest.mark.parametrize(
    ("radius_m", "read_m"),
    [(0.0, 50.0), (50.0, 50.0), (50.1, 100.0), (999.0, 1000.0), (9_999.0, 10_000.0), (20_000.0, None)],
)
def test_a_radius_is_the_next_larger_step(radius_m: float, read_m: float | None) -> None:
    assert told(encoder(), event(radius_m=radius_m), 0).radius_m == read_m


def test_a_speed_limit_goes_with_road_works_alone() -> None:
    works = event(kind=EventKind.ROAD_WORKS, speed_limit_mps=50 / 3.6)
    assert told(encoder(), works, 0).speed_limit_mps == pytest.approx(50 / 3.6)
    assert told(encoder(), event(speed_limit_mps=50 / 3.6), 0).speed_limit_mps is None


def test_how_well_the_place_is_known() -> None:
    payload = encoder(position_error_m=2.0).encode(event(), now_ns=NOW_NS)
    management = message_codec("etsi/DENM").decode(judged(payload))["denm"]["management"]
    assert management["eventPosition"]["positionConfidenceEllipse"]["semiMajorConfidence"] == 490


def test_a_long_path_is_told_by_the_points_nearest_to_the_event() -> None:
    path = tuple((30.0 - 3.0 * number, -12.0) for number in range(100, -1, -1))
    found = told(encoder(), event(path_m=path), 0)
    assert 2 <= len(found.path_m) <= 41
    assert found.path_m[-1] == pytest.approx((30.0, -12.0), abs=0.05)
    assert all(first[0] < second[0] for first, second in zip(found.path_m, found.path_m[1:], strict=False))


def test_a_denial_has_the_times_of_what_it_denies() -> None:
    theirs = read(encoder(station_id=5).encode(event(end_ns=at(90)), now_ns=NOW_NS))
    denial = read(judged(encoder().negate(theirs, now_ns=at(10))), at(10))
    assert (denial.event, denial.revision, denial.cancelled) == (theirs.event, theirs.revision, True)
    with pytest.raises(CodecError, match="our own"):
        encoder(station_id=5).negate(theirs, now_ns=at(10))
    with pytest.raises(CodecError, match="expired"):
        encoder().negate(theirs, now_ns=at(91))


def test_a_message_from_the_future_is_refused() -> None:
    payload = encoder().encode(event(), now_ns=NOW_NS)
    assert decode_denm(payload, frame=FRAME, arrival_ns=NOW_NS - AHEAD_NS)
    with pytest.raises(CodecError, match="after its arrival"):
        decode_denm(payload, frame=FRAME, arrival_ns=NOW_NS - AHEAD_NS - NS_PER_S)


def test_another_message_is_told_from_a_broken_one() -> None:
    payload = encoder().encode(event(), now_ns=NOW_NS)
    with pytest.raises(OtherMessageError, match="ETSI CAM"):
        read(payload[:1] + b"\x02" + payload[2:])


@pytest.mark.parametrize(
    "name", ["", "queue-1", "0000004d/denm-", "4d/denm-1", "0000004d/denm-65536", "zz/denm-1"]
)
def test_an_event_of_something_else_has_no_action_id(name: str) -> None:
    with pytest.raises(CodecError, match="no event of a DENM"):
        action_of(name)


@pytest.mark.parametrize(
    "wrong", [{"station_id": -1}, {"station_id": 1 << 32}, {"first_sequence_number": 65_536}]
)
def test_ids_out_of_range_are_mistakes_of_the_caller(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="bits"):
        encoder(**wrong)


def test_random_messages_are_events_or_errors_of_the_codec() -> None:
    heard = refused = 0
    for seed in range(300):
        value = random_value("etsi/DENM", seed, optional=random.Random(seed).choice((0.1, 0.5, 0.9)))
        value["header"] |= {"protocolVersion": 2, "messageId": 1}
        if not fits("etsi/DENM", value):
            continue
        try:
            found = read(message_codec("etsi/DENM").encode(value), 4_000_000_000 * NS_PER_S)
        except CodecError:
            refused += 1
            continue
        heard += 1
        assert action_of(found.event)
    assert min(heard, refused) > 10
