"""SAE J2735-2020 SPAT (clause 5.12) from a signal state, and back to a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.errors import CodecError
from edge.core.signals import GroupState, MovementState, SignalState
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_SPAT, unwrap_j2735, wrap_j2735
from edge.v2x.marks import (
    MARK_BEYOND,
    MARK_UNKNOWN,
    known_mark,
    mark_of,
    millisecond_of_minute,
    minute_of_year,
)
from edge.v2x.spat import GroupView, SpatView, ascii_name, ends_of, shown_groups, status_bits, status_of

_MESSAGE = "j2735/SPAT"
_MINUTE_INVALID = 527_040
_SECOND_UNAVAILABLE = 65_535

_STATES = (
    "unavailable",
    "dark",
    "stop-Then-Proceed",
    "stop-And-Remain",
    "pre-Movement",
    "permissive-Movement-Allowed",
    "protected-Movement-Allowed",
    "permissive-clearance",
    "protected-clearance",
    "caution-Conflicting-Traffic",
)
"""MovementPhaseState by the value of `MovementState`."""

_PROBABILITY_PERCENT = (21, 36, 47, 56, 62, 68, 73, 77, 81, 85, 88, 91, 94, 96, 98, 100)
"""TimeIntervalConfidence: probability of each of its 16 values, J2735-2020 DE_TimeIntervalConfidence."""


def encode_spat(state: SignalState, *, now_ns: int, name: str = "", region: int | None = None) -> bytes:
    """A signal state to a MessageFrame with a SPAT made at `now_ns`.

    A withdrawn state goes out with the status bit "no valid SPAT", no colours and no timing, and without the time of
    the message where the clock is not synchronised. Flashing green, which J2735 does not know, is sent as permissive
    green: the weaker right of way. `region` has to be the one of the MAP.
    """
    value = spat_value(state, now_ns=now_ns, name=name, region=region)
    return wrap_j2735(J2735_SPAT, message_codec(_MESSAGE).encode(value))


def spat_value(state: SignalState, *, now_ns: int, name: str, region: int | None) -> dict[str, Any]:
    """The SPAT of `encode_spat` as a value, which ISO/TS 19091 has too."""
    reference = {"id": state.intersection} if region is None else {"region": region, "id": state.intersection}
    intersection: dict[str, Any] = {
        "id": reference,
        "revision": state.revision % 128,
        "status": status_bits(state.status),
        "states": [_movement(group, now_ns) for group in shown_groups(state)],
    }
    if state.dated:
        intersection |= {"moy": minute_of_year(now_ns), "timeStamp": millisecond_of_minute(now_ns)}
    if ascii_name(name):
        intersection["name"] = ascii_name(name)
    return {"intersections": [intersection]}


def decode_spat(payload: bytes) -> SpatView:
    """A MessageFrame with a SPAT of one intersection to a view of it.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole SPAT of one intersection.
    """
    return only_view(decode_spats(payload))


def decode_spats(payload: bytes) -> tuple[SpatView, ...]:
    """As `decode_spat`, for messages of several intersections."""
    message = message_codec(_MESSAGE).decode(unwrap_j2735(payload, message_id=J2735_SPAT, what="SPAT"))
    return spat_views(message)


def spat_views(message: Mapping[str, Any]) -> tuple[SpatView, ...]:
    """The value of a SPAT as views, one per intersection."""
    return tuple(_view(intersection, message) for intersection in message["intersections"])


def only_view(views: tuple[SpatView, ...]) -> SpatView:
    """The one view of a message; raises `CodecError` where there are more."""
    if len(views) != 1:
        raise CodecError("SPAT", f"{len(views)} intersections in one message")
    return views[0]


def _movement(group: GroupState, now_ns: int) -> dict[str, Any]:
    event: dict[str, Any] = {"eventState": _state_name(group.state)}
    timing = _timing(group, now_ns)
    if timing:
        event["timing"] = timing
    coming = _coming(group, timing)
    return {"signalGroup": group.signal_group, "state-time-speed": [event, *coming]}


def _state_name(state: MovementState) -> str:
    """The event state; of flashing green the weaker right of way, because J2735 does not know it."""
    flashing = state is MovementState.FLASHING_GREEN
    return _STATES[MovementState.PERMISSIVE_MOVEMENT_ALLOWED if flashing else state]


def _coming(group: GroupState, timing: Mapping[str, int]) -> list[dict[str, Any]]:
    """The event that follows, from the likely end on; none where either is not known, or it looks the same."""
    likely, following = timing.get("likelyTime", MARK_BEYOND), group.next_state
    if following is None or likely >= MARK_BEYOND or _state_name(following) == _state_name(group.state):
        return []
    start = {"startTime": likely, "minEndTime": MARK_UNKNOWN}
    return [{"eventState": _state_name(following), "timing": start}]


def _timing(group: GroupState, now_ns: int) -> dict[str, int]:
    """TimeChangeDetails; empty where nothing is known. Its minimum end is mandatory and may be unknown."""
    ends = ends_of(group, now_ns=now_ns, convert=mark_of)
    if not ends.known:
        return {}
    timing = {"minEndTime": MARK_UNKNOWN if ends.minimum is None else ends.minimum}
    if ends.maximum is not None:
        timing["maxEndTime"] = ends.maximum
    if ends.likely is None:
        return timing
    timing["likelyTime"] = ends.likely
    level = -1 if group.confidence is None else _confidence_level(group.confidence)
    return timing if level < 0 else timing | {"confidence": level}


def _confidence_level(confidence: float) -> int:
    """The highest value whose probability is not above `confidence`; -1 below the lowest."""
    percent = round(confidence * 100.0, 6)
    return sum(probability <= percent for probability in _PROBABILITY_PERCENT) - 1


def _view(intersection: Mapping[str, Any], message: Mapping[str, Any]) -> SpatView:
    minute = intersection.get("moy", message.get("timeStamp", _MINUTE_INVALID))
    millisecond = intersection.get("timeStamp", _SECOND_UNAVAILABLE)
    return SpatView(
        intersection=intersection["id"]["id"],
        region=intersection["id"].get("region"),
        revision=intersection["revision"],
        minute_of_year=None if minute == _MINUTE_INVALID else minute,
        millisecond=None if millisecond == _SECOND_UNAVAILABLE else millisecond,
        status=status_of(intersection["status"]),
        timing="utc",
        groups=tuple(_group_view(movement) for movement in intersection["states"]),
        name=intersection.get("name", ""),
    )


def _group_view(movement: Mapping[str, Any]) -> GroupView:
    event = movement["state-time-speed"][0]
    timing: Mapping[str, int] = event.get("timing", {})
    level = timing.get("confidence")
    return GroupView(
        signal_group=movement["signalGroup"],
        state=MovementState(_STATES.index(event["eventState"])),
        min_end=known_mark(timing.get("minEndTime")),
        max_end=known_mark(timing.get("maxEndTime")),
        likely_end=known_mark(timing.get("likelyTime")),
        confidence=None if level is None else _PROBABILITY_PERCENT[level] / 100.0,
    )
