"""Which message a payload is, before it is decoded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.v2x.frame import (
    CSAE_BSM,
    CSAE_CLPMM,
    CSAE_RSC,
    CSAE_SSM,
    CSAE_VPM,
    J2735_BSM,
    OtherMessageError,
    check_csae,
    split_csae_day2,
    split_j2735,
    unwrap_csae_day2,
    unwrap_j2735,
    wrap_csae_day2,
    wrap_j2735,
)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=32767), st.binary(min_size=1, max_size=3000))
def test_message_frame_comes_back(message_id: int, body: bytes) -> None:
    payload = wrap_j2735(message_id, body)
    assert split_j2735(payload + b"rest") == (message_id, body, len(payload))
    assert unwrap_j2735(payload, message_id=message_id, what="X") == body


def test_length_forms() -> None:
    assert wrap_j2735(20, bytes(127))[:3] == b"\x00\x14\x7f"
    assert wrap_j2735(20, bytes(128))[:4] == b"\x00\x14\x80\x80"
    with pytest.raises(CodecError):
        wrap_j2735(20, bytes(0x4000))


def test_another_message_is_told_from_a_broken_one() -> None:
    with pytest.raises(OtherMessageError) as caught:
        unwrap_j2735(wrap_j2735(19, b"abc"), message_id=J2735_BSM, what="BSM")
    assert caught.value.message == "J2735 message 19"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00\x14\x01",
        b"\x00\x14\x05abc",
        b"\x00\x14\x03abcd",
        b"\x80\x14\x03abc",
        b"\x00\x14\xc1abc",
        b"\x00\x13\x03abcd",
    ],
    ids=["empty", "short", "truncated", "trailing", "extended", "fragmented", "other with trailing"],
)
def test_broken_message_frame(payload: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        unwrap_j2735(payload, message_id=J2735_BSM, what="BSM")
    assert not isinstance(caught.value, OtherMessageError)


@pytest.mark.parametrize(
    ("first", "name"), [(0x10, "MAP"), (0x2F, "RSM"), (0x30, "SPAT"), (0x40, "RSI"), (0x80, "later")]
)
def test_other_csae_messages(first: int, name: str) -> None:
    with pytest.raises(OtherMessageError, match=name):
        check_csae(bytes([first, 0]), message=CSAE_BSM, what="BSM")


@pytest.mark.parametrize("payload", [b"", b"\x50", b"\x7f\xff"])
def test_broken_csae_frame(payload: bytes) -> None:
    with pytest.raises(CodecError) as caught:
        check_csae(payload, message=CSAE_BSM, what="BSM")
    assert not isinstance(caught.value, OtherMessageError)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=32767), st.binary(min_size=1, max_size=3000))
def test_day2_frame_comes_back(message_id: int, body: bytes) -> None:
    payload = wrap_csae_day2(message_id, body)
    assert split_csae_day2(payload) == (message_id, body)
    assert unwrap_csae_day2(payload, message_id=message_id, what="X") == body


def test_day2_frame_octets() -> None:
    """0x80: extended, first addition; 5 octets of MessageFrameExt; id 12; 2 octets of value."""
    assert wrap_csae_day2(CSAE_SSM, b"\xab\xcd") == bytes.fromhex("80 05 000c 02 abcd")
    long = wrap_csae_day2(CSAE_SSM, bytes(200))
    assert long[:7] == bytes.fromhex("80 80cc 000c 80c8")
    assert (CSAE_RSC, CSAE_CLPMM, CSAE_VPM) == (11, 16, 17)


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ("10 00", "CSAE MAP"),
        ("81 02 0000", "later edition"),
        ("80 04 000b 01 00", "CSAE RSC"),
        ("80 04 001c 01 00", "CSAE message 28"),
    ],
)
def test_other_messages_than_the_day2_one(payload: str, name: str) -> None:
    with pytest.raises(OtherMessageError, match=name):
        unwrap_csae_day2(bytes.fromhex(payload), message_id=CSAE_SSM, what="SSM")


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "80",
        "50 00",
        "80 05 000c 02 ab",
        "80 05 000c 02 abcd 00",
        "80 05 000c 01 abcd",
        "80 05 000c 03 abcd",
        "80 05 800c 02 abcd",
        "80 c1 000c 02 abcd",
        "80 03 000c 00",
    ],
    ids=str,
)
def test_broken_day2_frame(payload: str) -> None:
    with pytest.raises(CodecError) as caught:
        unwrap_csae_day2(bytes.fromhex(payload), message_id=CSAE_SSM, what="SSM")
    assert not isinstance(caught.value, OtherMessageError)
