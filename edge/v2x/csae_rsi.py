"""T/CSAE 53-2020 RoadSideInformation (YD/T 3709-2020 clause 5.2.2.3) to and from road events.

Events (RTE, at most 8 a frame) and signs (RTS, at most 16) go out in frames of their own. The message knows no update
and no cancellation: the same sender and local id is the same event, and one that is withdrawn is sent on with an end
that has passed. Times are minutes of the UTC year, so a start is rounded down and an end up.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection
from edge.core.road_events import RoadEvent
from edge.core.stamp import NS_PER_S
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import (
    Origin,
    Variant,
    chunks_of,
    octets_of_id,
    offset_from,
    origin_of,
    percent_of,
    place_of,
    position_3d,
)
from edge.v2x.csae_event_codes import SPEED_LIMIT_SIGN, TEXT_SIGN, EventCode, event_code, kind_of
from edge.v2x.csae_links import lanes_of_links, links_of_lanes
from edge.v2x.finite import check_finite
from edge.v2x.frame import CSAE_RSI, check_csae
from edge.v2x.marks import instant_of, minute_of_year
from edge.v2x.motion import position_to_local, steps

MAX_EVENTS = 8
MAX_SIGNS = 16
MAX_PATHS = 8
MAX_PATH_POINTS = 32
MAX_BYTES = 1400
"""Octets of one frame (IEEE 1609.3 WSM maximum)."""
MAX_TEXT_OCTETS = 512
PATH_RADIUS_M = 10.0
"""How far beside an affected path an event is of interest: a carriageway and the error of a receiver's position."""

_LOCAL_IDS = 256
_RADIUS_STEP_M = 0.1
_MINUTE_NS = 60 * NS_PER_S
_MINUTE_INVALID = 527_040
_HORIZON_NS = 180 * 24 * 60 * _MINUTE_NS
"""A minute of the year is read as the nearest one, so times further off are not said."""
_LONGEST_TEXT = 250
_SPEED_TEXT = re.compile(r"(\d{1,3}) ?km/h ?")

Source = Literal["unknown", "police", "government", "meteorological", "internet", "detection"]


class LocalIds:
    """Numbers 0 to 255 of what is announced at the moment, by its own id.

    A number that is given back is the last one to be used again, so that listeners do not take one event for another.
    """

    def __init__(self) -> None:
        self._free = deque(range(_LOCAL_IDS))
        self._used: dict[str, int] = {}

    def assign(self, names: Sequence[str]) -> dict[str, int]:
        """The number of each name; names that are not given any more lose theirs."""
        for gone in self._used.keys() - set(names):
            self._free.append(self._used.pop(gone))
        for name in names:
            if name not in self._used:
                if not self._free:
                    raise CodecError("RSI", f"more than {_LOCAL_IDS} events at a time")
                self._used[name] = self._free.popleft()
        return {name: self._used[name] for name in names}


