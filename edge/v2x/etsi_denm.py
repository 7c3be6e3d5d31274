"""ETSI DENM (EN 302 637-3 V1.3.1, TS 103 831 V2.3.1) to and from road events, and the life of what one station tells.

Station and sequence number name an event through all its changes; the referenceTime grows with every change. An
unchanged event is told by the same octets (a repetition). A receiver keeps, by action id, the message with the greatest
referenceTime until detectionTime and validityDuration have passed; a cancellation has only the action id, the place and
the times, so what it withdraws is known from that table alone. Release 1 and 2 have the same bits.

No field: the text, the priority, a start in the future, the MAP's LaneIDs. A speed is said of road works only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.v2x.codec import message_codec
from edge.v2x.etsi_causes import Cause, cause_of, kind_of
from edge.v2x.etsi_elements import (
    DENM,
    ROADSIDE_UNIT,
    check_header,
    header_fields,
    place_of,
    reference_fields,
)
from edge.v2x.etsi_time import timestamp_its_of, utc_ns_of_timestamp_its
from edge.v2x.etsi_traces import path_of, trace_of
from edge.v2x.finite import check_finite
from edge.v2x.motion import steps

MAX_ACTIONS = 4096
"""Action ids that may be valid at a time: no more are kept."""
VALIDITY_S = 600
"""validityDuration of an event without an end (EN 302 637-3, defaultValidity); it is renewed at half of it."""
LONGEST_VALIDITY_S = 86_400
MAX_BYTES = 1400
"""Octets of one packet."""
AHEAD_NS = 60 * NS_PER_S
"""How far a referenceTime may be ahead of the arrival: a wrong clock would outlast all later words of its station."""

_MESSAGE = "etsi/DENM"
_SEQUENCE_NUMBERS = 65_536
_MS_PER_S = 1000
_BEST_QUALITY = 7
_LARGEST_STATION = 0xFFFFFFFF
_KMH_PER_MPS = 3.6
_DISTANCES = (
    ("lessThan50m", 50.0),
    ("lessThan100m", 100.0),
    ("lessThan200m", 200.0),
    ("lessThan500m", 500.0),
    ("lessThan1000m", 1000.0),
    ("lessThan5km", 5000.0),
    ("lessThan10km", 10_000.0),
)
_FURTHER = "over10km"
_UPSTREAM = "sameAsReferenceDirection-upstreamOfReferencePosition"


class _Told(NamedTuple):
    """What was last said of an action id; times in milliseconds of TimestampIts."""

    event: RoadEvent
    sequence_number: int
    reference_ms: int
    detection_ms: int
    expiry_ms: int
    over: bool
    payload: bytes


class DenmEncoder:
    """Writes what one station tells and keeps, per event, its action id until that has expired.

    Args:
        frame: local frame of the site.
        station_id: of this station, 32 bits.
        first_sequence_number: of the next new event; after a restart one that no message still valid has.
        position_error_m: one sigma of an event's place; None unknown.
    """

    def __init__(
        self,
        frame: LocalFrame,
        *,
        station_id: int,
        first_sequence_number: int = 0,
        position_error_m: float | None = None,
    ) -> None:
        if not 0 <= station_id <= _LARGEST_STATION:
            raise ValueError(f"station id {station_id} is not of 32 bits")
        if not 0 <= first_sequence_number < _SEQUENCE_NUMBERS:
            raise ValueError(f"sequence number {first_sequence_number} is not of 16 bits")
        self._frame, self._station = frame, station_id
        self._ellipse = None if position_error_m is None else (position_error_m, position_error_m)
        self._next = first_sequence_number
        self._told: dict[str, _Told] = {}
        self._expiry_ms: dict[int, int] = {}
        self._reference_ms = 0

    def encode(self, event: RoadEvent, *, now_ns: int) -> bytes:
        """A new event, its change, its repetition or its cancellation, to a DENM.

        An event that ended before it was said to end is cancelled. One that comes again after it was cancelled or has
        expired gets a sequence number of its own.

        Raises:
            CodecError: an event that a DENM cannot say, that has not started, or that is over and nobody was told of.
                Nothing is kept of it.
        """
        check_finite(event, what="DENM")
        now_ms = timestamp_its_of(now_ns)
        self._forget(now_ms)
        told = self._told.get(event.event)
        over = event.cancelled or (event.end_ns is not None and event.end_ns <= now_ns)
        if told is not None and told.over and not over:
            told = None
        if told is not None and _repeats(told, event, over=over, now_ms=now_ms):
            return told.payload
        if over and told is None:
            raise CodecError("DENM", f"event {event.event} is over and nobody was told of it")
        if event.start_ns is not None and event.start_ns > now_ns and not over:
            raise CodecError("DENM", f"event {event.event} has not started")
        return self._tell(event, told, over=over, now_ms=now_ms)

    def negate(self, event: RoadEvent, *, now_ns: int) -> bytes:
        """A DENM that denies the event of another station, which `decode_denm` has read.

        It has that station's action id and latest referenceTime, and holds as long.

        Raises:
            CodecError: an event of this station, one that has expired, or no event of a DENM.
        """
        station, sequence_number = action_of(event.event)
        if station == self._station:
            raise CodecError("DENM", f"event {event.event} is our own: cancel it")
        now_ms = timestamp_its_of(now_ns)
        if event.end_ns is None or event.end_ns <= now_ns:
            raise CodecError("DENM", f"event {event.event} has expired")
        validity_s = _validity(now_ms, timestamp_its_of(event.end_ns))
        management = self._management(event, sequence_number, now_ms, validity_s) | {
            "actionId": {"originatingStationId": station, "sequenceNumber": sequence_number},
            "referenceTime": event.revision,
            "termination": "isNegation",
        }
        return self._message({"management": management})

    def _forget(self, now_ms: int) -> None:
        """Drop what has expired."""
        self._told = {name: told for name, told in self._told.items() if told.expiry_ms > now_ms}
        self._expiry_ms = {
            number: expiry_ms for number, expiry_ms in self._expiry_ms.items() if expiry_ms > now_ms
        }

    def _tell(self, event: RoadEvent, told: _Told | None, *, over: bool, now_ms: int) -> bytes:
        number = self._unused() if told is None else told.sequence_number
        reference_ms = now_ms if told is None else max(now_ms, told.reference_ms + 1)
        if over and told is not None:
            detection_ms = min(now_ms, told.expiry_ms - 1)
            validity_s = _validity(detection_ms, told.expiry_ms)
        else:
            end_ms = None if event.end_ns is None else timestamp_its_of(event.end_ns)
            detection_ms = now_ms if told is not None else _first_detection(event, end_ms, now_ms=now_ms)
            validity_s = VALIDITY_S if end_ms is None else _validity(detection_ms, end_ms)
        management = self._management(event, number, detection_ms, validity_s)
        management["referenceTime"] = reference_ms
        if over:
            management["termination"] = "isCancellation"
            payload = self._message({"management": management})
        else:
            payload = self._message({"management": management} | self._containers(event))
        expiry_ms = detection_ms + validity_s * _MS_PER_S
        self._told[event.event] = _Told(event, number, reference_ms, detection_ms, expiry_ms, over, payload)
        self._expiry_ms[number] = max(expiry_ms, self._expiry_ms.get(number, 0))
        if told is None:
            self._next = (number + 1) % _SEQUENCE_NUMBERS
        return payload

    def _unused(self) -> int:
        """The next sequence number that no valid message has."""
        if len(self._expiry_ms) >= MAX_ACTIONS:
            raise CodecError("DENM", f"more than {MAX_ACTIONS} events are valid at a time")
        number = self._next
        while number in self._expiry_ms:
            number = (number + 1) % _SEQUENCE_NUMBERS
        return number

    def _management(
        self, event: RoadEvent, number: int, detection_ms: int, validity_s: int
    ) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "actionId": {"originatingStationId": self._station, "sequenceNumber": number},
            "detectionTime": detection_ms,
            "eventPosition": _position(event, frame=self._frame, ellipse_m=self._ellipse),
            "validityDuration": validity_s,
            "stationType": ROADSIDE_UNIT,
        }
        if event.radius_m is not None:
            fields["awarenessDistance"] = _distance(event.radius_m)
        if event.path_m:
            fields["trafficDirection"] = _UPSTREAM
        return fields

    def _containers(self, event: RoadEvent) -> dict[str, Any]:
        """Situation, and location and road works where they say something."""
        cause = cause_of(event.kind)
        if cause is None:
            raise CodecError("DENM", f"there is no cause for {event.kind.value}")
        found: dict[str, Any] = {
            "situation": {
                "informationQuality": _quality(event.confidence),
                "eventType": {"ccAndScc": {"causeCode": cause.cause, "subCauseCode": cause.sub_cause}},
            }
        }
        trace = trace_of(event.path_m, (event.x_m, event.y_m), frame=self._frame)
        if trace:
            found["location"] = {"detectionZonesToEventPosition": [trace]}
        if event.kind is EventKind.ROAD_WORKS and event.speed_limit_mps is not None:
            limit = steps("speed limit", event.speed_limit_mps * _KMH_PER_MPS, 1.0, 1, 255)
            found["alacarte"] = {"roadWorks": {"speedLimit": limit}}
        return found

    def _message(self, denm: dict[str, Any]) -> bytes:
        header = header_fields(DENM, station_id=self._station)
        payload = message_codec(_MESSAGE).encode({"header": header, "denm": denm})
        if len(payload) > MAX_BYTES:
            raise CodecError("DENM", f"{len(payload)} bytes are too long for one packet")
        return payload


def decode_denm(payload: bytes, *, frame: LocalFrame, arrival_ns: int) -> RoadEvent:
    """A DENM to its event.

    `revision` is the referenceTime in milliseconds of TimestampIts; `detected_ns` is when its latest change was
    detected; the end is that of the message, `cancelled` stands for a cancellation or a negation.

    Raises:
        OtherMessageError: a sound PDU of another message.
        CodecError: anything else that is not one whole DENM with a place, or one of a later time than the arrival.
    """
    check_header(payload, message_id=DENM)
    denm = message_codec(_MESSAGE).decode(payload)["denm"]
    management = denm["management"]
    detected_ns = utc_ns_of_timestamp_its(management["detectionTime"], what="DENM")
    reference_ns = utc_ns_of_timestamp_its(management["referenceTime"], what="DENM")
    if reference_ns > arrival_ns + AHEAD_NS:
        raise CodecError(
            "DENM", f"its referenceTime is {(reference_ns - arrival_ns) / NS_PER_S:.0f} s after its arrival"
        )
    at = place_of(management["eventPosition"], frame=frame, what="DENM")
    kind, text, confidence = _said(denm.get("situation"))
    works = denm.get("alacarte", {}).get("roadWorks", {})
    limit = works.get("speedLimit")
    action = management["actionId"]
    traces = denm.get("location", {}).get("detectionZonesToEventPosition", ())
    return RoadEvent(
        event=event_of(action["originatingStationId"], action["sequenceNumber"]),
        kind=kind,
        x_m=at[0],
        y_m=at[1],
        detected_ns=detected_ns,
        end_ns=detected_ns + management["validityDuration"] * NS_PER_S,
        revision=management["referenceTime"],
        cancelled="termination" in management,
        radius_m=dict(_DISTANCES).get(management.get("awarenessDistance")),
        path_m=path_of(traces, management["eventPosition"], frame=frame),
        confidence=confidence,
        speed_limit_mps=None if limit is None else limit / _KMH_PER_MPS,
        text=text,
    )


def event_of(station_id: int, sequence_number: int) -> str:
    """The id of an event as read: its action id."""
    return f"{station_id:08x}/denm-{sequence_number}"


def action_of(event: str) -> tuple[int, int]:
    """Station and sequence number of an event as read. Raises `CodecError`."""
    station, separator, number = event.partition("/denm-")
    try:
        found = int(station, 16), int(number)
    except ValueError as error:
        raise CodecError("DENM", f"{event!r} is no event of a DENM") from error
    if not separator or event_of(*found) != event or not 0 <= found[1] < _SEQUENCE_NUMBERS:
        raise CodecError("DENM", f"{event!r} is no event of a DENM")
    return found


def _repeats(told: _Told, event: RoadEvent, *, over: bool, now_ms: int) -> bool:
    """Whether the octets last sent still say it: unchanged, and no longer validity is due."""
    if told.over:
        return over
    if over or event != told.event:
        return False
    ends_with_it = event.end_ns is not None and timestamp_its_of(event.end_ns) <= told.expiry_ms
    return ends_with_it or 2 * now_ms < told.detection_ms + told.expiry_ms


def _first_detection(event: RoadEvent, end_ms: int | None, *, now_ms: int) -> int:
    """When it was first known; now where the validity, counted from then, would be too short."""
    detected_ms = min(timestamp_its_of(event.detected_ns), now_ms)
    if end_ms is None:
        return detected_ms if 2 * (now_ms - detected_ms) < VALIDITY_S * _MS_PER_S else now_ms
    return detected_ms if end_ms - detected_ms <= LONGEST_VALIDITY_S * _MS_PER_S else now_ms


def _validity(from_ms: int, to_ms: int) -> int:
    """Whole seconds that reach the end, as far as the field does."""
    return min(max(-(-(to_ms - from_ms) // _MS_PER_S), 1), LONGEST_VALIDITY_S)


def _position(
    event: RoadEvent, *, frame: LocalFrame, ellipse_m: tuple[float, float] | None
) -> dict[str, Any]:
    """ReferencePosition: the fields of the one of other messages, but other names in the ellipse."""
    reference = reference_fields(event.x_m, event.y_m, frame=frame, ellipse_m=ellipse_m)
    ellipse = reference["positionConfidenceEllipse"]
    reference["positionConfidenceEllipse"] = {
        "semiMajorConfidence": ellipse["semiMajorAxisLength"],
        "semiMinorConfidence": ellipse["semiMinorAxisLength"],
        "semiMajorOrientation": ellipse["semiMajorAxisOrientation"],
    }
    return reference


def _distance(radius_m: float) -> str:
    """The least distance of the standard that holds the radius."""
    steps("radius", radius_m, 1.0, 0, 1)
    return next((name for name, bound_m in _DISTANCES if radius_m <= bound_m), _FURTHER)


def _quality(confidence: float | None) -> int:
    """InformationQuality: 0 unknown, 1 worst, 7 best."""
    if confidence is None:
        return 0
    return steps("confidence", confidence, 1.0 / _BEST_QUALITY, 1, _BEST_QUALITY)


def _said(situation: Mapping[str, Any] | None) -> tuple[EventKind, str, float | None]:
    """Kind, the causes that mean nothing to us, and confidence."""
    if situation is None:
        return EventKind.OTHER, "", None
    code = situation["eventType"]["ccAndScc"]
    kind = kind_of(Cause(code["causeCode"], code["subCauseCode"]))
    text = f"cause {code['causeCode']}/{code['subCauseCode']}" if kind is EventKind.OTHER else ""
    quality = situation["informationQuality"]
    return kind, text, quality / _BEST_QUALITY if quality else None
