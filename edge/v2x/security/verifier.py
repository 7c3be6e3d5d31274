"""Checks messages signed after IEEE 1609.2: who signed, whether he may, when, and whether it was heard before.

IEEE Std 1609.2-2022 clause 5.2 names the checks. A refusal is a value with a reason; only octets that are no such
message raise.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from enum import Enum

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.ports import Verification
from edge.v2x.security.its_time import time64_of, utc_ns_of
from edge.v2x.security.message import Header, Signed, Unsecured, decode_message, signing_hash
from edge.v2x.security.region import Place
from edge.v2x.security.trust import KnownSigner, TrustStore, UntrustedError

MAX_AGE_NS = 5 * NS_PER_S
MAX_AHEAD_NS = 500 * NS_PER_MS
"""How far a sender's clock may be ahead; both sides are synchronised to well under 100 ms."""
REPLAY_CAPACITY = 16_384
"""Messages remembered: those of `MAX_AGE_NS` at 3000 a second."""


class Refusal(Enum):
    """Why a message is not verified."""

    UNSIGNED = "unsigned"
    UNKNOWN_SIGNER = "unknown_signer"
    UNKNOWN_ISSUER = "unknown_issuer"
    BAD_CERTIFICATE = "bad_certificate"
    NOT_PERMITTED = "not_permitted"
    NO_TIME = "no_time"
    TOO_OLD = "too_old"
    TOO_EARLY = "too_early"
    EXPIRED = "expired"
    CERTIFICATE_NOT_VALID = "certificate_not_valid"
    WRONG_PLACE = "wrong_place"
    BAD_SIGNATURE = "bad_signature"
    REPLAYED = "replayed"


class Ieee1609Verifier:
    """`Verifier` with a store of trust.

    Counters: verified, malformed, one for each `Refusal`, and replays_forgotten (more messages than it can remember).

    Args:
        trust: anchors and cache of certificates.
        name: who verified, for those who read the result.
        max_age_ns, max_ahead_ns: how far the generation time may lie in the past and in the future.
        place: where we are; it stands in for a message's place where that is not said and its signer is confined to a
            region. None: such messages pass.
    """

    def __init__(
        self,
        trust: TrustStore,
        *,
        name: str = "node",
        max_age_ns: int = MAX_AGE_NS,
        max_ahead_ns: int = MAX_AHEAD_NS,
        place: Place | None = None,
        replay_capacity: int = REPLAY_CAPACITY,
    ) -> None:
        self._trust, self._name, self._place = trust, name, place
        self._max_age_ns, self._max_ahead_ns = max_age_ns, max_ahead_ns
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters
        self._heard = _Heard(replay_capacity, self._counters)

    def verify(self, octets: bytes, *, now_ns: int) -> Verification:
        """Check one Ieee1609Dot2Data.

        Raises:
            CodecError: it is not one, or one that is not read here.
        """
        try:
            message = decode_message(octets)
        except CodecError:
            self._counters["malformed"] += 1
            raise
        if isinstance(message, Unsecured):
            self._counters[Refusal.UNSIGNED.value] += 1
            return Verification(message.payload, Refusal.UNSIGNED.value)
        signer, refusal = self._signer(message)
        if signer is not None:
            refusal = self._refusal(message, signer, now_ns)
        self._counters["verified" if refusal is None else refusal.value] += 1
        return self._result(message, signer, refusal)

    def _result(self, message: Signed, signer: KnownSigner | None, refusal: Refusal | None) -> Verification:
        header = message.header
        permission = signer.certificate.body.permission(header.psid) if signer else None
        digest = message.signer or message.certificates[0].digest
        generated_ns = None if header.generation_time is None else utc_ns_of(header.generation_time)
        return Verification(
            payload=message.payload,
            refusal=None if refusal is None else refusal.value,
            verified_by=self._name if refusal is None else None,
            psid=header.psid,
            ssp=permission.ssp if permission is not None and refusal is None else None,
            signer=digest,
            generated_ns=generated_ns,
            requests=header.inline_requests,
        )

    def _signer(self, message: Signed) -> tuple[KnownSigner | None, Refusal | None]:
        """The signer, if he is known or his certificates lead to an anchor."""
        if message.signer is not None:
            known = self._trust.known(message.signer)
            return known, None if known else Refusal.UNKNOWN_SIGNER
        try:
            return self._trust.admit(message.certificates), None
        except UntrustedError as error:
            return None, Refusal(error.reason)
        except CodecError:
            return None, Refusal.BAD_CERTIFICATE

    def _refusal(self, message: Signed, signer: KnownSigner, now_ns: int) -> Refusal | None:
        """The first check that fails, cheap ones first; None: all are passed."""
        if signer.certificate.body.permission(message.header.psid) is None:
            return Refusal.NOT_PERMITTED
        refusal = self._wrong_time(message.header, signer, now_ns)
        if refusal is not None:
            return refusal
        if self._is_elsewhere(message.header, signer):
            return Refusal.WRONG_PLACE
        digest = signing_hash(message.signed_octets, signer_sha256=signer.certificate.sha256)
        if not signer.key.accepts(message.signature, digest):
            return Refusal.BAD_SIGNATURE
        forget_ns = now_ns + self._max_age_ns + self._max_ahead_ns
        if not self._heard.is_new(digest, now_ns=now_ns, forget_ns=forget_ns):
            return Refusal.REPLAYED
        return None

    def _wrong_time(self, header: Header, signer: KnownSigner, now_ns: int) -> Refusal | None:
        if header.generation_time is None:
            return Refusal.NO_TIME
        generated_ns = utc_ns_of(header.generation_time)
        if generated_ns < now_ns - self._max_age_ns:
            return Refusal.TOO_OLD
        if generated_ns > now_ns + self._max_ahead_ns:
            return Refusal.TOO_EARLY
        if header.expiry_time is not None and header.expiry_time <= time64_of(now_ns):
            return Refusal.EXPIRED
        if not signer.start_s <= header.generation_time / 1e6 < signer.end_s:
            return Refusal.CERTIFICATE_NOT_VALID
        return None

    def _is_elsewhere(self, header: Header, signer: KnownSigner) -> bool:
        if not signer.regions:
            return False
        given = header.place
        said = given is not None and given.latitude <= 900_000_000 and given.longitude <= 1_800_000_000
        place = Place(given.latitude, given.longitude) if said and given is not None else self._place
        return place is not None and any(region.contains(place) is False for region in signer.regions)


class _Heard:
    """Messages verified a moment ago, by the hash that was signed; beyond the capacity the oldest is forgotten."""

    def __init__(self, capacity: int, counters: Counter[str]) -> None:
        self._capacity, self._counters = capacity, counters
        self._until: OrderedDict[bytes, int] = OrderedDict()

    def is_new(self, digest: bytes, *, now_ns: int, forget_ns: int) -> bool:
        """Note a message; False where it is noted already. It stays until `forget_ns`, when its time refuses it."""
        while self._until and next(iter(self._until.values())) <= now_ns:
            self._until.popitem(last=False)
        if digest in self._until:
            return False
        self._until[digest] = forget_ns
        if len(self._until) > self._capacity:
            self._until.popitem(last=False)
            self._counters["replays_forgotten"] += 1
        return True
