"""What the SPATs of SAE J2735 and T/CSAE 53 share: status bits, the ends that may be sent, a view of one read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from edge.core.errors import CodecError
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.v2x.marks import Rounding

Timing = Literal["utc", "counting"]

_STATUS_BITS = (
    (IntersectionStatus.MANUAL_CONTROL, 0),
    (IntersectionStatus.STOP_TIME, 1),
    (IntersectionStatus.FAILURE_FLASH, 2),
    (IntersectionStatus.PREEMPT, 3),
    (IntersectionStatus.PRIORITY, 4),
    (IntersectionStatus.FIXED_TIME, 5),
    (IntersectionStatus.TRAFFIC_DEPENDENT, 6),
    (IntersectionStatus.STANDBY, 7),
    (IntersectionStatus.FAILURE_MODE, 8),
    (IntersectionStatus.OFF, 9),
    (IntersectionStatus.NO_VALID_MAP, 12),
    (IntersectionStatus.NO_VALID_SPAT, 13),
)
"""IntersectionStatusObject, J2735-2020 clause 7.74 (T/CSAE 53 took it over); bit 0 is the most significant of 16."""

_PROGRAMMED_FLASH_BIT = 7
"""Neither set has a bit for flash by programme; standbyOperation means partly off or flashing amber."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """One signal group as a SPAT shows it.

    Attributes:
        signal_group: SignalGroupID or phase id.
        state: movement phase state now.
        min_end, max_end, likely_end: tenths of a second, of the UTC hour or from now as `SpatView.timing` says;
            36000: an hour or more ahead; None: absent or unknown.
        confidence: 0..1 for `likely_end`; None unknown.
    """

    signal_group: int
    state: MovementState
    min_end: int | None = None
    max_end: int | None = None
    likely_end: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class SpatView:
    """One intersection of a SPAT, as a listener reads it.

    Attributes:
        intersection, region: IntersectionReferenceID or NodeReferenceID; region None: not said.
        revision: J2735 revision of the state; T/CSAE message count.
        minute_of_year, millisecond: when the message was made; None: not said.
        status: neutral status flags.
        timing: what the ends count.
        groups: in the order of the message.
        name: for people.
    """

    intersection: int
    region: int | None
    revision: int
    minute_of_year: int | None
    millisecond: int | None
    status: IntersectionStatus
    timing: Timing
    groups: tuple[GroupView, ...]
    name: str = ""

    @property
    def valid(self) -> bool:
        """Whether the sender vouches for the states."""
        return not self.status & IntersectionStatus.NO_VALID_SPAT


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of one group in the units of a message; None: not sent."""

    minimum: int | None
    maximum: int | None
    likely: int | None

    @property
    def known(self) -> bool:
        return not (self.minimum is None and self.maximum is None and self.likely is None)


def status_bits(status: IntersectionStatus) -> tuple[bytes, int]:
    """Neutral flags to the 16 bits on the wire."""
    value = 0
    for flag, bit in _STATUS_BITS:
        if status & flag:
            value |= 0x8000 >> bit
    if status & IntersectionStatus.PROGRAMMED_FLASH:
        value |= 0x8000 >> _PROGRAMMED_FLASH_BIT
    return value.to_bytes(2, "big"), 16


def status_of(bits: tuple[bytes, int]) -> IntersectionStatus:
    """The 16 bits on the wire to neutral flags; the two about MAP changes have no counterpart."""
    value = int.from_bytes(bits[0], "big")
    found = IntersectionStatus.NONE
    for flag, bit in _STATUS_BITS:
        if value & (0x8000 >> bit):
            found |= flag
    return found


def shown_groups(state: SignalState) -> tuple[GroupState, ...]:
    """The groups as they may be sent: of a withdrawn state no colour and no timing, only dark or unavailable."""
    if not state.groups:
        raise CodecError("SPAT", f"intersection {state.intersection} has no signal group")
    if not state.withdrawn:
        return state.groups
    dark = MovementState.DARK
    return tuple(
        GroupState(group.signal_group, dark if group.state is dark else MovementState.UNAVAILABLE)
        for group in state.groups
    )


def ends_of(group: GroupState, *, now_ns: int, convert: Callable[..., int]) -> Ends:
    """The ends of a group through `mark_of` or `countdown_of`.

    The minimum is rounded down and the maximum up, so a promise is never made longer. A maximum that has passed was
    broken and is not repeated.
    """
    minimum, maximum, likely = group.min_end_ns, group.max_end_ns, group.likely_end_ns
    if maximum is not None and maximum < now_ns:
        maximum = None
    return Ends(
        None if minimum is None else convert(minimum, now_ns=now_ns, rounding=Rounding.DOWN),
        None if maximum is None else convert(maximum, now_ns=now_ns, rounding=Rounding.UP),
        None if likely is None else convert(likely, now_ns=now_ns, rounding=Rounding.NEAREST),
    )


def ascii_name(name: str) -> str:
    """A name as IA5String of at most 63 characters; what ASCII cannot say is left out."""
    return name.encode("ascii", "ignore").decode("ascii")[:63]
