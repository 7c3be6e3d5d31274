"""What a link wraps around a message: RSU 4.1 text, the Hisense envelope, an IEEE 1609 header, GeoNetworking."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS
from edge.v2x.geonetworking import unwrap_geonetworking
from edge.v2x.ieee1609 import message_of
from edge.v2x.uper import MAX_MESSAGE_BYTES

PSID_OF_KIND = {
    "BSM": 0x20,
    "PSM": 0x27,
    "SPAT": 0x8002,
    "MAP": 0x8002,
    "SSM": 0x8002,
    "TIM": 0x8003,
    "RSM": 0x8003,
    "SDSM": 0x8010,
    "TMSG03": 0xBFEE,
    "SRM": 0xE0000016,
}
"""Provider service identifiers that radios in the field use for each kind of message."""

MAX_DATAGRAM_BYTES = 8192
"""Longest datagram looked at: the hexadecimal text of the longest message with room for its header."""

_TEXT_KEYS = (
    "Version",
    "Type",
    "PSID",
    "Priority",
    "TxMode",
    "TxChannel",
    "TxInterval",
    "DeliveryStart",
    "DeliveryStop",
    "Signature",
    "Encryption",
    "Payload",
)
_TEXT_VERSION = "0.7"
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_ENVELOPE = struct.Struct("<8sQH")


@dataclass(frozen=True, slots=True)
class ImmediateForward:
    """One RSU 4.1 immediate-forward datagram (USDOT RSU specification 4.1, section 3.3.2, appendix C).

    Attributes:
        kind: SPAT, MAP, BSM ...
        payload: UPER bytes of the MessageFrame.
        psid: provider service identifier.
        channel: number, or SCH or CCH in older radios.
        signature: what is written after `Signature=`; radios differ on whether it asks the RSU to sign.
        priority: 0-7, 7 the highest.
        mode: CONT or ALT.
        encryption: whether the RSU shall encrypt.
    """

    kind: str
    payload: bytes
    psid: int
    channel: str
    signature: bool
    priority: int = 7
    mode: str = "CONT"
    encryption: bool = False


@dataclass(frozen=True, slots=True)
class HisenseEnvelope:
    """A message in the envelope of Hisense roadside units.

    Attributes:
        sender: at most eight ASCII characters.
        sent_ns: UTC ns at which the sender made it, in steps of 1 ms.
        payload: UPER bytes of the MessageFrame.
    """

    sender: str
    sent_ns: int
    payload: bytes


def immediate_forward(
    payload: bytes,
    *,
    kind: str,
    signature: bool,
    channel: str | int = 183,
    psid: int | None = None,
    priority: int = 7,
) -> ImmediateForward:
    """A datagram for one message, to be sent at once; the PSID of its kind unless another is given."""
    if psid is None and kind not in PSID_OF_KIND:
        raise CodecError("RSU 4.1", f"no PSID is known for {kind}")
    number = PSID_OF_KIND[kind] if psid is None else psid
    return ImmediateForward(kind, payload, number, str(channel), signature, priority)


def build_immediate_forward(message: ImmediateForward) -> bytes:
    """The text that the RSU takes: this order of lines, each ended by a line feed."""
    values = (
        _TEXT_VERSION,
        message.kind,
        f"0x{message.psid:X}",
        str(message.priority),
        message.mode,
        message.channel,
        "0",
        "",
        "",
        str(message.signature),
        str(message.encryption),
        message.payload.hex().upper(),
    )
    return "".join(f"{key}={value}\n" for key, value in zip(_TEXT_KEYS, values, strict=True)).encode("ascii")


def parse_immediate_forward(datagram: bytes) -> ImmediateForward:
    """The text of an immediate forward, lines in any order and of any ending."""
    try:
        lines = datagram.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise CodecError("RSU 4.1", "it is not ASCII text", offset=error.start) from error
    fields: dict[str, str] = {}
    for line in lines:
        key, equals, value = line.strip().partition("=")
        if not equals or key in fields:
            if key:
                raise CodecError("RSU 4.1", f"line {line.strip()[:40]!r} is not one new field")
            continue
        fields[key] = value.strip()
    payload = fields.get("Payload", "")
    if not _HEXADECIMAL.fullmatch(payload):
        raise CodecError("RSU 4.1", "it has no hexadecimal payload")
    return ImmediateForward(
        kind=fields.get("Type", ""),
        payload=bytes.fromhex(payload),
        psid=_number(fields.get("PSID", ""), key="PSID"),
        channel=fields.get("TxChannel", ""),
        signature=fields.get("Signature", "").lower() == "true",
        priority=_number(fields.get("Priority", ""), key="Priority"),
        mode=fields.get("TxMode", ""),
        encryption=fields.get("Encryption", "").lower() == "true",
    )


def wrap_hisense(payload: bytes, *, sender: str, now_ns: int) -> bytes:
    """A message in a Hisense envelope made at `now_ns`."""
    name = sender.encode("ascii", "replace")
    if len(name) > 8 or len(payload) > 0xFFFF or now_ns < 0:
        raise CodecError("Hisense envelope", f"{len(payload)} bytes of {sender!r} at {now_ns} ns do not fit")
    return _ENVELOPE.pack(name, now_ns // NS_PER_MS, len(payload)) + payload


def parse_hisense(datagram: bytes) -> HisenseEnvelope:
    """A Hisense envelope that holds exactly one message."""
    if len(datagram) < _ENVELOPE.size:
        raise CodecError("Hisense envelope", "truncated", offset=len(datagram))
    name, milliseconds, length = _ENVELOPE.unpack_from(datagram)
    payload = datagram[_ENVELOPE.size :]
    if len(payload) != length:
        raise CodecError("Hisense envelope", f"it says {length} bytes and holds {len(payload)}")
    sender = name.rstrip(b"\0").decode("ascii", "replace")
    return HisenseEnvelope(sender, milliseconds * NS_PER_MS, payload)


def unwrap(payload: bytes, framing: str) -> bytes:
    """The message in what a link delivered.

    Args:
        framing: `plain`, `rsu41`, `hisense`, `ieee1609` or `geonetworking`.

    Raises:
        CodecError: it is not framed so.
        ValueError: no such framing.
    """
    if framing not in _UNWRAPPERS:
        raise ValueError(f"no framing is called {framing!r}: {', '.join(_UNWRAPPERS)}")
    if len(payload) > MAX_DATAGRAM_BYTES:
        raise CodecError(framing, f"{len(payload)} bytes are more than {MAX_DATAGRAM_BYTES}")
    message = _UNWRAPPERS[framing](payload)
    if len(message) > MAX_MESSAGE_BYTES:
        raise CodecError(framing, f"a message of {len(message)} bytes is longer than {MAX_MESSAGE_BYTES}")
    return message


def _plain(payload: bytes) -> bytes:
    return payload


def _rsu41(payload: bytes) -> bytes:
    return parse_immediate_forward(payload).payload


def _hisense(payload: bytes) -> bytes:
    return parse_hisense(payload).payload


_UNWRAPPERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": _plain,
    "rsu41": _rsu41,
    "hisense": _hisense,
    "ieee1609": message_of,
    "geonetworking": unwrap_geonetworking,
}
FRAMINGS = tuple(_UNWRAPPERS)
"""Every framing that a link may have, the barest first."""


def _number(text: str, *, key: str) -> int:
    try:
        return int(text, 0)
    except ValueError as error:
        raise CodecError("RSU 4.1", f"{key} {text[:20]!r} is not a number") from error
