"""A development PKI on the disk: one authority, certificates with roles, a revocation list. EC P-256 throughout.

    FOLDER/ca/{ca.pem, ca.key, issued.json}     the authority; ca.key stays here
    FOLDER/revoked.pem                          what is revoked
    FOLDER/NAME/{ca.pem, certificate.pem, key.pem[, revoked.pem]}   what one server or client needs

For a fleet use an authority that keeps its key in hardware; the node reads any PEM files.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.access.roles import Identity, Role
from edge.core.errors import ConfigError

AUTHORITY_DAYS = 3650
SERVER_DAYS, CLIENT_DAYS = 90, 30
LIST_DAYS = 90
"""Until the revocation list should be replaced; every command writes a new one."""
EARLY = timedelta(minutes=5)
"""Certificates begin a little before now: clocks differ."""
SERVERS = frozenset({Role.RSU, Role.CENTRE})
"""Roles that serve, and need the names of their hosts."""
PRIVATE, PUBLIC = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate of the authority.

    Attributes:
        name: common name, and folder.
        serial: serial number, hexadecimal.
        roles: `Role` values.
        hosts: DNS names and addresses of a server.
        days: lifetime.
        expires_ns: end, UTC ns.
        revoked_ns: when it was revoked, UTC ns; None: it was not.
    """

    name: str
    serial: str
    roles: tuple[str, ...]
    hosts: tuple[str, ...]
    server: bool
    days: int
    expires_ns: int
    revoked_ns: int | None = None


