"""BSM of both message sets: a report goes out and comes back."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.v2x import csae, j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_BSM, OtherMessageError, unwrap_j2735, wrap_j2735
from edge.v2x.motion import EVENT_NAMES
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, report, signal_state

ARRIVAL_NS = NOW_NS + 50 * NS_PER_MS
DIALECTS = ["j2735", "csae-a", "csae-b"]


def encode(dialect: str, sent: V2xReport) -> bytes:
    if dialect == "j2735":
        return j2735.encode_bsm(sent, frame=FRAME, message_count=200)
    widened = sent._replace(temporary_id=sent.temporary_id * 2)
    return csae.encode_bsm(
        widened, frame=FRAME, message_count=200, variant="a" if dialect == "csae-a" else "b"
    )


def decode(dialect: str, payload: bytes, arrival_ns: int = ARRIVAL_NS) -> V2xReport:
    if dialect == "j2735":
        return j2735.decode_bsm(payload, frame=FRAME, link="rsu", arrival_ns=arrival_ns)
    return csae.decode_bsm(payload, frame=FRAME, link="rsu", arrival_ns=arrival_ns, variant=dialect[-1])


def optional(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(min_value=low, max_value=high)


REPORTS = st.builds(
    report,
    temporary_id=st.binary(min_size=4, max_size=4).map(bytes.hex),
    stamp=st.integers(min_value=NOW_NS - 20 * 10**9, max_value=NOW_NS).map(
        lambda t: Stamp(t - t % NS_PER_MS, TimeSource.SENSOR, NS_PER_MS)
    ),
    x_m=st.floats(min_value=-1000.0, max_value=1000.0),
    y_m=st.floats(min_value=-1000.0, max_value=1000.0),
    ellipse_m=st.none() | st.just((3.0, 1.25)),
    ellipse_yaw_rad=st.floats(min_value=-1.5, max_value=1.5),
    speed_mps=optional(0.0, 160.0),
    yaw_rad=optional(-math.pi, math.pi),
    acceleration_mps2=optional(-20.0, 20.0),
    length_m=optional(0.01, 40.0),
    width_m=optional(0.01, 10.0),
    object_class=st.sampled_from(ObjectClass),
    events=st.sets(st.sampled_from(EVENT_NAMES)).map(lambda s: tuple(n for n in EVENT_NAMES if n in s)),
)


def close(found: float | None, sent: float | None, step: float) -> bool:
    if found is None or sent is None:
        return found is sent
    return abs(found - sent) <= step / 2 + 1e-9


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(deadline=None)
@given(sent=REPORTS)
def test_a_report_comes_back_within_the_steps_of_the_message(dialect: str, sent: V2xReport) -> None:
    found = decode(dialect, encode(dialect, sent))
    assert math.dist((found.x_m, found.y_m), (sent.x_m, sent.y_m)) < 0.01
    assert close(found.speed_mps, sent.speed_mps, 0.02)
    assert close(found.acceleration_mps2, sent.acceleration_mps2, 0.01)
    assert close(found.length_m, sent.length_m, 0.01)
    assert close(found.width_m, sent.width_m, 0.01)
    assert (found.yaw_rad is None) == (sent.yaw_rad is None)
    if found.yaw_rad is not None and sent.yaw_rad is not None:
        assert math.cos(found.yaw_rad - sent.yaw_rad) > math.cos(math.radians(0.0064))
    assert found.ellipse_m == (None if sent.ellipse_m is None else pytest.approx(sent.ellipse_m))
    if sent.ellipse_m is not None:
        assert found.ellipse_yaw_rad == pytest.approx(sent.ellipse_yaw_rad, abs=1e-4)
    assert (found.stamp, found.events, found.object_class) == (sent.stamp, sent.events, sent.object_class)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_the_decoder_adds(dialect: str) -> None:
    found = decode(dialect, encode(dialect, report()))
    assert found.dialect == {"j2735": "j2735-2020", "csae-a": "csae-53-a", "csae-b": "csae-53-b"}[dialect]
    assert (found.link, found.arrival_ns, found.verified) == ("rsu", ARRIVAL_NS, None)
    assert found.temporary_id == ("0a1b2c3d" if dialect == "j2735" else "0a1b2c3d0a1b2c3d")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_truncation_and_a_trailing_octet_are_refused(dialect: str) -> None:
    payload = encode(dialect, report())
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(dialect, payload[:length])
    with pytest.raises(CodecError, match="follow"):
        decode(dialect, payload + b"\x00")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_spat_is_another_message(dialect: str) -> None:
    module = j2735 if dialect == "j2735" else csae
    payload = module.encode_spat(signal_state(GREEN), now_ns=NOW_NS)
    with pytest.raises(OtherMessageError):
        decode(dialect, payload)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_id_of_the_other_set_is_refused(dialect: str) -> None:
    with pytest.raises(CodecError, match="temporary id"):
        encode(dialect, report(temporary_id="0a1b2c"))


def j2735_with_parts(*parts: tuple[int, Any]) -> bytes:
    """A J2735 BSM with the given Part II entries, values or octets."""
    codec = message_codec("j2735/BasicSafetyMessage")
    plain = j2735.encode_bsm(
        report(events=(), object_class=ObjectClass.UNKNOWN), frame=FRAME, message_count=0
    )
    value = codec.decode(unwrap_j2735(plain, message_id=J2735_BSM, what="BSM"))
    assert "partII" not in value
    entries = [{"partII-Id": number, "partII-Value": content} for number, content in parts]
    return wrap_j2735(J2735_BSM, codec.encode(value | {"partII": entries}))


ALERTS = {"notUsed": 0, "sirenUse": "unavailable", "lightsUse": "unavailable", "multi": "unavailable"}


def test_part_ii_content_of_no_interest_is_passed_over() -> None:
    path = {"crumbData": [{"latOffset": 1, "lonOffset": -1, "elevationOffset": 0, "timeOffset": 10}]}
    found = decode(
        "j2735",
        j2735_with_parts(
            (1, {"vehicleAlerts": ALERTS}),
            (0, {"pathHistory": path, "pathPrediction": {"radiusOfCurve": 32767, "confidence": 200}}),
            (2, {"vehicleData": {"height": 30}}),
            (63, b"\x00"),
            (2, bytes(20)),
        ),
    )
    assert (found.events, found.object_class) == ((), ObjectClass.UNKNOWN)


def test_event_flags_of_a_later_edition_are_read_as_far_as_known() -> None:
    """Extension of the size: 0 1000, 1, length 14, flag 0 and flag 13 set."""
    bits = (0b01000_1 << 8 | 14) << 14 | 0b10000000000001
    octets = (bits << 4).to_bytes(4, "big")
    assert decode("j2735", j2735_with_parts((0, octets))).events == ("hazard_lights",)


@pytest.mark.parametrize(
    "part",
    [
        (0, b""),
        (0, b"\x40"),
        (0, b"\x44\x70\x00"),
        (0, b"\x46\x08\x00"),
        (1, b"\x40\x00"),
        (2, b""),
        (2, b"\x40"),
        (2, b"\x40\x00"),
    ],
    ids=str,
)
def test_broken_part_ii_is_refused(part: tuple[int, bytes]) -> None:
    payload = j2735_with_parts(part)
    with pytest.raises(CodecError):
        decode("j2735", payload)


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({"sirenUse": "inUse", "lightsUse": "inUse"}, ("siren", "light_bar")),
        ({"sirenUse": "notInUse", "lightsUse": "inUse"}, ("light_bar",)),
        ({"sirenUse": "reserved", "lightsUse": "yellowCautionLights"}, ()),
        ({"responseType": "pursuit"}, ("emergency_response",)),
        ({"responseType": "stopAndGoMovement"}, ()),
    ],
    ids=str,
)
def test_j2735_emergency_vehicles(changes: dict[str, str], events: tuple[str, ...]) -> None:
    assert decode("j2735", j2735_with_parts((1, {"vehicleAlerts": ALERTS | changes}))).events == events


def test_j2735_emergency_events_go_beside_the_flags() -> None:
    events = ("hard_braking", *j2735.EMERGENCY_EVENTS)
    assert decode("j2735", encode("j2735", report(events=events))).events == events
    with pytest.raises(CodecError, match="no event flag"):
        encode("j2735", report(events=("flying",)))


@pytest.mark.parametrize(
    ("extensions", "kind"),
    [
        ({"classification": 53}, ObjectClass.BUS),
        ({"classDetails": {"keyType": 40}}, ObjectClass.MOTORCYCLE),
        ({"classDetails": {"keyType": 0, "role": "cyclist"}}, ObjectClass.BICYCLE),
        ({"classification": 0, "classDetails": {"role": "cyclist"}}, ObjectClass.UNKNOWN),
        ({"classification": 10, "classDetails": {"role": "truck"}}, ObjectClass.CAR),
        ({"classDetails": {"role": "police"}}, ObjectClass.UNKNOWN),
    ],
    ids=str,
)
def test_j2735_vehicle_class(extensions: dict[str, Any], kind: ObjectClass) -> None:
    assert decode("j2735", j2735_with_parts((2, extensions))).object_class is kind


def test_j2735_octets_worked_out_by_hand() -> None:
    """Speed 10 m/s is 500 of 13 bits, heading 90 degrees 7200 of 15, length 8.5 m 850 of 12 (J2735-2020 clause 7)."""
    core = message_codec("j2735/BasicSafetyMessage").decode(
        unwrap_j2735(encode("j2735", report(speed_mps=10.0, yaw_rad=0.0)), message_id=J2735_BSM, what="BSM")
    )["coreData"]
    assert (core["speed"], core["heading"], core["secMark"]) == (500, 7200, 54400)
    assert (core["size"], core["accelSet"]["long"]) == ({"width": 250, "length": 850}, -120)
    assert (core["accuracy"]["semiMajor"], core["accuracy"]["semiMinor"]) == (20, 10)
    assert (core["accuracy"]["orientation"], core["id"]) == (
        round((90.0 - math.degrees(0.3)) / (360.0 / 65535.0)),
        bytes.fromhex("0a1b2c3d"),
    )


def csae_message(**changes: Any) -> bytes:
    """A T/CSAE BSM with some elements changed on the wire."""
    codec = message_codec("csae-a/BasicSafetyMessage")
    plain = encode("csae-a", report(ellipse_m=None, events=()))
    return codec.encode(codec.decode(plain) | changes)


def test_csae_position_confidence_makes_a_circle() -> None:
    found = decode("csae-a", csae_message(posConfidence={"pos": "a1m"}))
    assert found.ellipse_m == pytest.approx((0.4085, 0.4085), abs=1e-3)
    assert decode("csae-a", csae_message(posConfidence={"pos": "unavailable"})).ellipse_m is None


def test_csae_accuracy_goes_before_confidence() -> None:
    accuracy = {"semiMajor": 40, "semiMinor": 20, "orientation": 0}
    found = decode("csae-a", csae_message(posAccuracy=accuracy, posConfidence={"pos": "a1m"}))
    assert found.ellipse_m == pytest.approx((2.0, 1.0))


def test_csae_variants_differ_in_the_reference_of_the_path_only() -> None:
    sent = report()
    assert encode("csae-a", sent) == encode("csae-b", sent)
    history = {
        "initialPosition": {
            "pos": {"lat": 0, "long": 0},
            "posAccuracy": {"semiMajor": 1, "semiMinor": 1, "orientation": 1},
        },
        "crumbData": [{"llvOffset": {"offsetLL": ("position-LL1", {"lon": 1, "lat": -1})}, "timeOffset": 10}],
    }
    payload = csae_message(safetyExt={"pathHistory": history})
    assert decode("csae-a", payload).events == ()
    with pytest.raises(CodecError):
        decode("csae-b", payload)
