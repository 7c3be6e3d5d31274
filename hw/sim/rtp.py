"""RTP packets of encoded pictures, and RTCP sender reports (RFC 3550; payloads of RFC 6184, RFC 7798, RFC 2435)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from edge.core.stamp import NS_PER_S

PAYLOAD_LIMIT = 1200
"""Octets of payload in one packet: fits any path."""
CLOCK_HZ = 90_000
NTP_EPOCH_S = 2_208_988_800
"""From 1900, where NTP time begins, to 1970."""
_START_CODE = re.compile(b"\x00\x00\x00?\x01")
_JPEG_TABLE = 64


def h264_payloads(picture: bytes) -> list[bytes]:
    """RFC 6184, packetization mode 1: single NAL units and FU-A."""
    return [part for unit in _units(picture) for part in _h264_parts(unit)]


def h265_payloads(picture: bytes) -> list[bytes]:
    """RFC 7798: single NAL units and fragmentation units (type 49)."""
    return [part for unit in _units(picture) for part in _h265_parts(unit)]


def jpeg_payloads(picture: bytes) -> list[bytes]:
    """RFC 2435: type 1 (4:2:0) with the quantization tables in the first packet (Q 255)."""
    tables, width, height, scan = _jpeg_parts(picture)
    quantization = struct.pack(">BBH", 0, 0, len(tables)) + tables
    payloads, offset = [], 0
    while offset < len(scan):
        head = struct.pack(">I", offset & 0xFFFFFF) + bytes((1, 255, width // 8, height // 8))
        if offset == 0:
            head += quantization
        part = scan[offset : offset + PAYLOAD_LIMIT - len(head)]
        payloads.append(head + part)
        offset += len(part)
    return payloads


PAYLOADS: dict[str, Callable[[bytes], list[bytes]]] = {
    "h264": h264_payloads,
    "h265": h265_payloads,
    "mjpeg": jpeg_payloads,
}


def rtp_packets(
    payloads: list[bytes], *, payload_type: int, sequence: int, timestamp: int, source: int
) -> list[bytes]:
    """One picture's packets; the last carries the marker (RFC 3550, 5.1)."""
    last = len(payloads) - 1
    return [
        struct.pack(
            ">BBHII",
            0x80,
            payload_type | (0x80 if number == last else 0),
            (sequence + number) & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            source,
        )
        + payload
        for number, payload in enumerate(payloads)
    ]


def sender_report(*, source: int, utc_ns: int, timestamp: int, packets: int, octets: int) -> bytes:
    """An RTCP sender report without reception blocks (RFC 3550, 6.4.1)."""
    seconds, rest_ns = divmod(utc_ns, NS_PER_S)
    return struct.pack(
        ">BBHIIIIII",
        0x80,
        200,
        6,
        source,
        (seconds + NTP_EPOCH_S) & 0xFFFFFFFF,
        (rest_ns << 32) // NS_PER_S,
        timestamp & 0xFFFFFFFF,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )


def _units(picture: bytes) -> list[bytes]:
    """NAL units of an Annex B byte stream."""
    return [unit for unit in _START_CODE.split(picture) if unit]


def _h264_parts(unit: bytes) -> list[bytes]:
    if len(unit) <= PAYLOAD_LIMIT:
        return [unit]
    indicator, kind, body = unit[0] & 0xE0 | 28, unit[0] & 0x1F, unit[1:]
    return [bytes((indicator, flags | kind)) + part for flags, part in _fragments(body)]


def _h265_parts(unit: bytes) -> list[bytes]:
    if len(unit) <= PAYLOAD_LIMIT:
        return [unit]
    kind, body = unit[0] >> 1 & 0x3F, unit[2:]
    head = bytes((unit[0] & 0x81 | 49 << 1, unit[1]))
    return [head + bytes((flags | kind,)) + part for flags, part in _fragments(body)]


def _fragments(body: bytes) -> list[tuple[int, bytes]]:
    """Pieces with their start (0x80) and end (0x40) flags."""
    parts = [body[at : at + PAYLOAD_LIMIT - 3] for at in range(0, len(body), PAYLOAD_LIMIT - 3)]
    last = len(parts) - 1
    return [
        ((0x80 if number == 0 else 0) | (0x40 if number == last else 0), part)
        for number, part in enumerate(parts)
    ]


def _jpeg_parts(picture: bytes) -> tuple[bytes, int, int, bytes]:
    """Quantization tables of luma and chroma, width, height, and the entropy coded scan of a baseline JPEG."""
    tables: dict[int, bytes] = {}
    width = height = 0
    at = 2
    while at < len(picture):
        marker, size = picture[at + 1], int.from_bytes(picture[at + 2 : at + 4], "big")
        body = picture[at + 4 : at + 2 + size]
        at += 2 + size
        if marker == 0xDB:
            for start in range(0, len(body), _JPEG_TABLE + 1):
                tables[body[start] & 0xF] = body[start + 1 : start + 1 + _JPEG_TABLE]
        elif marker == 0xC0:
            height, width = struct.unpack_from(">HH", body, 1)
        elif marker == 0xDA:
            break
    luma = tables[min(tables)]
    return luma + tables.get(1, luma), width, height, picture[at:].removesuffix(b"\xff\xd9")
