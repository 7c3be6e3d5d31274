"""Signal lamps as a controller reports them, and signal phase as the node publishes it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from edge.core.stamp import Stamp


class LampState(enum.IntEnum):
    """What the lamps of one signal group show."""

    UNKNOWN = 0
    DARK = 1
    RED = 2
    FLASHING_RED = 3
    RED_YELLOW = 4
    GREEN = 5
    FLASHING_GREEN = 6
    YELLOW = 7
    FLASHING_YELLOW = 8


class MovementState(enum.IntEnum):
    """SAE J2735 MovementPhaseState (values 0-9) and the flashing green of T/CSAE 53."""

    UNAVAILABLE = 0
    DARK = 1
    STOP_THEN_PROCEED = 2
    STOP_AND_REMAIN = 3
    PRE_MOVEMENT = 4
    PERMISSIVE_MOVEMENT_ALLOWED = 5
    PROTECTED_MOVEMENT_ALLOWED = 6
    PERMISSIVE_CLEARANCE = 7
    PROTECTED_CLEARANCE = 8
    CAUTION_CONFLICTING_TRAFFIC = 9
    FLASHING_GREEN = 10


GREEN_STATES = frozenset(
    {
        MovementState.PERMISSIVE_MOVEMENT_ALLOWED,
        MovementState.PROTECTED_MOVEMENT_ALLOWED,
        MovementState.FLASHING_GREEN,
    }
)


class IntersectionStatus(enum.IntFlag):
    """Status of the whole intersection, neutral bits: dialects map them one by one."""

    NONE = 0
    MANUAL_CONTROL = 1
    STOP_TIME = 2
    FAILURE_FLASH = 4
    PREEMPT = 8
    PRIORITY = 16
    FIXED_TIME = 32
    TRAFFIC_DEPENDENT = 64
    STANDBY = 128
    FAILURE_MODE = 256
    OFF = 512
    NO_VALID_MAP = 1024
    NO_VALID_SPAT = 2048
    PROGRAMMED_FLASH = 4096


class GroupKind(enum.Enum):
    """Kind of a controller's own lamp group."""

    VEHICLE = "vehicle"
    PEDESTRIAN = "pedestrian"
    OVERLAP = "overlap"
    GROUP = "group"
    """A signal group of a controller that only numbers them; the MAP says whether people walk on it."""


@dataclass(frozen=True, slots=True)
class ControllerGroup:
    """One lamp group in the controller's own numbering.

    Attributes:
        kind, number: the controller's name for it (vehicle phase 2, overlap 1 ...).
        lamp: what it shows.
        min_end_ns, max_end_ns: UTC ns promised by the controller; None: not promised.
        likely_end_ns: the controller's own estimate; None unknown.
        call: a demand is registered.
        confidence: the controller's own, 0..1 for `likely_end_ns`; None: not told.
        next_lamp: what follows, where the controller tells it; None: not told.
    """

    kind: GroupKind
    number: int
    lamp: LampState
    min_end_ns: int | None = None
    max_end_ns: int | None = None
    likely_end_ns: int | None = None
    call: bool = False
    confidence: float | None = None
    next_lamp: LampState | None = None


@dataclass(frozen=True, slots=True)
class SignalSnapshot:
    """All lamps of one controller at one instant.

    Attributes:
        controller: name in the site configuration.
        stamp: when the lamps were so.
        alive_ns: UTC ns at which the controller last proved to be alive; never re-stamped.
        groups: every lamp group that the controller reports.
        status: neutral status flags.
        plan: active plan number; None unknown.
        cycle_position_s: position in the cycle; None unknown.
    """

    controller: str
    stamp: Stamp
    alive_ns: int
    groups: tuple[ControllerGroup, ...]
    status: IntersectionStatus = IntersectionStatus.NONE
    plan: int | None = None
    cycle_position_s: float | None = None


@dataclass(frozen=True, slots=True)
class GroupState:
    """Phase and timing of one signal group of the MAP.

    Attributes:
        signal_group: SignalGroupID of the MAP (1-255).
        state: movement phase state.
        min_end_ns, max_end_ns: promises of the controller, UTC ns; None: no promise.
        likely_end_ns: best estimate, UTC ns; None unknown.
        confidence: 0..1 for `likely_end_ns`; None unknown.
        next_state: state after this one, where it is certain; None unknown.
    """

    signal_group: int
    state: MovementState
    min_end_ns: int | None = None
    max_end_ns: int | None = None
    likely_end_ns: int | None = None
    confidence: float | None = None
    next_state: MovementState | None = None


@dataclass(frozen=True, slots=True)
class SignalState:
    """What the node says about the lights of one intersection.

    Attributes:
        intersection: IntersectionID of the MAP.
        revision: changes modulo 128 when `groups` or `status` change (not their countdown).
        map_revision: revision of the MAP that the groups refer to.
        stamp: capture time of the lamps.
        alive_ns: UTC ns at which the source last proved to be alive.
        published_ns: UTC ns at which this value was made.
        valid_until_ns: a reader must drop it after this.
        groups: one entry per signal group of the MAP.
        status: status flags; NO_VALID_SPAT when withdrawn.
        reasons: why it is withdrawn or why timing was dropped; empty: all well.
        relative: the same instant for those who send nothing but times from now (T/CSAE `counting`): set only where it
            is withdrawn for nothing but the node's clock. Its own times are of that clock.
        dated: the node's clock is within its bound; if not, no broadcast says when it was made.
    """

    intersection: int
    revision: int
    map_revision: int
    stamp: Stamp
    alive_ns: int
    published_ns: int
    valid_until_ns: int
    groups: tuple[GroupState, ...]
    status: IntersectionStatus = IntersectionStatus.NONE
    reasons: tuple[str, ...] = ()
    relative: SignalState | None = None
    dated: bool = True

    @property
    def withdrawn(self) -> bool:
        return bool(self.status & IntersectionStatus.NO_VALID_SPAT)
