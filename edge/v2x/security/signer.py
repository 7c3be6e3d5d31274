"""Signs messages after IEEE 1609.2 for radios that do not.

What goes into the header and when the certificate goes along: ETSI TS 103 097 V2.1.1 clause 7.1 for `etsi`; for
`ieee1609` PSID and generation time alone, as SAE J2945/1 has it for the BSM. In both, a message that is repeated many
times a second (BSM, CAM and their like) brings its certificate once a second and its digest in between; every other
message brings its certificate.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_S
from edge.ports import Verification
from edge.v2x.security.applications import Profile, application_of_kind
from edge.v2x.security.certificate import Certificate
from edge.v2x.security.ecdsa import SigningKey
from edge.v2x.security.its_time import time64_of
from edge.v2x.security.message import (
    MAX_REQUESTS,
    GenerationPlace,
    Header,
    encode_signed,
    signing_hash,
    to_be_signed,
)

CERTIFICATE_PERIOD_NS = NS_PER_S
FREQUENT = frozenset({"BSM", "CAM", "PSM", "VAM", "CPM", "SDSM"})
"""Kinds whose certificate goes along once a second only."""
_REQUESTING = frozenset({"CAM", "VAM", "CPM"})
"""Kinds of `etsi` that may ask others for certificates (TS 103 097 clause 7.1.1)."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and its private key."""

    certificate: Certificate
    key: SigningKey


class Ieee1609Signer:
    """`Signer` with one certificate.

    Args:
        credential: application certificate or authorisation ticket.
        profile: `ieee1609` or `etsi`.
        place: where the radio stands; with `etsi` it goes into messages other than the frequent ones.

    Raises:
        CodecError: the key is not that of the certificate.
    """

    def __init__(
        self, credential: Credential, *, profile: Profile, place: GenerationPlace | None = None
    ) -> None:
        if credential.key.point() != credential.certificate.body.public_key:
            raise CodecError("signer", "the private key is not that of the certificate")
        self._certificate, self._key = credential.certificate, credential.key
        self._profile: Profile = profile
        self._place = place
        self._shown_ns: dict[str, int] = {}
        self._wanted: deque[bytes] = deque(maxlen=MAX_REQUESTS)

    @property
    def certificate(self) -> Certificate:
        """The certificate that it signs with."""
        return self._certificate

    def sign(self, payload: bytes, *, kind: str, now_ns: int) -> bytes:
        """Ieee1609Dot2Data with the payload in it.

        Raises:
            CodecError: the certificate is not valid now, or not for that kind of message.
        """
        psid, generation_time = application_of_kind(kind, profile=self._profile), time64_of(now_ns)
        self._check(psid, kind=kind, generation_time=generation_time)
        frequent = kind in FREQUENT
        header = Header(
            psid=psid,
            generation_time=generation_time,
            place=None if frequent or self._profile != "etsi" else self._place,
            inline_requests=self._take_requests(kind),
        )
        signed_octets = to_be_signed(payload, header)
        digest = signing_hash(signed_octets, signer_sha256=self._certificate.sha256)
        shown = not frequent or self._is_due(kind, now_ns)
        signer = (self._certificate,) if shown else self._certificate.digest
        return encode_signed(signed_octets, signer=signer, signature=self._key.sign(digest))

    def heard(self, verification: Verification) -> None:
        """Take note of what a neighbour sent: whose certificate it lacks, and whose certificate we lack.

        The next message of each frequent kind then brings our certificate (TS 103 097 clause 7.1.1).
        """
        unknown = verification.refusal == "unknown_signer" and verification.signer is not None
        if unknown and verification.signer is not None and verification.signer[-3:] not in self._wanted:
            self._wanted.append(verification.signer[-3:])
        if unknown or self._certificate.digest[-3:] in verification.requests:
            self._shown_ns.clear()

    def _check(self, psid: int, *, kind: str, generation_time: int) -> None:
        body, now_s = self._certificate.body, generation_time / 1e6
        if not body.start_s <= now_s < body.end_s:
            when = "has expired" if now_s >= body.end_s else "is not valid yet"
            raise CodecError("signer", f"the certificate {when}")
        if body.permission(psid) is None:
            raise CodecError("signer", f"the certificate is not for {kind} (application {psid})")

    def _is_due(self, kind: str, now_ns: int) -> bool:
        """Whether the certificate goes along now; a clock that was set back makes it due."""
        shown_ns = self._shown_ns.get(kind)
        if shown_ns is not None and 0 <= now_ns - shown_ns < CERTIFICATE_PERIOD_NS:
            return False
        self._shown_ns[kind] = now_ns
        return True

    def _take_requests(self, kind: str) -> tuple[bytes, ...]:
        if self._profile != "etsi" or kind not in _REQUESTING:
            return ()
        requests = tuple(self._wanted)
        self._wanted.clear()
        return requests
