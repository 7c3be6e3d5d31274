"""GB/T 20999-2017, frames between a traffic signal controller and a centre: the codec and a parser for byte streams.

A frame is 7E, length, version, ids, sequence, type, count, the data values, CRC-16, 7D; big-endian (clause 6, annex A).
Over TCP and serial lines 7E, 7D and 5C inside it are preceded by 5C, which counts neither in the length nor in the CRC;
over UDP nothing is escaped.
"""

from __future__ import annotations

import enum
import re
import struct
from dataclasses import dataclass
from typing import NamedTuple

from edge.core.errors import CodecError

START, END, ESCAPE = 0x7E, 0x7D, 0x5C
_SPECIAL = re.compile(rb"[\x5c\x7d]|\x7e+")
VERSION_1_0, VERSION_1_2 = 0x0100, 0x0102
MAJOR_VERSION = 1
"""Every 1.x is read: the layout is the same, and makers count the minor version as they like."""
MAX_VALUES = 255
MAX_DATA_BYTES = 255 - 4
_WHAT = "GB/T 20999"
_HEAD = struct.Struct(">HHBIBBBB")
_ADDRESS_BYTES = 4
_OVERHEAD = 4  # start, end and the length itself count no bytes of the length
_MIN_BYTES = 1 + _HEAD.size + 2 + 1
MAX_FRAME_BYTES = 0xFFFF + _OVERHEAD


class FrameType(enum.IntEnum):
    """Type of a frame (annex A.2.4). Makers answer a heartbeat with 80 or with 71: both are read."""

    QUERY = 0x10
    QUERY_REPLY = 0x20
    QUERY_ERROR = 0x21
    SET = 0x30
    SET_REPLY = 0x40
    SET_ERROR = 0x41
    BROADCAST = 0x50
    REPORT = 0x60
    HEARTBEAT = 0x70
    HEARTBEAT_REPLY_71 = 0x71
    HEARTBEAT_REPLY = 0x80


class Address(NamedTuple):
    """Where a value stands; attribute or element 0 means all of them.

    Attributes:
        data_class, object_id, attribute, element: each 0-255.
    """

    data_class: int
    object_id: int
    attribute: int
    element: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


@dataclass(frozen=True, slots=True)
class DataValue:
    """One value of a frame.

    Attributes:
        index: its number in the frame, from 1.
        address: where it stands; None: the sender gave nothing but the index.
        data: its octets, at most `MAX_DATA_BYTES`; empty in a query.
    """

    index: int
    address: Address | None
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame.

    Attributes:
        kind: `FrameType`, or a number that the standard does not know.
        values: at most `MAX_VALUES`.
        sequence: of the sender; an answer repeats that of its question (some controllers add one).
        controller_id: of the signal controller, 32 bits.
        crossing: of the crossing, where one controller serves several.
        upper_id: of the centre.
        version: 0x0100 or 0x0102.
    """

    kind: int
    values: tuple[DataValue, ...] = ()
    sequence: int = 0
    controller_id: int = 0
    crossing: int = 0
    upper_id: int = 0
    version: int = VERSION_1_0

    @property
    def tells(self) -> bool:
        """Whether its values are the controller's own: a reply, or a report."""
        return self.kind in (FrameType.QUERY_REPLY, FrameType.REPORT)


class FrameError(CodecError):
    """Octets that are no frame.

    Args:
        fault: short name for a counter: `length`, `crc`, `version`, `content`.
    """

    def __init__(self, fault: str, problem: str, *, offset: int | None = None) -> None:
        self.fault = fault
        super().__init__(_WHAT, problem, offset=offset)


def _crc_table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1005 if value & 0x8000 else value << 1) & 0xFFFF
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def crc16(octets: bytes) -> int:
    """CRC of the standard: polynomial x16 + x12 + x2 + 1 (0x1005), start 0, nothing reflected or inverted."""
    value = 0
    for octet in octets:
        value = (value << 8 & 0xFFFF) ^ _CRC[value >> 8 ^ octet]
    return value


