"""A simulated GB/T 20999 device and the reader of the driver, in virtual time."""

from __future__ import annotations

import random

from edge.core.signals import ControllerGroup, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal.gb20999_controller import Gb20999Reader
from hw.signal.gb20999_questions import Habits
from hw.sim.gb20999_device import Gb20999Device
from hw.sim.signal_plan import CYCLE_DS, group_states

T0_NS = 1_750_000_000 * NS_PER_S
POLL_NS = 200 * NS_PER_MS


class Bench:
    """A device and a reader in virtual time, with a network that takes a random while."""

    def __init__(self, *, start_ds: float = 0.0, seed: int = 0, habits: Habits | None = None) -> None:
        self.ns = T0_NS
        self._start_ds, self._chance = start_ds, random.Random(seed)
        self.device = Gb20999Device(self.cycle_ds, now_ns=lambda: self.ns)
        self.reader = Gb20999Reader("c", habits=habits)

    def cycle_ds(self) -> float:
        return (self._start_ds + (self.ns - T0_NS) / (100 * NS_PER_MS)) % CYCLE_DS

    def turn(self) -> SignalSnapshot | None:
        """One period: what is due goes out, answers come back; the last snapshot."""
        end_ns, last = self.ns + POLL_NS, None
        while frames := self.reader.due((self.ns - T0_NS) / NS_PER_S, self.ns):
            for frame in frames:
                self.ns += self._chance.randrange(0, 15 * NS_PER_MS)
                answer = self.device.answer(frame)
                self.ns += self._chance.randrange(0, 15 * NS_PER_MS)
                if answer is not None:
                    snapshot, _ = self.reader.accept(answer, arrival_ns=self.ns)
                    last = snapshot or last
        self.ns = max(self.ns, end_ns)
        return last

    def settled(self) -> SignalSnapshot:
        """The snapshot once everything has been told."""
        snapshot = None
        for _ in range(30):
            snapshot = self.turn() or snapshot
        assert snapshot is not None
        return snapshot


def true_ends(cycle_ds: float, at_ns: int) -> dict[int, int]:
    """End of every lamp group by the plan itself."""
    states = group_states(cycle_ds)
    return {n: at_ns + int(str(state["min_ds"])) * 100 * NS_PER_MS for n, state in enumerate(states, start=1)}


def by_number(snapshot: SignalSnapshot) -> dict[int, ControllerGroup]:
    return {group.number: group for group in snapshot.groups}
