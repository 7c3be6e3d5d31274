"""A radio with the NTCIP 1218 interface: each message is written into its row of the unit's table, and so sent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from edge.core.errors import DeviceError
from edge.ports import RadioMessage
from hw.rsu.ntcip1218_link import SnmpDenied, SnmpLink, SnmpRefused
from hw.rsu.ntcip1218_rows import (
    ENABLE,
    GONE,
    LONGEST_PAYLOAD,
    OPERATE,
    PAYLOAD,
    RSU_MODE,
    Commissioning,
    IfmRow,
    Pace,
    cell,
    mode_name,
)

DEFAULT_PORT = 161
ANSWER_TIMEOUT_S = 0.2
"""A lost datagram costs two SPAT slots."""
TURN_TIMEOUT_S = 0.04
"""How long a message may wait for the one before it, well below a SPAT slot."""
WATCH_PERIOD_S = 5.0
WATCH_TIMEOUT_S = 1.0
FAILURE_LIMIT = 3

OpenLink = Callable[[], AbstractAsyncContextManager[SnmpLink]]


class Ntcip1218Radio:
    """`RsuRadio` over NTCIP 1218, v01.

    Opening it takes the unit through standby, row creation and operate; that also warms the SNMP session up. One
    message of a kind is under way at a time; one more may wait for it, and the newest takes its place. A unit that
    forgets its rows, leaves operate, or is silent or unwilling `FAILURE_LIMIT` times in a row is lost, to be opened
    anew.

    Counters: sent (the unit said yes), expired, not_connected, no_row (a kind without a row), too_long, replaced (a
    newer one came before it left), unanswered (in time), refused, lost (links given up), abandoned (under way at
    the end).

    Args:
        open_link: opens the SNMP session.
        name: radio name in the site configuration.
        rows: by kind of message.
        shared: others use this unit's table too: leave their rows alone.
    """

    def __init__(
        self,
        open_link: OpenLink,
        *,
        name: str,
        rows: Mapping[str, IfmRow],
        shared: bool = False,
        pace: Pace | None = None,
        watch_period_s: float = WATCH_PERIOD_S,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._open, self._name, self._rows, self._shared = open_link, name, dict(rows), shared
        self._pace, self._watch_period_s, self._now_ns = pace or Pace(), watch_period_s, now_ns
        self._session: _Session | None = None
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Make the unit ready and hold the session. Raises `DeviceError`."""
        async with self._open() as link:
            await self._commission(link)
            self._session = _Session(link, name=self._name, counters=self._counters, now_ns=self._now_ns)
            watch = self._session.spawn(self._session.watch(self._watch_period_s), what="watch")
            try:
                yield
            finally:
                session, self._session = self._session, None
                watch.cancel()
                await asyncio.wait({watch})
                await session.close()

    async def _commission(self, link: SnmpLink) -> None:
        steps = Commissioning(link, device=self._name, rows=self._rows, shared=self._shared, pace=self._pace)
        try:
            await steps.run()
        except TimeoutError as error:
            remedy = "check address, SNMPv3 user, passphrases and the unit's access list"
            raise DeviceError(self._name, "no answer over SNMP", remedy=remedy) from error
        except (SnmpDenied, SnmpRefused) as error:
            remedy = "compare user, auth, privacy and their passphrases with the unit's"
            raise DeviceError(self._name, f"SNMP: {error}", remedy=remedy) from error

    async def send(self, message: RadioMessage) -> None:
        """Write it into its row, or drop and count; waits at most `TURN_TIMEOUT_S`.

        Raises:
            DeviceError: the unit is lost.
        """
        if self._session is None:
            self._counters["not_connected"] += 1
        elif message.kind not in self._rows:
            self._counters["no_row"] += 1
        elif len(message.payload) > LONGEST_PAYLOAD:
            self._counters["too_long"] += 1
        else:
            await self._session.offer(self._rows[message.kind], message)


class _Session:
    """What is under way between one opening of the unit and its loss."""

    def __init__(
        self, link: SnmpLink, *, name: str, counters: Counter[str], now_ns: Callable[[], int]
    ) -> None:
        self._link, self._name, self._counters, self._now_ns = link, name, counters, now_ns
        self._flights: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, RadioMessage] = {}
        self._failures = 0
        self._lost: str | None = None
        self._bug: BaseException | None = None

    def spawn(self, work: Coroutine[Any, Any, None], *, what: str) -> asyncio.Task[None]:
        """A task whose bug whoever sends next is told of."""
        task = asyncio.create_task(work, name=f"{self._name} {what}")
        task.add_done_callback(self._note_bug)
        return task

    def _note_bug(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._bug = self._bug or task.exception()

    async def offer(self, row: IfmRow, message: RadioMessage) -> None:
        """Launch the message, or leave it waiting for the one under way. Raises `DeviceError`."""
        flight = self._flights.get(message.kind)
        if flight is not None:
            await asyncio.wait({flight}, timeout=TURN_TIMEOUT_S)
        if self._bug is not None:
            raise self._bug
        if self._lost is not None:
            raise DeviceError(self._name, self._lost)
        if self._waiting.pop(message.kind, None) is not None:
            self._counters["replaced"] += 1
        self._waiting[message.kind] = message
        if message.kind not in self._flights:
            self._flights[message.kind] = self.spawn(self._fly(row, message.kind), what=message.kind)

    async def watch(self, period_s: float) -> None:
        """Note when the unit leaves operate: then it takes our messages and sends none."""
        while self._lost is None:
            await asyncio.sleep(period_s)
            try:
                mode = await self._link.get(RSU_MODE, timeout_s=WATCH_TIMEOUT_S)
            except TimeoutError:
                continue  # messages that go unanswered tell it better
            except (SnmpRefused, SnmpDenied) as error:
                self._give_up(f"SNMP: {error}")
            else:
                if mode != OPERATE:
                    self._give_up(f"it went into mode {mode_name(mode)}")

    async def close(self) -> None:
        """Let what is under way end, shortly."""
        self._waiting.clear()
        flights = set(self._flights.values())
        if not flights:
            return
        _done, late = await asyncio.wait(flights, timeout=0 if self._lost else ANSWER_TIMEOUT_S)
        for flight in late:
            self._counters["abandoned"] += 1
            flight.cancel()
        if late:
            await asyncio.wait(late)

    async def _fly(self, row: IfmRow, kind: str) -> None:
        try:
            while self._lost is None and (message := self._waiting.pop(kind, None)) is not None:
                if self._now_ns() > message.expires_ns:
                    self._counters["expired"] += 1
                else:
                    await self._write(row, message.payload)
        finally:
            del self._flights[kind]

    async def _write(self, row: IfmRow, payload: bytes) -> None:
        values = (cell(PAYLOAD, row.index), payload), (cell(ENABLE, row.index), 1)
        try:
            await self._link.set(*values, timeout_s=ANSWER_TIMEOUT_S)
        except TimeoutError:
            self._failed("unanswered", "it does not answer")
        except SnmpRefused as refused:
            self._failed("refused", f"it refuses messages: {refused}")
            if refused.status in GONE:
                self._give_up(f"row {row.index} is gone ({refused.status}); did it restart?")
        except SnmpDenied as denied:
            self._give_up(f"SNMP: {denied}")
        else:
            self._failures = 0
            self._counters["sent"] += 1

    def _failed(self, counter: str, problem: str) -> None:
        self._counters[counter] += 1
        self._failures += 1
        if self._failures >= FAILURE_LIMIT:
            self._give_up(problem)

    def _give_up(self, problem: str) -> None:
        if self._lost is None:
            self._lost = problem
            self._counters["lost"] += 1
