"""What a controller has and how it times its phases: read at the start, each minute, and when something is odd."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.poll import Layout, Values, culprit, layout_of, polled, values_of
from hw.signal.ntcip1202.timing import PhaseTable
from hw.snmp.client import SnmpClient
from hw.snmp.message import GET, NO_ERROR, TOO_BIG, VarBind

CHUNK = 20
"""Objects per request: the answer stays below the 484 octets that every SNMPv1 agent must be able to send."""
ATTEMPTS = 2
_COUNTS = (
    objects.MAX_PHASES,
    objects.MAX_PHASE_GROUPS,
    objects.MAX_OVERLAPS,
    objects.MAX_OVERLAP_GROUPS,
    objects.UNIT_BACKUP_TIME,
)
_TIMES = (objects.WALK, objects.PED_CLEAR, objects.MIN_GREEN, objects.YELLOW, objects.RED_CLEAR, objects.RING)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        layout: phases and overlaps.
        absent: objects of a poll that the controller does not have.
        backup_s: how long it follows a command that nobody repeats, s; 0: for ever; None: it does not say.
    """

    layout: Layout
    absent: frozenset[bytes]
    backup_s: int | None


class Surveyor:
    """Reads tables of one controller. Counters: no_such_name, too_big, bad_type, bad_layout."""

    def __init__(self, client: SnmpClient, counters: Counter[str], *, timeout_s: float) -> None:
        self._client, self._counters, self._timeout_s = client, counters, timeout_s

    async def survey(self) -> Survey | None:
        """Layout and absent objects; None while the controller is silent or states no phases. Raises `DeviceError`."""
        counts = await self.read(_COUNTS)
        if counts is None:
            return None
        layout = layout_of(counts)
        if layout is None:
            self._counters["bad_layout"] += 1
            return None
        names = polled(layout)
        values = await self.read(names)
        if values is None:
            return None
        absent = frozenset(names) - values.keys()
        return Survey(layout, absent, counts.get(objects.UNIT_BACKUP_TIME))

    async def tables(self, layout: Layout) -> dict[int, PhaseTable] | None:
        """Timing of every phase of which it is known; None while the controller is silent. Raises `DeviceError`."""
        phases = range(1, layout.phases + 1)
        values = await self.read(objects.cell(column, phase) for phase in phases for column in _TIMES)
        if values is None:
            return None
        return {phase: _table(values, phase) for phase in phases}

    async def cycle_s(self, pattern: int) -> int | None:
        """Length of a pattern's cycle; None: the controller does not say. Raises `DeviceError`."""
        name = objects.cell(objects.PATTERN_CYCLE, pattern)
        values = await self.read((name,))
        return None if values is None else values.get(name) or None

    async def read(self, names: Iterable[bytes]) -> dict[bytes, int] | None:
        """Values of those objects that the agent has; None when it tells nothing. Raises `DeviceError`."""
        wanted = list(names)
        pending = deque(wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK))
        found: dict[bytes, int] = {}
        while pending:
            chunk = pending.popleft()
            request = self._client.agent.request(GET, (VarBind(name) for name in chunk))
            reply = await self._client.ask(request, timeout_s=self._timeout_s, attempts=ATTEMPTS)
            if reply is None:
                return None
            if reply.error_status == NO_ERROR:
                found |= values_of((reply,), self._counters)
                continue
            self._counters["too_big" if reply.error_status == TOO_BIG else "no_such_name"] += 1
            if reply.error_status == TOO_BIG and len(chunk) == 1:
                return None  # it tells nothing at all: that does not make every object absent
            odd = None if reply.error_status == TOO_BIG else culprit(request, reply.error_index)
            pending.extendleft(reversed(_without(chunk, odd)))
        return found


def _without(chunk: list[bytes], odd: bytes | None) -> list[list[bytes]]:
    """What to ask in place of a refused chunk: the rest of it, or its halves; nothing of a single one."""
    if odd is not None:
        rest = [name for name in chunk if name != odd]
        return [rest] if rest else []
    half = len(chunk) // 2
    return [chunk[:half], chunk[half:]] if half else []


def _table(values: Values, phase: int) -> PhaseTable:
    walk, clear, green, yellow, red, ring = (values.get(objects.cell(column, phase)) for column in _TIMES)
    return PhaseTable(
        walk_ds=_tenths(walk, 10),
        ped_clear_ds=_tenths(clear, 10),
        min_green_ds=_tenths(green, 10),
        yellow_ds=_tenths(yellow, 1),
        red_clear_ds=_tenths(red, 1),
        ring=ring or 0,
    )


def _tenths(value: int | None, unit: int) -> int | None:
    return value * unit if value is not None and 0 < value <= 255 else None
