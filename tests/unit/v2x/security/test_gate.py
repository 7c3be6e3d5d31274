"""What a link lets in: signed messages as they are, behind IEEE 1609.3 headers, and in GeoNetworking packets."""

from __future__ import annotations

import pytest

from edge.core.errors import CodecError
from edge.core.v2x import RadioFrame
from edge.v2x import etsi_cam, j2735
from edge.v2x.decoder import ReportDecoder
from edge.v2x.geonetworking import BASIC_BYTES, PositionVector, build_shb
from edge.v2x.security.gate import NOT_SECURED, WRONG_APPLICATION, Gate, Mode, UnverifiedError
from tests.unit.v2x.samples import FRAME, report
from tests.unit.v2x.security.authority import NOW_NS, signer, verifier

BSM = j2735.encode_bsm(report(), frame=FRAME, message_count=1)
CAM = etsi_cam.encode_cam(report(), frame=FRAME)
SOURCE = PositionVector(address=1 << 63, timestamp_ms=0, latitude=0, longitude=0)
ETHERNET = bytes(12) + b"\x89\x47"
SECURED = b"\x12"


def gate(framing: str = "plain", *, mode: Mode = "require", profile: str = "ieee1609") -> Gate:
    return Gate(verifier(), mode=mode, framing=framing, profile="etsi" if profile == "etsi" else "ieee1609")


def signed(payload: bytes, *, kind: str = "BSM", profile: str = "ieee1609") -> bytes:
    return signer(profile).sign(payload, kind=kind, now_ns=NOW_NS)


def secured_packet(message: bytes, *, kind: str = "CAM") -> bytes:
    """A single-hop broadcast whose common header and all after it are signed."""
    packet = build_shb(message, port=2001, source=SOURCE)
    inside = signed(packet[BASIC_BYTES:], kind=kind, profile="etsi")
    return SECURED + packet[1:BASIC_BYTES] + inside


def test_a_signed_message_is_let_in_with_who_verified_it() -> None:
    checked = gate()
    message, verified_by = checked.open(signed(BSM), now_ns=NOW_NS)
    assert message == BSM
    assert verified_by
    assert checked.counters == {"verified": 1}


def test_a_signed_message_behind_its_headers() -> None:
    header = bytes([3, 0, 0x20, len(signed(BSM)) & 0x7F])
    message, verified_by = gate("ieee1609").open(header[:3] + signed(BSM), now_ns=NOW_NS)
    assert (message, bool(verified_by)) == (BSM, True)


def test_a_bare_message_is_refused_or_let_in_unmarked() -> None:
    strict, lenient = gate(), gate(mode="mark")
    with pytest.raises(UnverifiedError, match=NOT_SECURED):
        strict.open(BSM, now_ns=NOW_NS)
    assert strict.counters == {NOT_SECURED: 1, "unverified_refused": 1}
    assert lenient.open(BSM, now_ns=NOW_NS) == (BSM, None)
    assert lenient.counters == {NOT_SECURED: 1, "unverified_passed": 1}


def test_a_changed_message_is_refused_or_let_in_unmarked() -> None:
    octets = signed(BSM)
    at = octets.index(BSM[5:12])
    broken = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
    with pytest.raises(UnverifiedError, match="bad_signature"):
        gate().open(broken, now_ns=NOW_NS)
    message, verified_by = gate(mode="mark").open(broken, now_ns=NOW_NS)
    assert verified_by is None
    assert len(message) == len(BSM)


def test_a_message_signed_for_another_application_is_not_verified() -> None:
    with pytest.raises(UnverifiedError, match=WRONG_APPLICATION):
        gate().open(signed(BSM, kind="SPAT"), now_ns=NOW_NS)


@pytest.mark.parametrize("link", [b"", ETHERNET])
def test_a_secured_geonetworking_packet(link: bytes) -> None:
    checked = gate("geonetworking", profile="etsi")
    message, verified_by = checked.open(link + secured_packet(CAM), now_ns=NOW_NS)
    assert (message, bool(verified_by)) == (CAM, True)
    assert checked.counters == {"verified": 1}


def test_an_unsecured_geonetworking_packet_is_not_verified() -> None:
    packet = build_shb(CAM, port=2001, source=SOURCE)
    with pytest.raises(UnverifiedError, match=NOT_SECURED):
        gate("geonetworking", profile="etsi").open(packet, now_ns=NOW_NS)
    assert gate("geonetworking", mode="mark", profile="etsi").open(packet, now_ns=NOW_NS) == (CAM, None)


def test_a_cam_in_a_packet_signed_for_denms_is_not_verified() -> None:
    with pytest.raises(UnverifiedError, match=WRONG_APPLICATION):
        gate("geonetworking", profile="etsi").open(secured_packet(CAM, kind="DENM"), now_ns=NOW_NS)


def test_every_cut_of_a_secured_packet_is_refused() -> None:
    packet = secured_packet(CAM)
    for size in range(len(packet)):
        with pytest.raises(CodecError):
            gate("geonetworking", profile="etsi").open(packet[:size], now_ns=NOW_NS)


def test_a_link_reports_who_verified() -> None:
    decoder = ReportDecoder(
        FRAME,
        dialect="etsi",
        framing="geonetworking",
        gate=gate("geonetworking", profile="etsi"),
    )
    heard = RadioFrame("west", NOW_NS, "192.0.2.7", secured_packet(CAM))
    found = decoder.decode(heard)
    assert (found.temporary_id, bool(found.verified)) == (report().temporary_id, True)
    with pytest.raises(UnverifiedError, match="replayed"):
        decoder.decode(heard)
