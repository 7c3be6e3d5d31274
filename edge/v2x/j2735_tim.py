"""SAE J2735-2020 TravelerInformation (clause 5.16) to and from road events.

The packetID names an event through all its changes, msgCnt is its revision. Times are whole minutes: a start is rounded
down and an end up. A message that ends in the minute in which it begins (duration 0) withdraws the event. Lanes and
confidence cannot be said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.v2x.codec import message_codec
from edge.v2x.finite import check_finite
from edge.v2x.frame import J2735_TIM, unwrap_j2735, wrap_j2735
from edge.v2x.j2735_itis import CANCELED, WARNING, Meaning, codes_of, meaning_of
from edge.v2x.j2735_regions import Place, directions_of, place_of, point_of, position_fields, regions_of
from edge.v2x.marks import instant_of, minute_of_year

MAX_BYTES = 1400
"""Longest MessageFrame that one radio packet carries (IEEE 1609.3)."""

_MESSAGE = "j2735/TravelerInformation"
_PACKET_OCTETS = 9
_MINUTE_NS = 60 * NS_PER_S
_MINUTE_INVALID = 527_040
_YEAR_UNKNOWN = 0
_FOR_EVER = 32_000
_LONGEST_TEXT = 250
_WORK = (EventKind.ROAD_WORKS, EventKind.LANE_CLOSED)
_SIGN_CODES = {EventKind.SPEED_LIMIT: "regulatory"}


def encode_tim(event: RoadEvent, *, frame: LocalFrame, station: str, now_ns: int) -> bytes:
    """A road event to a MessageFrame with a TIM made at `now_ns`.

    Args:
        event: `revision` counts on with every change.
        frame: local frame of the site.
        station: name of the sender; with it the event's id is unique among all senders.
        now_ns: UTC ns.

    Raises:
        CodecError: ITIS has no phrase for it, or it is too long for one packet.
    """
    check_finite(event, what="TIM")
    start_ns = event.detected_ns if event.start_ns is None else event.start_ns
    over = event.cancelled or (event.end_ns is not None and event.end_ns <= now_ns)
    at = (event.x_m, event.y_m)
    data_frame = {
        "notUsed": 0,
        "frameType": "roadSignage" if event.kind is EventKind.SPEED_LIMIT else "advisory",
        "msgId": ("roadSignID", _sign(event, frame=frame)),
        "startYear": datetime.fromtimestamp(start_ns // NS_PER_S, tz=UTC).year,
        "startTime": minute_of_year(start_ns),
        "durationTime": 0 if over else _duration(start_ns, event.end_ns),
        "priority": min(max(event.priority, 0), 7),
        "notUsed1": 0,
        "regions": regions_of(at, event.radius_m, event.path_m, frame=frame),
        "notUsed2": 0,
        "notUsed3": 0,
        "content": _content(event, over=over),
    }
    message = {
        "msgCnt": event.revision % 128,
        "timeStamp": minute_of_year(now_ns),
        "packetID": packet_id(event.event, station=station),
        "dataFrames": [data_frame],
    }
    payload = wrap_j2735(J2735_TIM, message_codec(_MESSAGE).encode(message))
    if len(payload) > MAX_BYTES:
        raise CodecError("TIM", f"event {event.event}: {len(payload)} bytes are too long for one packet")
    return payload


def decode_tim(payload: bytes, *, frame: LocalFrame, sender: str, arrival_ns: int) -> tuple[RoadEvent, ...]:
    """A MessageFrame with a TIM to its events, one per data frame.

    Args:
        payload: the MessageFrame.
        frame: local frame of the site.
        sender: whom it was heard from; the ids of its events begin with it.
        arrival_ns: UTC ns; years that are not said are those nearest to it.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole TIM whose data frames have a place.
    """
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_TIM, what="TIM"))
    packet = message.get("packetID", b"")
    name = packet.hex() if any(packet) else f"tim-{message['msgCnt']}"
    minute = message.get("timeStamp", _MINUTE_INVALID)
    known = minute != _MINUTE_INVALID
    shared: dict[str, Any] = {
        "detected_ns": instant_of(minute, 0, near_ns=arrival_ns) if known else arrival_ns,
        "revision": message["msgCnt"],
    }
    found = message["dataFrames"]
    return tuple(
        _event(
            data_frame,
            name=f"{sender}/{name}" if len(found) == 1 else f"{sender}/{name}/{index}",
            frame=frame,
            shared=shared,
        )
        for index, data_frame in enumerate(found)
    )


def packet_id(event: str, *, station: str) -> bytes:
    """The nine octets that name an event of a station: as good as unique, the same for every change of it."""
    return hashlib.sha256(f"{station}\n{event}".encode()).digest()[:_PACKET_OCTETS]


def _sign(event: RoadEvent, *, frame: LocalFrame) -> dict[str, Any]:
    return {
        "position": position_fields((event.x_m, event.y_m), frame=frame),
        "viewAngle": directions_of(event.path_m),
        "mutcdCode": _SIGN_CODES.get(event.kind, "warning"),
    }


def _duration(start_ns: int, end_ns: int | None) -> int:
    """MinutesDuration from the minute of the start to that of the end, both included; without an end for ever."""
    if end_ns is None:
        return _FOR_EVER
    minutes = -(-end_ns // _MINUTE_NS) - start_ns // _MINUTE_NS
    return min(max(minutes, 1), _FOR_EVER - 1)


def _content(event: RoadEvent, *, over: bool) -> tuple[str, list[dict[str, Any]]]:
    """The codes, and the text where there is one: only an advisory has room for it."""
    codes = codes_of(event.kind, speed_mps=event.speed_limit_mps, over=over)
    items: list[dict[str, Any]] = [{"item": ("itis", code)} for code in codes]
    text = event.text.encode("ascii", "ignore").decode("ascii")[:_LONGEST_TEXT]
    if text:
        return "advisory", [*items, {"item": ("text", text)}]
    if event.kind is EventKind.SPEED_LIMIT:
        return "speedLimit", items
    return ("workZone" if event.kind in _WORK else "advisory"), items


def _event(
    data_frame: Mapping[str, Any], *, name: str, frame: LocalFrame, shared: Mapping[str, Any]
) -> RoadEvent:
    meaning, text = _said(data_frame["content"])
    place = place_of(data_frame["regions"], frame=frame)
    x_m, y_m = _place_or_sign(place, data_frame["msgId"], frame=frame)
    start_ns = _start(data_frame, near_ns=shared["detected_ns"])
    minutes = data_frame["durationTime"]
    end_ns = (shared["detected_ns"] if start_ns is None else start_ns) + minutes * _MINUTE_NS
    return RoadEvent(
        event=name,
        kind=meaning.kind,
        x_m=x_m,
        y_m=y_m,
        start_ns=start_ns,
        end_ns=None if minutes == _FOR_EVER else end_ns,
        cancelled=meaning.over or minutes == 0,
        radius_m=place.radius_m,
        path_m=place.path,
        priority=data_frame["priority"],
        speed_limit_mps=meaning.speed_mps,
        text=text,
        **shared,
    )


def _said(content: tuple[str, Sequence[Mapping[str, Any]]]) -> tuple[Meaning, str]:
    """What codes and texts mean; codes that mean nothing to us are named in the text."""
    form, entries = content
    items = [entry["item"] for entry in entries]
    codes = [value for kind, value in items if kind == "itis"]
    meaning = meaning_of(codes)
    if meaning.kind is EventKind.OTHER and form == "workZone":
        meaning = Meaning(EventKind.ROAD_WORKS, meaning.over, meaning.speed_mps)
    if meaning.kind is EventKind.OTHER and form == "speedLimit" and meaning.speed_mps is not None:
        meaning = Meaning(EventKind.SPEED_LIMIT, meaning.over, meaning.speed_mps)
    text = " ".join(value for kind, value in items if kind == "text")
    unread = [str(code) for code in codes if code not in (WARNING, CANCELED)]
    if not text and unread and meaning.kind is EventKind.OTHER and meaning.speed_mps is None:
        text = "ITIS " + " ".join(unread)
    return meaning, text[:_LONGEST_TEXT]


def _place_or_sign(place: Place, sign: tuple[str, Any], *, frame: LocalFrame) -> tuple[float, float]:
    if place.at is not None:
        return place.at
    kind, value = sign
    at = point_of(value["position"], frame=frame) if kind == "roadSignID" else None
    if at is None:
        raise CodecError("TIM", "a data frame without a place")
    return at


def _start(data_frame: Mapping[str, Any], *, near_ns: int) -> int | None:
    """UTC ns of startYear and startTime; None: not said."""
    minute: int = data_frame["startTime"]
    year: int = data_frame.get("startYear", _YEAR_UNKNOWN)
    if minute == _MINUTE_INVALID:
        return None
    if year == _YEAR_UNKNOWN:
        return instant_of(minute, 0, near_ns=near_ns)
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S + minute * _MINUTE_NS
