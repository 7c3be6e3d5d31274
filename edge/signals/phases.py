"""Lamps of a controller group as a movement phase state, and what follows where that is certain."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, MovementState
from edge.signals.validation_colours import may_follow

FLASH = IntersectionStatus.FAILURE_FLASH | IntersectionStatus.PROGRAMMED_FLASH
_FLASHING_LAMPS = frozenset({LampState.DARK, LampState.FLASHING_RED, LampState.FLASHING_YELLOW})


@dataclass(frozen=True, slots=True)
class GroupRule:
    """What one controller group means on the MAP.

    Attributes:
        signal_group: SignalGroupID of the MAP.
        protected: its green has no conflicting traffic. This comes from the site, never from the lamp.
        green_flashes: its green ends with flashing green (China, Austria, ...).
    """

    signal_group: int
    protected: bool = True
    green_flashes: bool = False


_COMMON = {
    LampState.UNKNOWN: MovementState.UNAVAILABLE,
    LampState.DARK: MovementState.DARK,
    LampState.RED: MovementState.STOP_AND_REMAIN,
    LampState.FLASHING_RED: MovementState.STOP_THEN_PROCEED,
    LampState.RED_YELLOW: MovementState.PRE_MOVEMENT,
    LampState.FLASHING_GREEN: MovementState.FLASHING_GREEN,
    LampState.FLASHING_YELLOW: MovementState.CAUTION_CONFLICTING_TRAFFIC,
}


def movement(
    lamp: LampState, *, kind: GroupKind, rule: GroupRule, status: IntersectionStatus
) -> MovementState:
    """The phase state that a lamp means.

    In failure flash the cabinet drives the lamps past the controller: a steady lamp in the controller's report
    is then not what the road sees, and the group is unavailable.
    """
    if status & IntersectionStatus.FAILURE_FLASH and lamp not in _FLASHING_LAMPS:
        return MovementState.UNAVAILABLE
    if lamp is LampState.GREEN:
        return _green(rule)
    if lamp is LampState.YELLOW:
        return _clearance(rule)
    if lamp is LampState.FLASHING_RED and kind is GroupKind.PEDESTRIAN and not status & FLASH:
        return _clearance(rule)  # flashing hand
    return _COMMON[lamp]


def following(
    group: ControllerGroup,
    state: MovementState,
    *,
    rule: GroupRule,
    status: IntersectionStatus,
    told: bool = True,
) -> MovementState | None:
    """The state after this one: what the controller tells, else what must follow.

    None where it tells a state that no light goes to from this one.

    Args:
        told: the controller's word counts; not where its timing is in doubt.
    """
    if told and group.next_lamp not in (None, LampState.UNKNOWN):
        coming = movement(group.next_lamp, kind=group.kind, rule=rule, status=status)
        return coming if may_follow(state, coming) else None
    return next_movement(state, kind=group.kind, rule=rule)


def next_movement(state: MovementState, *, kind: GroupKind, rule: GroupRule) -> MovementState | None:
    """The state after this one; None where more than one may follow.

    Red is not followed by a certain state here: whether red and yellow comes first is the site's own.
    """
    if state in (MovementState.PROTECTED_MOVEMENT_ALLOWED, MovementState.PERMISSIVE_MOVEMENT_ALLOWED):
        return MovementState.FLASHING_GREEN if rule.green_flashes else _clearance(rule)
    if state is MovementState.FLASHING_GREEN:
        pedestrian = kind is GroupKind.PEDESTRIAN
        return MovementState.STOP_AND_REMAIN if pedestrian else _clearance(rule)
    if state in (MovementState.PROTECTED_CLEARANCE, MovementState.PERMISSIVE_CLEARANCE):
        return MovementState.STOP_AND_REMAIN
    if state is MovementState.PRE_MOVEMENT:
        return _green(rule)
    return None


def _green(rule: GroupRule) -> MovementState:
    if rule.protected:
        return MovementState.PROTECTED_MOVEMENT_ALLOWED
    return MovementState.PERMISSIVE_MOVEMENT_ALLOWED


def _clearance(rule: GroupRule) -> MovementState:
    return MovementState.PROTECTED_CLEARANCE if rule.protected else MovementState.PERMISSIVE_CLEARANCE