def encode_frame(frame: Frame, *, escaped: bool = False) -> bytes:
    """The octets of a frame.

    Args:
        escaped: as TCP and serial lines want it; UDP wants it plain.

    Raises:
        FrameError: too many values, or too long ones.
    """
    if len(frame.values) > MAX_VALUES:
        raise FrameError("content", f"{len(frame.values)} values, at most {MAX_VALUES} fit")
    body = b"".join(_encode_value(value) for value in frame.values)
    head = (frame.version, frame.upper_id, frame.controller_id, frame.crossing)
    length = _HEAD.size - 2 + len(body) + 2
    if length > 0xFFFF:
        raise FrameError("content", f"{length} octets do not fit into one frame")
    content = _HEAD.pack(length, *head, frame.sequence, frame.kind, len(frame.values)) + body
    content += crc16(content).to_bytes(2, "big")
    return bytes((START,)) + (escape(content) if escaped else content) + bytes((END,))


def decode_frame(octets: bytes) -> Frame:
    """The frame of these octets, which are not escaped.

    Raises:
        FrameError: they are not exactly one whole frame with the right CRC.
    """
    if len(octets) < _MIN_BYTES:
        raise FrameError("length", f"{len(octets)} octets, a frame has at least {_MIN_BYTES}")
    if octets[0] != START or octets[-1] != END:
        raise FrameError("content", f"begins with {octets[0]:02x} and ends with {octets[-1]:02x}", offset=0)
    length, version, upper_id, controller_id, crossing, sequence, kind, count = _HEAD.unpack_from(octets, 1)
    if length != len(octets) - _OVERHEAD:
        problem = f"says {length} octets and has {len(octets) - _OVERHEAD}"
        raise FrameError("length", problem, offset=1)
    stated, found = int.from_bytes(octets[-3:-1], "big"), crc16(octets[1:-3])
    if stated != found:
        raise FrameError("crc", f"CRC {stated:04x} should be {found:04x}", offset=len(octets) - 3)
    if version >> 8 != MAJOR_VERSION:
        raise FrameError("version", f"version {version >> 8}.{version & 0xFF:02}", offset=3)
    values = _decode_values(octets[1 + _HEAD.size : -3], count)
    return Frame(kind, values, sequence, controller_id, crossing, upper_id, version)


def escape(octets: bytes) -> bytes:
    """Octets between start and end with 5C before each 7E, 7D and 5C."""
    plain = octets.replace(b"\x5c", b"\x5c\x5c")
    return plain.replace(b"\x7e", b"\x5c\x7e").replace(b"\x7d", b"\x5c\x7d")


def unescape(octets: bytes) -> bytes:
    """The inverse of `escape`; a 5C before anything else is dropped as well."""
    plain, escaping = bytearray(), False
    for octet in octets:
        if octet == ESCAPE and not escaping:
            escaping = True
            continue
        plain.append(octet)
        escaping = False
    return bytes(plain)


def decode_any(octets: bytes) -> Frame:
    """One frame, escaped or not. Raises the `FrameError` of the plain form where neither reading is right."""
    try:
        return decode_frame(octets)
    except FrameError:
        if ESCAPE not in octets[1:-1]:
            raise
        plain = octets[:1] + unescape(octets[1:-1]) + octets[-1:]
        try:
            return decode_frame(plain)
        except FrameError:
            pass
        raise


def split_frames(octets: bytes) -> list[Frame | FrameError]:
    """The frames of a recording of any transport, with an error for each run of octets that is none.

    Frames that stand one after the other are found by their lengths where nothing is escaped, else as in a stream.
    """
    plain = _by_lengths(octets)
    if not any(isinstance(found, FrameError) for found in plain):
        return plain
    stream = FrameStream()
    escaped = [*stream.feed(octets), *stream.finish()]
    frames = [sum(isinstance(item, Frame) for item in found) for found in (plain, escaped)]
    return escaped if frames[1] > frames[0] else plain


def _by_lengths(octets: bytes) -> list[Frame | FrameError]:
    found: list[Frame | FrameError] = []
    position = 0
    while position < len(octets):
        size = int.from_bytes(octets[position + 1 : position + 3], "big") + _OVERHEAD
        last = position + size
        ends = octets[position] == START and last <= len(octets) and octets[last - 1] == END
        if not ends:  # all that follows is of one piece, up to where a frame may begin again
            again = octets.find(b"\x7d\x7e", position)
            last = len(octets) if again < 0 else again + 1
        try:
            found.append(decode_frame(octets[position:last]))
        except FrameError as error:
            found.append(error)
        position = last
    return found


