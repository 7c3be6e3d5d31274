"""RTCM corrections go out and come back octet for octet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_RTCM, OtherMessageError, unwrap_j2735
from tests.unit.v2x.samples import FRAME, NOW_NS, report

STATION = bytes.fromhex("d300133ed7d30202980edeef34b4bd62ac0941986f33360b98")
"""A 1005 message (RTCM 10403.3 table 3.5-6) in its transport frame: preamble D3, length 19, CRC-24Q."""


def encode(*messages: bytes, count: int = 0) -> tuple[bytes, ...]:
    return j2735.encode_rtcm(messages, message_count=count, now_ns=NOW_NS)


@given(messages=st.lists(st.binary(min_size=1, max_size=1023), min_size=1, max_size=12))
def test_every_message_comes_back_in_order_and_no_frame_is_too_long(messages: list[bytes]) -> None:
    frames = encode(*messages)
    assert [message for frame in frames for message in j2735.decode_rtcm(frame)] == messages
    assert max(map(len, frames)) <= 1400


def test_as_few_frames_as_hold_them() -> None:
    assert [len(j2735.decode_rtcm(frame)) for frame in encode(*[STATION] * 11)] == [5, 5, 1]
    assert [len(j2735.decode_rtcm(frame)) for frame in encode(*[bytes(690)] * 3)] == [2, 1]


def test_header() -> None:
    """Minute 87403 of 2023; counts go on over the frames, modulo 128."""
    values = [
        message_codec("j2735/RTCMcorrections").decode(unwrap_j2735(frame, message_id=J2735_RTCM, what="RTCM"))
        for frame in encode(*[STATION] * 6, count=127)
    ]
    assert [(v["msgCnt"], v["rev"], v["timeStamp"]) for v in values] == [
        (127, "rtcmRev3", 87403),
        (0, "rtcmRev3", 87403),
    ]


def test_what_cannot_be_sent_is_refused() -> None:
    for message in (b"", bytes(1024)):
        with pytest.raises(CodecError, match="bytes"):
            encode(STATION, message)
    with pytest.raises(CodecError, match="no message"):
        encode()
    with pytest.raises(CodecError, match="revision"):
        j2735.encode_rtcm([STATION], message_count=0, now_ns=NOW_NS, revision=4)


def test_broken_messages_are_refused() -> None:
    [frame] = encode(STATION)
    for length in range(len(frame)):
        with pytest.raises(CodecError):
            j2735.decode_rtcm(frame[:length])
    with pytest.raises(OtherMessageError):
        j2735.decode_rtcm(j2735.encode_bsm(report(), frame=FRAME, message_count=0))
