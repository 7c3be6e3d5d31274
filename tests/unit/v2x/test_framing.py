"""What links wrap around messages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS
from edge.v2x.frame import wrap_j2735
from edge.v2x.framing import (
    MAX_DATAGRAM_BYTES,
    HisenseEnvelope,
    build_immediate_forward,
    immediate_forward,
    parse_hisense,
    parse_immediate_forward,
    unwrap,
    wrap_hisense,
)
from edge.v2x.ieee1609 import find_message_frame
from edge.v2x.uper import MAX_MESSAGE_BYTES
from tests.unit.v2x.samples import NOW_NS

MESSAGE = wrap_j2735(19, bytes.fromhex("001a2b"))
TEXT = (
    b"Version=0.7\nType=SPAT\nPSID=0x8002\nPriority=7\nTxMode=CONT\nTxChannel=183\nTxInterval=0\n"
    b"DeliveryStart=\nDeliveryStop=\nSignature=True\nEncryption=False\nPayload=001303001A2B\n"
)


@pytest.mark.parametrize("interval", [b"", b"0", b"100"])
def test_interval_may_be_empty(interval: bytes) -> None:
    text = TEXT.replace(b"TxInterval=0", b"TxInterval=" + interval)
    assert parse_immediate_forward(text) == parse_immediate_forward(TEXT)


def test_immediate_forward_text() -> None:
    assert build_immediate_forward(immediate_forward(MESSAGE, kind="SPAT", signature=True)) == TEXT


@pytest.mark.parametrize(
    ("kind", "psid"), [("BSM", 0x20), ("PSM", 0x27), ("MAP", 0x8002), ("TIM", 0x8003), ("SDSM", 0x8010)]
)
def test_psid_of_each_kind(kind: str, psid: int) -> None:
    sent = immediate_forward(MESSAGE, kind=kind, signature=False, channel="SCH")
    assert (sent.psid, sent.channel) == (psid, "SCH")
    assert parse_immediate_forward(build_immediate_forward(sent)) == sent


def test_psid_may_be_given() -> None:
    assert immediate_forward(MESSAGE, kind="MAP", signature=False, psid=0xE0000017).psid == 0xE0000017
    with pytest.raises(CodecError, match="no PSID"):
        immediate_forward(MESSAGE, kind="RSI", signature=False)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=1500), st.booleans(), st.integers(min_value=0, max_value=7))
def test_immediate_forward_comes_back(payload: bytes, signature: bool, priority: int) -> None:
    sent = immediate_forward(payload, kind="MAP", signature=signature, priority=priority)
    assert parse_immediate_forward(build_immediate_forward(sent)) == sent


def test_other_line_ends_and_orders_are_read() -> None:
    lines = TEXT.replace(b"\n", b"\r\n").split(b"\r\n")
    shuffled = b"\r\n".join([*reversed(lines), b""])
    assert parse_immediate_forward(shuffled) == parse_immediate_forward(TEXT)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        TEXT.replace(b"Payload=001303001A2B", b"Payload="),
        TEXT.replace(b"001A2B", b"001A2"),
        TEXT.replace(b"001A2B", b"001A2G"),
        TEXT.replace(b"0x8002", b"many"),
        TEXT.replace(b"Type=SPAT", b"Type"),
        TEXT + b"Payload=00\n",
        TEXT + b"\xff",
    ],
    ids=["empty", "no payload", "odd", "no digit", "no number", "no value", "twice", "binary"],
)
def test_broken_immediate_forward(datagram: bytes) -> None:
    with pytest.raises(CodecError):
        parse_immediate_forward(datagram)


def test_hisense_envelope_layout() -> None:
    datagram = wrap_hisense(b"\x36abc", sender="u_id_123", now_ns=NOW_NS)
    assert datagram[:8] == b"u_id_123"
    assert int.from_bytes(datagram[8:16], "little") == NOW_NS // NS_PER_MS
    assert datagram[16:] == b"\x04\x00\x36abc"


@settings(deadline=None)
@given(st.text("abcdefXYZ019_-", min_size=1, max_size=8), st.binary(max_size=2000))
def test_hisense_comes_back(sender: str, payload: bytes) -> None:
    found = parse_hisense(wrap_hisense(payload, sender=sender, now_ns=NOW_NS))
    assert found == HisenseEnvelope(sender, NOW_NS, payload)


@pytest.mark.parametrize("cut", [0, 17, -1, None], ids=["empty", "header", "short", "long"])
def test_broken_hisense_envelope(cut: int | None) -> None:
    datagram = wrap_hisense(b"\x36abc", sender="rsu", now_ns=NOW_NS)
    with pytest.raises(CodecError):
        parse_hisense(datagram + b"x" if cut is None else datagram[:cut])


def test_a_sender_that_does_not_fit_is_refused() -> None:
    with pytest.raises(CodecError, match="do not fit"):
        wrap_hisense(b"", sender="roadside-1", now_ns=NOW_NS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (bytes.fromhex("03800f010ac010010c00"), b""),
        (bytes.fromhex("0380") + bytes([len(MESSAGE)]), bytes.fromhex("4001208002") + bytes(64)),
        (bytes.fromhex("0013ff038081") + bytes([len(MESSAGE)]), b""),
    ],
    ids=["nothing", "1609.3", "1609.2 signed", "a false start"],
)
def test_message_behind_ieee_1609_headers(before: bytes, after: bytes) -> None:
    assert find_message_frame(before + MESSAGE + after) == MESSAGE


def test_long_lengths_of_signed_octets() -> None:
    for count in (200, 900):
        message = wrap_j2735(18, bytes(count))
        length = (
            b"\x81" + bytes([len(message)])
            if len(message) < 256
            else b"\x82" + len(message).to_bytes(2, "big")
        )
        assert find_message_frame(b"\x03\x81\x00\x40\x03\x80" + length + message + bytes(70)) == message


@pytest.mark.parametrize(
    "datagram", [b"", b"\x00\x13", MESSAGE[:-1], bytes(1000), b"\x00\x13\x7f" * 9], ids=len
)
def test_no_message_to_be_found(datagram: bytes) -> None:
    with pytest.raises(CodecError):
        find_message_frame(datagram)


@pytest.mark.parametrize(
    ("framing", "datagram"),
    [
        ("plain", MESSAGE),
        ("rsu41", TEXT),
        ("hisense", wrap_hisense(MESSAGE, sender="rsu", now_ns=NOW_NS)),
        ("ieee1609", b"\x03\x80" + MESSAGE),
    ],
)
def test_unwrap(framing: str, datagram: bytes) -> None:
    assert unwrap(datagram, framing) == MESSAGE


def test_limits() -> None:
    with pytest.raises(CodecError, match="are more than"):
        unwrap(bytes(MAX_DATAGRAM_BYTES + 1), "plain")
    with pytest.raises(CodecError, match="longer than"):
        unwrap(bytes(MAX_MESSAGE_BYTES + 1), "plain")
    with pytest.raises(ValueError, match="no framing is called 'morse'"):
        unwrap(b"", "morse")
