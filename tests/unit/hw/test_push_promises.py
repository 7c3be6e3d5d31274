"""Ends of RSMP and TLC-FI through the signal lane: a whole plan without a broken promise, on a clock of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.signals import GroupKind, GroupState, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.signals.lane import SignalLane
from edge.signals.phases import GroupRule
from hw.signal import rsmp
from hw.signal.rsmp_session import RsmpSettings
from hw.signal.rsmp_status import RsmpGroup, RsmpIntersection
from hw.sim.plan_lights import NUMBERS, next_change_ns
from hw.sim.rsmp_site import component_of, plan_status
from hw.sim.tlcfi_server import TlcfiServer
from tests.unit.hw import rsmp_script, tlcfi_script

KINDS = {
    number: GroupKind.PEDESTRIAN if kind == "pedestrian" else GroupKind.GROUP
    for (kind, _), number in NUMBERS.items()
}
CYCLE_S = 94


def intersection() -> Intersection:
    """One lane for each signal group."""
    points = np.array([[0.0, 0.0], [50.0, 0.0]])
    lanes = tuple(
        Lane(n, LaneKind.VEHICLE, True, False, 3.5, points, (Connection(100, n, Maneuver.STRAIGHT),))
        for n in KINDS
    )
    return Intersection(1, None, 1, "", LocalFrame(0.0, 0.0), lanes)


def instants(begin_ns: int) -> Iterator[int]:
    """Every change of the plan during a cycle, and some time between them."""
    now_ns = begin_ns
    while now_ns < begin_ns + CYCLE_S * NS_PER_S:
        yield now_ns
        now_ns = min(next_change_ns(now_ns) + NS_PER_MS, now_ns + NS_PER_S)


class Watch:
    """A lane that hears every snapshot, and how many groups told both ends."""

    def __init__(self) -> None:
        rules = {(kind, number): GroupRule(number) for number, kind in KINDS.items()}
        self.lane = SignalLane(intersection(), groups=rules, conflicts=())
        self.timed = self.states = self.ended = self.too_early = self.too_late = 0
        self._before: dict[int, tuple[int, GroupState]] = {}

    def hear(self, snapshot: SignalSnapshot, now_ns: int) -> None:
        state = self.lane.update(snapshot, now_ns)
        for group in state.groups:
            before_ns, before = self._before.get(group.signal_group, (now_ns, group))
            if before.state is not group.state:
                self._judge(before, before_ns, now_ns)
            self._before[group.signal_group] = (now_ns, group)
        self.states += len(state.groups)
        self.timed += sum(g.min_end_ns is not None and g.max_end_ns is not None for g in state.groups)

    def _judge(self, ended: GroupState, before_ns: int, now_ns: int) -> None:
        """What was last said of a state that has ended between two times."""
        self.ended += 1
        self.too_early += ended.min_end_ns is not None and ended.min_end_ns > now_ns + NS_PER_MS
        self.too_late += ended.max_end_ns is not None and ended.max_end_ns < before_ns - NS_PER_MS

    def check(self, *, share: float) -> None:
        broken = ("timing_contradicts", "timing_past", "promises_broken", "ended_early", "overstayed")
        assert {name: self.lane.counters[name] for name in broken} == dict.fromkeys(broken, 0)
        assert self.lane.counters["withdrawals"] == 0
        assert (self.too_early, self.too_late) == (0, 0)
        assert self.ended > 20
        assert self.timed > share * self.states


def test_times_of_green_and_red_keep_their_promises() -> None:
    groups = tuple(RsmpGroup(number, kind, component_of(number)) for number, kind in KINDS.items())
    lights = RsmpIntersection("site", groups, yellow_ns=3 * NS_PER_S, red_yellow_ns=0)
    script = rsmp_script.Script(RsmpSettings(lights, component=rsmp_script.MAIN))
    script.establish()
    watch = Watch()
    for now_ns in instants(script.now_ns):
        script.now_ns = now_ns
        script.say(rsmp.watchdog(now_ns))
        letters, times = plan_status(now_ns)
        script.tell({("S0001", "signalgroupstatus"): letters})
        for number, values in times.items():
            told = {("S0025", name): value for name, value in values.items()}
            script.tell(told, component=component_of(number))
        watch.hear(script.snapshots[-1], now_ns)
    watch.check(share=0.8)


def test_predictions_of_a_tlc_keep_their_promises() -> None:
    groups = tuple((number, kind, None) for number, kind in KINDS.items())
    script = tlcfi_script.Script(dataclasses.replace(tlcfi_script.SETTINGS, groups=groups))
    tlc = TlcfiServer(now_ns=lambda: script.now_ns)
    tlc.faults.ticks_at = script.ticks() - script.now_ns // NS_PER_MS
    script.establish(*({"state": 0} for _ in tlc.names), names=tlc.names)
    watch = Watch()
    for now_ns in instants(script.now_ns):
        script.now_ns = now_ns - 10 * NS_PER_MS
        script.update(tlc.plan_states(now_ns))
        watch.hear(script.snapshots[-1], now_ns)
    watch.check(share=0.9)
