"""X.509 certificates and revocation lists as the node needs them: read, checked against each other, compared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.access.roles import Peer, read_identities
from edge.access.tls_files import TlsFiles
from edge.core.errors import ConfigError

LARGEST_BYTES = 16 * 1024 * 1024
"""Of a file; a revocation list of 100,000 entries has 4 MB."""
_NS = 1_000_000_000
ODD = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises, sometimes only when a field is looked at, for what it cannot read."""
IS_PEM = "it must hold -----BEGIN CERTIFICATE----- (PEM)"


@dataclass(frozen=True, slots=True)
class Trust:
    """Which peers are believed.

    Attributes:
        authorities: certificates that issue peers.
        revoked: issuer (DER name) and serial number of what was revoked.
        stale_after_ns: when the first revocation list should have been replaced, UTC ns; None: there is none.
    """

    authorities: tuple[x509.Certificate, ...]
    revoked: frozenset[tuple[bytes, int]] = frozenset()
    stale_after_ns: int | None = None

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether one of the authorities issued a certificate."""
        return any(_issued(certificate, by=authority) for authority in self.authorities)


@dataclass(frozen=True, slots=True)
class Material:
    """The contents of `TlsFiles`, checked.

    Attributes:
        certificate_pem, key_pem, authority_pem: as gRPC wants them.
        certificate: own certificate.
        trust: see `Trust`.
    """

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)
    authority_pem: bytes
    certificate: x509.Certificate
    trust: Trust


def load_material(files: TlsFiles) -> Material:
    """Read the files and check that they belong together.

    Raises:
        ConfigError: its key is the name of the file's setting; the words say what is wrong with it.
    """
    certificate_pem, key_pem = _read(files.certificate, "certificate"), _read(files.key, "key")
    authority_pem = _read(files.authority, "authority")
    own = _certificates(certificate_pem, files.certificate, "certificate")[0]
    with _reading("certificate", files.certificate, "certificate that can be used", IS_PEM):
        peer_of(own, host="")
    authorities = _certificates(authority_pem, files.authority, "authority")
    _check_key(own, key_pem, files)
    trust = Trust(tuple(authorities))
    if files.revoked is not None:
        trust = _with_revoked(trust, _read(files.revoked, "revoked"), files.revoked)
    return Material(certificate_pem, key_pem, authority_pem, own, trust)


def read_peer(pem: bytes, *, host: str) -> tuple[Peer, x509.Certificate]:
    """Who a certificate says its holder is. Raises `ValueError` for what is no certificate."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        return peer_of(certificate, host=host), certificate
    except ODD as error:
        raise ValueError(str(error)) from error


def peer_of(certificate: x509.Certificate, *, host: str) -> Peer:
    """The holder of a certificate. Raises what `ODD` lists."""
    identities = read_identities(_uris(certificate))
    return Peer(
        host,
        roles=frozenset(identity.role for identity in identities),
        identities=identities,
        fingerprint=fingerprint(certificate),
        issuer=certificate.issuer.public_bytes(),
        serial=certificate.serial_number,
        begins_ns=to_ns(certificate.not_valid_before_utc),
        expires_ns=to_ns(certificate.not_valid_after_utc),
    )


def host_names(certificate: x509.Certificate) -> list[str]:
    """DNS names and addresses that a server's certificate is for, names first."""
    names = _names(certificate)
    if names is None:
        return []
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def to_ns(moment: datetime) -> int:
    """UTC nanoseconds of whole seconds."""
    return int(moment.timestamp()) * _NS


def to_text(moment_ns: int) -> str:
    """A moment for people, to the minute."""
    return datetime.fromtimestamp(moment_ns // _NS, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _uris(certificate: x509.Certificate) -> list[str]:
    names = _names(certificate)
    return [] if names is None else names.get_values_for_type(x509.UniformResourceIdentifier)


def _names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _issued(certificate: x509.Certificate, *, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, *ODD):
        return False
    return True


@contextlib.contextmanager
def _reading(key: str, path: Path, what: str, remedy: str) -> Iterator[None]:
    """What cannot be read is a wrong setting."""
    try:
        yield
    except ODD as error:
        raise ConfigError(key, f"{path} holds no {what}", remedy=remedy) from error


def _read(path: Path, key: str) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError(key, f"{path} is larger than {LARGEST_BYTES // 2**20} MiB")
        return path.read_bytes()
    except OSError as error:
        remedy = "is the path right, and may the node's user read it?"
        raise ConfigError(key, f"cannot read {path}: {error.strerror}", remedy=remedy) from error


def _certificates(pem: bytes, path: Path, key: str) -> list[x509.Certificate]:
    with _reading(key, path, "certificate", IS_PEM):
        found = x509.load_pem_x509_certificates(pem)
        for certificate in found:
            certificate.public_key()
        return found


def _check_key(own: x509.Certificate, key_pem: bytes, files: TlsFiles) -> None:
    with _reading("key", files.key, "private key", "it must be PEM and without a passphrase"):
        key = serialization.load_pem_private_key(key_pem, None)
    shape = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*shape) != own.public_key().public_bytes(*shape):
        remedy = "both must be of the same order"
        raise ConfigError("key", f"{files.key} is not the key of {files.certificate}", remedy=remedy)


def _with_revoked(trust: Trust, content: bytes, path: Path) -> Trust:
    """The trust less what the lists revoke; every list must be signed by one of the authorities."""
    revoked: set[tuple[bytes, int]] = set()
    ends_ns = []
    with _reading("revoked", path, "revocation list", "it must be an X.509 CRL, PEM or DER"):
        for revocations in _lists(content):
            issuer = revocations.issuer.public_bytes()
            if not any(_signed(revocations, by=a) for a in trust.authorities):
                problem = f"{path}: the list of {revocations.issuer.rfc4514_string()} is signed by no known authority"
                remedy = "its issuer's certificate belongs into authority"
                raise ConfigError("revoked", problem, remedy=remedy)
            revoked.update((issuer, entry.serial_number) for entry in revocations)
            if revocations.next_update_utc is not None:
                ends_ns.append(to_ns(revocations.next_update_utc))
    return Trust(trust.authorities, frozenset(revoked), min(ends_ns, default=None))


def _lists(content: bytes) -> list[x509.CertificateRevocationList]:
    """Raises what `ODD` lists."""
    marker = b"-----BEGIN X509 CRL-----"
    if marker not in content:
        return [x509.load_der_x509_crl(content)]
    return [x509.load_pem_x509_crl(marker + part) for part in content.split(marker)[1:]]


def _signed(revocations: x509.CertificateRevocationList, *, by: x509.Certificate) -> bool:
    if revocations.issuer != by.subject:
        return False
    try:
        return revocations.is_signature_valid(by.public_key())  # type: ignore[arg-type] # TypeError for other keys
    except ODD:
        return False
