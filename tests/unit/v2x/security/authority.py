"""A public key infrastructure for the tests: made once, for keys take time."""

from __future__ import annotations

import functools

from edge.core.stamp import NS_PER_S
from edge.v2x.security.certificate import Permission
from edge.v2x.security.pki import TestPki, create_pki
from edge.v2x.security.signer import Ieee1609Signer
from edge.v2x.security.trust import TrustStore
from edge.v2x.security.verifier import Ieee1609Verifier

NOW_NS = 1_790_000_000 * NS_PER_S
BSM_PSID, SPAT_PSID, CAM_AID, DENM_AID = 0x20, 0x82, 36, 37
BSM_SSP = b"\x01\x80"
PERMISSIONS = (
    Permission(BSM_PSID, BSM_SSP),
    Permission(SPAT_PSID),
    Permission(CAM_AID, b"\x01\xff\xfc"),
    Permission(DENM_AID, b"\x01\xff\xff\xff"),
)


@functools.cache
def pki() -> TestPki:
    """A root, an authority, and two tickets for `PERMISSIONS`, valid at `NOW_NS`."""
    return create_pki(PERMISSIONS, now_ns=NOW_NS, tickets=2)


def signer(profile: str = "ieee1609", *, ticket: int = 0) -> Ieee1609Signer:
    """A new signer with one of the tickets."""
    return Ieee1609Signer(pki().tickets[ticket], profile="etsi" if profile == "etsi" else "ieee1609")


def verifier(**changes: int) -> Ieee1609Verifier:
    """A new verifier that trusts the root and the authority."""
    return Ieee1609Verifier(TrustStore(pki().anchors), **changes)
