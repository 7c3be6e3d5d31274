"""RSI as OpenV2X writes it in JSON: events of GB/T 29100 at places, up in one vendor's form, down in OpenV2X's own.

Facts: github.com/open-v2x/cerebrum (Apache-2.0), transform_driver/driver_lib/drivers.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.road_events import RoadEvent
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x.csae_event_codes import EventCode, event_code, kind_of
from edge.v2x.openv2x_rsm import DEGREE, read_json

MAX_EVENTS = 64
LONGEST_NAME = 128
LIFE_NS = 60 * NS_PER_S
"""Of an event whose message gives no duration."""


def write_rsi(events: Sequence[RoadEvent], *, frame: LocalFrame, device: str, now_ns: int) -> bytes | None:
    """Events to the payload of `RSI/UP/DAWNLINE`; None where none has a code."""
    content = []
    for event in events:
        code = event_code(event.kind)
        if code is None or code.sign:
            continue
        latitude, longitude = frame.to_geodetic(event.x_m, event.y_m)
        content.append(
            {
                "event_type": code.number,
                "event_id": event.event,
                "event_source": "detection",
                "timeStamp": event.detected_ns // NS_PER_MS,
                "secMark": now_ns // NS_PER_MS % 60_000,
                "latitude": round(latitude * DEGREE),
                "longitude": round(longitude * DEGREE),
            }
        )
    if not content:
        return None
    value = {
        "dev_id": device,
        "dev_type": "integrated",
        "dev_pos": {
            "latitude": round(frame.latitude_deg * DEGREE),
            "longitude": round(frame.longitude_deg * DEGREE),
        },
        "event_content": content,
    }
    return json.dumps(value, separators=(",", ":")).encode()


def read_rsi(payload: bytes, *, frame: LocalFrame, arrival_ns: int) -> tuple[RoadEvent, ...]:
    """The payload of `RSI/DOWN`, or of `RSI/UP/DAWNLINE`, to events.

    Raises:
        CodecError: no such payload.
    """
    value = read_json(payload, what="RSI")
    try:
        rows = value["event_content"] if "event_content" in value else value["rsiDatas"]
        source = _name(value.get("dev_id", value.get("rsiSourceId")))
        if len(rows) > MAX_EVENTS:
            raise CodecError("OpenV2X RSI", f"{len(rows)} events, at most {MAX_EVENTS} are read")
        return tuple(_event(row, source=source, frame=frame, arrival_ns=arrival_ns) for row in rows)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CodecError("OpenV2X RSI", f"{type(error).__name__}: {error}") from error


def _event(row: Mapping[str, Any], *, source: str, frame: LocalFrame, arrival_ns: int) -> RoadEvent:
    number = int(row["event_type"] if "event_type" in row else row["eventType"])
    place = row.get("eventPosition", row)
    latitude = float(place["lat"] if "lat" in place else place["latitude"]) / DEGREE
    longitude = float(place["lon"] if "lon" in place else place["longitude"]) / DEGREE
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"{latitude}, {longitude} is no place")
    x_m, y_m = frame.to_local(latitude, longitude)
    duration_s = float(row.get("duration") or 0.0)
    life_ns = round(duration_s * NS_PER_S) if 0 < duration_s <= 86_400 else LIFE_NS
    return RoadEvent(
        event=f"{source}/{_name(row.get('event_id', row.get('alertID')))}",
        kind=kind_of(EventCode(False, number)),
        x_m=x_m,
        y_m=y_m,
        detected_ns=min(arrival_ns, _time(row["timeStamp"], arrival_ns)),
        end_ns=arrival_ns + life_ns,
        cancelled=row.get("eventStatus") is False,
    )


def _name(value: Any) -> str:
    """An identity as text, which others will send on: short, and of characters that every encoding has."""
    text = str(value)
    if not isinstance(value, (str, int, type(None))) or len(text) > LONGEST_NAME or not text.isprintable():
        raise ValueError("an identity that is no short text")
    return text


def _time(value: Any, arrival_ns: int) -> int:
    """Milliseconds since 1970, or text with a Z; what is neither, or before 1970, is the time of arrival."""
    try:
        if isinstance(value, (int, float)):
            stamp_ms = round(value)
        else:
            stamp_ms = round(datetime.fromisoformat(str(value)).astimezone(UTC).timestamp() * 1e3)
    except ValueError:
        return arrival_ns
    return stamp_ms * NS_PER_MS if stamp_ms >= 0 else arrival_ns
