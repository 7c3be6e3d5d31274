"""Radio frames of a link to reports."""

from __future__ import annotations

import pytest

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.v2x import RadioFrame
from edge.v2x import csae, etsi_cam, etsi_vam, j2735
from edge.v2x.codec import message_codec
from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import OtherMessageError
from edge.v2x.framing import build_immediate_forward, immediate_forward, wrap_hisense
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, report, signal_state

J2735_BSM = j2735.encode_bsm(report(), frame=FRAME, message_count=1)
CSAE_BSM = csae.encode_bsm(report(temporary_id="0011223344556677"), frame=FRAME, message_count=1)
CSAE_ZERO = csae.encode_bsm(
    report(temporary_id="0011223344556677", ellipse_m=None), frame=FRAME, message_count=0
)
ETSI_CAM = etsi_cam.encode_cam(report(), frame=FRAME)
ETSI_VAM = etsi_vam.encode_vam(report(object_class=ObjectClass.BICYCLE), frame=FRAME)


def heard(payload: bytes) -> RadioFrame:
    return RadioFrame(link="west", arrival_ns=NOW_NS, sender="192.0.2.7", payload=payload)


@pytest.mark.parametrize(
    ("dialect", "framing", "payload", "said"),
    [
        ("j2735", "plain", J2735_BSM, "j2735-2020"),
        ("j2735", "ieee1609", b"\x03\x80" + J2735_BSM, "j2735-2020"),
        (
            "j2735",
            "rsu41",
            build_immediate_forward(immediate_forward(J2735_BSM, kind="BSM", signature=False)),
            "j2735-2020",
        ),
        ("csae-a", "plain", CSAE_BSM, "csae-53-a"),
        ("csae-b", "plain", CSAE_BSM, "csae-53-b"),
        ("csae-a", "hisense", wrap_hisense(CSAE_BSM, sender="u_id_123", now_ns=NOW_NS), "csae-53-a"),
        ("etsi", "plain", ETSI_CAM, "etsi-r2"),
        ("etsi", "plain", ETSI_VAM, "etsi-r2"),
        ("auto", "plain", ETSI_CAM, "etsi-r2"),
        ("auto", "plain", ETSI_VAM, "etsi-r2"),
        ("auto", "plain", J2735_BSM, "j2735-2020"),
        ("auto", "plain", CSAE_BSM, "csae-53-a"),
        ("auto", "plain", CSAE_ZERO, "csae-53-a"),
    ],
)
def test_a_report_of_each_link(dialect: str, framing: str, payload: bytes, said: str) -> None:
    found = ReportDecoder(FRAME, dialect=dialect, framing=framing).decode(heard(payload))
    assert (found.dialect, found.link, found.arrival_ns) == (said, "west", NOW_NS)
    assert found.x_m == pytest.approx(12.5, abs=0.01)


@pytest.mark.parametrize("dialect", ["j2735", "auto"])
def test_another_message_is_told_from_a_broken_one(dialect: str) -> None:
    decoder = ReportDecoder(FRAME, dialect=dialect, framing="plain")
    with pytest.raises(OtherMessageError):
        decoder.decode(heard(j2735.encode_spat(signal_state(GREEN), now_ns=NOW_NS)))
    with pytest.raises(CodecError) as caught:
        decoder.decode(heard(J2735_BSM[:-1]))
    assert not isinstance(caught.value, OtherMessageError)


@pytest.mark.parametrize("payload", [b"", b"\x00", bytes(5000)], ids=len)
@pytest.mark.parametrize("dialect", ["j2735", "csae-a", "csae-b", "etsi", "auto"])
def test_too_short_and_too_long(dialect: str, payload: bytes) -> None:
    with pytest.raises(CodecError):
        ReportDecoder(FRAME, dialect=dialect, framing="plain").decode(heard(payload))


def test_an_unknown_dialect_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no dialect is called 'cam'"):
        ReportDecoder(FRAME, dialect="cam", framing="plain")


@pytest.mark.parametrize(
    ("dialect", "payload"),
    [
        ("j2735", J2735_BSM),
        ("csae-a", CSAE_BSM),
        ("csae-b", CSAE_BSM),
        ("etsi", ETSI_CAM),
        ("auto", J2735_BSM),
        ("auto", CSAE_BSM),
    ],
)
def test_prepared_decoder_compiles_nothing_for_its_first_frame(dialect: str, payload: bytes) -> None:
    message_codec.cache_clear()
    decoder = ReportDecoder(FRAME, dialect=dialect, framing="plain")
    decoder.prepare()
    compiled = message_codec.cache_info().misses
    decoder.decode(heard(payload))
    assert message_codec.cache_info().misses == compiled
