"""What a BSM of T/CSAE 53 says beyond that of SAE J2735: emergency vehicles."""

from __future__ import annotations

from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x import csae
from edge.v2x.codec import message_codec
from tests.unit.v2x.samples import FRAME, NOW_NS, report

VARIANTS: list[csae.Variant] = ["a", "b"]
IDENTITY = "0a1b2c3d0a1b2c3d"


def encode(variant: csae.Variant, *events: str) -> bytes:
    sent = report(temporary_id=IDENTITY, events=events)
    return csae.encode_bsm(sent, frame=FRAME, message_count=0, variant=variant)


def decode(variant: csae.Variant, payload: bytes) -> tuple[str, ...]:
    return csae.decode_bsm(payload, frame=FRAME, link="rsu", arrival_ns=NOW_NS, variant=variant).events


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("events", "extension"),
    [
        (
            ("emergency_response", "siren", "light_bar"),
            {"responseType": "emergency", "sirenUse": "inUse", "lightsUse": "inUse"},
        ),
        (
            ("hard_braking", "light_bar"),
            {"responseType": "nonEmergency", "sirenUse": "notInUse", "lightsUse": "inUse"},
        ),
        (("hard_braking",), None),
        ((), None),
    ],
    ids=str,
)
def test_emergency_vehicles(
    variant: csae.Variant, events: tuple[str, ...], extension: dict[str, str] | None
) -> None:
    payload = encode(variant, *events)
    value = message_codec(f"csae-{variant}/BasicSafetyMessage").decode(payload)
    assert value.get("emergencyExt") == extension
    assert ("safetyExt" in value) == ("hard_braking" in events)
    assert decode(variant, payload) == events


@pytest.mark.parametrize(
    ("extension", "events"),
    [
        ({}, ()),
        ({"responseType": "pursuit"}, ("emergency_response",)),
        ({"responseType": "slowMoving", "lightsUse": "yellowCautionLights"}, ()),
        ({"responseType": 0, "sirenUse": "reserved"}, ()),
    ],
    ids=str,
)
def test_what_is_no_emergency(extension: dict[str, Any], events: tuple[str, ...]) -> None:
    codec = message_codec("csae-a/BasicSafetyMessage")
    value = codec.decode(encode("a")) | {"emergencyExt": extension}
    assert decode("a", codec.encode(value)) == events


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_event_of_no_name_is_refused(variant: csae.Variant) -> None:
    with pytest.raises(CodecError, match="no event flag"):
        encode(variant, "siren", "horn")
