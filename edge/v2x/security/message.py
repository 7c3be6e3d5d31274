"""Signed and unsecured data of IEEE 1609.2 to octets and back (IEEE Std 1609.2-2022 clause 6.3).

What is read: unsecuredData, and signedData hashed with SHA-256 around data, signed by a digest or by certificates.
Encrypted data and a hash in place of data are refused; header fields that are not used here stay raw.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from edge.core.errors import CodecError
from edge.v2x.security import oer
from edge.v2x.security.certificate import Certificate, Signature
from edge.v2x.security.certificate_codec import read_certificate, read_signature, write_signature
from edge.v2x.security.oer import Reader

MAX_CERTIFICATES = 3
"""Certificates that a message may bring: the signer's and those of its issuers below the root."""
MAX_REQUESTS = 8
_VERSION = 3
_UNSECURED, _SIGNED = 0, 1
_DIGEST, _CERTIFICATES = 0, 1
_INLINE_REQUEST, _REQUESTED_CERTIFICATE = 0, 1
_ADDITIONS = 4
"""HeaderInfo additions of the 2022 edition."""
_UNKNOWN_ELEVATION = 0xF000


@dataclass(frozen=True, slots=True)
class GenerationPlace:
    """ThreeDLocation (clause 6.3.11).

    Attributes:
        latitude, longitude: 1e-7 degree, WGS-84; 900000001 and 1800000001: unknown.
        elevation_m: height above the ellipsoid, to 0.1 m; None: unknown.
    """

    latitude: int
    longitude: int
    elevation_m: float | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """HeaderInfo (clause 6.3.8).

    Attributes:
        psid: provider service identifier, or ITS-AID.
        generation_time, expiry_time: Time64; None: not given.
        place: generationLocation.
        learning_request: p2pcdLearningRequest, a HashedId3.
        missing_crl: octets of MissingCrlIdentifier as they came.
        inline_requests: HashedId3 of certificates that the sender wants.
        requested_certificate: octets of a certificate that the sender was asked for.
        others: further extension additions by index, as they came.
    """

    psid: int
    generation_time: int | None = None
    expiry_time: int | None = None
    place: GenerationPlace | None = None
    learning_request: bytes | None = None
    missing_crl: bytes | None = None
    inline_requests: tuple[bytes, ...] = ()
    requested_certificate: bytes | None = None
    others: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsecured:
    """unsecuredData: octets that nobody signed."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """signedData (clause 6.3.4).

    Attributes:
        payload: the octets that were signed.
        header: what was signed with them.
        signer: HashedId8 of the signer's certificate; None where it brings certificates.
        certificates: the signer's certificate and its issuers'.
        signature: over `signed_octets`.
        signed_octets: octets of ToBeSignedData as they came.
    """

    payload: bytes
    header: Header
    signer: bytes | None
    certificates: tuple[Certificate, ...]
    signature: Signature
    signed_octets: bytes = field(repr=False)


def decode_message(octets: bytes) -> Unsecured | Signed:
    """The one Ieee1609Dot2Data that `octets` is. Raises `CodecError`."""
    reader = Reader(octets)
    found = _read_data(reader)
    reader.end()
    return found


def encode_unsecured(payload: bytes) -> bytes:
    """Ieee1609Dot2Data around octets that are not signed."""
    return bytes([_VERSION]) + oer.tag(_UNSECURED) + oer.variable_octets(payload)


def to_be_signed(payload: bytes, header: Header) -> bytes:
    """Octets of ToBeSignedData."""
    return oer.preamble(False, True, False) + encode_unsecured(payload) + _write_header(header)


def encode_signed(
    signed_octets: bytes, *, signer: bytes | tuple[Certificate, ...], signature: Signature
) -> bytes:
    """Ieee1609Dot2Data with a signature; `signer` is a HashedId8 or the certificates to send along."""
    if isinstance(signer, bytes):
        named = oer.tag(_DIGEST) + signer
    else:
        certificates = b"".join(certificate.encoded for certificate in signer)
        named = oer.tag(_CERTIFICATES) + oer.quantity(len(signer)) + certificates
    head = bytes([_VERSION]) + oer.tag(_SIGNED) + bytes([0])
    return head + signed_octets + named + write_signature(signature)


def signing_hash(signed_octets: bytes, *, signer_sha256: bytes | None) -> bytes:
    """What ECDSA signs: hash of the data's hash and the signer's certificate's hash (clause 5.3.1.2.2).

    Args:
        signer_sha256: hash of the signer's certificate; None: it signs itself, and the hash is that of nothing.
    """
    signer = hashlib.sha256().digest() if signer_sha256 is None else signer_sha256
    return hashlib.sha256(hashlib.sha256(signed_octets).digest() + signer).digest()


def find_message(datagram: bytes) -> bytes:
    """The Ieee1609Dot2Data that ends a datagram, behind at most 64 octets of network headers (IEEE 1609.3).

    Raises:
        CodecError: there is none.
    """
    for start in range(min(64, len(datagram) - 2)):
        if datagram[start] != _VERSION or datagram[start + 1] not in (0x80, 0x81):
            continue
        try:
            decode_message(datagram[start:])
        except CodecError:
            continue
        return datagram[start:]
    raise CodecError("IEEE 1609.2", "no signed or unsecured data is found in it")


def _read_data(reader: Reader) -> Unsecured | Signed:
    content = _read_head(reader)
    if content == _UNSECURED:
        return Unsecured(reader.variable_octets())
    if reader.octet() != 0:
        raise reader.error("the hash algorithm is not SHA-256")
    start = reader.position
    payload, header = _read_payload(reader), _read_header(reader)
    signed_octets = reader.data[start : reader.position]
    signer, certificates = _read_signer(reader)
    return Signed(payload, header, signer, certificates, read_signature(reader), signed_octets)


def _read_head(reader: Reader) -> int:
    """Version and alternative of Ieee1609Dot2Data."""
    if reader.octet() != _VERSION:
        raise reader.error("it is not IEEE 1609.2 of version 3")
    content = reader.tag()
    if content not in (_UNSECURED, _SIGNED):
        raise reader.error(f"content {content} is neither unsecured nor signed data")
    return content


def _read_payload(reader: Reader) -> bytes:
    """SignedDataPayload (clause 6.3.7) with data in it."""
    if reader.preamble(3) != 0b010:
        raise reader.error("the signed payload is not data alone")
    if _read_head(reader) != _UNSECURED:
        raise reader.error("the signed payload is signed data")
    return reader.variable_octets()


def _read_header(reader: Reader) -> Header:
    bits = reader.preamble(7)
    extended, generated, expires, placed, learning, missing, encryption = (
        bool(bits >> shift & 1) for shift in range(6, -1, -1)
    )
    psid = reader.unbounded_unsigned()
    generation_time = reader.unsigned(8) if generated else None
    expiry_time = reader.unsigned(8) if expires else None
    place = _read_place(reader) if placed else None
    learning_request = reader.octets(3) if learning else None
    missing_crl = _read_missing_crl(reader) if missing else None
    if encryption:
        raise reader.error("a header with an encryption key is not read")
    others = reader.additions() if extended else {}
    requests = others.pop(_INLINE_REQUEST, None)
    return Header(
        psid=psid,
        generation_time=generation_time,
        expiry_time=expiry_time,
        place=place,
        learning_request=learning_request,
        missing_crl=missing_crl,
        inline_requests=() if requests is None else _read_requests(requests),
        requested_certificate=others.pop(_REQUESTED_CERTIFICATE, None),
        others=others,
    )


def _write_header(header: Header) -> bytes:
    additions = dict(header.others)
    if header.inline_requests:
        additions[_INLINE_REQUEST] = oer.quantity(len(header.inline_requests)) + b"".join(
            header.inline_requests
        )
    if header.requested_certificate is not None:
        additions[_REQUESTED_CERTIFICATE] = header.requested_certificate
    parts = [
        oer.preamble(
            bool(additions),
            header.generation_time is not None,
            header.expiry_time is not None,
            header.place is not None,
            header.learning_request is not None,
            header.missing_crl is not None,
            False,
        ),
        oer.unbounded_unsigned(header.psid),
    ]
    parts += [oer.unsigned(t, 8) for t in (header.generation_time, header.expiry_time) if t is not None]
    if header.place is not None:
        parts.append(_write_place(header.place))
    parts += [raw for raw in (header.learning_request, header.missing_crl) if raw is not None]
    if additions:
        parts.append(oer.additions(additions, count=_ADDITIONS))
    return b"".join(parts)


def _read_place(reader: Reader) -> GenerationPlace:
    latitude, longitude, elevation = reader.signed(4), reader.signed(4), reader.unsigned(2)
    if not -900_000_000 <= latitude <= 900_000_001 or not -1_799_999_999 <= longitude <= 1_800_000_001:
        raise reader.error(f"{latitude}, {longitude} is no place on earth")
    if elevation == _UNKNOWN_ELEVATION:
        return GenerationPlace(latitude, longitude)
    tenths = elevation if elevation < _UNKNOWN_ELEVATION else elevation - 0x10000
    return GenerationPlace(latitude, longitude, tenths / 10)


def _write_place(place: GenerationPlace) -> bytes:
    """Elevations outside -409.5 to 6143.9 m are written as the nearest of these (clause 6.3.13)."""
    elevation = _UNKNOWN_ELEVATION
    if place.elevation_m is not None:
        elevation = max(-4095, min(_UNKNOWN_ELEVATION - 1, round(place.elevation_m * 10))) & 0xFFFF
    return oer.signed(place.latitude, 4) + oer.signed(place.longitude, 4) + oer.unsigned(elevation, 2)


def _read_missing_crl(reader: Reader) -> bytes:
    """Octets of MissingCrlIdentifier: no revocation list is kept here."""
    start = reader.position
    extended = reader.preamble(1)
    reader.octets(5)
    if extended:
        reader.additions()
    return reader.data[start : reader.position]


def _read_requests(octets: bytes) -> tuple[bytes, ...]:
    reader = Reader(octets)
    requests = tuple(reader.octets(3) for _ in range(reader.quantity(most=MAX_REQUESTS)))
    reader.end()
    return requests


def _read_signer(reader: Reader) -> tuple[bytes | None, tuple[Certificate, ...]]:
    kind = reader.tag()
    if kind == _DIGEST:
        return reader.octets(8), ()
    if kind != _CERTIFICATES:
        raise reader.error("the signer is named neither by digest nor by certificate")
    count = reader.quantity(most=MAX_CERTIFICATES)
    if not count:
        raise reader.error("the signer brings no certificate")
    return None, tuple(read_certificate(reader) for _ in range(count))
