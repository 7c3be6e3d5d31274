"""Headers of IEEE 1609.3 and 1609.2 in front of a message, parsed; and searched where they do not parse."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.v2x import RadioFrame
from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import wrap_j2735
from edge.v2x.ieee1609 import headers_parse, message_of, parse_headers
from tests.unit.v2x.security.authority import NOW_NS, signer
from tests.unit.v2x.test_decoder import FRAME, J2735_BSM

SHORT, LONG = wrap_j2735(20, bytes(30)), wrap_j2735(18, bytes(400))


def octet_string(octets: bytes) -> bytes:
    count = len(octets)
    return (bytes([count]) if count < 0x80 else b"\x82" + count.to_bytes(2, "big")) + octets


def unsecured(octets: bytes) -> bytes:
    return b"\x03\x80" + octet_string(octets)


def wsm(data: bytes, *, head: str = "03 00 8002", offset: int = 0) -> bytes:
    """A WAVE short message by hand, IEEE 1609.3 clause 8.3."""
    count = len(data)
    length = bytes([count]) if count < 0x80 else (0x8000 | count - offset).to_bytes(2, "big")
    return bytes.fromhex(head) + length + data


@pytest.mark.parametrize("message", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda m: m, id="bare"),
        pytest.param(unsecured, id="1609.2 unsecured"),
        pytest.param(wsm, id="1609.3"),
        pytest.param(lambda m: wsm(m, head="03 00 20"), id="PSID of one octet"),
        pytest.param(lambda m: wsm(m, head="03 00 E0000016"), id="PSID of four octets"),
        pytest.param(
            lambda m: wsm(m, head="0B 03 0F01AC 10010C 04010A 00 8002"), id="channel, rate and power"
        ),
        pytest.param(lambda m: wsm(m, head="03 01 8002 01 1702ABCD"), id="options of the transport"),
        pytest.param(lambda m: wsm(unsecured(m)), id="1609.3 and 1609.2"),
        pytest.param(lambda m: wsm(m, offset=0x80), id="length less 128"),
    ],
)
def test_message_is_where_the_headers_say(wrap: object, message: bytes) -> None:
    assert callable(wrap)
    assert parse_headers(wrap(message)) == message_of(wrap(message)) == message


def test_message_that_was_signed() -> None:
    signed = signer().sign(SHORT, kind="BSM", now_ns=NOW_NS)
    assert parse_headers(signed) == parse_headers(wsm(signed)) == SHORT


def test_frame_that_looks_like_a_message_in_a_header_is_not_taken() -> None:
    """A search would take the channel element for the beginning of a frame of its own."""
    datagram = wsm(LONG, head="0B 01 0F01AC 00 8002")
    assert parse_headers(datagram) == LONG


@pytest.mark.parametrize(
    "datagram",
    [
        b"\xff\xff\xff" + SHORT,
        b"\x03\x80" + SHORT,
        wsm(SHORT)[:-1],
        wsm(SHORT) + b"\0",
        b"\x03\x07\x80\x02" + bytes([len(SHORT)]) + SHORT,
        b"",
        b"\x03",
        b"\x0b\xff",
    ],
    ids=["unknown", "no length", "cut", "too long", "transport 7", "empty", "one octet", "count without end"],
)
def test_headers_that_do_not_parse(datagram: bytes) -> None:
    assert not headers_parse(datagram)


def test_message_behind_unknown_headers_is_found_by_search_and_counted() -> None:
    decoder = ReportDecoder(FRAME, dialect="j2735", framing="ieee1609")
    for datagram in (wsm(J2735_BSM, head="03 00 20"), b"\xff\xff\xff" + J2735_BSM, unsecured(J2735_BSM)):
        decoder.decode(RadioFrame("link", NOW_NS, "sender", datagram))
    assert decoder.counters == {"searched": 1}


@given(st.binary(max_size=120))
def test_any_octets_give_a_message_or_a_codec_error(datagram: bytes) -> None:
    for read in (parse_headers, message_of):
        with contextlib.suppress(CodecError):
            assert read(datagram) in datagram


@given(st.binary(min_size=30, max_size=300), st.integers(0, 40))
def test_cut_short_messages_are_refused_or_found_whole(body: bytes, cut: int) -> None:
    message = wrap_j2735(20, body)
    datagram = wsm(unsecured(message))
    shorter = datagram[: len(datagram) - cut]
    assert headers_parse(shorter) == (cut == 0)
