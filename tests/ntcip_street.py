"""A simulated NTCIP 1202 controller for tests: its plan runs on a clock that the test moves, its SNMP is real."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from edge.core.signals import ControllerGroup, GroupKind, SignalSnapshot
from edge.core.stamp import NS_PER_S
from hw.signal.ntcip1202.controller import Ntcip1202Controller, PollSettings
from hw.signal.ntcip1202.poll import Layout, plan_poll
from hw.sim.ntcip_agent import NtcipAgent
from hw.snmp.client import Agent
from hw.snmp.message import decode_message

FAST = PollSettings(period_s=0.01, timeout_s=0.2, calm_s=0.01)
EPOCH_NS = 1_800_000_000 * NS_PER_S


class Street:
    """An agent and its clock."""

    def __init__(self, **options: object) -> None:
        self.now_ns = EPOCH_NS
        self.agent = NtcipAgent(now_ns=lambda: self.now_ns, **options)  # type: ignore[arg-type]
        self.address = self.agent.open()

    def pass_s(self, seconds: float) -> None:
        """Let the controller's time pass, second by second as a real one does."""
        end_ns = self.now_ns + round(seconds * NS_PER_S)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + NS_PER_S // 10)
            self.agent.controller.advance(self.now_ns)


@contextlib.asynccontextmanager
async def street(**options: object) -> AsyncIterator[Street]:
    """An agent that is closed at the end."""
    found = Street(**options)
    try:
        yield found
    finally:
        found.agent.close()


async def wait_for(
    snapshots: AsyncIterator[SignalSnapshot], condition: Callable[[SignalSnapshot], object]
) -> SignalSnapshot:
    """The first snapshot of which the condition holds."""
    async for snapshot in snapshots:
        if condition(snapshot):
            return snapshot
    raise AssertionError("snapshots ended")


def group(snapshot: SignalSnapshot, kind: GroupKind, number: int) -> ControllerGroup:
    """One lamp group."""
    return next(g for g in snapshot.groups if (g.kind, g.number) == (kind, number))


class GatedAgent(NtcipAgent):
    """Answers a poll of lamps only when the test says so; until then the poll waits."""

    def __init__(self) -> None:
        super().__init__()
        self._gate: deque[bool] = deque()
        self._held: tuple[bytes, tuple[str, int]] | None = None
        self._polled = plan_poll(Layout(16, 2), Agent("", 0)).lamps[0].varbinds

    def let(self, sound: bool) -> None:
        """One more poll is answered: soundly, or with noise."""
        self._gate.append(sound)
        if self._held is not None:
            held, self._held = self._held, None
            self.take(*held)

    def take(self, datagram: bytes, sender: tuple[str, int]) -> None:
        """As the agent does, through the gate."""
        if decode_message(datagram).varbinds != self._polled:
            super().take(datagram, sender)
        elif not self._gate:
            self._held = datagram, sender
        else:
            self.faults.garbage = not self._gate.popleft()
            super().take(datagram, sender)


def free_port() -> int:
    """A UDP port of the loopback that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class GatedDriver(Ntcip1202Controller):
    """A driver that knows where its gated agent will be."""

    def __init__(self) -> None:
        self.port = free_port()
        settings = PollSettings(period_s=0.01, timeout_s=1.0)
        super().__init__(Agent("127.0.0.1", self.port), name="ntcip1202", settings=settings)


@contextlib.contextmanager
def gated(port: int) -> Iterator[GatedAgent]:
    """The agent, on a port."""
    agent = GatedAgent()
    agent.open("127.0.0.1", port)
    try:
        yield agent
    finally:
        agent.close()
