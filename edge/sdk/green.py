"""When a signal group is green next, from its phase and timing."""

from __future__ import annotations

from dataclasses import dataclass

from edge.sdk.errors import SignalsUnavailableError
from edge.sdk.updates import GREEN_STATES, SignalGroup, SignalsUpdate

BEFORE_GREEN = frozenset({"stop_and_remain", "pre_movement"})
"""States that a green ends. After any other the end says nothing about the next green."""


@dataclass(frozen=True, slots=True)
class NextGreen:
    """The next green of one signal group, as advice and not as permission.

    Attributes:
        signal_group: SignalGroupID.
        state: what it shows now.
        is_green: it is green now; the times are then those of its end.
        earliest_ns: not before this (a promise of the controller); None: no promise.
        likely_ns: best estimate; None unknown.
        latest_ns: not after this (a promise of the controller); None: no promise.
        confidence: for `likely_ns`, 0 to 1; None unknown.
        valid_until_ns: do not use it after this.
        now_ns: when it was asked.
    """

    signal_group: int
    state: str
    is_green: bool
    earliest_ns: int | None
    likely_ns: int | None
    latest_ns: int | None
    confidence: float | None
    valid_until_ns: int
    now_ns: int

    def __str__(self) -> str:
        verb = "is green, ends" if self.is_green else f"shows {self.state}, green"
        text = f"signal group {self.signal_group} {verb}"
        if self.likely_ns is not None:
            text += f" in about {self._seconds(self.likely_ns)} s"
        elif self.earliest_ns is None and self.latest_ns is None:
            return f"{text} at an unknown time"
        if self.earliest_ns is not None:
            text += f", not before {self._seconds(self.earliest_ns)} s"
        if self.latest_ns is not None:
            text += f", within {self._seconds(self.latest_ns)} s"
        return text

    def _seconds(self, at_ns: int) -> str:
        return f"{max(at_ns - self.now_ns, 0) / 1e9:.1f}"


def next_green(signals: SignalsUpdate, signal_group: int, *, now_ns: int) -> NextGreen:
    """The next green of a group.

    Raises:
        ValueError: there is no such group.
        SignalsUnavailableError: the signals are withdrawn or expired, or the group is not available.
    """
    if signals.withdrawn:
        raise SignalsUnavailableError(
            f"signals are withdrawn: {'; '.join(signals.reasons) or 'no reason given'}"
        )
    if not signals.is_valid(now_ns=now_ns):
        late_s = (now_ns - signals.valid_until_ns) / 1e9
        raise SignalsUnavailableError(
            f"the newest signals expired {late_s:.1f} s ago (is this clock synchronised?)"
        )
    group = signals.group(signal_group)
    if group is None:
        known = ", ".join(str(g.signal_group) for g in signals.groups)
        raise ValueError(f"there is no signal group {signal_group}; signal groups: {known}")
    if group.state in ("unavailable", "dark"):
        raise SignalsUnavailableError(f"signal group {signal_group} is {group.state}")
    earliest_ns, likely_ns, latest_ns = _times(group)
    return NextGreen(
        signal_group,
        group.state,
        group.is_green,
        earliest_ns,
        likely_ns,
        latest_ns,
        None if likely_ns is None else group.confidence,
        signals.valid_until_ns,
        now_ns,
    )


def _times(group: SignalGroup) -> tuple[int | None, int | None, int | None]:
    """Earliest, likely and latest time of the change into or out of green."""
    if group.is_green:
        return group.min_end_ns, group.likely_end_ns, group.max_end_ns
    if group.state not in BEFORE_GREEN:
        return group.min_end_ns, None, None
    if group.next_state is not None and group.next_state not in GREEN_STATES | {"pre_movement"}:
        return group.min_end_ns, None, None
    certain = group.next_state in GREEN_STATES or group.state == "pre_movement"
    return group.min_end_ns, group.likely_end_ns, group.max_end_ns if certain else None
