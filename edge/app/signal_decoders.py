"""What `edge signal decode` knows: recorded frames of each controller protocol as fields, groups and errors.

A decoder takes the octets of one message, or of a recording of several, and yields one object a frame. It may remember
earlier frames of the same run. A bad frame is an object with `error`.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from edge.app.recordings import Size
from edge.core.errors import CodecError
from edge.core.signals import ControllerGroup, IntersectionStatus, SignalSnapshot
from edge.core.stamp import NS_PER_S, Stamp, TimeSource

Shown = dict[str, Any]
Decode = Callable[[bytes], Iterator[Shown]]
_SHOWN_OCTETS = 300
_JSON = re.compile(rb"\s*[\[{]\s*[\"{}]")
_ESCAPED = re.compile(rb"\x5c[\x5c\x7d\x7e]")


def bad(octets: bytes, error: CodecError) -> Shown:
    """A frame that does not decode."""
    return {"error": str(error), "octets": octets[:_SHOWN_OCTETS].hex()}


def neutral(snapshot: SignalSnapshot) -> Shown:
    """What a snapshot says in the node's own terms; ends are seconds from its stamp."""
    shown: Shown = {"groups": [_group(group, snapshot.stamp.capture_ns) for group in snapshot.groups]}
    shown["status"] = [flag.name for flag in IntersectionStatus if flag & snapshot.status]
    if snapshot.plan is not None:
        shown["plan"] = snapshot.plan
    if snapshot.cycle_position_s is not None:
        shown["cycle_position_s"] = snapshot.cycle_position_s
    return shown


def _group(group: ControllerGroup, at_ns: int) -> Shown:
    ends = {"min_end": group.min_end_ns, "max_end": group.max_end_ns, "likely_end": group.likely_end_ns}
    return {
        "kind": group.kind.value,
        "number": group.number,
        "lamp": group.lamp.name.lower(),
        **{f"{name}_s": None if end is None else (end - at_ns) / NS_PER_S for name, end in ends.items()},
        "call": group.call,
    }


def _tscbm() -> Decode:
    from hw.signal.tscbm import decode_tscbm, split_datagrams, to_snapshot  # noqa: PLC0415 - one protocol a run

    def decode(octets: bytes) -> Iterator[Shown]:
        for datagram in split_datagrams(octets):
            try:
                message = decode_tscbm(datagram)
            except CodecError as error:
                yield bad(datagram, error)
                continue
            stamp = Stamp(0, TimeSource.SENSOR)
            snapshot = to_snapshot(message, controller="", stamp=stamp, alive_ns=0)
            yield {
                "frame": dataclasses.asdict(message),
                "clock": _clock(message.second_of_day, message.millisecond),
            } | neutral(snapshot)

    return decode


