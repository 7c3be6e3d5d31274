"""Faults to plant in a sound stream of messages, each with the kinds of finding that name it.

A fault takes the messages and dice, changes what comes after a place that suits it, and gives back the changed stream
and the place; None: there was no such place.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.core.signals import GroupState, MovementState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.validation import SignalMessage

WARM = 1000
"""Messages before the first fault: 100 s."""
AFTER = 350
"""Messages after the place that are played."""
_S = MovementState
_RED = _S.STOP_AND_REMAIN
_GREEN, _YELLOW = _S.PROTECTED_MOVEMENT_ALLOWED, _S.PROTECTED_CLEARANCE
VEHICLES = range(1, 9)
Messages = list[SignalMessage]
Planted = tuple[Messages, int] | None
Plant = Callable[[Messages, random.Random], Planted]
Change = Callable[[GroupState, SignalMessage, int], GroupState]
"""Group, its message and messages since the place."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and the findings that name it."""

    name: str
    expected: frozenset[str]
    plant: Plant


def state_of(message: SignalMessage, number: int) -> GroupState | None:
    return next((group for group in message.groups if group.signal_group == number), None)


def with_group(
    message: SignalMessage, number: int, change: Callable[[GroupState], GroupState]
) -> SignalMessage:
    groups = tuple(change(group) if group.signal_group == number else group for group in message.groups)
    return dataclasses.replace(message, groups=groups)


def _place(
    messages: Messages, dice: random.Random, states: frozenset[MovementState], *, begin: int, left: int
) -> tuple[int, int] | None:
    """A message and a vehicle group that has shown one of the states for `begin` messages and will for `left` more."""
    last = len(messages) - AFTER
    for _ in range(400):
        at, number = dice.randrange(WARM, last), dice.choice(VEHICLES)
        shown = [state_of(message, number) for message in messages[at - begin : at + left]]
        if all(group is not None and group.state in states for group in shown):
            return at, number
    return None


def on_group(
    states: frozenset[MovementState], change: Change, *, begin: int = 15, left: int = 15, for_: int = AFTER
) -> Plant:
    """Change one group from a place on, as long as its state lasts and at most for so many messages."""

    def plant(messages: Messages, dice: random.Random) -> Planted:
        found = _place(messages, dice, states, begin=begin, left=left)
        if found is None:
            return None
        at, number = found
        changed = list(messages)
        for index in range(at, min(at + for_, len(messages))):
            group = state_of(messages[index], number)
            if group is None or group.state not in states:
                break
            since = index - at
            changed[index] = with_group(
                messages[index], number, lambda g, m=messages[index], s=since: change(g, m, s)
            )
        return changed, at

    return plant


def on_messages(change: Callable[[SignalMessage, int], SignalMessage | None], *, for_: int = AFTER) -> Plant:
    """Change or drop (None) whole messages from a place on."""

    def plant(messages: Messages, dice: random.Random) -> Planted:
        at = dice.randrange(WARM, len(messages) - AFTER)
        changed = []
        for index, message in enumerate(messages):
            new = change(message, index - at) if at <= index < at + for_ else message
            if new is not None:
                changed.append(new)
        return changed, at

    return plant


def show(state: MovementState) -> Change:
    return lambda group, message, since: dataclasses.replace(group, state=state)


def ends(change: Callable[[GroupState, int, int], dict[str, int | float | None]]) -> Change:
    """Change ends; `change` gets group, time of the message, messages since the place."""
    return lambda group, message, since: dataclasses.replace(group, **change(group, message.at_ns, since))  # type: ignore[arg-type]


def whole(**fields: object) -> Plant:
    return on_messages(lambda message, since: dataclasses.replace(message, **fields), for_=20)  # type: ignore[arg-type]


def after_state(states: frozenset[MovementState], new: MovementState, *, for_: int) -> Plant:
    """What follows a state is replaced by another for a while."""

    def plant(messages: Messages, dice: random.Random) -> Planted:
        found = _place(messages, dice, states, begin=15, left=1)
        if found is None:
            return None
        at, number = found
        while at < len(messages) - for_ - 1 and _in(messages[at], number, states):
            at += 1
        changed = list(messages)
        for index in range(at, at + for_):
            changed[index] = with_group(
                messages[index],
                number,
                lambda g: dataclasses.replace(g, state=new, min_end_ns=None, max_end_ns=None),
            )
        return changed, at

    return plant


def _in(message: SignalMessage, number: int, states: frozenset[MovementState]) -> bool:
    group = state_of(message, number)
    return group is not None and group.state in states


def stretch(states: frozenset[MovementState], seconds: float) -> Plant:
    """A state goes on far beyond its end."""

    def plant(messages: Messages, dice: random.Random) -> Planted:
        found = _place(messages, dice, states, begin=3, left=1)
        if found is None:
            return None
        at, number = found
        kept = state_of(messages[at], number)
        assert kept is not None
        changed = list(messages)
        for index in range(at, min(at + round(seconds * 10), len(messages))):
            changed[index] = with_group(messages[index], number, lambda g: kept)
        return changed, at

    return plant


def shorten(states: frozenset[MovementState], tenths: int, then: MovementState) -> Plant:
    """A state that just began gives way to another after some tenths of a second."""

    def plant(messages: Messages, dice: random.Random) -> Planted:
        found = _place(messages, dice, states, begin=1, left=5)
        if found is None:
            return None
        at, number = found
        while _in(messages[at - 1], number, states):
            at -= 1
        at += tenths
        changed = list(messages)
        for index in range(at, len(messages)):
            if not _in(messages[index], number, states):
                break
            changed[index] = with_group(
                messages[index],
                number,
                lambda g: dataclasses.replace(g, state=then, min_end_ns=None, max_end_ns=None),
            )
        return (changed, at) if at >= WARM else None

    return plant


