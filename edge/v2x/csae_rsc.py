"""T/CSAE 157-2020 RoadsideCoordination (day 2): advice of the roadside to single vehicles and to lanes.

It is advice: nothing here commands a vehicle. Lifetimes and times of passing count from the time of the message, which
is in milliseconds of the UTC minute; they are rounded down, so that advice never holds longer than it was given for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.core.geodesy import LocalFrame
from edge.v2x.codec import message_codec
from edge.v2x.csae_elements import (
    Origin,
    Variant,
    bits_of,
    date_time,
    instant_of_date,
    names_of,
    octets_of_id,
    origin_of,
    position_3d,
    time_of,
    time_offset,
)
from edge.v2x.csae_planning import (
    LinkRef,
    PlannedPoint,
    behavior_bits,
    behaviors_of,
    instant_after,
    link_of,
    link_value,
    path_of,
    path_value,
)
from edge.v2x.frame import CSAE_RSC, unwrap_csae_day2, wrap_csae_day2
from edge.v2x.motion import SPEED_STEP_MPS, SPEED_UNAVAILABLE, position_to_local, second_mark_of, steps

USES = (
    "lane_change",
    "merge",
    "lane_change_at_intersection",
    "passing_without_signals",
    "dynamic_lanes",
    "lane_reservation",
    "lane_restriction",
    "signal_priority",
)
"""DE_CoordinationInfo by bit: what the advice is about."""


@dataclass(frozen=True, slots=True)
class VehicleAdvice:
    """Advice to one vehicle.

    Attributes:
        vehicle: its temporary id, eight octets in hexadecimal.
        behaviors: what it should do, of `BEHAVIORS`; empty: nothing but the path.
        until_ns: UTC ns up to which the behaviour is advised; None: not said.
        link: the road on which the behaviour is advised, with the lanes to take; None: anywhere.
        path: the way it should take, with the speed on each point; empty: none.
        uses: what the advice is about, of `USES`.
    """

    vehicle: str
    behaviors: tuple[str, ...] = ()
    until_ns: int | None = None
    link: LinkRef | None = None
    path: tuple[PlannedPoint, ...] = ()
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaneAdvice:
    """Advice to all on some lanes.

    Attributes:
        link: the lanes.
        speed_mps: recommended; None: none.
        behaviors: recommended, of `BEHAVIORS`.
        start_ns, end_ns: UTC ns of its validity; None: open.
        uses: what the advice is about, of `USES`.
    """

    link: LinkRef
    speed_mps: float | None = None
    behaviors: tuple[str, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coordination:
    """One message of advice.

    Attributes:
        station: id of the roadside unit, eight octets in hexadecimal.
        stamp_ns: UTC ns of the message.
        x_m, y_m: ENU metres of its reference position.
        vehicles: at most 16.
        lanes: at most 8.
    """

    station: str
    stamp_ns: int
    x_m: float
    y_m: float
    vehicles: tuple[VehicleAdvice, ...] = ()
    lanes: tuple[LaneAdvice, ...] = ()


def encode_rsc(advice: Coordination, *, frame: LocalFrame, message_count: int, variant: Variant) -> bytes:
    """Advice to a MessageFrame; `message_count` is modulo 128."""
    reference = position_3d(advice.x_m, advice.y_m, frame=frame)
    origin = origin_of(reference)
    message: dict[str, Any] = {
        "msgCnt": message_count % 128,
        "id": octets_of_id(advice.station, what="RSC"),
        "secMark": second_mark_of(advice.stamp_ns),
        "refPos": reference,
    }
    if advice.vehicles:
        message["coordinates"] = [
            _vehicle_value(entry, origin=origin, frame=frame, made_ns=advice.stamp_ns)
            for entry in advice.vehicles
        ]
    if advice.lanes:
        message["laneCoordinates"] = [_lane_value(entry) for entry in advice.lanes]
    return wrap_csae_day2(CSAE_RSC, message_codec(f"csae-{variant}/RoadsideCoordination").encode(message))


def decode_rsc(payload: bytes, *, frame: LocalFrame, arrival_ns: int, variant: Variant) -> Coordination:
    """A MessageFrame with an RSC to its advice.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole RSC with positions.
    """
    body = unwrap_csae_day2(payload, message_id=CSAE_RSC, what="RSC")
    message: Mapping[str, Any] = message_codec(f"csae-{variant}/RoadsideCoordination").decode(body)
    origin = origin_of(message["refPos"])
    made_ns = time_of(message["secMark"], near_ns=arrival_ns, what="RSC")
    x_m, y_m = position_to_local(*origin, frame=frame, what="RSC")
    return Coordination(
        station=message["id"].hex(),
        stamp_ns=made_ns,
        x_m=x_m,
        y_m=y_m,
        vehicles=tuple(
            _vehicle(value, origin=origin, frame=frame, made_ns=made_ns)
            for value in message.get("coordinates", ())
        ),
        lanes=tuple(_lane(value) for value in message.get("laneCoordinates", ())),
    )


def _vehicle_value(
    advice: VehicleAdvice, *, origin: Origin, frame: LocalFrame, made_ns: int
) -> dict[str, Any]:
    value: dict[str, Any] = {"vehId": octets_of_id(advice.vehicle, what="RSC")}
    if advice.behaviors:
        suggestion: dict[str, Any] = {"suggestion": behavior_bits(advice.behaviors, what="RSC")}
        if advice.until_ns is not None:
            suggestion["lifeTime"] = time_offset(advice.until_ns - made_ns)
        if advice.link is not None:
            suggestion["relatedLink"] = link_value(advice.link, what="RSC")
        value["driveSuggestion"] = suggestion
    if advice.path:
        value["pathGuidance"] = path_value(
            advice.path, origin=origin, frame=frame, made_ns=made_ns, what="RSC"
        )
    return value | _info(advice.uses)


def _vehicle(value: Mapping[str, Any], *, origin: Origin, frame: LocalFrame, made_ns: int) -> VehicleAdvice:
    suggestion: Mapping[str, Any] = value.get("driveSuggestion", {})
    return VehicleAdvice(
        vehicle=value["vehId"].hex(),
        behaviors=behaviors_of(suggestion.get("suggestion")),
        until_ns=instant_after(suggestion.get("lifeTime"), made_ns=made_ns),
        link=link_of(suggestion["relatedLink"]) if "relatedLink" in suggestion else None,
        path=path_of(value.get("pathGuidance", ()), origin=origin, frame=frame, made_ns=made_ns),
        uses=_uses(value),
    )


def _lane_value(advice: LaneAdvice) -> dict[str, Any]:
    value: dict[str, Any] = {"targetLane": link_value(advice.link, what="RSC")}
    if advice.start_ns is not None:
        value["tBegin"] = date_time(advice.start_ns)
    if advice.end_ns is not None:
        value["tEnd"] = date_time(advice.end_ns)
    if advice.speed_mps is not None:
        value["recommendedSpeed"] = steps("speed", advice.speed_mps, SPEED_STEP_MPS, 0, 8190)
    if advice.behaviors:
        value["recommendedBehavior"] = behavior_bits(advice.behaviors, what="RSC")
    return value | _info(advice.uses)


def _lane(value: Mapping[str, Any]) -> LaneAdvice:
    speed = value.get("recommendedSpeed", SPEED_UNAVAILABLE)
    start_ns, end_ns = (instant_of_date(value[key]) if key in value else None for key in ("tBegin", "tEnd"))
    return LaneAdvice(
        link=link_of(value["targetLane"]),
        speed_mps=None if speed == SPEED_UNAVAILABLE else speed * SPEED_STEP_MPS,
        behaviors=behaviors_of(value.get("recommendedBehavior")),
        start_ns=start_ns,
        end_ns=end_ns,
        uses=_uses(value),
    )


def _info(uses: tuple[str, ...]) -> dict[str, tuple[bytes, int]]:
    return {"info": bits_of(uses, USES, what="RSC")} if uses else {}


def _uses(value: Mapping[str, Any]) -> tuple[str, ...]:
    return names_of(value["info"], USES) if "info" in value else ()
