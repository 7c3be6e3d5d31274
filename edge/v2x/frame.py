"""The outermost layer: which message of which set a payload is, and what J2735 wraps around it."""

from __future__ import annotations

from edge.core.errors import CodecError

J2735_MAP = 18
J2735_SPAT = 19
J2735_BSM = 20
J2735_RTCM = 28
J2735_SRM = 29
J2735_SSM = 30
J2735_TIM = 31
J2735_PSM = 32
J2735_SDSM = 41
"""DSRCmsgID, SAE J2735 clause 7.38."""

CSAE_BSM, CSAE_MAP, CSAE_RSM, CSAE_SPAT, CSAE_RSI = range(5)
"""Alternatives of the T/CSAE 53 MessageFrame (clause 5.2.1), in order."""

CSAE_RTCM, CSAE_RSC, CSAE_SSM, CSAE_VIR, CSAE_PAM, CSAE_PSM, CSAE_CLPMM, CSAE_VPM = range(10, 18)
"""ExtMsgID of the T/CSAE 157 MessageFrameExt (day 2)."""

_CSAE_NAMES = ("BSM", "MAP", "RSM", "SPAT", "RSI")
_CSAE_DAY2_NAMES = ("RTCM", "RSC", "SSM", "VIR", "PAM", "PSM", "CLPMM", "VPM")
CSAE_DAY2 = 0x80
"""MessageFrame choice: extended, first addition, which is the MessageFrameExt."""

_FRAGMENTED = 0xC0


class OtherMessageError(CodecError):
    """A sound frame of another message than the one asked for: not broken, only not wanted here.

    Args:
        what: the message asked for.
        message: what it is, e.g. `J2735 message 19` or `CSAE MAP`.
    """

    def __init__(self, what: str, message: str) -> None:
        self.message = message
        super().__init__(what, f"this is {message}")


def wrap_j2735(message_id: int, body: bytes) -> bytes:
    """A J2735 MessageFrame: extension bit 0, 15 bits of id, and the body as an open type (X.691 clause 11.9)."""
    return message_id.to_bytes(2, "big") + _open_type(body)


def split_j2735(payload: bytes, *, what: str = "MessageFrame") -> tuple[int, bytes, int]:
    """Message id, body, and number of bytes used by the MessageFrame that `payload` begins with."""
    if len(payload) < 4:
        raise CodecError(what, "truncated", offset=len(payload))
    message_id = int.from_bytes(payload[:2], "big")
    if message_id & 0x8000:
        raise CodecError(what, "the frame has extensions of an unknown edition", offset=0)
    start, end = _open_type_at(payload, 2, what=what)
    return message_id, payload[start:end], end


def unwrap_j2735(payload: bytes, *, message_id: int, what: str) -> bytes:
    """Body of the one J2735 message expected; another raises `OtherMessageError`, trailing bytes `CodecError`."""
    found, body, used = split_j2735(payload, what=what)
    if used != len(payload):
        raise CodecError(what, f"{len(payload) - used} bytes follow the message", offset=used)
    if found != message_id:
        raise OtherMessageError(what, f"J2735 message {found}")
    return body


def check_csae(payload: bytes, *, message: int, what: str) -> None:
    """Refuse all but the one T/CSAE message expected, by the choice index in the first four bits."""
    if not payload:
        raise CodecError(what, "empty", offset=0)
    if payload[0] & 0x80:
        raise OtherMessageError(what, "a T/CSAE message of a later edition")
    found = payload[0] >> 4
    if found >= len(_CSAE_NAMES):
        raise CodecError(what, f"choice {found} is no T/CSAE message", offset=0)
    if found != message:
        raise OtherMessageError(what, f"CSAE {_CSAE_NAMES[found]}")


def wrap_csae_day2(message_id: int, body: bytes) -> bytes:
    """A T/CSAE MessageFrame with a MessageFrameExt (T/CSAE 157): 0x80, length, 15 bits of id, and the body."""
    return bytes([CSAE_DAY2]) + _open_type(wrap_j2735(message_id, body))


def split_csae_day2(payload: bytes, *, what: str = "MessageFrameExt") -> tuple[int, bytes]:
    """Message id and body of the one day-2 frame that `payload` is; a day-1 frame raises `OtherMessageError`."""
    if not payload:
        raise CodecError(what, "empty", offset=0)
    if not payload[0] & 0x80:
        check_csae(payload, message=-1, what=what)
    if payload[0] != CSAE_DAY2:
        raise OtherMessageError(what, "a T/CSAE message of a later edition")
    start, end = _open_type_at(payload, 1, what=what)
    if end != len(payload):
        raise CodecError(what, f"{len(payload) - end} bytes follow the message", offset=end)
    message_id, body, used = split_j2735(payload[start:], what=what)
    if start + used != end:
        raise CodecError(what, f"{end - start - used} bytes follow the body", offset=start + used)
    return message_id, body


def unwrap_csae_day2(payload: bytes, *, message_id: int, what: str) -> bytes:
    """Body of the one day-2 message expected; another message raises `OtherMessageError`."""
    found, body = split_csae_day2(payload, what=what)
    if found != message_id:
        index = found - CSAE_RTCM
        known = 0 <= index < len(_CSAE_DAY2_NAMES)
        raise OtherMessageError(what, f"CSAE {_CSAE_DAY2_NAMES[index] if known else f'message {found}'}")
    return body


def _open_type(body: bytes) -> bytes:
    """Length and octets of an open type (X.691 clause 11.9)."""
    if len(body) < 0x80:
        return len(body).to_bytes(1, "big") + body
    if len(body) < 0x4000:
        return (0x8000 | len(body)).to_bytes(2, "big") + body
    raise CodecError("MessageFrame", f"a body of {len(body)} bytes is too long")


def _open_type_at(payload: bytes, position: int, *, what: str) -> tuple[int, int]:
    """Start and end of the octets of the open type whose length stands at `position`."""
    if len(payload) < position + 2:
        raise CodecError(what, "truncated", offset=len(payload))
    length, start = payload[position], position + 1
    if length & 0x80:
        if length >= _FRAGMENTED:
            raise CodecError(what, "a fragmented length is no radio message", offset=position)
        length, start = int.from_bytes(payload[position : position + 2], "big") & 0x3FFF, position + 2
    if start + length > len(payload):
        missing = start + length - len(payload)
        raise CodecError(what, f"truncated: {missing} bytes are missing", offset=len(payload))
    return start, start + length
