"""DENM: what comes back of an event, the life of action ids, and an independent codec as judge."""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x.codec import message_codec
from edge.v2x.etsi_causes import Cause, cause_of, kind_of
from edge.v2x.etsi_denm import DenmEncoder, decode_denm
from tests.unit.v2x.samples import FRAME, NOW_NS

SENDABLE = [kind for kind in EventKind if cause_of(kind) is not None]


def event(**changes: Any) -> RoadEvent:
    values: dict[str, Any] = {"event": "e", "kind": EventKind.CONGESTION, "x_m": 30.0, "y_m": -12.0}
    return RoadEvent(**(values | {"detected_ns": NOW_NS} | changes))


def encoder(**changes: Any) -> DenmEncoder:
    return DenmEncoder(FRAME, **({"station_id": 77} | changes))


def read(payload: bytes, arrival_ns: int = NOW_NS) -> RoadEvent:
    return decode_denm(payload, frame=FRAME, arrival_ns=arrival_ns)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(SENDABLE),
    x_m=st.floats(-400.0, 400.0),
    y_m=st.floats(-400.0, 400.0),
    seconds=st.integers(1, 86_400),
    quality=st.integers(1, 7),
    far_m=st.floats(1.0, 5000.0),
)
def test_an_event_comes_back(
    kind: EventKind, x_m: float, y_m: float, seconds: int, quality: int, far_m: float
) -> None:
    end_ns = NOW_NS + seconds * NS_PER_S
    path = ((x_m - far_m, y_m), (x_m - far_m / 2, y_m + 5.0), (x_m, y_m))
    sent = event(kind=kind, x_m=x_m, y_m=y_m, end_ns=end_ns, confidence=quality / 7, path_m=path)
    payload = encoder().encode(sent, now_ns=NOW_NS)
    found = read(payload)
    assert (found.kind, found.end_ns, found.detected_ns, found.cancelled) == (kind, end_ns, NOW_NS, False)
    assert math.dist((found.x_m, found.y_m), (x_m, y_m)) < 0.02
    assert found.confidence == pytest.approx(quality / 7)
    assert math.dist(found.path_m[0], path[0]) < 0.02
    judge = importlib.import_module("pycrate_asn1dir.ITS_DENM_3").DENM_PDU_Descriptions.DENM
    judge.from_uper(payload)
    assert judge.to_uper() == payload


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(0, 200_000)), max_size=40))
def test_times_increase_and_numbers_are_unique(told: list[tuple[str, bool, int]]) -> None:
    writer, now_ns = encoder(first_sequence_number=65_534), NOW_NS
    last: dict[int, int] = {}
    valid: dict[int, tuple[str, int, bool]] = {}
    for revision, (name, cancelled, later_ms) in enumerate(told):
        now_ns += later_ms * NS_PER_MS
        sent = event(event=name, cancelled=cancelled, revision=revision)
        try:
            payload = writer.encode(sent, now_ns=now_ns)
        except CodecError:
            assert cancelled
            continue
        action = message_codec("etsi/DENM").decode(payload)["denm"]["management"]["actionId"]
        number, found = action["sequenceNumber"], read(payload, now_ns)
        owner, end_ns, over = valid.get(number, (name, 0, False))
        if end_ns > now_ns:
            assert owner == name
            assert cancelled or not over
            assert found.revision > last[number] or (over and cancelled)
        last[number] = found.revision
        valid[number] = (name, found.end_ns or 0, found.cancelled)


def test_life_of_an_event() -> None:
    writer = encoder()
    first = writer.encode(event(), now_ns=NOW_NS)
    assert writer.encode(event(), now_ns=NOW_NS + NS_PER_S) == first
    second = read(writer.encode(event(revision=1), now_ns=NOW_NS))
    assert (second.event, second.revision) == (read(first).event, read(first).revision + 1)
    over = read(writer.encode(event(cancelled=True), now_ns=NOW_NS))
    assert (over.cancelled, over.event) == (True, "0000004d/denm-0")
    assert read(writer.encode(event(), now_ns=NOW_NS)).event == "0000004d/denm-1"


def test_another_station_denies_an_event() -> None:
    heard = read(encoder().encode(event(), now_ns=NOW_NS))
    denied = read(encoder(station_id=78).negate(heard, now_ns=NOW_NS))
    assert (denied.event, denied.revision, denied.cancelled) == (heard.event, heard.revision, True)
    with pytest.raises(CodecError, match="our own"):
        encoder().negate(heard, now_ns=NOW_NS)


@pytest.mark.parametrize("kind", [EventKind.OTHER, EventKind.LANE_CLOSED, EventKind.SPEED_LIMIT])
def test_what_has_no_cause_is_refused(kind: EventKind) -> None:
    with pytest.raises(CodecError, match="no cause"):
        encoder().encode(event(kind=kind), now_ns=NOW_NS)


def test_causes() -> None:
    assert all(kind_of(code) is kind for kind in SENDABLE if (code := cause_of(kind)) is not None)
    assert kind_of(Cause(200, 3)) is EventKind.OTHER


def test_truncations_are_refused() -> None:
    payload = encoder().encode(event(path_m=((0.0, 0.0), (30.0, -12.0))), now_ns=NOW_NS)
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            read(payload[:length])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=6))
def test_flipped_bits_are_an_event_or_an_error_of_the_codec(flips: list[tuple[int, int]]) -> None:
    octets = bytearray(encoder().encode(event(path_m=((0.0, 0.0), (30.0, -12.0))), now_ns=NOW_NS))
    for place, bits in flips:
        octets[place % len(octets)] ^= bits
    try:
        found = read(bytes(octets))
    except CodecError:
        return
    assert math.isfinite(found.x_m + found.y_m)