class Pki:
    """The authority in a folder.

    Args:
        folder: as `create` made it.

    Raises:
        ConfigError: it holds no authority.
    """

    def __init__(self, folder: Path, *, now: datetime | None = None) -> None:
        self._folder, self._now = folder, now or datetime.now(UTC)
        try:
            self._certificate = x509.load_pem_x509_certificate((folder / "ca" / "ca.pem").read_bytes())
            key = serialization.load_pem_private_key((folder / "ca" / "ca.key").read_bytes(), None)
            content = json.loads((folder / "ca" / "issued.json").read_text(encoding="utf-8"))
            entries = ({**e, "roles": tuple(e["roles"]), "hosts": tuple(e["hosts"])} for e in content)
            self.issued = [Issued(**entry) for entry in entries]
        except (OSError, ValueError, TypeError, KeyError) as error:
            remedy = f"make one with: edge certs init {folder}"
            raise ConfigError("", f"{folder} holds no authority: {error}", remedy=remedy) from error
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    @classmethod
    def create(cls, folder: Path, *, now: datetime | None = None) -> Pki:
        """Make an authority.

        Raises:
            ConfigError: there is one already, or the folder cannot be written.
        """
        now = now or datetime.now(UTC)
        if (folder / "ca").exists():
            raise ConfigError("", f"{folder / 'ca'} is there already", remedy="name another folder")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Roadside edge {token_hex(4)}")])
        certificate = (
            _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        try:
            (folder / "ca").mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise ConfigError("", f"cannot make {folder / 'ca'}: {error.strerror}") from error
        _write(folder / "ca" / "ca.key", _key_pem(key), PRIVATE)
        _write(folder / "ca" / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), PUBLIC)
        _write(folder / "ca" / "issued.json", b"[]", PRIVATE)
        made = cls(folder, now=now)
        made._save()
        return made

    def issue(
        self, name: str, *, roles: Sequence[Role], hosts: Sequence[str], server: bool, days: int | None
    ) -> Path:
        """Make a key and a certificate; returns their folder.

        Args:
            server: it also serves; so do the roles rsu and centre.
            days: lifetime; None: 90 for servers, 30 for others.

        Raises:
            ConfigError: a name or host is wrong, or the name has a certificate already.
        """
        serves = server or bool(SERVERS.intersection(roles))
        if any(entry.name == name and entry.revoked_ns is None for entry in self.issued):
            remedy = f"a new one under the same name: edge certs rotate {name}"
            raise ConfigError("", f"{name} has a certificate", remedy=remedy)
        if serves and not hosts:
            remedy = "add --host, as clients write it: a DNS name or an address"
            raise ConfigError("--host", f"{name} serves, so its certificate names its host", remedy=remedy)
        if not serves and not roles:
            raise ConfigError("--role", "a client has a role", remedy=f"one of {', '.join(Role)}")
        return self._make(name, roles, hosts, serves, days or (SERVER_DAYS if serves else CLIENT_DAYS))

    def rotate(self, name: str) -> Path:
        """Replace key and certificate by new ones with the same roles and hosts; the old one stays valid."""
        last = self._of(name)[-1]
        return self._make(name, [Role(role) for role in last.roles], last.hosts, last.server, last.days)

    def revoke(self, name: str) -> int:
        """Revoke every certificate of a name; returns how many that were."""
        found = self._of(name)
        serials = {entry.serial for entry in found}
        now_ns = int(self._now.timestamp()) * 1_000_000_000
        self.issued = [
            Issued(**(asdict(entry) | {"revoked_ns": now_ns})) if entry.serial in serials else entry
            for entry in self.issued
        ]
        self._save()
        return len(found)

    def _of(self, name: str) -> list[Issued]:
        found = [entry for entry in self.issued if entry.name == name and entry.revoked_ns is None]
        if not found:
            remedy = f"see edge certs show --pki {self._folder}"
            raise ConfigError("", f"{name} has no certificate that counts", remedy=remedy)
        return found

    def _make(self, name: str, roles: Sequence[Role], hosts: Sequence[str], server: bool, days: int) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if server else [])]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(subject, self._certificate.subject, key.public_key(), self._now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(authority, critical=False)
        )
        names = [*_hosts(hosts), *(x509.UniformResourceIdentifier(str(Identity(r, name))) for r in roles)]
        certificate = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(
            self._key, hashes.SHA256()
        )
        folder = self._folder / name
        try:
            folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError("", f"cannot make {folder}: {error.strerror}") from error
        _write(folder / "key.pem", _key_pem(key), PRIVATE)
        _write(folder / "certificate.pem", certificate.public_bytes(serialization.Encoding.PEM), PUBLIC)
        _write(folder / "ca.pem", self._certificate.public_bytes(serialization.Encoding.PEM), PUBLIC)
        if server:
            (folder / "revoked.pem").touch(mode=PUBLIC)
        ends_ns = int(certificate.not_valid_after_utc.timestamp()) * 1_000_000_000
        serial = f"{certificate.serial_number:x}"
        words = tuple(str(role) for role in roles)
        self.issued.append(Issued(name, serial, words, tuple(hosts), server, days, ends_ns))
        self._save()
        return folder

    def _save(self) -> None:
        """Write the index and the revocation list, the latter to every server's folder too."""
        index = json.dumps([asdict(entry) for entry in self.issued], indent=1)
        _write(self._folder / "ca" / "issued.json", index.encode(), PRIVATE)
        revoked = self._revocations()
        for folder in (self._folder, *(self._folder / name for name in {e.name for e in self.issued})):
            if folder == self._folder or (folder / "revoked.pem").exists():
                _write(folder / "revoked.pem", revoked, PUBLIC)

    def _revocations(self) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(self._now - EARLY)
            .next_update(self._now + timedelta(days=LIST_DAYS))
        )
        for entry in self.issued:
            if entry.revoked_ns is not None:
                at = datetime.fromtimestamp(entry.revoked_ns // 1_000_000_000, UTC)
                one = x509.RevokedCertificateBuilder().serial_number(int(entry.serial, 16))
                builder = builder.add_revoked_certificate(one.revocation_date(at).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def check_name(name: str) -> None:
    """Refuse what cannot be a name of a certificate and a folder. Raises `ConfigError`."""
    from edge.access.roles import SCHEME, read_identity  # noqa: PLC0415 - one use

    try:
        read_identity(f"{SCHEME}{Role.OBSERVER}/{name}")
    except ValueError as error:
        raise ConfigError(
            "NAME", f"{name!r} is no name", remedy="a-z, 0-9, dot, - and _, at most 64"
        ) from error
    if name == "ca" or name.endswith(".pem"):
        raise ConfigError("NAME", f"{name} is a name of the authority's own", remedy="choose another")


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _hosts(hosts: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for host in hosts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            found.append(_dns(host))
    return found


def _dns(host: str) -> x509.GeneralName:
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise ConfigError("--host", f"{host!r} is no name of a host", remedy="ASCII, without port") from error


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file as a whole: who reads it finds the old or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise ConfigError("", f"cannot write {path}: {error.strerror}") from error
