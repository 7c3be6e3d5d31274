"""SAE J2735-2020 RTCMcorrections (clause 5.11) to and from RTCM 10403 messages of differential GNSS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_RTCM, unwrap_j2735, wrap_j2735
from edge.v2x.marks import minute_of_year

MAX_BYTES = 1400
"""Longest MessageFrame that one radio packet carries (IEEE 1609.3)."""

_MESSAGE = "j2735/RTCMcorrections"
_MAX_MESSAGES = 5
_LONGEST = 1023
_REVISIONS = {2: "rtcmRev2", 3: "rtcmRev3"}
_HEAD_BYTES, _LENGTH_BYTES = 16, 2
"""Bound on what the frame adds to the octets of the corrections, and of the length of each."""


def encode_rtcm(
    messages: Sequence[bytes], *, message_count: int, now_ns: int, revision: int = 3
) -> tuple[bytes, ...]:
    """RTCM messages to as few MessageFrames as hold them, in their order.

    Args:
        messages: each with its own preamble and check sum, 1 to 1023 octets.
        message_count: of the first frame; each further one counts on, modulo 128.
        now_ns: UTC ns.
        revision: major version of RTCM 10402 (2) or 10403 (3).
    """
    if revision not in _REVISIONS:
        raise CodecError("RTCM", f"no revision is called {revision}")
    if not messages:
        raise CodecError("RTCM", "no message to send")
    codec = message_codec(_MESSAGE)
    frames = []
    for index, group in enumerate(_groups(messages)):
        value = {
            "msgCnt": (message_count + index) % 128,
            "rev": _REVISIONS[revision],
            "timeStamp": minute_of_year(now_ns),
            "msgs": group,
        }
        frames.append(wrap_j2735(J2735_RTCM, codec.encode(value)))
    return tuple(frames)


def decode_rtcm(payload: bytes) -> tuple[bytes, ...]:
    """A MessageFrame with corrections to its RTCM messages, as the receiver takes them.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole message with corrections.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_RTCM, what="RTCM"))
    return tuple(message["msgs"])


def _groups(messages: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Messages that go into one frame together; one is never split."""
    group: list[bytes] = []
    used = _HEAD_BYTES
    for message in messages:
        if not 1 <= len(message) <= _LONGEST:
            raise CodecError("RTCM", f"a message of {len(message)} bytes")
        size = len(message) + _LENGTH_BYTES
        if group and (len(group) == _MAX_MESSAGES or used + size > MAX_BYTES):
            yield group
            group, used = [], _HEAD_BYTES
        group.append(message)
        used += size
    yield group