class RsiEncoder:
    """Writes what one link announces; it keeps the local ids and counts the messages.

    Args:
        station: id of the roadside unit, eight octets in hexadecimal.
        frame: local frame of the site; its origin is the reference position.
        variant: edition of the ASN.1.
        source: who knows of the events.
        intersection: the one that the link's MAP describes; lanes are said only with it.
    """

    def __init__(
        self,
        station: str,
        *,
        frame: LocalFrame,
        variant: Variant,
        source: Source = "detection",
        intersection: Intersection | None = None,
    ) -> None:
        self._station = octets_of_id(station, what="RSI")
        self._frame, self._source, self._intersection = frame, source, intersection
        self._reference = position_3d(0.0, 0.0, frame=frame)
        self._codec = message_codec(f"csae-{variant}/RoadSideInformation")
        self._ids = {False: LocalIds(), True: LocalIds()}
        self._count = 0

    def encode(self, events: Sequence[RoadEvent], *, now_ns: int) -> tuple[bytes, ...]:
        """All that is announced now, to as many MessageFrames as it needs.

        Args:
            events: what holds or is about to, and what was withdrawn for as long as that shall be told; what ended
                by itself is left out.
            now_ns: UTC ns.

        Raises:
            CodecError: an event of a kind that `event_code` has no code for, or one that cannot be said.
        """
        check_finite(tuple(events), what="RSI")
        told = [event for event in events if event.cancelled or event.end_ns is None or now_ns < event.end_ns]
        frames: list[bytes] = []
        for sign, field, most in ((False, "rtes", MAX_EVENTS), (True, "rtss", MAX_SIGNS)):
            chosen = [event for event in told if _code(event).sign is sign]
            numbers = self._ids[sign].assign([event.event for event in chosen])
            values = [self._value(event, numbers[event.event], now_ns=now_ns) for event in chosen]
            frames += self._frames(values, field=field, most=most, now_ns=now_ns)
        return tuple(frames)

    def _frames(self, values: Sequence[dict[str, Any]], *, field: str, most: int, now_ns: int) -> list[bytes]:
        head = {"moy": minute_of_year(now_ns), "id": self._station, "refPos": self._reference}
        empty = len(self._codec.encode(head | {"msgCnt": 0}))
        sizes = [len(self._codec.encode(head | {"msgCnt": 0, field: [value]})) - empty for value in values]
        found = []
        for start, end in chunks_of(sizes, room=MAX_BYTES - empty, most=most, what="RSI"):
            found.append(self._codec.encode(head | {"msgCnt": self._count, field: list(values[start:end])}))
            self._count = (self._count + 1) % 128
        return found

    def _value(self, event: RoadEvent, number: int, *, now_ns: int) -> dict[str, Any]:
        """RTEData or RTSData."""
        code = _code(event)
        place = offset_from(origin_of(self._reference), event.x_m, event.y_m, frame=self._frame)
        value: dict[str, Any] = {
            "priority": bytes([steps("priority", event.priority, 1.0, 0, 7) << 5]),
        }
        if code.sign:
            value |= {"rtsId": number, "signType": code.number, "signPos": place}
        else:
            value |= {
                "rteId": number,
                "eventType": code.number,
                "eventSource": self._source,
                "eventPos": place,
            }
            value |= _event_only(event)
        optional = {
            "description": _description(event, code),
            "timeDetails": _times(event, now_ns=now_ns),
            "referencePaths": self._paths(event),
            "referenceLinks": []
            if self._intersection is None
            else links_of_lanes(self._intersection, event.lanes),
        }
        return value | {key: entry for key, entry in optional.items() if entry}

    def _paths(self, event: RoadEvent) -> list[dict[str, Any]]:
        """The affected path in pieces that meet at their ends."""
        origin = origin_of(self._reference)
        points = [offset_from(origin, x_m, y_m, frame=self._frame) for x_m, y_m in event.path_m]
        step = MAX_PATH_POINTS - 1
        pieces = [
            points[i : i + MAX_PATH_POINTS] for i in range(0, max(len(points) - 1, len(points[:1])), step)
        ]
        if len(pieces) > MAX_PATHS:
            raise CodecError(
                "RSI", f"event {event.event}: a path of {len(points)} points; {MAX_PATHS * step + 1} fit"
            )
        return [
            {"activePath": piece, "pathRadius": round(PATH_RADIUS_M / _RADIUS_STEP_M)} for piece in pieces
        ]


def decode_rsi(
    payload: bytes, *, frame: LocalFrame, arrival_ns: int, variant: Variant
) -> tuple[RoadEvent, ...]:
    """A MessageFrame with an RSI to its events and signs.

    An event without a place of its own is where its path ends, else at the reference position.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole RSI with positions.
    """
    check_csae(payload, message=CSAE_RSI, what="RSI")
    message: Mapping[str, Any] = message_codec(f"csae-{variant}/RoadSideInformation").decode(payload)
    minute = message.get("moy", _MINUTE_INVALID)
    made_ns = arrival_ns if minute == _MINUTE_INVALID else instant_of(minute, 0, near_ns=arrival_ns)
    return tuple(
        _event(value, sign=sign, message=message, frame=frame, made_ns=made_ns, arrival_ns=arrival_ns)
        for field, sign in (("rtes", False), ("rtss", True))
        for value in message.get(field, ())
    )


def _code(event: RoadEvent) -> EventCode:
    code = event_code(event.kind)
    if code is None:
        raise CodecError("RSI", f"event {event.event}: no code for {event.kind.value}")
    return code


def _event_only(event: RoadEvent) -> dict[str, Any]:
    """What an event has and a sign has not."""
    value: dict[str, Any] = {}
    if event.radius_m is not None:
        value["eventRadius"] = steps("radius", event.radius_m, _RADIUS_STEP_M, 0, 65_535)
    confidence = percent_of(event.confidence)
    return value if confidence is None else value | {"eventConfidence": confidence}


