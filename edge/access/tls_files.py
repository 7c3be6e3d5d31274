"""Which files hold the certificates of a server or a client."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of what a server or client shows and trusts; PEM.

    Attributes:
        certificate: own certificate; certificates of intermediate authorities may follow it.
        key: its private key.
        authority: certificates of all authorities that issue peers.
        revoked: revocation lists (X.509 CRL, PEM or DER) of these authorities; None: nobody is revoked.
    """

    certificate: Path
    key: Path
    authority: Path
    revoked: Path | None = None

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file."""
        files = (self.certificate, self.key, self.authority)
        return files if self.revoked is None else (*files, self.revoked)
