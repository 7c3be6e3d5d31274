"""GeoNetworking packets with BTP: what ETSI radios put around a message, unsecured, with or without an Ethernet header.

ETSI EN 302 636-4-1 V1.4.1 (clause 9: formats) and EN 302 636-5-1 V2.1.1 (BTP, clause 7). The parts of a packet, in
octets: basic header 4, common header 8, extended header of its type 24 to 48, BTP header 4, message. Big endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from edge.core.errors import CodecError
from edge.v2x.etsi_time import timestamp_its_of

ETHERTYPE = 0x8947
"""GeoNetworking, EN 302 636-4-1 clause 9.2 and TS 102 636-4-2."""

PORTS = {
    "CAM": 2001,
    "DENM": 2002,
    "MAPEM": 2003,
    "SPATEM": 2004,
    "SREM": 2007,
    "SSEM": 2008,
    "CPM": 2009,
    "VAM": 2018,
}
"""BTP destination ports that are fixed for messages, TS 103 248."""

Kind = Literal["beacon", "GUC", "GAC", "GBC", "TSB", "SHB"]
Shape = Literal["circle", "rectangle", "ellipse"]

_WHAT = "GeoNetworking"
_VERSION = 1
_COMMON, _SECURED = 1, 2
_BTP_A, _BTP_B = 1, 2
_VLAN_TAG = 0x8100
_MAC_OCTETS = 12

_BASIC = struct.Struct(">BxBB")
BASIC_BYTES = _BASIC.size
_HEADER = struct.Struct(">BBBBHBx")
_LONG_POSITION = struct.Struct(">QIiiHH")
_AREA = struct.Struct(">iiHHHxx")
_SEQUENCE = struct.Struct(">Hxx")
_BTP = struct.Struct(">HH")

_LIFETIME_STEPS_MS = (50, 1000, 10_000, 100_000)
"""Clause 9.6.4: unit of the six-bit number, by the last two bits."""

_GAC, _GBC = 3, 4
_AREA_SHAPES: tuple[Shape, ...] = ("circle", "rectangle", "ellipse")
_TYPES: dict[tuple[int, int], tuple[Kind, int]] = {
    (1, 0): ("beacon", 24),
    (2, 0): ("GUC", 48),
    **{(_GAC, shape): ("GAC", 44) for shape in range(3)},
    **{(_GBC, shape): ("GBC", 44) for shape in range(3)},
    (5, 0): ("SHB", 28),
    (5, 1): ("TSB", 28),
}
"""Header type and subtype (clause 9.7.4): name, and octets of the extended header (clauses 9.8.2 to 9.8.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionVector:
    """Where a station was: long position vector, clause 9.5.2.

    Attributes:
        address: GN_ADDR, 64 bits (clause 6).
        timestamp_ms: TAI since 2004 modulo 2^32 ms (`position_timestamp_ms`).
        latitude: 0.1 microdegree.
        longitude: 0.1 microdegree.
        accurate: position accuracy indicator.
        speed_cmps: 0.01 m/s, -16384 to 16383; negative when driving backwards.
        heading: 0.1 degree clockwise from north.
    """

    address: int
    timestamp_ms: int
    latitude: int
    longitude: int
    accurate: bool = False
    speed_cmps: int = 0
    heading: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where a packet is meant to go: clause 9.8.5 and EN 302 931.

    Attributes:
        shape: circle, rectangle or ellipse.
        latitude: of the centre, 0.1 microdegree.
        longitude: of the centre, 0.1 microdegree.
        distance_a_m: radius of a circle, else half the long side.
        distance_b_m: 0 for a circle, else half the short side.
        angle_deg: of the long side, clockwise from north.
    """

    shape: Shape
    latitude: int
    longitude: int
    distance_a_m: int
    distance_b_m: int = 0
    angle_deg: int = 0


@dataclass(frozen=True, slots=True)
class BasicHeader:
    """Clause 9.6.

    Attributes:
        secured: a secured packet follows, not a common header.
        lifetime_ms: how long the packet may be kept.
        hops_left: remaining hop limit.
    """

    secured: bool
    lifetime_ms: int
    hops_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoPacket:
    """A packet without security.

    Attributes:
        kind: beacon, GUC, GAC, GBC, TSB or SHB.
        basic: lifetime and hops.
        hop_limit: hops that the source allowed.
        traffic_class: octet of clause 9.7.5.
        mobile: the source may move.
        source: who made it, and where.
        sequence_number: None in a beacon and an SHB.
        area: of a GAC or GBC.
        port: BTP destination port; None in a beacon.
        source_port: of BTP-A.
        port_info: of BTP-B.
        payload: the message; nothing in a beacon.
    """

    kind: Kind
    basic: BasicHeader
    hop_limit: int
    traffic_class: int
    mobile: bool
    source: PositionVector
    sequence_number: int | None = None
    area: Area | None = None
    port: int | None = None
    source_port: int | None = None
    port_info: int | None = None
    payload: bytes = b""


def position_timestamp_ms(utc_ns: int) -> int:
    """Timestamp of a position vector (clause 9.5.2.2): TAI since 2004 in ms, modulo 2^32."""
    return timestamp_its_of(utc_ns) % 2**32


def split_link(octets: bytes) -> int:
    """Octets of the Ethernet II header, with an 802.1Q tag or without; 0 where there is none."""
    start = _MAC_OCTETS
    if octets[start : start + 2] == _VLAN_TAG.to_bytes(2, "big"):
        start += 4
    return start + 2 if octets[start : start + 2] == ETHERTYPE.to_bytes(2, "big") else 0


def parse_basic(octets: bytes, *, start: int = 0) -> BasicHeader:
    """The basic header at `start`; for secured packets too."""
    if len(octets) < start + _BASIC.size:
        raise CodecError(_WHAT, "truncated in the basic header", offset=len(octets))
    first, lifetime, hops_left = _BASIC.unpack_from(octets, start)
    version, following = divmod(first, 16)
    if version != _VERSION:
        raise CodecError(_WHAT, f"protocol version {version}", offset=start)
    if following not in (_COMMON, _SECURED):
        raise CodecError(_WHAT, f"next header {following} after the basic header", offset=start)
    lifetime_ms = (lifetime >> 2) * _LIFETIME_STEPS_MS[lifetime & 3]
    return BasicHeader(following == _SECURED, lifetime_ms, hops_left)


def parse_geonetworking(octets: bytes) -> GeoPacket:
    """A packet, behind an Ethernet header or not.

    Octets after the payload are padding where there is an Ethernet header, and an error where there is none.

    Raises:
        CodecError: it is none; or it is secured.
    """
    start = split_link(octets)
    if start:
        try:
            return _parse_unsecured(octets, start=start, padded=True)
        except CodecError:
            if octets[0] != _VERSION << 4 | _COMMON:
                raise
    # A packet without an Ethernet header may hold the number of the ethertype by chance.
    return _parse_unsecured(octets, start=0, padded=False)


def unwrap_geonetworking(octets: bytes) -> bytes:
    """The message in an unsecured packet. Raises `CodecError`, also for a beacon."""
    packet = parse_geonetworking(octets)
    if not packet.payload:
        raise CodecError(_WHAT, f"{packet.kind} without a message")
    return packet.payload


def parse_common(octets: bytes, *, basic: BasicHeader, start: int = 0, padded: bool = False) -> GeoPacket:
    """What follows the basic header of an unsecured packet, or is inside of a secured one.

    Args:
        octets: that hold the common header at `start`, and the rest up to their end.
        basic: the header before it.
        start: where the common header is.
        padded: whether octets may follow the payload.
    """
    if len(octets) < start + _HEADER.size:
        raise CodecError(_WHAT, "truncated in the common header", offset=len(octets))
    following, form, traffic_class, flags, length, hop_limit = _HEADER.unpack_from(octets, start)
    if divmod(form, 16) not in _TYPES:
        raise CodecError(_WHAT, f"header type {form >> 4} subtype {form & 15}", offset=start + 1)
    if hop_limit < basic.hops_left:  # clause 10.3.5
        raise CodecError(_WHAT, f"{basic.hops_left} hops left of {hop_limit}", offset=start + 6)
    kind, extended = _TYPES[divmod(form, 16)]
    body = start + _HEADER.size
    end = body + extended + length
    if len(octets) < end:
        raise CodecError(_WHAT, f"truncated: it says {end - start} octets", offset=len(octets))
    if len(octets) > end and not padded:
        raise CodecError(_WHAT, f"{len(octets) - end} octets follow the payload", offset=end)
    numbered = kind not in ("beacon", "SHB")
    source = body + (_SEQUENCE.size if numbered else 0)
    port, more, payload = _transport(octets[:end], body + extended, kind=kind, following=following >> 4)
    return GeoPacket(
        kind=kind,
        basic=basic,
        hop_limit=hop_limit,
        traffic_class=traffic_class,
        mobile=bool(flags & 0x80),
        source=_position(octets, source),
        sequence_number=_SEQUENCE.unpack_from(octets, body)[0] if numbered else None,
        area=_area(octets, source + _LONG_POSITION.size, form) if kind in ("GAC", "GBC") else None,
        port=port,
        source_port=more if following >> 4 == _BTP_A else None,
        port_info=more if following >> 4 == _BTP_B else None,
        payload=payload,
    )


def build_shb(
    payload: bytes,
    *,
    port: int,
    source: PositionVector,
    lifetime_ms: int = 1000,
    traffic_class: int = 0,
    mobile: bool = False,
) -> bytes:
    """An unsecured single-hop broadcast with BTP-B (clauses 9.8.4 and 10.3.10): CAM, VAM, CPM."""
    extended = _pack_position(source) + bytes(4)
    length = len(payload) + _BTP.size
    header = _pack(_HEADER, _BTP_B << 4, 0x50, traffic_class, mobile << 7, length, 1)
    return _pack_basic(lifetime_ms, 1) + header + extended + _pack(_BTP, port, 0) + payload


def build_gbc(
    payload: bytes,
    *,
    port: int,
    source: PositionVector,
    area: Area,
    sequence_number: int,
    hop_limit: int = 10,
    lifetime_ms: int = 60_000,
    traffic_class: int = 0,
) -> bytes:
    """An unsecured broadcast into an area with BTP-B by a station that stands (clause 9.8.5): DENM, SPATEM, MAPEM."""
    form = _GBC << 4 | _AREA_SHAPES.index(area.shape)
    length = len(payload) + _BTP.size
    header = _pack(_HEADER, _BTP_B << 4, form, traffic_class, 0, length, hop_limit)
    centre = (area.latitude, area.longitude)
    extended = _pack(_SEQUENCE, sequence_number) + _pack_position(source)
    extended += _pack(_AREA, *centre, area.distance_a_m, area.distance_b_m, area.angle_deg)
    return _pack_basic(lifetime_ms, hop_limit) + header + extended + _pack(_BTP, port, 0) + payload


def _parse_unsecured(octets: bytes, *, start: int, padded: bool) -> GeoPacket:
    basic = parse_basic(octets, start=start)
    if basic.secured:
        raise CodecError(_WHAT, "a secured packet: its security is to be checked first", offset=start)
    return parse_common(octets, basic=basic, start=start + _BASIC.size, padded=padded)


def _position(octets: bytes, start: int) -> PositionVector:
    address, timestamp_ms, latitude, longitude, speed, heading = _LONG_POSITION.unpack_from(octets, start)
    return PositionVector(
        address=address,
        timestamp_ms=timestamp_ms,
        latitude=latitude,
        longitude=longitude,
        accurate=bool(speed >> 15),
        speed_cmps=(speed & 0x3FFF) - (speed & 0x4000),
        heading=heading,
    )


def _area(octets: bytes, start: int, form: int) -> Area:
    latitude, longitude, distance_a_m, distance_b_m, angle_deg = _AREA.unpack_from(octets, start)
    return Area(
        shape=_AREA_SHAPES[form & 15],
        latitude=latitude,
        longitude=longitude,
        distance_a_m=distance_a_m,
        distance_b_m=distance_b_m,
        angle_deg=angle_deg,
    )


def _transport(packet: bytes, start: int, *, kind: Kind, following: int) -> tuple[int | None, int, bytes]:
    """Destination port, the number after it, and message (EN 302 636-5-1 clause 7)."""
    if kind == "beacon":
        return None, 0, b""
    if following not in (_BTP_A, _BTP_B):
        raise CodecError(_WHAT, f"next header {following} is not BTP", offset=start)
    if len(packet) < start + _BTP.size:
        raise CodecError(_WHAT, "its payload has no room for BTP", offset=start)
    port, more = _BTP.unpack_from(packet, start)
    return port, more, packet[start + _BTP.size :]


def _pack_basic(lifetime_ms: int, hops: int) -> bytes:
    """Basic header with the longest lifetime that is not beyond the wanted one."""
    for number, step_ms in enumerate(_LIFETIME_STEPS_MS):
        if step_ms <= lifetime_ms < 64 * step_ms:
            lifetime = (lifetime_ms // step_ms) << 2 | number
            return _pack(_BASIC, _VERSION << 4 | _COMMON, lifetime, hops)
    raise CodecError(_WHAT, f"a lifetime of {lifetime_ms} ms is none of 50 ms to 6300 s")


def _pack_position(source: PositionVector) -> bytes:
    if not -0x4000 <= source.speed_cmps < 0x4000:
        raise CodecError(_WHAT, f"speed {source.speed_cmps} cm/s does not fit")
    speed = source.accurate << 15 | source.speed_cmps & 0x7FFF
    return _pack(
        _LONG_POSITION,
        source.address,
        source.timestamp_ms,
        source.latitude,
        source.longitude,
        speed,
        source.heading,
    )


def _pack(layout: struct.Struct, *numbers: int) -> bytes:
    try:
        return layout.pack(*numbers)
    except struct.error as error:
        raise CodecError(_WHAT, f"a number does not fit: {error}") from error
