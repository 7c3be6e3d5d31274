"""What an explicit certificate of IEEE 1609.2 says, as values (IEEE Std 1609.2-2022 clause 6.4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum

from edge.core.errors import CodecError
from edge.v2x.security.region import Region

DURATION_S = {
    "microseconds": 1e-6,
    "milliseconds": 1e-3,
    "seconds": 1.0,
    "minutes": 60.0,
    "hours": 3600.0,
    "sixtyHours": 216_000.0,
    "years": 31_556_952.0,
}
"""Units of a Duration in the order of its alternatives (clause 6.4.16)."""

ROOT_DEPTH_LIMIT = 4
"""Certificates between a message and a root, both counted; the usual chain has three."""


class PointForm(Enum):
    """Alternatives of EccP256CurvePoint that this package reads (clause 6.3.23)."""

    X_ONLY = 0
    COMPRESSED_Y_0 = 2
    COMPRESSED_Y_1 = 3


@dataclass(frozen=True, slots=True)
class Signature:
    """An ECDSA signature on NIST P-256 (clause 6.3.30).

    Attributes:
        r, s: 32 octets each.
        form: how R was written; the hash of a certificate takes it as x-only, whatever was written.
    """

    r: bytes
    s: bytes
    form: PointForm = PointForm.X_ONLY


@dataclass(frozen=True, slots=True)
class Permission:
    """One application that a certificate may sign for (PsidSsp, clause 6.4.28).

    Attributes:
        psid: provider service identifier, or ITS-AID.
        ssp: service-specific permissions; None: not given.
        bitmap: whether they are a bitmap (what ETSI uses), else opaque octets.
    """

    psid: int
    ssp: bytes | None = None
    bitmap: bool = True


@dataclass(frozen=True, slots=True)
class PermissionRange:
    """Permissions of one application that an authority may grant (PsidSspRange, clause 6.4.30).

    Attributes:
        psid: of the application.
        all: whether any service-specific permissions may be granted.
        opaque: octets that may be granted, one of them.
        value, mask: bitmaps: where `mask` is 1, a granted bit is that of `value`; None: not given.
    """

    psid: int
    all: bool = False
    opaque: tuple[bytes, ...] | None = None
    value: bytes | None = None
    mask: bytes | None = None

    def covers(self, permission: Permission) -> bool:
        """Whether a certificate may be issued that permission (consistency rules of clause 6.4.28 and 6.4.29)."""
        if permission.psid != self.psid:
            return False
        if self.all:
            return True
        granted = permission.ssp
        if granted is None:
            return b"" in self.opaque if self.opaque is not None else self.value is None
        if not permission.bitmap:
            return self.opaque is not None and granted in self.opaque
        if self.value is None or self.mask is None or not len(granted) == len(self.value) == len(self.mask):
            return False
        return all(g & m == v & m for g, v, m in zip(granted, self.value, self.mask, strict=True))


@dataclass(frozen=True, slots=True)
class IssuePermission:
    """What an authority may grant, and how far down (PsidGroupPermissions, clause 6.4.26).

    Attributes:
        ranges: the applications; None: all of them.
        min_chain, chain_range: certificates from here to the end entity: at least `min_chain`, at most that and
            `chain_range` more; -1: any number more.
        end_entities: bits of EndEntityType; 0x80: applications, 0x40: enrolment.
    """

    ranges: tuple[PermissionRange, ...] | None
    min_chain: int = 1
    chain_range: int = 0
    end_entities: int = 0x80

    def covers(self, permission: Permission, *, depth: int) -> bool:
        """Whether an application certificate `depth` steps down may hold the permission."""
        if not self.end_entities & 0x80 or depth < self.min_chain:
            return False
        if self.chain_range >= 0 and depth > self.min_chain + self.chain_range:
            return False
        return self.ranges is None or any(granted.covers(permission) for granted in self.ranges)


@dataclass(frozen=True, slots=True)
class ToBeSigned:
    """What an issuer signs (ToBeSignedCertificate, clause 6.4.8).

    Attributes:
        public_key: P-256 point of the holder, 33 octets, compressed (SEC 1).
        start_s: Time32, TAI seconds since 2004-01-01.
        duration: unit of `DURATION_S`, and how many of them.
        app_permissions: what messages it may sign.
        issue_permissions, request_permissions: what certificates it may sign or ask for.
        name: CertificateId as a name; None where it is another alternative.
        binary_id: CertificateId as octets; `linkage`: octets of LinkageData as they came. All None: id none.
        craca_id, crl_series: which revocation list speaks of it; zeros where none does.
        region: where it is valid; None: everywhere that its issuer is.
        assurance: SubjectAssurance octet.
        can_request_rollover: may ask for its successor.
        encryption_key: octets of PublicEncryptionKey as they came.
    """

    public_key: bytes
    start_s: int
    duration: tuple[str, int]
    app_permissions: tuple[Permission, ...] = ()
    issue_permissions: tuple[IssuePermission, ...] = ()
    request_permissions: tuple[IssuePermission, ...] = ()
    name: str | None = None
    binary_id: bytes | None = None
    linkage: bytes | None = None
    craca_id: bytes = bytes(3)
    crl_series: int = 0
    region: Region | None = None
    assurance: int | None = None
    can_request_rollover: bool = False
    encryption_key: bytes | None = None

    @property
    def end_s(self) -> float:
        """TAI seconds since 2004 at which it ceases to be valid."""
        unit, count = self.duration
        return self.start_s + count * DURATION_S[unit]

    def permission(self, psid: int) -> Permission | None:
        """The permission for an application; None: it has none."""
        return next((found for found in self.app_permissions if found.psid == psid), None)

    def may_issue(self, permission: Permission, *, depth: int) -> bool:
        """Whether an application certificate `depth` steps down may hold the permission."""
        return any(group.covers(permission, depth=depth) for group in self.issue_permissions)


@dataclass(frozen=True, slots=True)
class Certificate:
    """An explicit certificate with its octets.

    Attributes:
        issuer: HashedId8 of the issuer's certificate; None: it signed itself.
        body: what it says.
        signature: the issuer's.
        encoded: its octets.
        signed_octets: the octets of the body, which the signature is about.
        sha256: hash of the canonical form, with R as x-only (clause 6.4.3); its last octets are `digest`.
    """

    issuer: bytes | None
    body: ToBeSigned
    signature: Signature
    encoded: bytes = field(repr=False)
    signed_octets: bytes = field(repr=False)
    sha256: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """HashedId8, which others call it by (clause 6.3.26)."""
        return self.sha256[-8:]


def hashed_id8(octets: bytes) -> bytes:
    """The last eight octets of the SHA-256 hash (clause 6.3.26)."""
    return hashlib.sha256(octets).digest()[-8:]


def check_point(point: bytes) -> bytes:
    """A compressed P-256 point as it is, on the curve or not. Raises `CodecError` where its form is another."""
    if len(point) != 33 or point[0] not in (2, 3):
        raise CodecError("IEEE 1609.2", "a public key is not a compressed P-256 point")
    return point
