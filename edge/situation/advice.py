"""Green light optimal speed advice: with which speed a vehicle meets its signal at green.

Arrival times are compared with what the controller promises (`min_end_ns`, `max_end_ns`); what was learned is used only
where its confidence is high. Advice is cautious on both sides: an end of green may come a second early, a beginning of
green a second late. After ISO 20035 in spirit (cooperative adaptive cruise), without its tables: there is no stop, no
harsh change and no speed above the vehicle's own limit in what is advised.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from edge.core.signals import GREEN_STATES, GroupState, MovementState
from edge.core.stamp import NS_PER_S

MARGIN_S = 1.0
"""Kept from the end of green and after its beginning."""
PRE_MOVEMENT_S = 2.0
"""Longest red and amber (Germany: 1 s, United Kingdom: 2 s): waited for in addition where red may end in it."""
SLOWEST_MPS = 4.0
"""Slower than this is a stop in the eyes of those behind."""
LEAST_CONFIDENCE = 0.7
HEADWAY_S = 2.0
"""A standing queue moves off one by one: about 1,900 an hour and lane (Highway Capacity Manual, chapter 19)."""
FARTHEST_S = 90.0
"""Nobody plans for longer."""
BEFORE_GREEN = (MovementState.STOP_AND_REMAIN, MovementState.PRE_MOVEMENT)


class AdviceKind(enum.IntEnum):
    """What to do about the next signal; values of `edge.v1.AdviceKind`."""

    NONE = 1
    KEEP = 2
    SLOW_DOWN = 3
    STOP = 4


@dataclass(frozen=True, slots=True)
class Approach:
    """A vehicle on its way to a stop line.

    Attributes:
        distance_m: along the lane to the stop line.
        speed_mps: now.
        limit_mps: the fastest that it may and will go.
        queue: road users that stand before it at the stop line.
    """

    distance_m: float
    speed_mps: float
    limit_mps: float
    queue: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do.

    Attributes:
        speed_mps: slowest and fastest advised; None: no speed is advised.
        reason: one sentence.
    """

    kind: AdviceKind
    reason: str
    speed_mps: tuple[float, float] | None = None


def advise(approach: Approach, group: GroupState, *, now_ns: int) -> Advice:
    """Advice for one vehicle and the group that rules its way. Pure."""
    if group.state in GREEN_STATES:
        return _at_green(approach, _end_of_green_s(group, now_ns))
    if group.state in BEFORE_GREEN:
        return _at_red(approach, _begin_of_green_s(group, now_ns))
    return Advice(AdviceKind.NONE, f"the signal shows {group.state.name.lower()}")


def _at_green(approach: Approach, left_s: float | None) -> Advice:
    if left_s is None:
        return Advice(AdviceKind.NONE, "nobody knows when the green ends")
    usable_s = left_s - MARGIN_S
    needed_mps = approach.distance_m / usable_s if usable_s > 0.0 else float("inf")
    if approach.queue * HEADWAY_S > usable_s:
        return Advice(
            AdviceKind.STOP, f"the green may end before the {approach.queue} who stand ahead have left"
        )
    if needed_mps <= approach.limit_mps:
        low = max(needed_mps, min(SLOWEST_MPS, approach.limit_mps))
        words = f"green for {left_s:.0f} s more at least"
        return Advice(_kind(approach, approach.limit_mps), words, (low, approach.limit_mps))
    return Advice(AdviceKind.STOP, "the green may end before the stop line is reached")


def _at_red(approach: Approach, wait_s: float | None) -> Advice:
    if wait_s is None:
        return Advice(AdviceKind.NONE, "nobody knows when the green begins")
    arrive_s = wait_s + MARGIN_S + approach.queue * HEADWAY_S
    fastest = approach.distance_m / arrive_s
    if fastest >= approach.limit_mps:
        kind, words = _kind(approach, approach.limit_mps), "green begins before the stop line is reached"
        return Advice(kind, words, _range(approach.limit_mps))
    if fastest < SLOWEST_MPS:
        return Advice(AdviceKind.STOP, f"red for up to {wait_s:.0f} s more")
    return Advice(_kind(approach, fastest), f"green begins within {wait_s:.0f} s", _range(fastest))


def _kind(approach: Approach, fastest_mps: float) -> AdviceKind:
    """Nobody is told to keep a speed that is faster than what is advised."""
    return AdviceKind.KEEP if fastest_mps >= approach.speed_mps else AdviceKind.SLOW_DOWN


def _range(fastest_mps: float) -> tuple[float, float]:
    return min(SLOWEST_MPS, fastest_mps), fastest_mps


def _end_of_green_s(group: GroupState, now_ns: int) -> float | None:
    """For how long it is green at least, as far as anybody knows."""
    known = [end_ns for end_ns in (group.min_end_ns, _trusted_ns(group)) if end_ns is not None]
    return max(0.0, (max(known) - now_ns) / NS_PER_S) if known else None


def _begin_of_green_s(group: GroupState, now_ns: int) -> float | None:
    """After how long it is green at the latest, as far as anybody knows."""
    if group.next_state not in (None, MovementState.PRE_MOVEMENT, *GREEN_STATES):
        return None
    known = [end_ns for end_ns in (group.max_end_ns, _trusted_ns(group)) if end_ns is not None]
    known = [end_ns for end_ns in known if end_ns >= now_ns]
    late = group.max_end_ns is not None and group.max_end_ns < now_ns  # what was promised did not come
    if late or not known:
        return None
    wait_s = (min(known) - now_ns) / NS_PER_S
    if group.state is MovementState.STOP_AND_REMAIN and group.next_state not in GREEN_STATES:
        wait_s += PRE_MOVEMENT_S
    return wait_s if wait_s <= FARTHEST_S else None


def _trusted_ns(group: GroupState) -> int | None:
    sure = group.confidence is not None and group.confidence >= LEAST_CONFIDENCE
    return group.likely_end_ns if sure else None
