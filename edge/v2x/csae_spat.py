"""T/CSAE 53-2020 SPAT (YD/T 3709-2020 clause 5.2.2.5) from a signal state, and back to a view.

Its time is a choice of tenths from now (`counting`) or tenths of the UTC hour (`utc`), a setting per site, because
receivers in the field expect one of them. Phase ids are the signal groups of the MAP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.errors import CodecError
from edge.core.signals import GroupState, MovementState, SignalState
from edge.v2x.codec import message_codec
from edge.v2x.frame import CSAE_SPAT, check_csae
from edge.v2x.marks import (
    MARK_BEYOND,
    MARK_UNKNOWN,
    countdown_of,
    known_mark,
    mark_of,
    millisecond_of_minute,
    minute_of_year,
)
from edge.v2x.spat import (
    Ends,
    GroupView,
    SpatView,
    Timing,
    ascii_name,
    ends_of,
    shown_groups,
    status_bits,
    status_of,
)

MAX_PHASES = 16
_MESSAGE = "csae-a/SPAT"
"""The same in both variants."""
_MINUTE_INVALID = 527_040
_SECOND_UNAVAILABLE = 65_535

_NO_TIMING: tuple[str, dict[str, int]] = ("", {})

_LIGHTS = {
    MovementState.UNAVAILABLE: "unavailable",
    MovementState.DARK: "dark",
    MovementState.STOP_THEN_PROCEED: "flashing-red",
    MovementState.STOP_AND_REMAIN: "red",
    MovementState.PRE_MOVEMENT: "red",
    MovementState.PERMISSIVE_MOVEMENT_ALLOWED: "permissive-green",
    MovementState.PROTECTED_MOVEMENT_ALLOWED: "protected-green",
    MovementState.PERMISSIVE_CLEARANCE: "yellow",
    MovementState.PROTECTED_CLEARANCE: "yellow",
    MovementState.CAUTION_CONFLICTING_TRAFFIC: "flashing-yellow",
    MovementState.FLASHING_GREEN: "flashing-green",
}
"""LightState has no red with yellow, which still means stop, and one yellow for both clearances."""

_STATES = {
    "unavailable": MovementState.UNAVAILABLE,
    "dark": MovementState.DARK,
    "flashing-red": MovementState.STOP_THEN_PROCEED,
    "red": MovementState.STOP_AND_REMAIN,
    "flashing-green": MovementState.FLASHING_GREEN,
    "permissive-green": MovementState.PERMISSIVE_MOVEMENT_ALLOWED,
    "protected-green": MovementState.PROTECTED_MOVEMENT_ALLOWED,
    "yellow": MovementState.PROTECTED_CLEARANCE,
    "flashing-yellow": MovementState.CAUTION_CONFLICTING_TRAFFIC,
}


def encode_spat(
    state: SignalState,
    *,
    now_ns: int,
    name: str = "",
    region: int | None = None,
    timing: Timing = "counting",
    message_count: int | None = None,
) -> bytes:
    """A signal state to a MessageFrame with a SPAT made at `now_ns`; the same bytes in both variants.

    Args:
        timing: how ends are written.
        region: the one of the MAP; None: not said.
        message_count: msgCnt, modulo 128; None: the revision of the state.
    """
    groups = shown_groups(state)
    if len(groups) > MAX_PHASES:
        raise CodecError(
            "SPAT", f"{len(groups)} signal groups are more than the {MAX_PHASES} phases of T/CSAE 53"
        )
    reference = {"id": state.intersection} if region is None else {"region": region, "id": state.intersection}
    message: dict[str, Any] = {
        "msgCnt": (state.revision if message_count is None else message_count) % 128,
        "intersections": [
            {
                "intersectionId": reference,
                "status": status_bits(state.status),
                "phases": [_phase(group, now_ns=now_ns, timing=timing) for group in groups],
            }
        ],
    }
    if state.dated:
        message |= {"moy": minute_of_year(now_ns), "timeStamp": millisecond_of_minute(now_ns)}
    if ascii_name(name):
        message["name"] = ascii_name(name)
    return message_codec(_MESSAGE).encode(message)


def decode_spats(payload: bytes) -> tuple[SpatView, ...]:
    """A MessageFrame with a SPAT to a view of each of its intersections.

    Raises:
        OtherMessageError: a sound frame of another message.
        CodecError: anything else that is not one whole SPAT.
    """
    check_csae(payload, message=CSAE_SPAT, what="SPAT")
    message: Mapping[str, Any] = message_codec(_MESSAGE).decode(payload)
    return tuple(_view(intersection, message) for intersection in message["intersections"])


def decode_spat(payload: bytes) -> SpatView:
    """The view of the only intersection of a SPAT; errors as `decode_spats`."""
    views = decode_spats(payload)
    if len(views) != 1:
        raise CodecError("SPAT", f"{len(views)} intersections in one message")
    return views[0]


def _view(intersection: Mapping[str, Any], message: Mapping[str, Any]) -> SpatView:
    """One intersection; the time of the message stands for one that it does not say itself."""
    minute = intersection.get("moy", message.get("moy", _MINUTE_INVALID))
    millisecond = intersection.get("timeStamp", message.get("timeStamp", _SECOND_UNAVAILABLE))
    return SpatView(
        intersection=intersection["intersectionId"]["id"],
        region=intersection["intersectionId"].get("region"),
        revision=message["msgCnt"],
        minute_of_year=None if minute == _MINUTE_INVALID else minute,
        millisecond=None if millisecond == _SECOND_UNAVAILABLE else millisecond,
        status=status_of(intersection["status"]),
        timing=_timing_of(intersection["phases"]),
        groups=tuple(_group_view(phase) for phase in intersection["phases"]),
        name=message.get("name", ""),
    )


def _phase(group: GroupState, *, now_ns: int, timing: Timing) -> dict[str, Any]:
    shown: dict[str, Any] = {"light": _LIGHTS[group.state]}
    ends = ends_of(group, now_ns=now_ns, convert=countdown_of if timing == "counting" else mark_of)
    if ends.known:
        shown["timing"] = _counting(ends, group) if timing == "counting" else _utc(ends, group)
    return {"id": group.signal_group, "phaseStates": [shown, *_coming(ends, group, timing=timing)]}


def _coming(ends: Ends, group: GroupState, *, timing: Timing) -> list[dict[str, Any]]:
    """The state that follows, from the likely end on; none where either is not known, or the light stays the same."""
    following = group.next_state
    if following is None or not ends.likely or ends.likely >= MARK_BEYOND:
        return []
    if _LIGHTS[following] == _LIGHTS[group.state]:
        return []
    if timing == "counting":
        shown = ("counting", {"startTime": ends.likely, "likelyEndTime": MARK_UNKNOWN})
    else:
        shown = ("utcTiming", {"startUTCTime": ends.likely, "likelyEndUTCTime": MARK_UNKNOWN})
    return [{"light": _LIGHTS[following], "timing": shown}]


def _counting(ends: Ends, group: GroupState) -> tuple[str, dict[str, int]]:
    """Tenths from now; the state shown has started, and the likely end is mandatory and may be unknown."""
    timing = {"startTime": 0, "likelyEndTime": MARK_UNKNOWN if ends.likely is None else ends.likely}
    if ends.minimum is not None:
        timing["minEndTime"] = ends.minimum
    if ends.maximum is not None:
        timing["maxEndTime"] = ends.maximum
    return "counting", timing | _confidence(ends, group)


def _utc(ends: Ends, group: GroupState) -> tuple[str, dict[str, int]]:
    """Tenths of the UTC hour; when the state began is not known here, and the likely end is mandatory."""
    timing = {
        "startUTCTime": MARK_UNKNOWN,
        "likelyEndUTCTime": MARK_UNKNOWN if ends.likely is None else ends.likely,
    }
    if ends.minimum is not None:
        timing["minEndUTCTime"] = ends.minimum
    if ends.maximum is not None:
        timing["maxEndUTCTime"] = ends.maximum
    return "utcTiming", timing | _confidence(ends, group)


def _confidence(ends: Ends, group: GroupState) -> dict[str, int]:
    """Confidence of the likely end in half per cent, rounded down."""
    if ends.likely is None or group.confidence is None:
        return {}
    return {"timeConfidence": min(max(int(group.confidence * 200.0), 0), 200)}


def _timing_of(phases: Sequence[Mapping[str, Any]]) -> Timing:
    """The one way in which all phases of a message are timed."""
    kinds = {_timing(_current(phase))[0] for phase in phases} - {""}
    if len(kinds) > 1:
        raise CodecError("SPAT", "it mixes counting and UTC timing")
    return "utc" if "utcTiming" in kinds else "counting"


def _current(phase: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state that shows now: the one that counts no time until its start, else the first."""
    states: Sequence[Mapping[str, Any]] = phase["phaseStates"]
    return next((state for state in states if _timing(state)[1].get("startTime") == 0), states[0])


def _timing(state: Mapping[str, Any]) -> tuple[str, Mapping[str, int]]:
    """Kind and content of the timing; empty where there is none, or one in a form of a later edition."""
    kind, value = state.get("timing", _NO_TIMING)
    return (kind, value) if isinstance(kind, str) else _NO_TIMING


def _group_view(phase: Mapping[str, Any]) -> GroupView:
    shown = _current(phase)
    if shown["light"] not in _STATES:
        raise CodecError("SPAT", f"phase {phase['id']} has a light of a later edition")
    kind, timing = _timing(shown)
    infix = "UTC" if kind == "utcTiming" else ""
    confidence = timing.get("timeConfidence")
    return GroupView(
        signal_group=phase["id"],
        state=_STATES[shown["light"]],
        min_end=known_mark(timing.get(f"minEnd{infix}Time")),
        max_end=known_mark(timing.get(f"maxEnd{infix}Time")),
        likely_end=known_mark(timing.get(f"likelyEnd{infix}Time")),
        confidence=None if confidence is None else confidence / 200.0,
    )
