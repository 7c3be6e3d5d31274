"""Guarded phase control: hold, omit, force off and call phases through phaseControlGroupTable (NTCIP 1202 v02, 2.2.5).

Nothing is written unless a site grants it, command by command and phase by phase. A wish lasts only as long as its
source repeats it; what was commanded is taken back when the source stops, when the lamps are no longer seen and when
the driver closes. The controller itself drops what nobody repeats within its unitBackupTime; without one nothing is
commanded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hw.signal.ntcip1202.objects import PER_GROUP, Command, control_cell
from hw.snmp import ber
from hw.snmp.client import SnmpClient
from hw.snmp.message import NO_ERROR, SET, VarBind

_log = logging.getLogger(__name__)
TICK_S = 0.05
_TIMEOUT_S, _CLEAR_ATTEMPTS = 0.25, 3
_RETRY_S = 0.5
"""After a write that nobody confirmed, at most."""
_REFRESHES = 3
"""Repetitions within the controller's backup time, so that two may be lost."""
_MOMENTARY = frozenset({Command.FORCE_OFF})
"""Written once: the controller takes the bit back when the green ends, and again would end the next green."""


Cell = tuple[Command, int]
"""A command and a group of eight phases: one object of the controller."""


@dataclass(frozen=True, slots=True)
class ControlGrant:
    """What a site allows.

    Attributes:
        commands: these.
        phases: of these phases only.
        lease_s: longest time that a wish lasts without being repeated.
        refresh_s: longest time between two writes of a standing command.
        interval_s: least time between two changes of one object; taking back is never delayed.
        most_backup_s: largest unitBackupTime that is accepted.
    """

    commands: frozenset[Command]
    phases: frozenset[int]
    lease_s: float = 2.0
    refresh_s: float = 1.0
    interval_s: float = 0.5
    most_backup_s: float = 60.0


@dataclass(frozen=True, slots=True)
class _Wish:
    phases: frozenset[int]
    ends_s: float


@dataclass(slots=True)
class _Written:
    """What the controller may hold: the octet last sent, when (monotonic seconds), and what the agent said to it.

    Attributes:
        refused: by an agent that holds nothing of ours in this object.
    """

    octet: int
    at_s: float
    confirmed: bool = False
    refused: bool = False


