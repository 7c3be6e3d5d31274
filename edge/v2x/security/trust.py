"""Whom to believe: trust anchors, authorities below them, and the certificates that were found good already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.v2x.security.certificate import ROOT_DEPTH_LIMIT, Certificate
from edge.v2x.security.ecdsa import VerificationKey
from edge.v2x.security.message import signing_hash
from edge.v2x.security.region import Region

SIGNER_CAPACITY = 1024
AUTHORITY_CAPACITY = 64


class UntrustedError(CodecError):
    """A certificate is not to be believed.

    Args:
        reason: `unknown_issuer` or `bad_certificate`.
        problem: in words.
    """

    def __init__(self, reason: str, problem: str) -> None:
        self.reason = reason
        super().__init__("certificate", problem)


@dataclass(frozen=True, slots=True)
class KnownSigner:
    """A certificate that was found good, ready for use.

    Attributes:
        certificate: itself.
        key: its public key.
        start_s, end_s: TAI seconds since 2004 within which it and all of its issuers are valid.
        regions: where it and its issuers are valid: in all of them.
    """

    certificate: Certificate
    key: VerificationKey
    start_s: float
    end_s: float
    regions: tuple[Region, ...]


class TrustStore:
    """Checks chains of certificates, and remembers a bounded number of those found good: the least used is forgotten.

    Args:
        anchors: certificates that are trusted as they are: roots, or authorities whose root is not at hand.

    Raises:
        UntrustedError: a root did not sign itself.
    """

    def __init__(
        self,
        anchors: Iterable[Certificate],
        *,
        signer_capacity: int = SIGNER_CAPACITY,
        authority_capacity: int = AUTHORITY_CAPACITY,
    ) -> None:
        self._anchors = {anchor.digest: anchor for anchor in anchors}
        self._keys = {digest: VerificationKey(a.body.public_key) for digest, a in self._anchors.items()}
        self._authorities: OrderedDict[bytes, tuple[Certificate, VerificationKey]] = OrderedDict()
        self._signers: OrderedDict[bytes, KnownSigner] = OrderedDict()
        self._signer_capacity, self._authority_capacity = signer_capacity, authority_capacity
        for anchor in self._anchors.values():
            if anchor.issuer is None:
                _check_signature(anchor, None, self._keys[anchor.digest])

    def __len__(self) -> int:
        return len(self._signers) + len(self._authorities)

    def known(self, digest: bytes) -> KnownSigner | None:
        """A certificate that was found good before, by its HashedId8."""
        found = self._signers.get(digest)
        if found is not None:
            self._signers.move_to_end(digest)
        return found

    def admit(self, certificates: tuple[Certificate, ...]) -> KnownSigner:
        """Check a signer's certificate, the first one, up to an anchor; the others may be its issuers.

        Raises:
            UntrustedError: no chain leads to an anchor, or a link of it is broken.
            CodecError: a key is not on the curve.
        """
        certificate = certificates[0]
        found = self.known(certificate.digest)
        if found is not None and found.certificate.sha256 == certificate.sha256:
            return found
        if certificate.body.issue_permissions:
            raise UntrustedError("bad_certificate", "an authority's certificate signs no messages")
        chain = self._chain(certificates)
        self._check_links(chain)
        _check_permissions(chain)
        known = KnownSigner(
            certificate,
            VerificationKey(certificate.body.public_key),
            start_s=max(link.body.start_s for link in chain),
            end_s=min(link.body.end_s for link in chain),
            regions=tuple(link.body.region for link in chain if link.body.region is not None),
        )
        self._signers[certificate.digest] = known
        if len(self._signers) > self._signer_capacity:
            self._signers.popitem(last=False)
        return known

    def _chain(self, certificates: tuple[Certificate, ...]) -> list[Certificate]:
        """The signer's certificate, its issuer, and so on up to an anchor; nothing is checked yet."""
        brought = {certificate.digest: certificate for certificate in certificates[1:]}
        chain = [certificates[0]]
        while chain[-1].digest not in self._anchors:
            issuer = chain[-1].issuer
            if issuer is None or len(chain) >= ROOT_DEPTH_LIMIT:
                raise UntrustedError("unknown_issuer", "no chain leads to a trust anchor")
            known = self._authorities.get(issuer)
            above = self._anchors.get(issuer) or (known[0] if known else brought.get(issuer))
            if above is None:
                raise UntrustedError("unknown_issuer", f"issuer {issuer.hex()} is unknown")
            chain.append(above)
        return chain

    def _check_links(self, chain: list[Certificate]) -> None:
        """Signatures and validity from the anchor down; authorities found good are remembered."""
        anchor = chain[-1]
        issuer, key = anchor, self._keys[anchor.digest]
        for depth, certificate in reversed(list(enumerate(chain[:-1]))):
            known = self._authorities.get(certificate.digest)
            inner = VerificationKey(certificate.body.public_key) if known is None else known[1]
            if known is None:
                _check_validity(certificate, issuer)
                _check_signature(certificate, issuer, key)
            if depth > 0:
                self._remember(certificate, inner)
            issuer, key = certificate, inner

    def _remember(self, authority: Certificate, key: VerificationKey) -> None:
        self._authorities[authority.digest] = authority, key
        self._authorities.move_to_end(authority.digest)
        if len(self._authorities) > self._authority_capacity:
            self._authorities.popitem(last=False)


def _check_signature(certificate: Certificate, issuer: Certificate | None, key: VerificationKey) -> None:
    digest = signing_hash(certificate.signed_octets, signer_sha256=issuer.sha256 if issuer else None)
    if not key.accepts(certificate.signature, digest):
        raise UntrustedError("bad_certificate", "the issuer did not sign it")


def _check_validity(certificate: Certificate, issuer: Certificate) -> None:
    """A certificate is valid within its issuer's time only (clause 5.1.2.4)."""
    inner, outer = certificate.body, issuer.body
    if inner.start_s < outer.start_s or inner.end_s > outer.end_s:
        raise UntrustedError("bad_certificate", "it is valid beyond its issuer")


def _check_permissions(chain: list[Certificate]) -> None:
    """Every permission must have been every issuer's to give (clause 5.1.2.5)."""
    if not chain[0].body.app_permissions:
        raise UntrustedError("bad_certificate", "it has no permission")
    for permission in chain[0].body.app_permissions:
        for depth, issuer in enumerate(chain[1:], start=1):
            if not issuer.body.may_issue(permission, depth=depth):
                problem = f"application {permission.psid} was not its issuer's to permit"
                raise UntrustedError("bad_certificate", problem)
