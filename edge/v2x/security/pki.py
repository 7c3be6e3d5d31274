"""A public key infrastructure for tests and closed networks: a root, an authorisation authority and tickets, in files.

Certificates are IEEE 1609.2 octets (`.oer`), keys PKCS 8 text without a password (`.pem`), readable for their owner
alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.core.errors import CodecError, ConfigError
from edge.core.stamp import NS_PER_S
from edge.v2x.security.certificate import (
    Certificate,
    IssuePermission,
    Permission,
    PermissionRange,
    ToBeSigned,
)
from edge.v2x.security.certificate_codec import (
    MAX_CERTIFICATE_OCTETS,
    decode_certificate,
    join_certificate,
    write_body,
)
from edge.v2x.security.ecdsa import SigningKey
from edge.v2x.security.its_time import time32_of
from edge.v2x.security.message import signing_hash
from edge.v2x.security.region import Region
from edge.v2x.security.signer import Credential

CLOCK_MARGIN_NS = 60 * NS_PER_S
"""New certificates are valid from a minute ago: clocks differ."""
ROOT, AUTHORITY = "root", "authority"
_MAX_KEY_OCTETS = 10_000


@dataclass(frozen=True, slots=True)
class TestPki:
    """What `create_pki` made.

    Attributes:
        root, authority: whose certificates are trust anchors; the root's is enough where messages bring the
            authority's.
        tickets: credentials of signers.
    """

    __test__ = False

    root: Credential
    authority: Credential
    tickets: tuple[Credential, ...]

    @property
    def anchors(self) -> tuple[Certificate, Certificate]:
        """Certificates to trust."""
        return self.root.certificate, self.authority.certificate


def create_pki(
    permissions: Sequence[Permission], *, now_ns: int, tickets: int = 1, hours: int = 168
) -> TestPki:
    """A root for ten years, an authority for five, and tickets for `hours`, all of them for these applications.

    Raises:
        CodecError: a permission or a duration cannot be written.
    """
    root = create_root(permissions, now_ns=now_ns)
    authority = create_authority(root, permissions, now_ns=now_ns)
    issued = [
        issue_ticket(authority, permissions, now_ns=now_ns, duration=("hours", hours)) for _ in range(tickets)
    ]
    return TestPki(root, authority, tuple(issued))


def create_root(
    permissions: Sequence[Permission],
    *,
    now_ns: int,
    name: str = "test root",
    duration: tuple[str, int] = ("years", 10),
) -> Credential:
    """A root that may grant the applications, directly or through authorities."""
    key = SigningKey()
    body = ToBeSigned(
        public_key=key.point(),
        start_s=time32_of(now_ns - CLOCK_MARGIN_NS),
        duration=duration,
        issue_permissions=(_grant(permissions, chain_range=-1),),
        name=name,
    )
    return Credential(sign_certificate(body, issuer=None, key=key), key)


def create_authority(
    issuer: Credential,
    permissions: Sequence[Permission],
    *,
    now_ns: int,
    name: str = "test authorisation authority",
    duration: tuple[str, int] = ("years", 5),
) -> Credential:
    """An authority that may grant the applications to signers."""
    key = SigningKey()
    body = ToBeSigned(
        public_key=key.point(),
        start_s=time32_of(now_ns - CLOCK_MARGIN_NS),
        duration=duration,
        issue_permissions=(_grant(permissions, chain_range=0),),
        name=name,
    )
    return Credential(sign_certificate(body, issuer=issuer.certificate, key=issuer.key), key)


def issue_ticket(
    issuer: Credential,
    permissions: Sequence[Permission],
    *,
    now_ns: int,
    duration: tuple[str, int] = ("hours", 168),
    region: Region | None = None,
    name: str | None = None,
) -> Credential:
    """A signer's certificate; without a name, as tickets of vehicles are."""
    key = SigningKey()
    body = ToBeSigned(
        public_key=key.point(),
        start_s=time32_of(now_ns - CLOCK_MARGIN_NS),
        duration=duration,
        app_permissions=tuple(permissions),
        region=region,
        name=name,
    )
    return Credential(sign_certificate(body, issuer=issuer.certificate, key=issuer.key), key)


def sign_certificate(body: ToBeSigned, *, issuer: Certificate | None, key: SigningKey) -> Certificate:
    """A certificate with that body, signed by the holder of `key`; issuer None: it signs itself."""
    octets = write_body(body)
    digest = signing_hash(octets, signer_sha256=issuer.sha256 if issuer else None)
    return join_certificate(issuer.digest if issuer else None, octets, key.sign(digest))


def write_pki(pki: TestPki, directory: Path) -> None:
    """Write `root`, `authority`, `ticket-0` and so on, each as `.oer` and `.pem`. Raises `OSError`."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_credential(pki.root, directory, ROOT)
    write_credential(pki.authority, directory, AUTHORITY)
    for number, ticket in enumerate(pki.tickets):
        write_credential(ticket, directory, f"ticket-{number}")


def write_credential(credential: Credential, directory: Path, name: str) -> None:
    """Write `name.oer` and `name.pem`; a key that is there already is never overwritten.

    Raises:
        OSError: it cannot be written, or the key exists.
    """
    descriptor = os.open(directory / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(credential.key.pem())
    (directory / f"{name}.oer").write_bytes(credential.certificate.encoded)


def load_certificate(path: Path) -> Certificate:
    """The certificate in a file. Raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            return decode_certificate(file.read(MAX_CERTIFICATE_OCTETS + 1))
    except OSError as error:
        raise ConfigError("certificate", f"cannot read {path}: {error.strerror}") from error
    except CodecError as error:
        remedy = "give the IEEE 1609.2 certificate as octets, without text around it"
        raise ConfigError("certificate", f"{path} is no certificate: {error}", remedy=remedy) from error


def load_credential(certificate: Path, key: Path) -> Credential:
    """A certificate and its key from files.

    Raises:
        ConfigError: a file cannot be read, is none, or the key can be read by others than its owner.
    """
    loaded = load_certificate(certificate)
    try:
        with key.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise ConfigError("key", f"{key} can be read by others", remedy=f"chmod 600 {key}")
            pem = file.read(_MAX_KEY_OCTETS)
        return Credential(loaded, SigningKey(pem))
    except OSError as error:
        raise ConfigError("key", f"cannot read {key}: {error.strerror}") from error
    except CodecError as error:
        raise ConfigError("key", f"{key}: {error}") from error


def _grant(permissions: Sequence[Permission], *, chain_range: int) -> IssuePermission:
    """The right to grant these applications with any service-specific permissions."""
    ranges = tuple(PermissionRange(psid, all=True) for psid in sorted({p.psid for p in permissions}))
    return IssuePermission(ranges, chain_range=chain_range)