def _description(event: RoadEvent, code: EventCode) -> tuple[str, Any] | None:
    """ASCII where it suffices, else GB 2312; a speed limit begins with its number."""
    text = event.text
    if code == EventCode(True, SPEED_LIMIT_SIGN):
        if event.speed_limit_mps is None:
            raise CodecError("RSI", f"event {event.event}: a speed limit without a speed")
        limit = steps("speed limit", event.speed_limit_mps * 3.6, 1.0, 0, 999)
        text = f"{limit} km/h {text}".rstrip()
    if not text:
        if code == EventCode(True, TEXT_SIGN):
            raise CodecError("RSI", f"event {event.event}: no code and no text")
        return None
    if text.isascii():
        return "textString", text[:MAX_TEXT_OCTETS]
    octets = text.encode("gb2312", "replace")[:MAX_TEXT_OCTETS]
    return "textGB2312", octets.decode("gb2312", "ignore").encode("gb2312").ljust(2)


def _times(event: RoadEvent, *, now_ns: int) -> dict[str, int]:
    """Start and end; of a withdrawn event only an end that has passed."""
    if event.cancelled:
        return {"endTime": minute_of_year(now_ns - now_ns % _MINUTE_NS - _MINUTE_NS)}
    found = {}
    if event.start_ns is not None and abs(event.start_ns - now_ns) < _HORIZON_NS:
        found["startTime"] = minute_of_year(event.start_ns)
    if event.end_ns is not None and event.end_ns - now_ns < _HORIZON_NS:
        found["endTime"] = minute_of_year(-(-event.end_ns // _MINUTE_NS) * _MINUTE_NS)
    return found


def _event(
    value: Mapping[str, Any],
    *,
    sign: bool,
    message: Mapping[str, Any],
    frame: LocalFrame,
    made_ns: int,
    arrival_ns: int,
) -> RoadEvent:
    origin = origin_of(message["refPos"])
    paths = _path_points(value, origin=origin, frame=frame)
    own = [point for key in ("signPos", "eventPos") if (point := value.get(key)) is not None]
    place = position_to_local(*origin, frame=frame, what="RSI")
    if own or paths:
        place = place_of(own[0], origin, frame=frame, what="RSI") if own else paths[-1]
    code = EventCode(sign, value["signType" if sign else "eventType"])
    start_ns, end_ns = (_instant(value, key, near_ns=arrival_ns) for key in ("startTime", "endTime"))
    text = _text(value.get("description"))
    speed = _SPEED_TEXT.match(text) if code == EventCode(True, SPEED_LIMIT_SIGN) else None
    local = f"rts-{value['rtsId']}" if sign else f"rte-{value['rteId']}"
    confidence, radius = value.get("eventConfidence"), value.get("eventRadius")
    return RoadEvent(
        event=f"{message['id'].hex()}/{local}",
        kind=kind_of(code),
        x_m=place[0],
        y_m=place[1],
        detected_ns=min(made_ns, arrival_ns),
        start_ns=start_ns,
        end_ns=end_ns,
        revision=message["msgCnt"],
        cancelled=end_ns is not None and end_ns <= made_ns,
        radius_m=None if radius is None else radius * _RADIUS_STEP_M,
        path_m=paths,
        lanes=lanes_of_links(value.get("referenceLinks", ())),
        priority=value.get("priority", b"\x00")[0] >> 5,
        confidence=None if confidence is None else confidence / 200.0,
        speed_limit_mps=None if speed is None else int(speed[1]) / 3.6,
        text=text[speed.end() :] if speed else text,
    )


def _path_points(
    value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame
) -> tuple[tuple[float, float], ...]:
    """The affected path; pieces that meet are one, and of several that do not, the first."""
    found: list[tuple[float, float]] = []
    for path in value.get("referencePaths", ()):
        points = [place_of(point, origin, frame=frame, what="RSI") for point in path["activePath"]]
        if not found:
            found = points
        elif points[0] == found[-1]:
            found += points[1:]
    return tuple(found)


def _instant(value: Mapping[str, Any], key: str, *, near_ns: int) -> int | None:
    minute = value.get("timeDetails", {}).get(key, _MINUTE_INVALID)
    return None if minute == _MINUTE_INVALID else instant_of(minute, 0, near_ns=near_ns)


def _text(description: tuple[str, str | bytes] | None) -> str:
    value = "" if description is None else description[1]
    return (value.decode("gb2312", "replace").rstrip(" ") if isinstance(value, bytes) else value)[
        :_LONGEST_TEXT
    ]
