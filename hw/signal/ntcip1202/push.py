"""A NEMA controller that is told over SNMP to push its SPaT as TSCBM datagrams; those are read by the TSCBM driver.

The switch is Econolite's own object (`objects.SPAT_PUSH`). Where the datagrams go is set at the controller's front
panel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator

from edge.core.signals import SignalSnapshot
from hw.signal.ntcip1202.objects import PUSH_LONG, SPAT_PUSH
from hw.signal.tscbm_controller import TscbmController
from hw.snmp import ber
from hw.snmp.client import Agent, SnmpClient
from hw.snmp.message import GET, NO_ERROR, SET, VarBind

_log = logging.getLogger(__name__)
_TIMEOUT_S, _ATTEMPTS = 0.5, 2


class NtcipPushController:
    """`SignalController` over a TSCBM driver whose controller is kept switched on.

    The switch is set at the start and again when nothing comes, as after a restart of the controller; never more often
    than once per `silence_s`. At the end it gets the value back that it had.

    Counters: those of the TSCBM driver and of `SnmpClient`, push_writes, push_refused.

    Args:
        agent: the controller's agent.
        tscbm: driver that listens where the controller sends to.
        name: controller name in the site configuration.
        value: what the switch is set to.
        switch: dotted identifier of the switch.
        silence_s: without a datagram for that long, the switch is looked at again.
    """

    def __init__(
        self,
        agent: Agent,
        tscbm: TscbmController,
        *,
        name: str,
        value: int = PUSH_LONG,
        switch: str = SPAT_PUSH,
        silence_s: float = 5.0,
    ) -> None:
        assert isinstance(tscbm.counters, Counter)
        self.counters: dict[str, int] = tscbm.counters
        self.tscbm = tscbm
        self._counters: Counter[str] = tscbm.counters
        self._client = SnmpClient(agent, device=name, counters=self._counters)
        self._name, self._value, self._silence_s = name, value, silence_s
        self._switch = ber.oid(switch)
        self._before: int | None = None

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Listen, switch the push on, and iterate. Raises `DeviceError`."""
        async with self._client.connected(), self.tscbm.snapshots() as pushed:
            self._before = None
            task = asyncio.create_task(self._keep_on(), name=f"{self._name} push")
            try:
                yield _Watched(pushed, task)
            finally:
                task.cancel()
                await asyncio.wait((task,))
                await self._restore()

    async def _keep_on(self) -> None:
        heard = -1
        while True:
            received = self._counters["received"]
            if received == heard or self._before is None:
                await self._switch_on()
            heard = received
            await asyncio.sleep(self._silence_s)

    async def _switch_on(self) -> None:
        request = self._client.agent.request(GET, (VarBind(self._switch),))
        reply = await self._client.ask(request, timeout_s=_TIMEOUT_S, attempts=_ATTEMPTS)
        if reply is None:
            return
        told = reply.varbinds[0].value if reply.error_status == NO_ERROR and reply.varbinds else None
        if not isinstance(told, int):
            self._refused("does not have the switch")
            return
        if self._before is None:
            self._before = told
        if told != self._value:
            await self._set(self._value)

    async def _set(self, value: int) -> None:
        _log.warning("%s: SPaT push := %d", self._name, value)
        self._counters["push_writes"] += 1
        request = self._client.agent.set_request(SET, (VarBind(self._switch, ber.INTEGER, value),))
        reply = await self._client.ask(request, timeout_s=_TIMEOUT_S, attempts=_ATTEMPTS)
        if reply is None or reply.error_status != NO_ERROR:
            self._refused("no answer" if reply is None else f"SNMP error {reply.error_status}")

    def _refused(self, why: str) -> None:
        self._counters["push_refused"] += 1
        _log.warning("%s: SPaT push: %s", self._name, why)

    async def _restore(self) -> None:
        if self._before is not None and self._before != self._value:
            await self._set(self._before)


class _Watched:
    """The snapshots; a fault of the task beside them ends them. Safe to cancel between two."""

    def __init__(self, pushed: AsyncIterator[SignalSnapshot], task: asyncio.Task[None]) -> None:
        self._pushed, self._task = pushed, task

    def __aiter__(self) -> AsyncIterator[SignalSnapshot]:
        return self

    async def __anext__(self) -> SignalSnapshot:
        if self._task.done():
            self._task.result()
        return await anext(self._pushed)