def _clock(second_of_day: int, millisecond: int) -> str:
    minutes, seconds = divmod(second_of_day, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{millisecond:03}"


def _gb20999() -> Decode:
    from hw.signal.gb20999 import Frame, FrameError, decode_any, split_frames  # noqa: PLC0415 - one protocol a run
    from hw.signal.gb20999_objects import STAGE_OBJECTS  # noqa: PLC0415
    from hw.signal.gb20999_picture import Picture  # noqa: PLC0415
    from hw.signal.gb20999_text import frame_fields  # noqa: PLC0415

    pictures: dict[tuple[int, int], Picture] = {}

    def show(frame: Frame) -> Shown:
        crossing = (frame.controller_id, frame.crossing)
        picture = pictures.setdefault(crossing, Picture(counters=Counter()))
        picture.forget_countdown()
        told = picture.take(frame.values, sent_ns=0, arrival_ns=0) if frame.tells else frozenset()
        shown: Shown = {"frame": frame_fields(frame)}
        if not told.isdisjoint(STAGE_OBJECTS):
            shown["stages"] = picture.stages
        if not told or not picture.lamps:
            return shown
        stamp = Stamp(0, TimeSource.ARRIVAL)
        return shown | neutral(picture.snapshot(controller="", stamp=stamp, alive_ns=0))

    def decode(octets: bytes) -> Iterator[Shown]:
        found: list[Frame | FrameError]
        try:
            found = [decode_any(octets)]
        except FrameError as error:
            split = split_frames(octets)
            found = split if any(isinstance(item, Frame) for item in split) else [error]
        for item in found:
            yield show(item) if isinstance(item, Frame) else bad(octets, item)

    return decode


def _spat() -> Decode:
    from edge.v2x.codec import message_codec  # noqa: PLC0415 - one protocol a run
    from edge.v2x.frame import J2735_SPAT, unwrap_j2735  # noqa: PLC0415
    from edge.v2x.j2735_spat import spat_views  # noqa: PLC0415
    from edge.v2x.jer import to_json  # noqa: PLC0415
    from hw.signal.spat_text import payload_of, split_texts, to_snapshot  # noqa: PLC0415

    def show(datagram: bytes) -> Shown:
        body = unwrap_j2735(payload_of(datagram), message_id=J2735_SPAT, what="SPAT")
        value = message_codec("j2735/SPAT").decode(body)
        found = [to_snapshot(view) for view in spat_views(value)]
        shown: Shown = {"frame": to_json("j2735/SPAT", value)}
        if len(found) == 1:
            return shown | neutral(found[0][1])
        return shown | {
            "intersections": [{"intersection": number} | neutral(snapshot) for number, snapshot in found]
        }

    def decode(octets: bytes) -> Iterator[Shown]:
        for datagram in split_texts(octets):
            try:
                yield show(datagram)
            except CodecError as error:
                yield bad(datagram, error)

    return decode


def _rsmp() -> Decode:
    from hw.signal.rsmp import decode_frames  # noqa: PLC0415 - one protocol a run

    return decode_frames


def _tlcfi() -> Decode:
    from hw.signal.tlcfi import decode_frames  # noqa: PLC0415 - one protocol a run

    return decode_frames


def _ntcip1202() -> Decode:
    from hw.signal.ntcip1202.text import message_fields, split_messages  # noqa: PLC0415 - one protocol a run
    from hw.snmp.message import decode_any  # noqa: PLC0415

    def decode(octets: bytes) -> Iterator[Shown]:
        for datagram in split_messages(octets):
            try:
                yield message_fields(decode_any(datagram))
            except CodecError as error:
                yield bad(datagram, error)

    return decode


DECODERS: dict[str, Callable[[], Decode]] = {
    "tscbm": _tscbm,
    "ntcip1202": _ntcip1202,
    "gb20999": _gb20999,
    "spat": _spat,
    "rsmp": _rsmp,
    "tlcfi": _tlcfi,
}
"""One decoder a protocol; a new one is a function above and a line here."""


def _tscbm_size(octets: bytes) -> int | None:
    begins = len(octets) > 1 and octets[0] == 0xCD and 1 <= octets[1] <= 16
    return 33 + 13 * octets[1] if begins else None


def _gb20999_size(octets: bytes) -> int | None:
    begins = len(octets) > 3 and octets[0] == 0x7E and octets[3] == 1
    escapes = len(_ESCAPED.findall(octets, 1))
    return int.from_bytes(octets[1:3], "big") + 4 + escapes if begins else None


def _snmp_size(octets: bytes) -> int | None:
    from hw.snmp.ber import SEQUENCE, size_of  # noqa: PLC0415 - one protocol a run

    size = size_of(octets) if octets[:1] == bytes((SEQUENCE,)) else None
    return size if size is not None and octets[2:7].find(b"\x02\x01") >= 0 else None


def _spat_size(octets: bytes) -> int | None:
    if b"payload" in octets[:4096].lower():
        return len(octets)
    if octets[:2] != b"\x00\x13" or len(octets) < 4:
        return None
    short = octets[2] < 0x80
    return 3 + octets[2] if short else 4 + (int.from_bytes(octets[2:4], "big") & 0x3FFF)


def json_size(octets: bytes) -> int | None:
    """Protocols of JSON take a recording apart themselves."""
    return len(octets) if _JSON.match(octets) else None


SIZES: dict[str, Size] = {
    "tscbm": _tscbm_size,
    "ntcip1202": _snmp_size,
    "gb20999": _gb20999_size,
    "spat": _spat_size,
}
"""Protocols of octets: where a message begins in a recording, and how long it is at least."""
