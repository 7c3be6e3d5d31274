"""The ends of phases in a stream of messages: promises that are broken, ends that cannot be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from edge.core.signals import GroupState, IntersectionStatus
from edge.core.stamp import NS_PER_S
from edge.signals.timing import Ends, PromiseKeeper
from edge.signals.validation_colours import CLEARANCE
from edge.signals.validation_kinds import EndBounds, Finding

_COUNTED = {
    "promises_broken": "promise_broken",
    "timing_contradicts": "ends_contradict",
    "timing_past": "end_past",
    "ended_early": "ended_early",
    "overstayed": "end_overstayed",
}
"""Kinds by the counters of `PromiseKeeper`."""
_AFTERWARDS = {
    "ended_early": "ended before its least end",
    "overstayed": "goes on after its latest end",
}
_REPLANNED = (
    IntersectionStatus.PREEMPT
    | IntersectionStatus.PRIORITY
    | IntersectionStatus.MANUAL_CONTROL
    | IntersectionStatus.STOP_TIME
    | IntersectionStatus.FAILURE_FLASH
    | IntersectionStatus.PROGRAMMED_FLASH
    | IntersectionStatus.STANDBY
    | IntersectionStatus.OFF
)
"""When one of these comes or goes, the controller plans anew and old promises are void."""


def replanned(before: IntersectionStatus, after: IntersectionStatus) -> bool:
    """Whether a change of status voids the promises made before."""
    return bool((before ^ after) & _REPLANNED)


def impossible_end(
    group: GroupState, *, now_ns: int, clearance_ns: int, horizon_ns: int
) -> tuple[str, str] | None:
    """Kind and words of an end that no light can have, from this message alone; None: there is none.

    Args:
        clearance_ns: longest clearance of this group.
        horizon_ns: see `EndBounds`.
    """
    least, latest, likely = group.min_end_ns, group.max_end_ns, group.likely_end_ns
    ends = [end for end in (least, latest, likely) if end is not None]
    if ends and max(ends) > now_ns + horizon_ns:
        return "end_beyond_hour", "an end is more than an hour ahead"
    if group.state in CLEARANCE and least is not None and least > now_ns + clearance_ns:
        return "clearance_end_far", f"clearance would last {(least - now_ns) / NS_PER_S:.0f} s more"
    return None


class EndCheck:
    """Pure: times are arguments. One per intersection.

    Args:
        walkers: signal groups of crosswalks; None: not known.
        clearances_ns: longest clearance of vehicles and of walkers.
        bounds: see `EndBounds`.
    """

    def __init__(
        self,
        *,
        walkers: frozenset[int] | None,
        clearances_ns: tuple[int, int],
        bounds: EndBounds | None = None,
    ) -> None:
        self._bounds = bounds or EndBounds()
        self._walkers, self._clearances_ns = walkers, clearances_ns
        self._keeper = PromiseKeeper(
            tolerance_ns=self._bounds.promise_tolerance_ns, late_ns=self._bounds.late_ns
        )
        self._status = IntersectionStatus.NONE

    def forget(self) -> None:
        """Void all promises."""
        self._keeper.forget()

    def check(
        self, groups: Iterable[GroupState], *, now_ns: int, status: IntersectionStatus, anchored: bool = True
    ) -> list[Finding]:
        """Take the ends of one message and say what is wrong with them.

        Args:
            anchored: the ends may be compared with `now_ns`; else only with each other.
        """
        if replanned(self._status, status):
            self._keeper.forget()
        self._status = status
        found: list[Finding] = []
        for group in groups:
            found += self._one(group, now_ns, anchored=anchored)
        return found

    def _one(self, group: GroupState, now_ns: int, *, anchored: bool) -> Iterable[Finding]:
        number = group.signal_group
        ends = Ends(group.min_end_ns, group.max_end_ns, group.likely_end_ns, group.confidence)
        before = self._keeper.counters.copy()
        sentence = self._keeper.check(number, group.state, ends, now_ns=now_ns if anchored else 0)
        if self._keeper.counters != before:
            yield from self._broken(number, before, sentence, now_ns, anchored=anchored)
        if ends.min_end_ns is None and ends.max_end_ns is None and ends.likely_end_ns is None:
            return
        if anchored:
            clearance_ns = self._clearances_ns[self._walkers is None or number in self._walkers]
            far = impossible_end(
                group, now_ns=now_ns, clearance_ns=clearance_ns, horizon_ns=self._bounds.horizon_ns
            )
            if far is not None:
                yield Finding(far[0], f"signal group {number}: {far[1]}", (number,), now_ns)
        yield from self._likely(number, ends, now_ns, anchored=anchored)

    def _broken(
        self, number: int, before: Counter[str], sentence: str | None, now_ns: int, *, anchored: bool
    ) -> Iterable[Finding]:
        """What the promise keeper has counted since."""
        for name, kind in _COUNTED.items():
            if self._keeper.counters[name] == before[name]:
                continue
            afterwards = _AFTERWARDS.get(name)
            if afterwards is not None and not anchored:
                continue
            words = sentence if afterwards is None else f"signal group {number}: {afterwards}"
            yield Finding(kind, words or "", (number,), now_ns)

    def _likely(self, number: int, ends: Ends, now_ns: int, *, anchored: bool) -> Iterable[Finding]:
        likely, least, latest = ends.likely_end_ns, ends.min_end_ns, ends.max_end_ns
        slack_ns = self._bounds.promise_tolerance_ns
        if likely is not None:
            early = least is not None and likely < least - slack_ns
            late = latest is not None and likely > latest + slack_ns
            past = anchored and likely < now_ns - self._bounds.late_ns
            if early or late or past:
                side = "before its least end" if early else "after its latest end" if late else "past"
                yield Finding(
                    "likely_outside", f"signal group {number}: likely end is {side}", (number,), now_ns
                )
        sure = ends.confidence
        if sure is not None and not 0.0 <= sure <= 1.0:
            yield Finding(
                "confidence_wrong", f"signal group {number}: confidence is {sure:g}", (number,), now_ns
            )
