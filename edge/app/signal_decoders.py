"""What `edge signal decode` knows: recorded frames of each controller protocol as fields, groups and errors.

A decoder takes the octets of one message, or of a recording of several, and yields one object a frame. It may remember
earlier frames of the same run. A bad frame is an object with `error`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from edge.core.errors import CodecError
from edge.core.signals import ControllerGroup, IntersectionStatus, SignalSnapshot
from edge.core.stamp import NS_PER_S, Stamp, TimeSource

Shown = dict[str, Any]
Decode = Callable[[bytes], Iterator[Shown]]
_SHOWN_OCTETS = 300


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
    from hw.signal.tscbm import LENGTHS, decode_tscbm, to_snapshot  # noqa: PLC0415 - one protocol a run

    def decode(octets: bytes) -> Iterator[Shown]:
        whole = next((size for size in LENGTHS if octets and len(octets) % size == 0), len(octets) or 1)
        for at in range(0, max(len(octets), 1), whole):
            datagram = octets[at : at + whole]
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

    picture = Picture(counters=Counter())

    def show(frame: Frame) -> Shown:
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


DECODERS: dict[str, Callable[[], Decode]] = {
    "tscbm": _tscbm,
    "gb20999": _gb20999,
    "spat": _spat,
    "rsmp": _rsmp,
    "tlcfi": _tlcfi,
}
"""One decoder a protocol; a new one is a function above and a line here."""
