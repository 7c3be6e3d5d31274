"""Lamps as movement phase states."""

from __future__ import annotations

import pytest

from edge.core.signals import GroupKind, IntersectionStatus, LampState, MovementState
from edge.signals.phases import GroupRule, movement, next_movement

PROTECTED, PERMISSIVE = GroupRule(1), GroupRule(1, protected=False)
NONE = IntersectionStatus.NONE
VEHICLE, WALKERS, OVERLAP = GroupKind.VEHICLE, GroupKind.PEDESTRIAN, GroupKind.OVERLAP


@pytest.mark.parametrize(
    ("kind", "lamp", "rule", "state"),
    [
        (VEHICLE, LampState.DARK, PROTECTED, MovementState.DARK),
        (VEHICLE, LampState.UNKNOWN, PROTECTED, MovementState.UNAVAILABLE),
        (VEHICLE, LampState.RED, PROTECTED, MovementState.STOP_AND_REMAIN),
        (VEHICLE, LampState.FLASHING_RED, PROTECTED, MovementState.STOP_THEN_PROCEED),
        (VEHICLE, LampState.RED_YELLOW, PROTECTED, MovementState.PRE_MOVEMENT),
        (VEHICLE, LampState.GREEN, PROTECTED, MovementState.PROTECTED_MOVEMENT_ALLOWED),
        (VEHICLE, LampState.GREEN, PERMISSIVE, MovementState.PERMISSIVE_MOVEMENT_ALLOWED),
        (OVERLAP, LampState.GREEN, PERMISSIVE, MovementState.PERMISSIVE_MOVEMENT_ALLOWED),
        (VEHICLE, LampState.FLASHING_GREEN, PERMISSIVE, MovementState.FLASHING_GREEN),
        (VEHICLE, LampState.YELLOW, PROTECTED, MovementState.PROTECTED_CLEARANCE),
        (VEHICLE, LampState.YELLOW, PERMISSIVE, MovementState.PERMISSIVE_CLEARANCE),
        (OVERLAP, LampState.FLASHING_YELLOW, PROTECTED, MovementState.CAUTION_CONFLICTING_TRAFFIC),
        (WALKERS, LampState.GREEN, PERMISSIVE, MovementState.PERMISSIVE_MOVEMENT_ALLOWED),
        (WALKERS, LampState.FLASHING_RED, PERMISSIVE, MovementState.PERMISSIVE_CLEARANCE),
        (WALKERS, LampState.RED, PERMISSIVE, MovementState.STOP_AND_REMAIN),
    ],
)
def test_lamp_means_state(kind: GroupKind, lamp: LampState, rule: GroupRule, state: MovementState) -> None:
    assert movement(lamp, kind=kind, rule=rule, status=NONE) is state


@pytest.mark.parametrize("lamp", list(LampState))
@pytest.mark.parametrize("kind", list(GroupKind))
def test_steady_lamps_are_unavailable_in_failure_flash(kind: GroupKind, lamp: LampState) -> None:
    state = movement(lamp, kind=kind, rule=PROTECTED, status=IntersectionStatus.FAILURE_FLASH)
    known = {
        LampState.DARK: MovementState.DARK,
        LampState.FLASHING_RED: MovementState.STOP_THEN_PROCEED,
        LampState.FLASHING_YELLOW: MovementState.CAUTION_CONFLICTING_TRAFFIC,
    }
    assert state is known.get(lamp, MovementState.UNAVAILABLE)


@pytest.mark.parametrize(
    ("kind", "state", "rule", "after"),
    [
        (VEHICLE, MovementState.PROTECTED_MOVEMENT_ALLOWED, PROTECTED, MovementState.PROTECTED_CLEARANCE),
        (VEHICLE, MovementState.PERMISSIVE_MOVEMENT_ALLOWED, PERMISSIVE, MovementState.PERMISSIVE_CLEARANCE),
        (
            VEHICLE,
            MovementState.PROTECTED_MOVEMENT_ALLOWED,
            GroupRule(1, green_flashes=True),
            MovementState.FLASHING_GREEN,
        ),
        (VEHICLE, MovementState.FLASHING_GREEN, PROTECTED, MovementState.PROTECTED_CLEARANCE),
        (WALKERS, MovementState.FLASHING_GREEN, PROTECTED, MovementState.STOP_AND_REMAIN),
        (VEHICLE, MovementState.PROTECTED_CLEARANCE, PROTECTED, MovementState.STOP_AND_REMAIN),
        (VEHICLE, MovementState.PRE_MOVEMENT, PERMISSIVE, MovementState.PERMISSIVE_MOVEMENT_ALLOWED),
        (VEHICLE, MovementState.STOP_AND_REMAIN, PROTECTED, None),
        (VEHICLE, MovementState.DARK, PROTECTED, None),
        (VEHICLE, MovementState.CAUTION_CONFLICTING_TRAFFIC, PROTECTED, None),
        (VEHICLE, MovementState.UNAVAILABLE, PROTECTED, None),
    ],
)
def test_next_state_is_given_only_where_it_is_certain(
    kind: GroupKind, state: MovementState, rule: GroupRule, after: MovementState | None
) -> None:
    assert next_movement(state, kind=kind, rule=rule) is after
