"""RSI of T/CSAE 53: events and signs, their local ids, their times and where they matter."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.csae_event_codes import EventCode, event_code, kind_of
from edge.v2x.csae_rsi import LocalIds
from edge.v2x.frame import OtherMessageError
from edge.v2x.framing import parse_hisense
from tests.unit.v2x.samples import FRAME, NOW_NS, crossing, recorded_csae

STATION = "0011223344556677"
MINUTE_NS = 60 * NS_PER_S
THIS_MINUTE_NS = NOW_NS - NOW_NS % MINUTE_NS
VARIANTS: list[csae.Variant] = ["a", "b"]


def event(**changes: Any) -> RoadEvent:
    values: dict[str, Any] = {
        "event": "queue-3",
        "kind": EventKind.CONGESTION,
        "x_m": 30.0,
        "y_m": -12.0,
        "detected_ns": NOW_NS,
    }
    return RoadEvent(**(values | changes))


def encoder(variant: csae.Variant = "a", **changes: Any) -> csae.RsiEncoder:
    return csae.RsiEncoder(STATION, frame=FRAME, variant=variant, **changes)


def one(sent: RoadEvent, variant: csae.Variant = "a", **changes: Any) -> bytes:
    (payload,) = encoder(variant, **changes).encode([sent], now_ns=NOW_NS)
    return payload


def decode(payload: bytes, variant: csae.Variant = "a", arrival_ns: int = NOW_NS) -> tuple[RoadEvent, ...]:
    return csae.decode_rsi(payload, frame=FRAME, arrival_ns=arrival_ns, variant=variant)


def body(payload: bytes) -> dict[str, Any]:
    value: dict[str, Any] = message_codec("csae-a/RoadSideInformation").decode(payload)
    return value


def test_units_of_an_event() -> None:
    """25.5 m are 255 steps of 0.1; priority 5 of 7 is 101 in the three upper bits; 0.876 are 175 half per cent.

    Now is minute 87,403 of 2023: 2 March is day 60 after 1 January, so 60 * 1440 + 16 * 60 + 43.
    """
    sent = event(
        radius_m=25.5,
        priority=5,
        confidence=0.876,
        text="queue",
        start_ns=NOW_NS - 90 * NS_PER_S,
        end_ns=NOW_NS + 600 * NS_PER_S,
    )
    value = body(one(sent))
    assert (value["msgCnt"], value["moy"], value["id"].hex()) == (0, 87_403, STATION)
    assert value["refPos"] == {"lat": 312_304_000, "long": 1_214_737_000, "elevation": 40}
    (found,) = value["rtes"]
    assert found.pop("eventPos")["offsetLL"][0] == "position-LL2"
    assert found == {
        "rteId": 0,
        "eventType": 707,
        "eventSource": "detection",
        "eventRadius": 255,
        "description": ("textString", "queue"),
        "timeDetails": {"startTime": 87_402, "endTime": 87_414},
        "priority": b"\xa0",
        "eventConfidence": 175,
    }


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (EventKind.ACCIDENT, (False, 100)),
        (EventKind.OBSTACLE, (False, 401)),
        (EventKind.PERSON_ON_ROAD, (False, 405)),
        (EventKind.FLOODING, (False, 407)),
        (EventKind.ICE, (False, 409)),
        (EventKind.QUEUE_END, (False, 707)),
        (EventKind.WRONG_WAY_DRIVER, (False, 904)),
        (EventKind.ROAD_WORKS, (True, 38)),
        (EventKind.SPEED_LIMIT, (True, 85)),
        (EventKind.COLLISION_RISK, None),
        (EventKind.SIGNAL_VIOLATION, None),
        (EventKind.LANE_CLOSED, None),
    ],
)
def test_codes_of_the_standards(kind: EventKind, code: tuple[bool, int] | None) -> None:
    assert event_code(kind) == code


def test_kinds_come_back_as_near_as_the_codes_allow() -> None:
    nearest = {EventKind.QUEUE_END: EventKind.CONGESTION}
    for kind in EventKind:
        code = event_code(kind)
        if code is not None:
            assert kind_of(code) is nearest.get(kind, kind)
    assert kind_of(EventCode(False, 501)) is EventKind.ROAD_WORKS
    assert kind_of(EventCode(False, 65_535)) is EventKind.OTHER
    assert kind_of(EventCode(True, 242)) is EventKind.OTHER


PLACES = st.tuples(st.floats(min_value=-400.0, max_value=400.0), st.floats(min_value=-400.0, max_value=400.0))
SENDABLE = [kind for kind in EventKind if event_code(kind) is not None]
EVENTS = st.builds(
    lambda place, **changes: event(x_m=place[0], y_m=place[1], **changes),
    PLACES,
    kind=st.sampled_from([kind for kind in SENDABLE if kind is not EventKind.QUEUE_END]),
    start_ns=st.none()
    | st.integers(min_value=-20, max_value=20).map(lambda m: THIS_MINUTE_NS + m * MINUTE_NS),
    end_ns=st.none() | st.integers(min_value=1, max_value=200).map(lambda m: THIS_MINUTE_NS + m * MINUTE_NS),
    path_m=st.lists(PLACES, min_size=2, max_size=80).map(tuple) | st.just(()),
    priority=st.integers(min_value=0, max_value=7),
    text=st.text(alphabet="abc 123", min_size=1, max_size=100).map(str.strip).filter(bool),
    speed_limit_mps=st.integers(min_value=1, max_value=130).map(lambda kmh: kmh / 3.6),
)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(deadline=None, max_examples=60)
@given(sent=EVENTS)
def test_an_event_comes_back_within_the_steps_of_the_message(sent: RoadEvent, variant: csae.Variant) -> None:
    (found,) = decode(one(sent, variant), variant)
    assert (found.kind, found.priority, found.cancelled) == (sent.kind, sent.priority, False)
    assert math.dist((found.x_m, found.y_m), (sent.x_m, sent.y_m)) < 0.02
    assert (found.start_ns, found.end_ns) == (sent.start_ns, sent.end_ns)
    assert len(found.path_m) == len(sent.path_m)
    assert all(math.dist(a, b) < 0.02 for a, b in zip(found.path_m, sent.path_m, strict=True))
    assert found.text == sent.text
    if sent.kind is EventKind.SPEED_LIMIT:
        assert found.speed_limit_mps == pytest.approx(sent.speed_limit_mps)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_only_an_event_says_comes_back(variant: csae.Variant) -> None:
    (found,) = decode(one(event(radius_m=12.34, confidence=0.5), variant), variant)
    assert found.radius_m == pytest.approx(12.3)
    assert found.confidence == 0.5
    assert (found.event, found.detected_ns) == (f"{STATION}/rte-0", THIS_MINUTE_NS)
    (bare,) = decode(one(event(), variant), variant)
    assert (bare.radius_m, bare.confidence, bare.start_ns, bare.end_ns) == (None, None, None, None)
    assert (bare.path_m, bare.lanes, bare.text, bare.speed_limit_mps) == ((), (), "", None)


def test_times_promise_no_less_than_is_known() -> None:
    """A start is rounded down to the minute and an end up, so that nobody drops an event that still holds."""
    (found,) = decode(one(event(start_ns=NOW_NS - NS_PER_S, end_ns=NOW_NS + NS_PER_S)))
    assert (found.start_ns, found.end_ns) == (THIS_MINUTE_NS, THIS_MINUTE_NS + MINUTE_NS)


def test_times_over_the_turn_of_the_year() -> None:
    new_year_ns = 1_704_067_200 * NS_PER_S
    sent = event(start_ns=new_year_ns - 5 * MINUTE_NS, end_ns=new_year_ns + 5 * MINUTE_NS)
    (payload,) = encoder().encode([sent], now_ns=new_year_ns - MINUTE_NS)
    assert body(payload)["rtes"][0]["timeDetails"] == {"startTime": 525_595, "endTime": 5}
    (found,) = decode(payload, arrival_ns=new_year_ns + MINUTE_NS)
    assert (found.start_ns, found.end_ns) == (sent.start_ns, sent.end_ns)


def test_times_that_would_be_read_in_another_year_are_not_said() -> None:
    year_ns = 365 * 24 * 60 * MINUTE_NS
    (found,) = decode(one(event(start_ns=NOW_NS - year_ns, end_ns=NOW_NS + year_ns)))
    assert (found.start_ns, found.end_ns) == (None, None)


def test_a_withdrawn_event_has_an_end_that_has_passed() -> None:
    sent = event(cancelled=True, start_ns=NOW_NS, end_ns=NOW_NS + 600 * NS_PER_S)
    (found,) = decode(one(sent))
    assert found.cancelled
    assert found.end_ns == THIS_MINUTE_NS - MINUTE_NS
    assert not found.active(now_ns=NOW_NS)


def test_what_ended_by_itself_is_not_sent() -> None:
    assert encoder().encode([event(end_ns=NOW_NS)], now_ns=NOW_NS) == ()
    assert encoder().encode([], now_ns=NOW_NS) == ()


def test_an_event_keeps_its_number_as_long_as_it_is_told() -> None:
    writer = encoder()

    def told(*names: str) -> list[tuple[int, int]]:
        (payload,) = writer.encode([event(event=name) for name in names], now_ns=NOW_NS)
        value = body(payload)
        return [(value["msgCnt"], entry["rteId"]) for entry in value["rtes"]]

    assert told("a", "b") == [(0, 0), (0, 1)]
    assert told("b", "c") == [(1, 1), (1, 2)]
    assert told("a", "c") == [(2, 3), (2, 2)]


def test_a_number_given_back_is_the_last_to_be_used_again() -> None:
    ids = LocalIds()
    assert ids.assign(["first"]) == {"first": 0}
    names = [str(n) for n in range(255)]
    assert sorted(ids.assign(names).values()) == list(range(1, 256))
    assert ids.assign([*names, "new"])["new"] == 0
    with pytest.raises(CodecError, match="more than 256"):
        ids.assign([*names, "new", "newer"])


def test_frames_hold_eight_events_or_sixteen_signs() -> None:
    events = [event(event=f"e{n}") for n in range(9)]
    signs = [event(event=f"s{n}", kind=EventKind.ROAD_WORKS) for n in range(17)]
    values = [body(payload) for payload in encoder().encode([*signs, *events], now_ns=NOW_NS)]
    assert [len(value.get("rtes", ())) for value in values] == [8, 1, 0, 0]
    assert [len(value.get("rtss", ())) for value in values] == [0, 0, 16, 1]
    assert [value["msgCnt"] for value in values] == [0, 1, 2, 3]


def test_frames_stay_within_the_octets_of_a_radio_frame() -> None:
    line = tuple((float(n), 0.0) for n in range(200))
    events = [event(event=f"e{n}", path_m=line, text="x" * 250) for n in range(8)]
    payloads = encoder().encode(events, now_ns=NOW_NS)
    assert len(payloads) == 8
    assert all(len(payload) <= 1400 for payload in payloads)


def test_a_long_path_is_sent_in_pieces_that_meet() -> None:
    line = tuple((float(n), 2.0) for n in range(64))
    found = body(one(event(path_m=line)))["rtes"][0]["referencePaths"]
    assert [len(path["activePath"]) for path in found] == [32, 32, 2]
    assert {path["pathRadius"] for path in found} == {100}
    with pytest.raises(CodecError, match="249 fit"):
        one(event(path_m=tuple((float(n), 2.0) for n in range(250))))


def test_lanes_are_bits_of_the_links_of_the_map() -> None:
    """Lane 1 enters from the north (node 1) and lane 4 leaves to the east (node 61); bit 0 of 16 is reserved."""
    payload = one(event(lanes=(1, 4)), intersection=crossing())
    found = body(payload)["rtes"][0]["referenceLinks"]
    north, own, east = ({"region": 7, "id": number} for number in (1, 1001, 61))
    assert found == [
        {"upstreamNodeId": north, "downstreamNodeId": own, "referenceLanes": (b"\x40\x00", 16)},
        {"upstreamNodeId": own, "downstreamNodeId": east, "referenceLanes": (b"\x08\x00", 16)},
    ]
    assert decode(payload)[0].lanes == (1, 4)
    assert "referenceLinks" not in body(one(event(lanes=(1,))))["rtes"][0]
    assert "referenceLinks" not in body(one(event(lanes=(99,)), intersection=crossing()))["rtes"][0]


def test_text_that_is_not_ascii_is_gb_2312() -> None:
    payload = one(event(text="前方拥堵 2 km"))
    kind, octets = body(payload)["rtes"][0]["description"]
    assert (kind, octets[:4].hex()) == ("textGB2312", "c7b0b7bd")
    assert decode(payload)[0].text == "前方拥堵 2 km"
    assert decode(one(event(text="ø")))[0].text == "?"
    assert decode(one(event(text="堵" * 250)))[0].text == "堵" * 250


def test_a_speed_limit_is_a_sign_with_its_number() -> None:
    """13.9 m/s are 50.04 km/h."""
    payload = one(event(kind=EventKind.SPEED_LIMIT, speed_limit_mps=13.9, text="works"))
    (sign,) = body(payload)["rtss"]
    assert (sign["signType"], sign["description"]) == (85, ("textString", "50 km/h works"))
    (found,) = decode(payload)
    assert found.speed_limit_mps == pytest.approx(50 / 3.6)
    assert found.text == "works"
    assert found.event == f"{STATION}/rts-0"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": EventKind.COLLISION_RISK},
        {"kind": EventKind.SPEED_LIMIT},
        {"kind": EventKind.OTHER},
        {"x_m": math.nan},
        {"radius_m": math.nan},
        {"path_m": ((math.inf, 0.0), (1.0, 1.0))},
    ],
    ids=str,
)
def test_what_cannot_be_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        one(event(**changes))


def test_a_station_of_another_set_is_refused() -> None:
    with pytest.raises(CodecError, match="octets"):
        csae.RsiEncoder("0a1b2c3d", frame=FRAME, variant="a")


def test_an_event_without_a_place_is_where_its_path_ends() -> None:
    codec = message_codec("csae-a/RoadSideInformation")
    value = codec.decode(one(event(path_m=((0.0, 0.0), (50.0, 60.0)))))
    del value["rtes"][0]["eventPos"]
    (found,) = decode(codec.encode(value))
    assert (found.x_m, found.y_m) == pytest.approx((50.0, 60.0), abs=0.02)
    del value["rtes"][0]["referencePaths"], value["moy"]
    (found,) = decode(codec.encode(value))
    assert (found.x_m, found.y_m) == pytest.approx((0.0, 0.0), abs=0.02)
    assert found.detected_ns == NOW_NS


def test_a_sender_without_a_place_is_refused() -> None:
    value = body(one(event()))
    value["refPos"] = {"lat": 900_000_001, "long": 1_800_000_001}
    with pytest.raises(CodecError, match="RSI: it says no position"):
        decode(message_codec("csae-a/RoadSideInformation").encode(value))


def test_other_messages_truncations_and_surplus_are_refused() -> None:
    payload = one(event(text="x", path_m=((0.0, 0.0), (50.0, 60.0))))
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    with pytest.raises(CodecError):
        decode(payload + b"\x00")
    with pytest.raises(OtherMessageError):
        decode(b"\x20" * 60)


@pytest.mark.data
def test_a_recorded_event(data_dir: Path) -> None:
    """Changsha, 2020: sender 12345, 100 m around the place, and a path of four points that ends there.

    It begins 17,946 units of latitude (198.9 m) to the north and 1,330 of longitude (13.1 m) to the west.
    """
    payloads = [
        parse_hisense(bytes.fromhex(e["hex"])).payload for e in recorded_csae(data_dir) if "uper" in e
    ]
    (payload,) = [payload for payload in payloads if payload[0] >> 4 == 4]
    frame = LocalFrame(28.0988051, 112.9829511)
    (found,) = csae.decode_rsi(payload, frame=frame, arrival_ns=NOW_NS, variant="a")
    assert (found.event, found.kind, found.priority) == ("3132333435000000/rte-123", EventKind.OTHER, 0)
    assert found.radius_m == pytest.approx(100.0)
    assert len(found.path_m) == 4
    assert (found.x_m, found.y_m) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert math.dist(found.path_m[0], found.path_m[-1]) == pytest.approx(199.3, abs=0.5)
    with pytest.raises(CodecError):
        csae.decode_rsi(payload, frame=frame, arrival_ns=NOW_NS, variant="b")