def beside_green(new: MovementState, partners: dict[int, Sequence[int]]) -> Plant:
    """While one group is green a conflicting one shows `new`."""

    def plant(messages: Messages, dice: random.Random) -> Planted:
        found = _place(messages, dice, frozenset({_GREEN}), begin=15, left=15)
        if found is None or found[1] not in partners:
            return None
        at, number = found
        other, changed = dice.choice(partners[number]), list(messages)
        for index in range(at, at + 10):
            changed[index] = with_group(messages[index], other, show_only(new))
        return changed, at

    return plant


def show_only(state: MovementState) -> Callable[[GroupState], GroupState]:
    return lambda group: GroupState(group.signal_group, state)


def long_red(messages: Messages, dice: random.Random) -> Planted:
    """A red with a demand for six minutes, one message a second."""
    at = WARM
    first, calls = messages[at], frozenset({dice.choice(VEHICLES)})
    groups = tuple(GroupState(group.signal_group, _RED) for group in first.groups)
    made_ns = first.made_ns or 0
    tail = [
        dataclasses.replace(
            first,
            groups=groups,
            calls=calls,
            made_ns=made_ns + index * NS_PER_S,
            arrival_ns=made_ns + index * NS_PER_S,
        )
        for index in range(360)
    ]
    return [*messages[:at], *tail], at


def swap(messages: Messages, dice: random.Random) -> Planted:
    """Two neighbours change places, now and then."""
    at, changed = dice.randrange(WARM, len(messages) - AFTER), list(messages)
    for index in range(at, at + 60, 10):
        one, other = changed[index], changed[index + 1]
        changed[index] = dataclasses.replace(other, arrival_ns=one.arrival_ns)
        changed[index + 1] = dataclasses.replace(one, arrival_ns=other.arrival_ns)
    return changed, at


def twice(messages: Messages, dice: random.Random) -> Planted:
    """Each message comes again 10 ms later."""
    at = dice.randrange(WARM, len(messages) - AFTER)
    again = [
        dataclasses.replace(message, arrival_ns=(message.arrival_ns or 0) + late * 10 * NS_PER_MS)
        for message in messages[at : at + 20]
        for late in (0, 1)
    ]
    return [*messages[:at], *again, *messages[at + 20 :]], at


def replay(messages: Messages, dice: random.Random) -> Planted:
    """What was said a minute ago is said again, stamped anew."""
    at, changed = dice.randrange(WARM, len(messages) - AFTER), list(messages)
    for index in range(at, at + AFTER):
        old, new = messages[index - 600], messages[index]
        changed[index] = dataclasses.replace(new, groups=old.groups, status=old.status)
    return changed, at


def every_end(change: Callable[[int, int], int]) -> Plant:
    """Every promised end changed; `change` gets the end and the time of the message, UTC ns."""

    def changed(group: GroupState, now_ns: int) -> GroupState:
        least, latest = (
            None if end is None else change(end, now_ns) for end in (group.min_end_ns, group.max_end_ns)
        )
        return dataclasses.replace(group, min_end_ns=least, max_end_ns=latest)

    return on_messages(
        lambda m, k: dataclasses.replace(m, groups=tuple(changed(group, m.at_ns) for group in m.groups))
    )


def renumber(numbers: dict[int, int]) -> Plant:
    """Groups wired the wrong way round."""

    def renumbered(group: GroupState) -> GroupState:
        return dataclasses.replace(group, signal_group=numbers.get(group.signal_group, group.signal_group))

    return on_messages(lambda m, k: dataclasses.replace(m, groups=tuple(map(renumbered, m.groups))))


def crowd(messages: Messages, dice: random.Random) -> Planted:
    """Five messages where one belongs."""
    at = dice.randrange(WARM, len(messages) - AFTER)
    crowded = []
    for message in messages[at : at + 150]:
        made_ns, arrival_ns = message.made_ns or 0, message.arrival_ns or 0
        crowded += [
            dataclasses.replace(
                message, made_ns=made_ns + 20 * k * NS_PER_MS, arrival_ns=arrival_ns + 20 * k * NS_PER_MS
            )
            for k in range(5)
        ]
    return [*messages[:at], *crowded], at


def clock(offset_ns: Callable[[int], int]) -> Plant:
    """The sender's clock is off by what `offset_ns` gives, messages since the place."""

    def change(message: SignalMessage, since: int) -> SignalMessage:
        return dataclasses.replace(message, made_ns=(message.made_ns or 0) + offset_ns(since))

    return on_messages(change)


def shift(group: GroupState, by_ns: int) -> dict[str, int | float | None]:
    """Both promised ends moved."""
    moved: dict[str, int | float | None] = {}
    if group.min_end_ns is not None:
        moved["min_end_ns"] = group.min_end_ns + by_ns
    if group.max_end_ns is not None:
        moved["max_end_ns"] = group.max_end_ns + by_ns
    return moved


GREENS = frozenset({_GREEN})
LIGHTS = GREENS | {_YELLOW, _RED}
YELLOWS, REDS = frozenset({_YELLOW}), frozenset({_RED})
ACROSS: dict[int, Sequence[int]] = {
    2: (4, 8),
    6: (4, 8),
    4: (2, 6),
    8: (2, 6),
    1: (2, 4),
    5: (6, 8),
    3: (8, 2),
    7: (4, 6),
}
