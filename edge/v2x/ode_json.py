"""SPATs in the JSON that the US DOT's operational data environment (ODE) writes, as values of `j2735/SPAT`.

It wraps lists in objects with the name of their type, writes enumerations in capitals with underscores, bit strings as
objects of booleans, and absent fields as null. MAPs in that form are read by `edge.road`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec

_STATUS = (
    "manualControlIsEnabled",
    "stopTimeIsActivated",
    "failureFlash",
    "preemptIsActive",
    "signalPriorityIsActive",
    "fixedTimeOperation",
    "trafficDependentOperation",
    "standbyOperation",
    "failureMode",
    "off",
    "recentMAPmessageUpdate",
    "recentChangeInMAPassignedLanesIDsUsed",
    "noValidMAPisAvailableAtThisTime",
    "noValidSPATisAvailableAtThisTime",
)
"""IntersectionStatusObject of J2735-2020 by bit."""
_STATES = {
    "UNAVAILABLE": "unavailable",
    "DARK": "dark",
    "STOP_THEN_PROCEED": "stop-Then-Proceed",
    "STOP_AND_REMAIN": "stop-And-Remain",
    "PRE_MOVEMENT": "pre-Movement",
    "PERMISSIVE_MOVEMENT_ALLOWED": "permissive-Movement-Allowed",
    "PROTECTED_MOVEMENT_ALLOWED": "protected-Movement-Allowed",
    "PERMISSIVE_CLEARANCE": "permissive-clearance",
    "PROTECTED_CLEARANCE": "protected-clearance",
    "CAUTION_CONFLICTING_TRAFFIC": "caution-Conflicting-Traffic",
}
_TIMES = ("startTime", "minEndTime", "maxEndTime", "likelyTime", "confidence", "nextTime")
_Object = Mapping[str, Any]


def is_ode_spat(document: Any) -> bool:
    """Whether a JSON document is a SPAT of the ODE."""
    return isinstance(document, dict) and isinstance(_data(document).get("intersectionStateList"), dict)


def ode_spat_value(document: _Object) -> dict[str, Any]:
    """The value of the SPAT in a document. Raises `CodecError` where it is none, or none that can be sent."""
    data = _data(document)
    try:
        states = data["intersectionStateList"]["intersectionStatelist"]
        value = _present({"timeStamp": data.get("timeStamp"), "name": data.get("name")})
        value["intersections"] = [_intersection(state) for state in states]
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise CodecError("SPAT", f"no SPAT as the ODE writes it: {type(error).__name__} {error}") from error
    codec = message_codec("j2735/SPAT")
    try:
        return dict(codec.decode(codec.encode(value)))
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise CodecError("SPAT", f"a field has no value of its kind: {error}") from error


def _data(document: _Object) -> _Object:
    payload = document.get("payload", document)
    found = payload.get("data", payload) if isinstance(payload, dict) else {}
    return found if isinstance(found, dict) else {}


def _intersection(state: _Object) -> dict[str, Any]:
    value = _present({name: state.get(name) for name in ("name", "moy", "timeStamp", "revision")})
    value["id"] = _present({"region": state["id"].get("region"), "id": state["id"]["id"]})
    value["status"] = _status(state.get("status") or {})
    value["states"] = [_movement(movement) for movement in state["states"]["movementList"]]
    return value


def _status(flags: _Object) -> tuple[bytes, int]:
    value = sum(0x8000 >> bit for bit, name in enumerate(_STATUS) if flags.get(name))
    return value.to_bytes(2, "big"), 16


def _movement(movement: _Object) -> dict[str, Any]:
    events = movement["state_time_speed"]["movementEventList"]
    return {
        "signalGroup": movement["signalGroup"],
        "state-time-speed": [_event(event) for event in events],
    }


def _event(event: _Object) -> dict[str, Any]:
    timing = event.get("timing")
    shown = {"eventState": _STATES[event["eventState"].upper().replace("-", "_")]}
    if timing is None:
        return shown
    return shown | {"timing": _present({name: timing.get(name) for name in _TIMES})}


def _present(fields: _Object) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
