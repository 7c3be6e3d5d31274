"""RSC of T/CSAE 157: advice to vehicles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.csae_planning import LinkRef, PlannedPoint
from edge.v2x.csae_requests import (
    LaneChange,
)
from edge.v2x.csae_rsc import Coordination, LaneAdvice, VehicleAdvice
from edge.v2x.csae_vir import Intention, VehicleRequest
from edge.v2x.frame import CSAE_RSC, CSAE_VIR, OtherMessageError, unwrap_csae_day2, wrap_csae_day2
from tests.unit.v2x.samples import FRAME, NOW_NS

STATION = "0011223344556677"
VEHICLE = "8899aabbccddeeff"
LINK = LinkRef(20, 10, region=7, lanes=(2, 3))
POINT = PlannedPoint(40.0, -3.5, speed_mps=8.33, yaw_rad=0.0, at_ns=NOW_NS + 2_500 * NS_PER_MS, link=LINK)
VARIANTS: list[csae.Variant] = ["a", "b"]


def advice(**changes: Any) -> Coordination:
    values: dict[str, Any] = {"station": STATION, "stamp_ns": NOW_NS, "x_m": 0.0, "y_m": 0.0}
    return Coordination(**(values | changes))


def intention(*requests: VehicleRequest, **changes: Any) -> Intention:
    values: dict[str, Any] = {
        "vehicle": VEHICLE,
        "stamp_ns": NOW_NS,
        "x_m": 5.0,
        "y_m": 6.0,
        "requests": requests,
    }
    return Intention(**(values | changes))


def rsc(sent: Coordination, variant: csae.Variant = "a") -> bytes:
    return csae.encode_rsc(sent, frame=FRAME, message_count=129, variant=variant)


def vir(sent: Intention, variant: csae.Variant = "a") -> bytes:
    return csae.encode_vir(sent, frame=FRAME, message_count=129, variant=variant)


def advised(payload: bytes, variant: csae.Variant = "a") -> Coordination:
    return csae.decode_rsc(payload, frame=FRAME, arrival_ns=NOW_NS + NS_PER_S, variant=variant)


def meant(payload: bytes, variant: csae.Variant = "a") -> Intention:
    return csae.decode_vir(payload, frame=FRAME, arrival_ns=NOW_NS + NS_PER_S, variant=variant)


def rsc_body(payload: bytes) -> dict[str, Any]:
    octets = unwrap_csae_day2(payload, message_id=CSAE_RSC, what="RSC")
    value: dict[str, Any] = message_codec("csae-a/RoadsideCoordination").decode(octets)
    return value


def vir_body(payload: bytes) -> dict[str, Any]:
    octets = unwrap_csae_day2(payload, message_id=CSAE_VIR, what="VIR")
    value: dict[str, Any] = message_codec("csae-a/VehIntentionAndRequest").decode(octets)
    return value


def assert_close(found: tuple[PlannedPoint, ...], sent: tuple[PlannedPoint, ...]) -> None:
    assert len(found) == len(sent)
    for one, other in zip(found, sent, strict=True):
        assert math.dist((one.x_m, one.y_m), (other.x_m, other.y_m)) < 0.02
        for a, b in ((one.speed_mps, other.speed_mps), (one.yaw_rad, other.yaw_rad)):
            assert a is b or a == pytest.approx(b, abs=0.0101)
        assert (one.at_ns, one.link) == (other.at_ns, other.link)


def test_units_of_advice_to_a_vehicle() -> None:
    """8.33 m/s are 416.5 steps of 0.02, to even 416; 2.5 s are 250 steps of 10 ms; slow down is bit 11 of 14."""
    sent = VehicleAdvice(
        VEHICLE,
        behaviors=("slow_down",),
        until_ns=NOW_NS + 5 * NS_PER_S,
        link=LINK,
        path=(POINT,),
        uses=("signal_priority",),
    )
    value = rsc_body(rsc(advice(vehicles=(sent,))))
    assert (value["msgCnt"], value["id"].hex(), value["secMark"]) == (1, STATION, 54_400)
    (found,) = value["coordinates"]
    link = {
        "upstreamNodeId": {"region": 7, "id": 20},
        "downstreamNodeId": {"region": 7, "id": 10},
        "referenceLanes": (b"\x30\x00", 16),
    }
    assert found["driveSuggestion"] == {
        "suggestion": (b"\x00\x10", 14),
        "lifeTime": 500,
        "relatedLink": link,
    }
    assert found["info"] == (b"\x01", 8)
    (point,) = found["pathGuidance"]
    assert (point["posInMap"], point["speed"], point["heading"], point["estimatedTime"]) == (
        link,
        416,
        7_200,
        250,
    )


def test_units_of_advice_to_lanes() -> None:
    """13.9 m/s are 695 steps of 0.02. 2 March 2023, 16:43:54.4 UTC."""
    sent = LaneAdvice(LINK, speed_mps=13.9, start_ns=NOW_NS, uses=("dynamic_lanes",))
    (found,) = rsc_body(rsc(advice(lanes=(sent,))))["laneCoordinates"]
    assert (found["recommendedSpeed"], found["info"]) == (695, (b"\x08", 8))
    assert found["tBegin"] == {
        "year": 2023,
        "month": 3,
        "day": 2,
        "hour": 16,
        "minute": 43,
        "second": 54_400,
        "offset": 0,
    }
    assert "tEnd" not in found


@pytest.mark.parametrize("variant", VARIANTS)
def test_advice_comes_back(variant: csae.Variant) -> None:
    vehicle = VehicleAdvice(
        VEHICLE, ("stop", "change_lane_left"), NOW_NS + 5 * NS_PER_S, LINK, (POINT,), ("merge",)
    )
    bare = VehicleAdvice(VEHICLE)
    lane = LaneAdvice(LINK, 10.0, ("speed_up",), NOW_NS, NOW_NS + 90 * NS_PER_S, ("lane_restriction",))
    open_lane = LaneAdvice(LinkRef(1, 2))
    sent = advice(vehicles=(vehicle, bare), lanes=(lane, open_lane), x_m=-3.0, y_m=9.0)
    found = advised(rsc(sent, variant), variant)
    assert (found.station, found.stamp_ns) == (STATION, NOW_NS)
    assert (found.x_m, found.y_m) == pytest.approx((-3.0, 9.0), abs=0.02)
    assert found.lanes == sent.lanes
    first = found.vehicles[0]
    assert first.behaviors == ("change_lane_left", "stop")
    assert (first.vehicle, first.until_ns, first.link, first.uses) == (
        VEHICLE,
        vehicle.until_ns,
        LINK,
        ("merge",),
    )
    assert_close(first.path, vehicle.path)
    assert found.vehicles[1] == bare


def test_empty_advice_is_a_message() -> None:
    found = advised(rsc(advice()))
    assert (found.vehicles, found.lanes) == ((), ())


def test_a_lifetime_is_never_longer_than_it_was_given() -> None:
    """Down to 10 ms, at least 10 ms, at most 65,534 of them; 65,535 would mean unknown."""
    for lasts_ns, steps in ((29 * NS_PER_MS, 2), (-NS_PER_S, 1), (3600 * NS_PER_S, 65_534)):
        sent = VehicleAdvice(VEHICLE, ("stop",), NOW_NS + lasts_ns)
        found = rsc_body(rsc(advice(vehicles=(sent,))))["coordinates"][0]["driveSuggestion"]
        assert found["lifeTime"] == steps


def test_an_unknown_lifetime_is_none() -> None:
    codec = message_codec("csae-a/RoadsideCoordination")
    value = rsc_body(rsc(advice(vehicles=(VehicleAdvice(VEHICLE, ("stop",), NOW_NS + NS_PER_S),))))
    value["coordinates"][0]["driveSuggestion"]["lifeTime"] = 65_535
    found = advised(wrap_csae_day2(CSAE_RSC, codec.encode(value)))
    assert found.vehicles[0].until_ns is None


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        ({"year": 2023, "month": 3, "day": 2, "hour": 16, "minute": 43}, NOW_NS - 54_400 * NS_PER_MS),
        (
            {"year": 2023, "month": 3, "day": 3, "hour": 0, "minute": 43, "second": 54_400, "offset": 480},
            NOW_NS,
        ),
        ({"year": 2023, "month": 3, "day": 2, "hour": 16}, None),
        ({"year": 0, "month": 3, "day": 2, "hour": 16, "minute": 43}, None),
        ({"year": 2023, "month": 3, "day": 2, "hour": 24, "minute": 43}, None),
        ({"year": 2023, "month": 3, "day": 2, "hour": 16, "minute": 60}, None),
        (
            {"year": 2023, "month": 3, "day": 2, "hour": 16, "minute": 43, "second": 65_535, "offset": 721},
            NOW_NS - 54_400 * NS_PER_MS,
        ),
    ],
    ids=["no second", "eight hours ahead of UTC", "no minute", "no year", "hour", "minute", "second, offset"],
)
def test_dates_of_others(begin: dict[str, int], expected: int | None) -> None:
    assert lane_that_begins(begin).start_ns == expected


def test_a_day_that_is_none() -> None:
    with pytest.raises(CodecError, match="DDateTime"):
        lane_that_begins({"year": 2023, "month": 2, "day": 30, "hour": 16, "minute": 43})


def lane_that_begins(begin: dict[str, int]) -> LaneAdvice:
    value = rsc_body(rsc(advice(lanes=(LaneAdvice(LINK),))))
    value["laneCoordinates"][0]["tBegin"] = begin
    payload = wrap_csae_day2(CSAE_RSC, message_codec("csae-a/RoadsideCoordination").encode(value))
    return advised(payload).lanes[0]


@pytest.mark.parametrize(
    "sent",
    [
        advice(station="0a1b2c3d"),
        advice(x_m=math.nan),
        advice(vehicles=(VehicleAdvice("0a"),)),
        advice(vehicles=(VehicleAdvice(VEHICLE),) * 17),
        advice(vehicles=(VehicleAdvice(VEHICLE, ("fly",)),)),
        advice(vehicles=(VehicleAdvice(VEHICLE, uses=("fun",)),)),
        advice(lanes=(LaneAdvice(LINK),) * 9),
        advice(lanes=(LaneAdvice(LINK, speed_mps=math.inf),)),
    ],
    ids=range(8),
)
def test_advice_that_cannot_be_sent(sent: Coordination) -> None:
    with pytest.raises(CodecError):
        rsc(sent)


@pytest.mark.parametrize(
    ("payload", "decode"),
    [
        (rsc(advice(vehicles=(VehicleAdvice(VEHICLE, path=(POINT,)),))), advised),
        (vir(intention(VehicleRequest(1, "request", LaneChange(1, 2, 3)), current=POINT)), meant),
    ],
    ids=["rsc", "vir"],
)
def test_other_messages_truncations_and_surplus_are_refused(
    payload: bytes, decode: Callable[[bytes], Any]
) -> None:
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    with pytest.raises(CodecError):
        decode(payload + b"\x00")
    with pytest.raises(OtherMessageError, match="RTCM"):
        decode(wrap_csae_day2(10, b"\x00"))
    with pytest.raises(OtherMessageError, match="BSM"):
        decode(b"\x00" * 40)