class PhaseControl:
    """Commands of one controller.

    Counters: control_writes, control_refused (wishes), control_errors (writes that the agent refused or did not
    answer), control_lapsed (wishes that nobody repeated), control_cleared (objects that were emptied before the first
    command).

    Args:
        client: an open client.
        grant: what may be commanded.
        name: controller name, for the log.
        sees_lamps: whether the lamps are known at present; without them nothing is commanded.
    """

    def __init__(
        self,
        client: SnmpClient,
        grant: ControlGrant,
        *,
        name: str,
        counters: Counter[str],
        sees_lamps: Callable[[], bool],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._grant, self._name = client, grant, name
        self._counters, self._sees_lamps, self._now_s = counters, sees_lamps, now_s
        self._wishes: dict[tuple[str, Command], _Wish] = {}
        self._written: dict[Cell, _Written] = {}
        self._strange: set[Cell] = set()
        self._phases = 0
        self._backup_s = 0
        self._running = False
        self._last_refusal: str | None = None
        self._wake = asyncio.Event()

    def allow(self, *, phases: int, backup_s: int | None) -> None:
        """What the controller said of itself: number of phases, and its unitBackupTime."""
        self._phases, self._backup_s = phases, backup_s or 0

    def ask(self, command: Command, phases: frozenset[int], *, source: str, for_s: float) -> str | None:
        """Wish that a command stands for these phases and no others of this source; repeat it before it ends.

        Args:
            source: who wishes; wishes of several sources are joined.
            for_s: how long it lasts, at most the grant's lease.

        Returns:
            Why it is refused; None: it is taken.
        """
        reason = self._reason_against(command, phases)
        if reason is not None:
            self._counters["control_refused"] += 1
            if reason != self._last_refusal:
                _log.warning("%s: %s by %s refused: %s", self._name, command.name, source, reason)
            self._last_refusal = reason
            return reason
        self._last_refusal = None
        ends_s = self._now_s() + max(0.0, min(for_s, self._grant.lease_s))
        if (source, command) not in self._wishes:
            _log.warning("%s: %s of phases %s by %s", self._name, command.name, sorted(phases), source)
        self._wishes[source, command] = _Wish(phases, ends_s)
        self._wake.set()
        return None

    def release(self, source: str) -> None:
        """Drop all wishes of a source now."""
        for key in [key for key in self._wishes if key[0] == source]:
            del self._wishes[key]
        self._wake.set()

    def stands(self, command: Command, phase: int) -> bool:
        """Whether the controller has confirmed that a command stands for a phase."""
        known = self._written.get((command, _group_of(phase)))
        return known is not None and known.confirmed and bool(known.octet >> (phase - 1) % PER_GROUP & 1)

    async def run(self) -> None:
        """Carry the wishes out until cancelled; takes everything back at the end. Raises `DeviceError`."""
        self._running, self._strange = True, self._granted()
        try:
            while True:
                await self._step()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            self._running = False
            self._wishes.clear()
            await self._take_back()

    def _reason_against(self, command: Command, phases: frozenset[int]) -> str | None:
        grant = self._grant
        if command not in grant.commands:
            return f"{command.name.lower()} is not among control.commands"
        foreign = phases - grant.phases
        if foreign or not phases:
            return (
                f"phases {sorted(foreign)} are not among control.phases" if foreign else "no phase is named"
            )
        if not self._running or not self._sees_lamps():
            return "the controller's lamps are not seen at present"
        if max(phases) > self._phases:
            return f"the controller has {self._phases} phases"
        if not 0 < self._backup_s <= grant.most_backup_s:
            return (
                f"the controller's unitBackupTime is {self._backup_s} s: it would keep a command too long when this "
                f"node falls silent; set it to 1 to {grant.most_backup_s:g} s"
            )
        return None

    def _granted(self) -> set[Cell]:
        """Every object in which a command may stand."""
        groups = {_group_of(phase) for phase in self._grant.phases if phase <= self._phases}
        return {(command, group) for command in self._grant.commands for group in groups}

    def _drop_lapsed(self, now_s: float) -> None:
        """End the wishes that nobody repeats, and all of them while nobody sees the lamps."""
        if not self._sees_lamps() and self._wishes:
            _log.warning("%s: lamps are not seen, all commands are taken back", self._name)
            self._counters["control_lapsed"] += len(self._wishes)
            self._wishes.clear()
        for key in [key for key, wish in self._wishes.items() if wish.ends_s <= now_s]:
            _log.warning("%s: %s by %s was not repeated and ends", self._name, key[1].name, key[0])
            self._counters["control_lapsed"] += 1
            del self._wishes[key]

    def _wanted(self) -> dict[Cell, int]:
        """Octets that should stand now."""
        wanted: dict[Cell, int] = {}
        for (_source, command), wish in self._wishes.items():
            for phase in wish.phases:
                at = (command, _group_of(phase))
                wanted[at] = wanted.get(at, 0) | 1 << (phase - 1) % PER_GROUP
        return wanted

    async def _step(self) -> None:
        """Write what is due, takings back first. A write takes a while: each sends what is wanted when it goes out."""
        self._drop_lapsed(self._now_s())
        for at in sorted({*self._written, *self._wanted()}, key=self._order):
            if self._adds(at) and not await self._clear_strange():
                return
            octet = self._due(at, self._wanted().get(at, 0), self._now_s())
            if octet is not None:
                await self._write(at, octet)

    def _adds(self, at: Cell) -> bool:
        """Whether more is wanted than stands."""
        known = self._written.get(at)
        return bool(self._wanted().get(at, 0) & ~(0 if known is None else known.octet))

    def _order(self, at: Cell) -> tuple[bool, int, int]:
        """Takings back go first."""
        return self._adds(at), at[0].value, at[1]

    async def _clear_strange(self) -> bool:
        """Whether the controller holds nothing but what this run has written.

        What a node left there that was killed or lost the way ends with the backup time, which every write begins anew:
        beside our commands it would stand for ever. So it goes before the first of them.
        """
        for at in sorted(self._strange - self._wanted().keys(), key=self._order):
            if await self._set({at: 0}, attempts=1) is None:
                return False
            self._strange.discard(at)
            self._counters["control_cleared"] += 1
        return True

    def _due(self, at: Cell, wanted: int, now_s: float) -> int | None:
        """The octet to write now; None: nothing. Taking back never waits."""
        known = self._written.get(at)
        if known is None:
            return wanted or None
        since_s = now_s - known.at_s
        if known.refused:
            return wanted if wanted and since_s >= self._grant.refresh_s else None
        octet = wanted if since_s >= self._grant.interval_s else wanted & known.octet
        if octet != known.octet:
            return octet
        if not known.confirmed:
            return octet if since_s >= min(self._grant.interval_s, _RETRY_S) else None
        refresh_s = min(self._grant.refresh_s, self._backup_s / _REFRESHES)
        return octet if octet and at[0] not in _MOMENTARY and since_s >= refresh_s else None

    async def _write(self, at: Cell, octet: int) -> None:
        """Set one object. Until the controller confirms it, it may hold what was sent."""
        command, group = at
        known = self._written.get(at)
        if known is None or known.octet != octet:
            _log.warning("%s: %s of phase group %d := 0x%02x", self._name, command.name, group, octet)
        empty = known is None or known.refused or (known.octet == 0 and known.confirmed)
        self._strange.discard(at)
        self._written[at] = _Written(octet, self._now_s())
        self._counters["control_writes"] += 1
        status = await self._set({at: octet}, attempts=1)
        self._written[at].confirmed = status == NO_ERROR
        self._written[at].refused = status not in (None, NO_ERROR) and empty

    async def _take_back(self) -> None:
        """Zero everything that the controller may hold: in one PDU, and one by one where it refuses that."""
        held = {at: 0 for at, known in self._written.items() if known.octet or not known.confirmed}
        sure = {at: 0 for at in held if not self._written[at].refused}
        self._written.clear()
        if not sure:
            return
        _log.warning("%s: %d commands are taken back", self._name, len(sure))
        self._counters["control_writes"] += 1
        status = await self._set(sure, attempts=_CLEAR_ATTEMPTS)
        if status in (None, NO_ERROR) or len(sure) == 1:
            return
        for at in sure:  # a SET is all or nothing: what one object refuses keeps no other
            await self._set({at: 0}, attempts=_CLEAR_ATTEMPTS)

    async def _set(self, octets: Mapping[Cell, int], *, attempts: int) -> int | None:
        """The agent's error status; None when it does not answer."""
        values = [VarBind(control_cell(*at), ber.INTEGER, octet) for at, octet in octets.items()]
        request = self._client.agent.set_request(SET, values)
        reply = await self._client.ask(request, timeout_s=_TIMEOUT_S, attempts=attempts)
        status = None if reply is None else reply.error_status
        if status != NO_ERROR:
            self._counters["control_errors"] += 1
            complaint = "no answer" if status is None else f"SNMP error {status}"
            names = ", ".join(f"{command.name} of phase group {group}" for command, group in octets)
            _log.warning("%s: %s: %s", self._name, names, complaint)
        return status


def _group_of(phase: int) -> int:
    """The group of eight phases that a phase belongs to."""
    return (phase - 1) // PER_GROUP + 1
