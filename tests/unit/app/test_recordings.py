"""Messages are found in every dress in which people and tools write them down."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable

import pytest

from edge.app.packets import captured
from edge.app.recordings import messages
from edge.app.signal_decoders import SIZES
from hw.signal.gb20999 import Address, DataValue, Frame, FrameType, encode_frame
from hw.signal.tscbm import TscbmBlock, TscbmMasks, TscbmMessage, encode_tscbm
from hw.snmp import ber
from hw.snmp.message import RESPONSE, Message, VarBind, encode_message


def _tscbm(sequence: int, *, calls: int | None) -> bytes:
    blocks = tuple(TscbmBlock(number, 205, 30) for number in range(1, 17))
    masks = TscbmMasks(0x3030, 0, 0x20CD)
    return encode_tscbm(TscbmMessage(blocks, masks, 0, 1, 2, 0, sequence, 41_244, 500, calls))


def _gb20999(number: int) -> bytes:
    values = (
        DataValue(1, Address(3, 3, 1, 0), bytes((0x20, 0x10, 0x31))),
        DataValue(2, Address(6, 3, 4, 1), b"\0\5"),
    )
    return encode_frame(
        Frame(FrameType.REPORT, values, sequence=number, version=0x0102), escaped=number % 2 == 0
    )


def _snmp(number: int) -> bytes:
    oids = [ber.oid(f"1.3.6.1.4.1.1206.4.2.1.1.4.1.{column}.1") for column in (2, 3, 4)]
    varbinds = tuple(VarBind(oid, ber.INTEGER, number) for oid in oids)
    return encode_message(Message(1, b"public", RESPONSE, number, 0, 0, varbinds))


PROTOCOLS = {
    "tscbm": [_tscbm(1, calls=None), _tscbm(2, calls=3), _tscbm(3, calls=None)],
    "gb20999": [_gb20999(number) for number in (1, 0x7D, 0x7E, 0x5C)],
    "ntcip1202": [_snmp(number) for number in (1, 2, 3)],
}


def _lines(write: Callable[[bytes], str]) -> Callable[[list[bytes]], bytes]:
    return lambda found: "\n".join(map(write, found)).encode()


def _table(write: Callable[[bytes], str]) -> Callable[[list[bytes]], bytes]:
    return lambda found: "\n".join(["time,frame", *map(write, found)]).encode()


def _wrapped(message: bytes, width: int) -> str:
    return "\n".join(message[at : at + width].hex(" ") for at in range(0, len(message), width))


def _dump(message: bytes, row: str) -> str:
    rows = []
    for at in range(0, len(message), 16):
        octets = message[at : at + 16]
        text = "".join(chr(octet) if 32 <= octet < 127 else "." for octet in octets)
        pairs = " ".join(octets[start : start + 2].hex() for start in range(0, len(octets), 2))
        halves = f"{octets[:8].hex(' ')}  {octets[8:].hex(' ')}"
        rows.append(row.format(at=at, octets=octets.hex(" "), pairs=pairs, halves=halves, text=text))
    return "\n".join([*rows, ""])


DRESSES: dict[str, Callable[[list[bytes]], bytes]] = {
    "lines": _lines(bytes.hex),
    "upper case, CRLF": lambda found: _lines(bytes.hex)(found).upper().replace(b"\n", b"\r\n"),
    "colons": _lines(lambda message: message.hex(":")),
    "0x each": _lines(lambda message: "{" + ", ".join(f"0x{octet:02X}" for octet in message) + "},"),
    "string escapes": _lines(lambda message: '"' + "".join(f"\\x{octet:02x}" for octet in message) + '"'),
    "UTF-16": lambda found: "\n".join(map(bytes.hex, found)).encode("utf-16"),
    "GBK log": lambda found: "\n".join(f"12:00:01 \u63a5\u6536: {m.hex(' ')}" for m in found).encode("gbk"),
    "time before it": _lines(lambda message: f"12:00:01 {message.hex(' ')}"),
    "log": _lines(lambda message: f"2026-01-02 12:00:01.5 10.0.0.5:4050 -> {message.hex()}"),
    "table with epoch": _table(lambda message: f"1721238398,{message.hex(' ')}"),
    "quoted fields": _table(lambda message: f'"12:00:01";{len(message)};"{message.hex(" ")}"'),
    "JSON": lambda found: json.dumps([{"t": 1, "hex": m.hex(" ")} for m in found], indent=1).encode(),
    "wrapped": _lines(lambda message: _wrapped(message, 20)),
    "hexdump -C": _lines(
        lambda message: _dump(message, "{at:08x}  {halves:<48}  |{text}|") + f"{len(message):08x}"
    ),
    "xxd": _lines(lambda message: _dump(message, "{at:08x}: {pairs:<39}  {text}")),
    "od": _lines(lambda message: _dump(message, "{at:07o} {octets}")),
    "tcpdump -X": _lines(
        lambda message: (
            "12:00 IP 10.0.0.1.9 > 10.0.0.2.9: UDP\n"
            + _dump(_datagram(message), "\t0x{at:04x}:  {pairs:<39}  {text}")
        )
    ),
    "Wireshark": _lines(
        lambda message: _dump(ETHERNET + _datagram(message), "{at:04x}   {octets:<47}   {text}")
    ),
    "pcap": lambda found: _pcap(ETHERNET + _datagram(message) for message in found),
    "pcapng": lambda found: _pcapng(ETHERNET + _datagram(message) for message in found),
}
ETHERNET = bytes(12) + b"\x08\x00"


def _ip(protocol: int, content: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(content), 1, 0x4000, 64, protocol, 0)
    return head + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + content


def _datagram(payload: bytes) -> bytes:
    return _ip(17, struct.pack(">4H", 1234, 6053, 8 + len(payload), 0) + payload)


def _segment(payload: bytes, sequence: int) -> bytes:
    return _ip(6, struct.pack(">HHIIBBHHH", 1234, 4050, sequence, 0, 0x50, 24, 99, 0, 0) + payload)


def _pcap(frames: Iterable[bytes], *, link: int = 1) -> bytes:
    head = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, link)
    return head + b"".join(struct.pack("<4I", 1, 2, len(frame), len(frame)) + frame for frame in frames)


def _pcapng(frames: Iterable[bytes]) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        padded = body + bytes(-len(body) % 4)
        size = struct.pack("<I", len(padded) + 12)
        return struct.pack("<I", kind) + size + padded + size

    blocks = [
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        block(1, struct.pack("<HHI", 1, 0, 0)),
    ]
    blocks += [block(6, struct.pack("<5I", 0, 0, 0, len(frame), len(frame)) + frame) for frame in frames]
    return b"".join(blocks)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dress", DRESSES)
def test_messages_in_every_dress(protocol: str, dress: str) -> None:
    wanted = PROTOCOLS[protocol]
    assert list(messages(DRESSES[dress](wanted), SIZES[protocol])) == wanted


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_cut_message_does_not_take_the_next_one_along(protocol: str) -> None:
    first, second, *_ = PROTOCOLS[protocol]
    recording = f"{first[:-3].hex()}\n{second.hex()}\nno octets\n{first.hex()}".encode()
    found = list(messages(recording, SIZES[protocol]))
    assert found == [first[:-3], second, "line 'no octets' is not hexadecimal", first]


def test_streams_of_a_capture_are_joined_without_what_was_sent_twice() -> None:
    one, other, third, _ = PROTOCOLS["gb20999"]
    segments = [_segment(one, 1), _segment(one, 1), _segment(other, 1 + len(one))]
    capture = _pcap([*segments, _datagram(third), b"\x45", bytes(60)], link=101)
    assert captured(capture) == [third, one + other]


@pytest.mark.parametrize("cut", [1, 5, 23, 24, 30, 41, 60, 81])
def test_cut_capture_gives_what_it_has(cut: int) -> None:
    for capture in (_pcap([_datagram(b"12")], link=101), _pcapng([ETHERNET + _datagram(b"12")])):
        found = captured(capture[:cut])
        assert found in (None, [], [b"12"])


def test_long_line_without_a_message_is_read_in_one_go() -> None:
    line = b"00 " * 200_000
    (found,) = messages(line, SIZES["tscbm"])
    assert found == bytes(200_000)
