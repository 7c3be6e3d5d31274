"""Which application each kind of message belongs to: PSIDs of IEEE 1609.12 and ITS-AIDs of ETSI TS 102 965.

A PSID is a number here. Radios and their texts write the octets of its p-encoding (IEEE Std 1609.12 clause 4.2), which
`psid_of_p_encoding` reads: 0x8002 is PSID 0x82.
"""

from __future__ import annotations

from typing import Literal

from edge.core.errors import CodecError
from edge.v2x.frame import (
    J2735_BSM,
    J2735_MAP,
    J2735_PSM,
    J2735_SDSM,
    J2735_SPAT,
    J2735_SRM,
    J2735_SSM,
    J2735_TIM,
)
from edge.v2x.framing import PSID_OF_KIND

Profile = Literal["ieee1609", "etsi"]
"""Which header fields and applications: SAE messages over IEEE 1609.2, or ETSI messages after TS 103 097."""

ETSI_AID = {
    "CAM": 36,
    "DENM": 37,
    "SPATEM": 137,
    "MAPEM": 138,
    "IVIM": 139,
    "SREM": 140,
    "SSEM": 637,
    "VAM": 638,
    "CPM": 639,
}
"""ITS-AID by message, ETSI TS 102 965 table of registered values."""

_ETSI_KIND = {"SPAT": "SPATEM", "MAP": "MAPEM", "SRM": "SREM", "SSM": "SSEM"}
_ETSI_MESSAGE_IDS = {
    1: "DENM",
    2: "CAM",
    4: "SPATEM",
    5: "MAPEM",
    6: "IVIM",
    9: "SREM",
    10: "SSEM",
    14: "CPM",
    16: "VAM",
}
"""messageID of the ITS PDU header, ETSI TS 102 894-2."""
_J2735_KINDS = {
    J2735_BSM: "BSM",
    J2735_MAP: "MAP",
    J2735_PSM: "PSM",
    J2735_SDSM: "SDSM",
    J2735_SPAT: "SPAT",
    J2735_SRM: "SRM",
    J2735_SSM: "SSM",
    J2735_TIM: "TIM",
}
_P_ENCODINGS = (
    (0x00, 0x7F, 0x00),
    (0x8000, 0xBFFF, 0x80),
    (0xC00000, 0xDFFFFF, 0x4080),
    (0xE0000000, 0xEFFFFFFF, 0x204080),
)
"""First and last octets of each length, and the PSID that the first stands for."""


def psid_of_p_encoding(encoded: int) -> int:
    """The PSID whose p-encoding is that number. Raises `ValueError` where none is."""
    for first, last, psid in _P_ENCODINGS:
        if first <= encoded <= last:
            return encoded - first + psid
    raise ValueError(f"0x{encoded:X} is no p-encoded PSID")


PSID = {kind: psid_of_p_encoding(encoded) for kind, encoded in PSID_OF_KIND.items()}
"""PSID by kind of SAE message."""


def application_of_kind(kind: str, *, profile: Profile) -> int:
    """PSID or ITS-AID of a kind of message (SPAT, MAP, BSM, CAM ...). Raises `CodecError` where none is known."""
    found = PSID.get(kind) if profile == "ieee1609" else ETSI_AID.get(_ETSI_KIND.get(kind, kind))
    if found is None:
        raise CodecError("signer", f"no application of {profile} is known for {kind}")
    return found


def application_of_message(message: bytes, *, profile: Profile) -> int | None:
    """PSID or ITS-AID that a message must be signed for, by the id in its first octets; None: unknown."""
    if len(message) < 2:
        return None
    if profile == "etsi":
        return ETSI_AID.get(_ETSI_MESSAGE_IDS.get(message[1], ""))
    return PSID.get(_J2735_KINDS.get(int.from_bytes(message[:2], "big"), ""))
