"""Explicit certificates to octets and back (IEEE Std 1609.2-2022 clause 6.4.3 and following).

Implicit certificates, keys on other curves than NIST P-256 and SHA-384 issuers are refused; extensions of later
editions are read past and stay in the octets that were signed.
"""

from __future__ import annotations

import hashlib

from edge.core.errors import CodecError
from edge.v2x.security import oer
from edge.v2x.security.certificate import (
    DURATION_S,
    Certificate,
    IssuePermission,
    Permission,
    PermissionRange,
    PointForm,
    Signature,
    ToBeSigned,
    check_point,
)
from edge.v2x.security.oer import Reader
from edge.v2x.security.region import read_region, write_region

MAX_CERTIFICATE_OCTETS = 2048
_WHAT = "IEEE 1609.2 certificate"
_UNITS = tuple(DURATION_S)
_VERSION = 3


def decode_certificate(octets: bytes) -> Certificate:
    """The one certificate that `octets` is. Raises `CodecError`."""
    reader = Reader(octets)
    found = read_certificate(reader)
    reader.end()
    return found


def read_certificate(reader: Reader) -> Certificate:
    """The certificate that comes next."""
    start = reader.position
    if not reader.preamble(1):
        raise reader.error("a certificate without a signature is none that is explicit")
    if reader.octet() != _VERSION:
        raise reader.error("a certificate is of another version than 3")
    if reader.octet() != 0:
        raise reader.error("a certificate is not explicit")
    issuer = _read_issuer(reader)
    body_start = reader.position
    body = _read_body(reader)
    body_end = reader.position
    signature = read_signature(reader)
    encoded = reader.data[start : reader.position]
    if len(encoded) > MAX_CERTIFICATE_OCTETS:
        raise reader.error(f"a certificate of {len(encoded)} octets is longer than {MAX_CERTIFICATE_OCTETS}")
    canonical = encoded
    if signature.form is not PointForm.X_ONLY:
        canonical = reader.data[start:body_end] + write_signature(Signature(signature.r, signature.s))
    sha256 = hashlib.sha256(canonical).digest()
    return Certificate(issuer, body, signature, encoded, reader.data[body_start:body_end], sha256)


def join_certificate(issuer: bytes | None, body_octets: bytes, signature: Signature) -> Certificate:
    """The certificate of a signed body."""
    named = oer.tag(1) + bytes(1) if issuer is None else oer.tag(0) + issuer
    head = oer.preamble(True) + bytes([_VERSION, 0]) + named
    return decode_certificate(head + body_octets + write_signature(signature))


def read_signature(reader: Reader) -> Signature:
    """The ECDSA NIST P-256 signature that comes next."""
    if reader.tag() != 0:
        raise reader.error("a signature is not ECDSA on NIST P-256")
    number = reader.tag()
    if number not in (0, 2, 3):
        raise reader.error(f"R of a signature is of form {number}")
    return Signature(reader.octets(32), reader.octets(32), PointForm(number))


def write_signature(signature: Signature) -> bytes:
    """The octets of a signature."""
    return oer.tag(0) + oer.tag(signature.form.value) + signature.r + signature.s


def write_body(body: ToBeSigned) -> bytes:
    """The octets that an issuer signs."""
    unit, count = body.duration
    parts = [
        oer.preamble(
            False,
            body.region is not None,
            body.assurance is not None,
            bool(body.app_permissions),
            bool(body.issue_permissions),
            bool(body.request_permissions),
            body.can_request_rollover,
            body.encryption_key is not None,
        ),
        _write_id(body),
        _fixed(body.craca_id, 3),
        oer.unsigned(body.crl_series, 2),
        oer.unsigned(body.start_s, 4),
        oer.tag(_UNITS.index(unit)),
        oer.unsigned(count, 2),
    ]
    if body.region is not None:
        parts.append(write_region(body.region))
    if body.assurance is not None:
        parts.append(oer.unsigned(body.assurance, 1))
    if body.app_permissions:
        parts += [oer.quantity(len(body.app_permissions)), *map(_write_permission, body.app_permissions)]
    for groups in (body.issue_permissions, body.request_permissions):
        if groups:
            parts += [oer.quantity(len(groups)), *map(_write_group, groups)]
    if body.encryption_key is not None:
        parts.append(body.encryption_key)
    point = check_point(body.public_key)
    parts += [oer.tag(0), oer.tag(0), oer.tag(point[0]), point[1:]]
    return b"".join(parts)


