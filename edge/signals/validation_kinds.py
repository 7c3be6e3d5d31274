"""What can be wrong with a stream of signal states: kinds of findings, how grave they are, and their bounds."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from edge.core.stamp import NS_PER_MS, NS_PER_S


class Severity(enum.Enum):
    """What a finding puts in doubt, and so what it does on the wire.

    COLOUR withdraws the whole intersection, TIMING drops ends, INCOMPLETE and REMARK change nothing.
    """

    COLOUR = "colour in doubt"
    TIMING = "timing in doubt"
    INCOMPLETE = "incomplete"
    REMARK = "remark"


_C, _T, _I, _R = Severity.COLOUR, Severity.TIMING, Severity.INCOMPLETE, Severity.REMARK
KINDS = {
    "conflicting_greens": _C,
    "conflicting_clearance": _C,
    "impossible_change": _C,
    "clearance_missing": _C,
    "yellow_short": _C,
    "yellow_long": _C,
    "green_short": _C,
    "red_short": _C,
    "pre_movement_long": _C,
    "flashing_green_long": _C,
    "status_contradicts": _C,
    "group_twice": _C,
    "group_missing": _C,
    "group_unknown": _C,
    "no_groups": _C,
    "map_intersection": _C,
    "map_revision": _C,
    "same_time": _C,
    "clock_off": _C,
    "clock_backwards": _T,
    "clock_jump": _T,
    "clock_frozen": _T,
    "clock_missing": _T,
    "promise_broken": _T,
    "ends_contradict": _T,
    "end_past": _T,
    "end_overstayed": _T,
    "ended_early": _T,
    "end_beyond_hour": _T,
    "clearance_end_far": _T,
    "likely_outside": _T,
    "confidence_wrong": _T,
    "long_red": _T,
    "rate_low": _T,
    "gap": _T,
    "rate_high": _R,
    "jitter": _R,
    "duplicate": _R,
    "out_of_order": _R,
    "sequence": _R,
    "revision_stuck": _R,
    "group_dark": _R,
    "protected_crossing": _R,
    "clearance_unseen": _R,
    "minimum_data": _I,
}
"""Severity of each kind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one message.

    Attributes:
        kind: key of `KINDS`.
        sentence: for people.
        groups: signal groups concerned; empty: the message.
        at_ns: UTC ns of the message.
    """

    kind: str
    sentence: str
    groups: tuple[int, ...] = ()
    at_ns: int = 0
    severity: Severity = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", KINDS[self.kind])


@dataclass(frozen=True, slots=True)
class ColourBounds:
    """Bounds of the colours' course, ns.

    Attributes:
        yellow_least_ns, yellow_most_ns: MUTCD 4F.17 has 3 to 6 s, RiLSA 3 to 5, GB 14886 3; with room for sampling.
        green_least_ns, red_least_ns: shorter is a flicker; no controller serves or clears so briefly.
        pre_movement_most_ns: red with yellow takes 1 to 2 s (RiLSA, TSRGD).
        flashing_green_most_ns, walkers_clearing_most_ns: end of a vehicle's green; clearance of a crosswalk.
        judged_gap_ns: a change over a longer silence is not judged: a short state may have been missed,
        judged_red_ns: and so may a red between two greens after this.
        clearing_conflicts: a green while a conflicting vehicle group still shows yellow is a conflict.
        long_red_ns: red with a demand all the time for longer; and longer than `long_red_ratio` times its longest.
    """

    yellow_least_ns: int = 2500 * NS_PER_MS
    yellow_most_ns: int = 7 * NS_PER_S
    green_least_ns: int = NS_PER_S
    red_least_ns: int = 600 * NS_PER_MS
    pre_movement_most_ns: int = 5 * NS_PER_S
    flashing_green_most_ns: int = 15 * NS_PER_S
    walkers_clearing_most_ns: int = 90 * NS_PER_S
    judged_gap_ns: int = 1500 * NS_PER_MS
    judged_red_ns: int = 450 * NS_PER_MS
    clearing_conflicts: bool = True
    long_red_ns: int = 300 * NS_PER_S
    long_red_ratio: float = 3.0


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """Bounds of the messages themselves.

    Attributes:
        window_ns: rates are counted over this; SPaT goes out at 10 Hz (J2735-2020, CTI 4501).
        least_per_window, most_per_window: messages in it.
        late_ns, lates_per_window: gaps so long, and how many of them are jitter.
        gap_ns: a silence in which a colour may have gone stale; after `break_ns` the recording was stopped.
        clock_ns, clock_messages: the time in the message may differ from its arrival, unless so often in a row.
        jump_ns: change of that difference from one message to the next.
        frozen_messages: messages with one and the same time.
        lost_messages: a radio may lose so many in a row.
        changes_per_revision: colours may change so often under one revision.
    """

    window_ns: int = 10 * NS_PER_S
    least_per_window: int = 80
    most_per_window: int = 120
    late_ns: int = 350 * NS_PER_MS
    lates_per_window: int = 5
    gap_ns: int = NS_PER_S
    break_ns: int = 60 * NS_PER_S
    clock_ns: int = NS_PER_S
    clock_messages: int = 5
    jump_ns: int = 900 * NS_PER_MS
    frozen_messages: int = 5
    lost_messages: int = 4
    changes_per_revision: int = 6


@dataclass(frozen=True, slots=True)
class EndBounds:
    """Bounds of the ends.

    Attributes:
        promise_tolerance_ns: by how much a promised end may move, see `PromiseKeeper`.
        late_ns: an end may have passed by so much.
        horizon_ns: no end is further ahead (a TimeMark cannot say more).
    """

    promise_tolerance_ns: int = 500 * NS_PER_MS
    late_ns: int = NS_PER_S
    horizon_ns: int = 3600 * NS_PER_S
