"""Whatever is asked and shown: no two conflicting grants, none without authority, nothing that outlasts its bounds."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.priority import PhaseCommand, RequesterRole, RequestKind, RequestState
from edge.core.signals import IntersectionStatus, MovementState
from edge.core.stamp import NS_PER_S
from edge.signals.priority import Plan
from edge.signals.priority_rules import LEVELS, Level
from tests.unit.signals.corner import CROSSWALK_GROUPS
from tests.unit.signals.priority_street import (
    ALLOWED,
    CONFLICTS,
    GREEN,
    LANES,
    REACH,
    RED,
    RULES,
    TIMES,
    YELLOW,
    Street,
)

STEADY = MovementState.PROTECTED_MOVEMENT_ALLOWED
KEYS = ("a", "b", "c", "d")
CERTIFICATES = ("bus-17", "truck-9", "ambulance-3", "fire-1", "car-5", None)


@dataclass(frozen=True)
class Moment:
    """One step of a story: who asks what, and what the lamps show then."""

    asks: tuple[tuple[str, int, RequesterRole, str | None, float, RequestKind], ...]
    passes_s: float
    lamps: dict[int, MovementState]
    least: dict[int, float]
    reasons: tuple[str, ...]
    status: IntersectionStatus
    confirms: bool


asks = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(sorted(LANES)),
    st.sampled_from(sorted(RequesterRole, key=lambda role: role.value)),
    st.sampled_from(CERTIFICATES),
    st.floats(-10.0, 40.0),
    st.sampled_from(sorted(RequestKind, key=lambda kind: kind.value)),
)
shown = st.sampled_from((GREEN, YELLOW, RED, RED, MovementState.PROTECTED_CLEARANCE))
moments = st.builds(
    Moment,
    st.lists(asks, max_size=4).map(tuple),
    st.floats(0.05, 2.0),
    st.dictionaries(st.sampled_from((*LANES, *CROSSWALK_GROUPS)), shown, max_size=6),
    st.dictionaries(st.sampled_from(sorted(LANES)), st.floats(0.1, 8.0), max_size=4),
    st.sampled_from(((), (), (), (), (), ("controller is silent",))),
    st.sampled_from((IntersectionStatus.NONE,) * 6 + (IntersectionStatus.PREEMPT,)),
    st.booleans(),
)


def may_ask(role: RequesterRole, name: str | None) -> bool:
    """The site's rule, written another way."""
    level = LEVELS.get(role)
    allowed = {
        Level.EMERGENCY: name in ("fire-1",) or (name or "").startswith("ambulance-"),
        Level.PUBLIC_TRANSPORT: (name or "").startswith("bus-"),
        Level.FREIGHT: name == "truck-9",
    }
    return level is not None and allowed[level]


class Story:
    """Plays moments and keeps what the properties speak of."""

    def __init__(self) -> None:
        self.street = Street(confirmed=set())
        self.asked: dict[str, tuple[int, RequesterRole, str | None, int]] = {}
        self.least_ns: dict[int, int] = {}
        self.greens: set[int] = set()

    def play(self, moment: Moment) -> Plan:
        street = self.street
        street.now_ns += round(moment.passes_s * NS_PER_S)
        street.lamps, street.least_s = dict(moment.lamps), dict(moment.least)
        street.reasons, street.status = moment.reasons, moment.status
        for key, group, role, name, in_s, kind in moment.asks:
            request = street.request(group, in_s=in_s, role=role, kind=kind)
            street.arbiter.take(key, request, names=[] if name is None else [name], now_ns=street.now_ns)
            self.asked[key] = group, role, name, street.now_ns
            if kind is RequestKind.CANCEL:
                del self.asked[key]
        self.remember(moment)
        plan = street.step()
        told = {(command, phase) for command, phases in plan.commands.items() for phase in phases}
        street.confirmed = told if moment.confirms else set()
        return plan

    def remember(self, moment: Moment) -> None:
        """Minimum greens that were told of greens that have lasted since."""
        good = not moment.reasons and not moment.status
        greens = {group for group in LANES if moment.lamps.get(group) is STEADY} if good else set()
        self.least_ns = {group: end for group, end in self.least_ns.items() if group in greens & self.greens}
        for group, left_s in moment.least.items():
            if group in greens:
                end = self.street.now_ns + round(left_s * NS_PER_S)
                self.least_ns[group] = max(end, self.least_ns.get(group, 0))
        self.greens = greens


@settings(max_examples=200, deadline=None)
@given(st.lists(moments, min_size=1, max_size=25))
def test_grants_and_commands_keep_to_the_rules(story: list[Moment]) -> None:
    teller = Story()
    for moment in story:
        plan = teller.play(moment)
        granted = {
            key: answer for key, answer in plan.answers.items() if answer.state is RequestState.GRANTED
        }
        for key, answer in granted.items():
            group, role, name, heard_ns = teller.asked[key]
            assert may_ask(role, name), "authority"
            assert answer.signal_group == group
            assert teller.street.now_ns - heard_ns <= TIMES.lease_s * NS_PER_S, "repeated in time"
        groups = [answer.signal_group or 0 for answer in granted.values()]
        assert not any(RULES.conflict(one, other) for one in groups for other in groups), "conflict"
        if moment.reasons or moment.status:
            assert (plan.commands, granted) == ({}, {}), "in doubt"
        check_commands(teller, moment, plan)


def check_commands(teller: Story, moment: Moment, plan: Plan) -> None:
    """Commands are for authorised requests only, and end no green that must go on."""
    wanted = {
        group
        for key, (group, role, name, _heard) in teller.asked.items()
        if key in plan.answers and may_ask(role, name)
    }
    told = {command: plan.commands.get(command, frozenset()) for command in PhaseCommand}
    ours = told[PhaseCommand.HOLD] | told[PhaseCommand.VEHICLE_CALL]
    assert ours <= wanted
    assert not any((min(a, b), max(a, b)) in CONFLICTS for a in ours for b in ours), "conflicting commands"
    assert all(moment.lamps.get(phase) is STEADY for phase in told[PhaseCommand.HOLD])
    for phase in told[PhaseCommand.FORCE_OFF]:
        assert phase not in ours
        assert any(RULES.conflict(phase, group) for group in ours), "in the way of somebody who is served"
        assert teller.least_ns.get(phase, 1 << 80) <= teller.street.now_ns, "minimum green"
        walkers = REACH.walkers.get(phase, ())
        assert all(moment.lamps.get(walker, RED) is RED for walker in walkers), "pedestrians"


@settings(max_examples=50, deadline=None)
@given(st.lists(moments, min_size=1, max_size=15))
def test_the_same_story_has_the_same_end(story: list[Moment]) -> None:
    one, other = Story(), Story()
    assert [one.play(moment) for moment in story] == [other.play(moment) for moment in story]


@settings(max_examples=50, deadline=None)
@given(st.lists(moments, min_size=1, max_size=15))
def test_when_all_fall_silent_nothing_stands_after_the_lease(story: list[Moment]) -> None:
    teller = Story()
    for moment in story:
        teller.play(moment)
    teller.street.now_ns += round((TIMES.lease_s + 0.1) * NS_PER_S)
    assert teller.street.step() == Plan({}, {})
    assert teller.street.arbiter.idle


def test_the_rule_written_twice_is_the_same() -> None:
    for role in RequesterRole:
        for name in CERTIFICATES:
            request = Street().request(role=role)
            names = [] if name is None else [name]
            assert (RULES.unauthorised(request, names) == "") is may_ask(role, name)
    assert set(ALLOWED) == set(Level)
