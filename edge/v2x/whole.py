"""Whole messages of any set: which message a payload is, its value, and back; and finding that out by trial.

The dialects read the messages that the node needs into core values. Here every message of the schema is read as it is,
for people and tools (`edge v2x`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec, messages
from edge.v2x.frame import (
    CSAE_CLPMM,
    CSAE_PAM,
    CSAE_PSM,
    CSAE_RSC,
    CSAE_RTCM,
    CSAE_SSM,
    CSAE_VIR,
    J2735_BSM,
    J2735_MAP,
    J2735_PSM,
    J2735_RTCM,
    J2735_SDSM,
    J2735_SPAT,
    J2735_SRM,
    J2735_SSM,
    J2735_TIM,
    split_csae_day2,
    split_j2735,
    wrap_csae_day2,
    wrap_j2735,
)
from edge.v2x.framing import FRAMINGS, unwrap

SETS = ("j2735", "etsi", "csae-a", "csae-b")
_J2735 = {
    J2735_MAP: "MapData",
    J2735_SPAT: "SPAT",
    J2735_BSM: "BasicSafetyMessage",
    J2735_RTCM: "RTCMcorrections",
    J2735_SRM: "SignalRequestMessage",
    J2735_SSM: "SignalStatusMessage",
    J2735_TIM: "TravelerInformation",
    J2735_PSM: "PersonalSafetyMessage",
    J2735_SDSM: "SensorDataSharingMessage",
}
_CSAE_DAY1 = ("BasicSafetyMessage", "MapData", "RoadsideSafetyMessage", "SPAT", "RoadSideInformation")
_CSAE_DAY2 = {
    CSAE_RTCM: "RTCMcorrections",
    CSAE_RSC: "RoadsideCoordination",
    CSAE_SSM: "SensorSharingMsg",
    CSAE_VIR: "VehIntentionAndRequest",
    CSAE_PAM: "PAMData",
    CSAE_PSM: "PersonalSafetyMessage",
    CSAE_CLPMM: "CLPMM",
}
_ETSI = {
    1: "DENM",
    2: "CAM",
    4: "SPATEM",
    5: "MAPEM",
    9: "SREM",
    10: "SSEM",
    14: "CollectivePerceptionMessage",
    16: "VAM",
}
"""messageID of the ItsPduHeader, ETSI TS 102 894-2."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A message that was recognised.

    Attributes:
        framing: what was around it (`edge.v2x.framing`).
        message: key, e.g. `j2735/SPAT`.
        payload: octets of the whole message.
        value: as `message_codec` decodes it.
    """

    framing: str
    message: str
    payload: bytes
    value: Any


def decode_message(payload: bytes, *, message_set: str) -> tuple[str, Any]:
    """Key and value of a whole message of one set. Raises `CodecError`."""
    name, body = _split(payload, message_set)
    key = f"{message_set}/{name}"
    if key not in messages():
        raise CodecError(message_set, f"{name} is not in the schema")
    return key, message_codec(key).decode(body)


def encode_message(message: str, value: Any) -> bytes:
    """The octets of a whole message, with its MessageFrame. Raises `CodecError`."""
    body = message_codec(message).encode(value)
    message_set, _, name = message.partition("/")
    if message_set == "j2735":
        return wrap_j2735(_number_of(_J2735, name), body)
    if message_set.startswith("csae") and name not in _CSAE_DAY1:
        return wrap_csae_day2(_number_of(_CSAE_DAY2, name), body)
    return body


def recognise(datagram: bytes) -> Whole:
    """Find framing, set and message of some octets by trial.

    A reading counts when it decodes to the last octet; one that encodes to the same octets again is better than one
    that does not. Where both variants of T/CSAE read it, variant a is named.

    Raises:
        CodecError: nothing reads it; the reason of the likeliest reading.
    """
    doubtful: list[Whole] = []
    reasons: list[CodecError] = []
    for framing in FRAMINGS:
        try:
            payload = unwrap(datagram, framing)
        except CodecError as error:
            reasons.append(error)
            continue
        for message_set in SETS:
            try:
                key, value = decode_message(payload, message_set=message_set)
                found = Whole(framing, key, payload, value)
                if encode_message(key, value) == payload:
                    return found
                doubtful.append(found)
            except CodecError as error:
                reasons.append(error)
    if doubtful:
        return doubtful[0]
    likely = max(reasons, key=lambda error: error.offset or 0)
    raise CodecError(
        "V2X", f"no set and no framing reads these {len(datagram)} bytes; the nearest says: {likely}"
    )


def _split(payload: bytes, message_set: str) -> tuple[str, bytes]:
    """Name of the message, and what its codec decodes."""
    if message_set == "j2735":
        number, body, used = split_j2735(payload)
        if used != len(payload):
            raise CodecError("MessageFrame", f"{len(payload) - used} bytes follow the message", offset=used)
        return _name_of(_J2735, number, "DSRCmsgID"), body
    if len(payload) < 2:
        raise CodecError(message_set, "truncated", offset=len(payload))
    if message_set == "etsi":
        if payload[0] not in (1, 2, 3):
            raise CodecError("ItsPduHeader", f"protocol version {payload[0]}", offset=0)
        return _name_of(_ETSI, payload[1], "messageID"), payload
    if payload[0] & 0x80:
        number, body = split_csae_day2(payload)
        return _name_of(_CSAE_DAY2, number, "ExtMsgID"), body
    if payload[0] >> 4 >= len(_CSAE_DAY1):
        raise CodecError("MessageFrame", f"choice {payload[0] >> 4} is no T/CSAE message", offset=0)
    return _CSAE_DAY1[payload[0] >> 4], payload


def _name_of(names: dict[int, str], number: int, what: str) -> str:
    if number not in names:
        raise CodecError(what, f"{number} is not known", offset=0)
    return names[number]


def _number_of(names: dict[int, str], name: str) -> int:
    return next(number for number, known in names.items() if known == name)
