"""A folder of certificates as `edge certs issue` makes it: what one server or client needs, under fixed names."""

from __future__ import annotations

from pathlib import Path

from edge.access.tls_files import TlsFiles

AUTHORITY = "ca.pem"
CERTIFICATE = "certificate.pem"
KEY = "key.pem"
REVOKED = "revoked.pem"


def files_of(folder: Path) -> TlsFiles:
    """The files of a folder; the revocation list only where there is one."""
    revoked = folder / REVOKED
    return TlsFiles(
        folder / CERTIFICATE, folder / KEY, folder / AUTHORITY, revoked if revoked.exists() else None
    )