class FrameStream:
    """Takes a TCP or serial byte stream apart into frames; finds the next frame again after garbage.

    What it holds is bounded by the longest frame.
    """

    def __init__(self) -> None:
        self._frame = bytearray()
        self._garbage = 0
        self._escaping = False

    def feed(self, octets: bytes) -> list[Frame | FrameError]:
        """What these octets complete, in order: frames, and an error for each run of octets that is none."""
        found: list[Frame | FrameError] = []
        at = 0
        while at < len(octets):
            special = None if self._escaping else _SPECIAL.search(octets, at)
            plain = at + 1 if self._escaping else len(octets) if special is None else special.start()
            self._escaping = False
            if plain > at:
                self._take(octets[at:plain], found)
            at = plain
            if special is not None:
                self._mark(octets[at], found)
                at = special.end()
                self._garbage += at - plain - 1  # of several starts the last one counts
        return found

    def _mark(self, octet: int, found: list[Frame | FrameError]) -> None:
        """One of the three octets that mean something where they are not escaped."""
        if octet == START:
            if len(self._frame) >= _MIN_BYTES:
                self._drop(found)
            self._garbage += len(self._frame)
            self._frame = bytearray((octet,))
        elif not self._frame:
            self._garbage += 1
        elif octet == ESCAPE:
            self._escaping = True
        elif len(self._frame) + 1 < _MIN_BYTES:  # lines between two stations may be filled with START and END
            self._garbage += len(self._frame) + 1
            self._frame.clear()
        else:
            self._frame.append(octet)
            self._finish(found)

    def finish(self) -> list[Frame | FrameError]:
        """The error of what was begun and not ended, at the end of the stream."""
        found: list[Frame | FrameError] = []
        self._drop(found)
        return found

    def _take(self, octets: bytes, found: list[Frame | FrameError]) -> None:
        if not self._frame:
            self._garbage += len(octets)
        elif len(self._frame) + len(octets) > MAX_FRAME_BYTES:
            self._garbage += len(octets)
            self._drop(found)
        else:
            self._frame += octets

    def _finish(self, found: list[Frame | FrameError]) -> None:
        whole = bytes(self._frame)
        self._frame.clear()
        self._report_garbage(found)
        try:
            found.append(decode_frame(whole))
        except FrameError as error:
            found.append(error)

    def _drop(self, found: list[Frame | FrameError]) -> None:
        """Count a frame that never ended as garbage, and tell of all garbage so far."""
        self._garbage += len(self._frame)
        self._frame.clear()
        self._escaping = False
        self._report_garbage(found)

    def _report_garbage(self, found: list[Frame | FrameError]) -> None:
        if self._garbage:
            found.append(FrameError("content", f"{self._garbage} octets that are no frame"))
        self._garbage = 0


def _encode_value(value: DataValue) -> bytes:
    if value.address is None:
        if value.data:
            raise FrameError("content", "a value without an address has no data")
        return bytes((value.index, 0))
    if len(value.data) > MAX_DATA_BYTES:
        raise FrameError("content", f"{value.address}: {len(value.data)} octets, at most {MAX_DATA_BYTES}")
    return bytes((value.index, _ADDRESS_BYTES + len(value.data), *value.address)) + value.data


def _decode_values(octets: bytes, count: int) -> tuple[DataValue, ...]:
    values: list[DataValue] = []
    position = 0
    for number in range(1, count + 1):
        if position + 2 > len(octets):
            raise FrameError("content", f"value {number} of {count} is missing")
        index, length = octets[position], octets[position + 1]
        start, position = position + 2, position + 2 + length
        if position > len(octets):
            raise FrameError("content", f"value {number} of {count} is cut off")
        if 0 < length < _ADDRESS_BYTES:
            raise FrameError("content", f"value {number} has {length} octets and no address")
        if not length:
            values.append(DataValue(index, None))
            continue
        address = Address(*octets[start : start + _ADDRESS_BYTES])
        values.append(DataValue(index, address, octets[start + _ADDRESS_BYTES : position]))
    if position != len(octets):
        raise FrameError("content", f"{len(octets) - position} octets follow the last value")
    return tuple(values)