def _read_issuer(reader: Reader) -> bytes | None:
    kind = reader.tag()
    if kind == 0:
        return reader.octets(8)
    if kind == 1 and reader.octet() == 0:
        return None
    raise reader.error("an issuer is not named by SHA-256")


def _read_body(reader: Reader) -> ToBeSigned:
    bits = reader.preamble(8)
    extended, region, assurance, app, issue, request, rollover, encryption = (
        bool(bits >> shift & 1) for shift in range(7, -1, -1)
    )
    name, binary_id, linkage = _read_id(reader)
    craca_id, crl_series = reader.octets(3), reader.unsigned(2)
    start_s, duration = reader.unsigned(4), _read_duration(reader)
    where = read_region(reader) if region else None
    assured = reader.octet() if assurance else None
    app_permissions = tuple(_read_permission(reader) for _ in range(reader.quantity())) if app else ()
    issue_permissions = _read_groups(reader) if issue else ()
    request_permissions = _read_groups(reader) if request else ()
    key = _read_encryption_key(reader) if encryption else None
    public_key = _read_verification_key(reader)
    if extended:
        reader.additions()
    return ToBeSigned(
        public_key=public_key,
        start_s=start_s,
        duration=duration,
        app_permissions=app_permissions,
        issue_permissions=issue_permissions,
        request_permissions=request_permissions,
        name=name,
        binary_id=binary_id,
        linkage=linkage,
        craca_id=craca_id,
        crl_series=crl_series,
        region=where,
        assurance=assured,
        can_request_rollover=rollover,
        encryption_key=key,
    )


def _read_id(reader: Reader) -> tuple[str | None, bytes | None, bytes | None]:
    """CertificateId (clause 6.4.9): name, octets, linkage data; all None for `none`."""
    kind = reader.tag()
    if kind == 0:
        start = reader.position
        grouped = reader.preamble(1)
        reader.octets(2 + 9 + (13 if grouped else 0))
        return None, None, reader.data[start : reader.position]
    if kind == 1:
        octets = reader.variable_octets()
        try:
            name = octets.decode("utf-8")
        except UnicodeDecodeError as error:
            raise reader.error("the name of a certificate is not UTF-8") from error
        if len(name) > 255:
            raise reader.error("the name of a certificate is longer than 255 characters")
        return name, None, None
    if kind == 2:
        octets = reader.variable_octets()
        if not 1 <= len(octets) <= 64:
            raise reader.error(f"an identifier of {len(octets)} octets is out of bounds")
        return None, octets, None
    if kind == 3:
        return None, None, None
    raise reader.error(f"certificate id alternative {kind} is unknown")


def _write_id(body: ToBeSigned) -> bytes:
    if body.linkage is not None:
        return oer.tag(0) + body.linkage
    if body.name is not None:
        return oer.tag(1) + oer.variable_octets(body.name.encode())
    if body.binary_id is not None:
        return oer.tag(2) + oer.variable_octets(body.binary_id)
    return oer.tag(3)


def _read_duration(reader: Reader) -> tuple[str, int]:
    unit = reader.tag()
    if unit >= len(_UNITS):
        raise reader.error(f"duration alternative {unit} is unknown")
    return _UNITS[unit], reader.unsigned(2)


def _read_permission(reader: Reader) -> Permission:
    given = reader.preamble(1)
    psid = reader.unbounded_unsigned()
    if not given:
        return Permission(psid)
    kind = reader.tag()
    if kind == 0:
        return Permission(psid, reader.variable_octets(), bitmap=False)
    if kind != 1:
        raise reader.error(f"service-specific permissions of alternative {kind} are unknown")
    inner = Reader(reader.variable_octets())
    bitmap = inner.variable_octets()
    inner.end()
    if len(bitmap) > 31:
        raise reader.error(f"a bitmap of {len(bitmap)} octets is longer than 31")
    return Permission(psid, bitmap)


