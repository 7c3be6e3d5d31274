"""Payloads of UDP and TCP in packets and in packet captures (pcap, pcapng): what tcpdump and Wireshark write.

TCP is not put together beyond what a recording of a controller needs: the segments of each direction in order of their
coming, without those sent twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_PCAP = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
}
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_LEAST_BLOCK = 12
_ETHERNET, _LINUX, _LINUX_2 = 1, 113, 276
_LINK_BYTES = {_ETHERNET: 14, _LINUX: 16, _LINUX_2: 20, 0: 4, 108: 4}
"""Octets before the network layer by link type; every other type begins with it."""
_VLANS = (b"\x81\x00", b"\x88\xa8")
_TCP, _UDP = 6, 17


@dataclass(frozen=True, slots=True)
class Carried:
    """What a packet carries.

    Attributes:
        flow: addresses and ports; the same for every packet of one direction.
        sequence: of TCP; None: a datagram.
        payload: its octets.
    """

    flow: bytes
    sequence: int | None
    payload: bytes


def captured(octets: bytes) -> list[bytes] | None:
    """Datagrams, and the stream of each direction of TCP, of a capture; None: it is no capture."""
    if octets[:4] in _PCAP:
        frames = _pcap(octets, _PCAP[octets[:4]])
    elif octets.startswith(_PCAPNG):
        frames = _pcapng(octets)
    else:
        return None
    datagrams: list[bytes] = []
    streams: dict[bytes, bytearray] = {}
    seen: set[tuple[bytes, int]] = set()
    for link, frame in frames:
        found = carried(frame, link)
        if found is None or not found.payload:
            continue
        if found.sequence is None:
            datagrams.append(found.payload)
        elif (found.flow, found.sequence) not in seen:
            seen.add((found.flow, found.sequence))
            streams.setdefault(found.flow, bytearray()).extend(found.payload)
    return datagrams + [bytes(stream) for stream in streams.values()]


def packet_payload(octets: bytes) -> bytes | None:
    """The payload of a packet that begins with Ethernet or with IP; None: it is none."""
    for link in (-1, _ETHERNET):
        found = carried(octets, link)
        if found is not None:
            return found.payload
    return None


def carried(frame: bytes, link: int) -> Carried | None:
    """What a frame of this link type carries; None: neither UDP nor TCP over IP, or a fragment."""
    at = _LINK_BYTES.get(link, 0)
    while link == _ETHERNET and frame[at - 2 : at] in _VLANS:
        at += 4
    packet = frame[at:]
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        start, length = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        protocol, ends = packet[9], packet[12:20]
        if int.from_bytes(packet[6:8], "big") & 0x3FFF or length > len(packet):
            return None
    elif version == 6 and len(packet) >= 40:
        start, length = 40, 40 + int.from_bytes(packet[4:6], "big")
        protocol, ends = packet[6], packet[8:40]
    else:
        return None
    return _segment(packet[start:length], protocol, ends)


def _segment(segment: bytes, protocol: int, ends: bytes) -> Carried | None:
    flow = ends + segment[:4]
    if protocol == _UDP and len(segment) >= 8:
        return Carried(flow, None, segment[8:])
    if protocol == _TCP and len(segment) >= 20:
        return Carried(flow, int.from_bytes(segment[4:8], "big"), segment[(segment[12] >> 4) * 4 :])
    return None


def _pcap(octets: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    if len(octets) < 24:
        return
    (link,) = struct.unpack_from(f"{order}I", octets, 20)
    record, at = struct.Struct(f"{order}4I"), 24
    while at + record.size <= len(octets):
        size = record.unpack_from(octets, at)[2]
        at += record.size
        yield link & 0xFFFF, octets[at : at + size]
        at += size


def _pcapng(octets: bytes) -> Iterator[tuple[int, bytes]]:
    links: list[int] = []
    order, at = "<", 0
    while at + _LEAST_BLOCK <= len(octets):
        if octets[at : at + 4] == _PCAPNG:
            order, links = (">" if octets[at + 8 : at + 10] == b"\x1a\x2b" else "<"), []
        kind, size = struct.unpack_from(f"{order}2I", octets, at)
        if size < _LEAST_BLOCK:
            return
        body = octets[at + 8 : at + size - 4]
        at += size
        if kind == _INTERFACE and len(body) >= 2:
            links.append(*struct.unpack_from(f"{order}H", body))
        elif kind == _SIMPLE and links:
            yield links[0], body[4:]
        elif kind == _ENHANCED and len(body) >= 20:
            interface, _, _, captured_size = struct.unpack_from(f"{order}4I", body)
            if interface < len(links):
                yield links[interface], body[20 : 20 + captured_size]
