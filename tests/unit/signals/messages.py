"""Neutral messages of the corner, for tests of the validator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from edge.core.signals import GroupState, MovementState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.validation import SignalMessage, Validator
from edge.signals.validation_kinds import Finding
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS, corner

T0 = 1_700_000_000 * NS_PER_S
PLACE = corner()
S = MovementState
GREEN, YELLOW, RED, PRE = (
    S.PROTECTED_MOVEMENT_ALLOWED,
    S.PROTECTED_CLEARANCE,
    S.STOP_AND_REMAIN,
    S.PRE_MOVEMENT,
)
FLASHING, PERMISSIVE = S.FLASHING_GREEN, S.PERMISSIVE_MOVEMENT_ALLOWED
GROUPS = (*VEHICLE_GROUPS, *CROSSWALK_GROUPS)
Shown = dict[int, MovementState]


def message(at_s: float, shown: Shown | None = None, **fields: object) -> SignalMessage:
    """All red but what is shown; made and come at once."""
    states = dict.fromkeys(GROUPS, RED) | (shown or {})
    at_ns = T0 + round(at_s * 1000) * NS_PER_MS
    found = SignalMessage(
        PLACE.intersection,
        None,
        tuple(GroupState(number, state) for number, state in states.items()),
        arrival_ns=at_ns,
        made_ns=at_ns,
    )
    return dataclasses.replace(found, **fields)  # type: ignore[arg-type]


def play(
    course: Iterable[tuple[float, Shown]], validator: Validator | None = None, **fields: object
) -> list[Finding]:
    """Each part for its seconds, ten messages a second."""
    used, at_s, found = validator or Validator(PLACE), 0.0, []
    for seconds, shown in course:
        for _ in range(round(seconds * 10)):
            found += used.check(message(at_s, shown, **fields))
            at_s += 0.1
    return found


def kinds(found: Iterable[Finding]) -> set[str]:
    return {finding.kind for finding in found}


CYCLE: list[tuple[float, Shown]] = [
    (2, {}),
    (8, {2: GREEN, 6: GREEN, 22: PERMISSIVE}),
    (5, {2: GREEN, 6: GREEN, 22: S.PERMISSIVE_CLEARANCE}),
    (3, {2: YELLOW, 6: YELLOW}),
    (2, {}),
    (8, {4: GREEN, 8: GREEN}),
    (3, {4: YELLOW, 8: YELLOW}),
]