def _write_permission(permission: Permission) -> bytes:
    head = oer.preamble(permission.ssp is not None) + oer.unbounded_unsigned(permission.psid)
    if permission.ssp is None:
        return head
    octets = oer.variable_octets(permission.ssp)
    return head + (oer.tag(1) + oer.variable_octets(octets) if permission.bitmap else oer.tag(0) + octets)


def _read_groups(reader: Reader) -> tuple[IssuePermission, ...]:
    return tuple(_read_group(reader) for _ in range(reader.quantity()))


def _read_group(reader: Reader) -> IssuePermission:
    bits = reader.preamble(3)
    kind = reader.tag()
    if kind > 1:
        raise reader.error(f"subject permissions of alternative {kind} are unknown")
    ranges = tuple(_read_range(reader) for _ in range(reader.quantity())) if kind == 0 else None
    return IssuePermission(
        ranges,
        min_chain=reader.unbounded_signed() if bits & 4 else 1,
        chain_range=reader.unbounded_signed() if bits & 2 else 0,
        end_entities=reader.octet() if bits & 1 else 0x80,
    )


def _write_group(group: IssuePermission) -> bytes:
    lengths = group.min_chain != 1, group.chain_range != 0, group.end_entities != 0x80
    parts = [oer.preamble(*lengths)]
    if group.ranges is None:
        parts.append(oer.tag(1))
    else:
        parts += [oer.tag(0), oer.quantity(len(group.ranges)), *map(_write_range, group.ranges)]
    if lengths[0]:
        parts.append(oer.unbounded_signed(group.min_chain))
    if lengths[1]:
        parts.append(oer.unbounded_signed(group.chain_range))
    if lengths[2]:
        parts.append(oer.unsigned(group.end_entities, 1))
    return b"".join(parts)


def _read_range(reader: Reader) -> PermissionRange:
    given = reader.preamble(1)
    psid = reader.unbounded_unsigned()
    if not given:
        return PermissionRange(psid)
    kind = reader.tag()
    if kind == 0:
        return PermissionRange(psid, opaque=tuple(reader.variable_octets() for _ in range(reader.quantity())))
    if kind == 1:
        return PermissionRange(psid, all=True)
    if kind != 2:
        raise reader.error(f"a range of permissions of alternative {kind} is unknown")
    inner = Reader(reader.variable_octets())
    value, mask = inner.variable_octets(), inner.variable_octets()
    inner.end()
    return PermissionRange(psid, value=value, mask=mask)


def _write_range(granted: PermissionRange) -> bytes:
    psid = oer.unbounded_unsigned(granted.psid)
    if granted.all:
        return oer.preamble(True) + psid + oer.tag(1)
    if granted.opaque is not None:
        items = b"".join(map(oer.variable_octets, granted.opaque))
        return oer.preamble(True) + psid + oer.tag(0) + oer.quantity(len(granted.opaque)) + items
    if granted.value is None or granted.mask is None:
        return oer.preamble(False) + psid
    bitmaps = oer.variable_octets(granted.value) + oer.variable_octets(granted.mask)
    return oer.preamble(True) + psid + oer.tag(2) + oer.variable_octets(bitmaps)


def _read_encryption_key(reader: Reader) -> bytes:
    """Octets of PublicEncryptionKey: nothing is encrypted here."""
    start = reader.position
    reader.octet()
    if reader.tag() > 1:
        raise reader.error("an encryption key is on an unknown curve")
    form = reader.tag()
    if form not in (2, 3, 4):
        raise reader.error(f"an encryption key is of form {form}")
    reader.octets(64 if form == 4 else 32)
    return reader.data[start : reader.position]


def _read_verification_key(reader: Reader) -> bytes:
    if reader.tag() != 0:
        raise reader.error("a certificate has no explicit key")
    if reader.tag() != 0:
        raise reader.error("a key is not on NIST P-256")
    form = reader.tag()
    if form not in (2, 3):
        raise reader.error(f"a key is of form {form}, which is not compressed")
    return bytes([form]) + reader.octets(32)


def _fixed(octets: bytes, size: int) -> bytes:
    if len(octets) != size:
        raise CodecError(_WHAT, f"{len(octets)} octets stand where {size} belong")
    return octets
