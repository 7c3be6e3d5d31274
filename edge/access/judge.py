"""Judges a caller by its certificate: who it is, and whether that still holds. Pure but for its clock."""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from cryptography.x509 import Certificate

from edge.access.certificates import Trust, read_peer, to_text
from edge.access.refusal import unauthenticated
from edge.access.roles import Peer

REMEMBERED = 4096
"""Certificates whose reading and signature are kept."""
CERTIFICATE = "x509_pem_cert"
"""Key of gRPC's authentication context."""


class Judge:
    """Tells who calls.

    Args:
        trust: what is trusted now.
        now_ns: UTC nanoseconds.
    """

    def __init__(self, trust: Callable[[], Trust], *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._trust, self._now_ns = trust, now_ns
        self._known: OrderedDict[bytes, tuple[Peer, Certificate]] = OrderedDict()
        self._issued: dict[str, bool] = {}
        self._authorities: tuple[Certificate, ...] = ()

    def identify(self, authentication: Mapping[str, list[bytes]], *, host: str) -> tuple[Peer, bytes]:
        """The caller, and its certificate (PEM; empty without).

        Raises:
            RefusedCallError: it has no certificate, or one that does not count.
        """
        pems = authentication.get(CERTIFICATE)
        if not pems:
            raise unauthenticated("no_certificate", "show a client certificate")
        return dataclasses.replace(self.check(pems[0]), host=host), pems[0]

    def check(self, pem: bytes) -> Peer:
        """The holder of a certificate, host unknown. Cheap for one that was seen before.

        Raises:
            RefusedCallError: it is unreadable, foreign, not valid now, revoked, or gives no role.
        """
        trust, now_ns = self._trust(), self._now_ns()
        peer, certificate = self._read(pem)
        assert peer.begins_ns is not None
        assert peer.expires_ns is not None
        if not self._is_issued(peer, certificate, trust):
            raise unauthenticated("foreign", "the certificate is not of a known authority")
        if (peer.issuer, peer.serial) in trust.revoked:
            raise unauthenticated("revoked", "the certificate is revoked")
        if now_ns > peer.expires_ns:
            raise unauthenticated("expired", f"the certificate ended on {to_text(peer.expires_ns)}")
        if now_ns < peer.begins_ns:
            raise unauthenticated("early", f"the certificate begins on {to_text(peer.begins_ns)}")
        if not peer.roles:
            raise unauthenticated("no_role", "the certificate has no URI edge://ROLE/NAME")
        return peer

    def _read(self, pem: bytes) -> tuple[Peer, Certificate]:
        known = self._known.get(pem)
        if known is not None:
            self._known.move_to_end(pem)
            return known
        try:
            known = read_peer(pem, host="")
        except ValueError as error:
            raise unauthenticated("unreadable", "the certificate cannot be read") from error
        self._known[pem] = known
        if len(self._known) > REMEMBERED:
            _pem, (forgotten, _certificate) = self._known.popitem(last=False)
            self._issued.pop(forgotten.fingerprint, None)
        return known

    def _is_issued(self, peer: Peer, certificate: Certificate, trust: Trust) -> bool:
        """Whether an authority of today issued it; signatures are checked once per set of authorities."""
        if trust.authorities != self._authorities:
            self._authorities = trust.authorities
            self._issued.clear()
        issued = self._issued.get(peer.fingerprint)
        if issued is None:
            issued = self._issued[peer.fingerprint] = trust.issued(certificate)
        return issued
