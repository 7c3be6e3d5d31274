"""`SignalController` that polls a NEMA controller with NTCIP 1202 v02 objects over SNMP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from edge.core.signals import IntersectionStatus, SignalSnapshot
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.control import ControlGrant, PhaseControl
from hw.signal.ntcip1202.poll import (
    FlashLamps,
    MaskReader,
    PollPlan,
    Values,
    groups_of,
    plan_poll,
    smaller,
    values_of,
)
from hw.signal.ntcip1202.survey import Survey, Surveyor
from hw.signal.ntcip1202.timing import Instant, PromiseMaker
from hw.signal.snapshots import SnapshotQueue
from hw.snmp.client import Agent, Reply, SnmpClient
from hw.snmp.message import NO_ERROR, TOO_BIG

LIVENESS_PERIODS = 2.5
"""Poll periods after which a controller that said nothing is taken for dead, and a change for missed."""


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How a controller is polled.

    Attributes:
        period_s: between two polls.
        timeout_s: wait for lamps; a poll that is lost is not repeated, the next one is fresher.
        table_timeout_s: wait for tables, twice.
        status_lag_s: how old the controller's own status objects may be when it answers.
        survey_s: between two readings of its tables.
        calm_s: least time between two readings, however odd the answers are.
    """

    period_s: float = 0.1
    timeout_s: float = 0.1
    table_timeout_s: float = 0.25
    status_lag_s: float = 0.1
    survey_s: float = 60.0
    calm_s: float = 1.0


@dataclass(frozen=True, slots=True)
class _Extras:
    """What a poll tells beside lamps.

    Attributes:
        at_ns: when, UTC ns.
        calls: vehicle and pedestrian calls as masks.
        plan: coordPatternStatus: pattern, 254 free, 255 flash; None unknown.
        cycle_position_s: seconds since the cycle's start; None unknown.
    """

    at_ns: int = 0
    calls: tuple[int, int] = (0, 0)
    plan: int | None = None
    cycle_position_s: float | None = None


class Ntcip1202Controller:
    """Polls one controller.

    A silent agent is no error: polling goes on, and the signal lane withdraws by itself.

    Counters: received (polls answered), dropped, poll_errors (an SNMP error in place of lamps), no_such_name, too_big,
    bad_type, bad_layout, bad_value (a status that the standard does not know), agent_restarts, missed_polls (not sent,
    the one before took too long), tables_broken, and those of `SnmpClient` and `PhaseControl`.

    Attributes:
        control: phase control; None unless it is granted.

    Args:
        agent: where the controller's agent is.
        name: controller name in the site configuration.
        settings: how to poll.
        grant: what may be commanded; None: nothing is ever written.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        name: str,
        settings: PollSettings | None = None,
        grant: ControlGrant | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._settings = settings or PollSettings()
        self._name, self._now_ns = name, now_ns
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters
        self._client = SnmpClient(agent, device=name, counters=self._counters, now_ns=now_ns)
        self._surveyor = Surveyor(self._client, self._counters, timeout_s=self._settings.table_timeout_s)
        self._gap_ns = round(self._settings.period_s * LIVENESS_PERIODS * NS_PER_S)
        self._promises = PromiseMaker(self._counters, gap_ns=self._gap_ns)
        self._flash = FlashLamps()
        self._survey: Survey | None = None
        self._plan: PollPlan | None = None
        self._reader: MaskReader | None = None
        self._odd = asyncio.Event()
        self._cycles_s: dict[int, int | None] = {}
        self._extras = _Extras()
        self._asked: asyncio.Future[Reply | None] | None = None
        self._up_time = 0
        self._alive_ns = 0
        self.control: PhaseControl | None = None
        if grant is not None:
            self.control = PhaseControl(
                self._client, grant, name=name, counters=self._counters, sees_lamps=self._sees_lamps
            )

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Poll and iterate. Raises `DeviceError` when there is no way to send to the agent."""
        queue = SnapshotQueue(self._counters)
        self._promises.forget()
        self._odd.clear()
        self._survey = self._plan = self._asked = None
        async with self._client.connected(), queue.fed_by(self._run(queue), device=self._name):
            yield queue

    def _sees_lamps(self) -> bool:
        """Whether the controller answered within the liveness rule; a clock that was set anew tells nothing."""
        return abs(self._now_ns() - self._alive_ns) <= self._gap_ns

    async def _run(self, queue: SnapshotQueue) -> None:
        await self._learn()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_learning(), name=f"{self._name} tables")
            if self.control is not None:
                tasks.create_task(self.control.run(), name=f"{self._name} control")
            await self._poll_for_ever(queue)

    async def _learn(self) -> None:
        """Read what the controller has; returns once it has told."""
        while True:
            if await self._relearn():
                return
            await asyncio.sleep(self._settings.period_s)

    async def _relearn(self) -> bool:
        survey = await self._surveyor.survey()
        if survey is None:
            return False
        if survey != self._survey:
            self._survey = survey
            self._plan = plan_poll(survey.layout, self._client.agent, absent=survey.absent)
            self._reader = MaskReader(survey.layout)
            self._promises.forget()
        if self.control is not None:
            self.control.allow(phases=survey.layout.phases, backup_s=survey.backup_s)
        return True

    async def _keep_learning(self) -> None:
        """Read the phase tables now, and everything again from time to time or when a poll met something odd."""
        while True:
            if self._survey is not None:
                tables = await self._surveyor.tables(self._survey.layout)
                if tables is not None:
                    self._promises.set_tables(tables)
            await self._learn_cycle()
            await asyncio.sleep(self._settings.calm_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.survey_s):
                    await self._odd.wait()
            self._odd.clear()
            await self._relearn()

    async def _learn_cycle(self) -> None:
        pattern = self._extras.plan
        if pattern is not None and 0 < pattern <= objects.LAST_PATTERN:
            self._cycles_s = {pattern: await self._surveyor.cycle_s(pattern)}

    async def _poll_for_ever(self, queue: SnapshotQueue) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            snapshot = await self._poll()
            if snapshot is not None:
                self._counters["received"] += 1
                queue.put(snapshot)
            due += self._settings.period_s
            behind = int((loop.time() - due) / self._settings.period_s)
            if behind > 0:
                self._counters["missed_polls"] += behind
                due += behind * self._settings.period_s
            await asyncio.sleep(due - loop.time())

    async def _poll(self) -> SignalSnapshot | None:
        """One poll; None when the lamps did not come."""
        plan = self._plan
        assert plan is not None
        timeout_s = self._settings.timeout_s
        self._collect_extras()
        if self._asked is None:  # before the lamps, so that its answer is there when theirs comes
            self._asked = self._client.start(plan.extras, timeout_s=timeout_s)
        asked = [self._client.start(request, timeout_s=timeout_s) for request in plan.lamps]
        replies = [await future for future in asked]
        self._collect_extras()
        lamps = [reply for reply in replies if reply is not None]
        if len(lamps) < len(replies):
            return None
        refused = next((reply for reply in lamps if reply.error_status != NO_ERROR), None)
        if refused is not None:
            self._repair(plan, refused)
            return None
        return self._snapshot(lamps)

    def _repair(self, plan: PollPlan, reply: Reply) -> None:
        """The agent refused to tell the lamps: ask for less at once, or find out what it has."""
        self._counters["poll_errors"] += 1
        if reply.error_status == TOO_BIG and self._survey is not None:
            self._counters["too_big"] += 1
            self._plan = smaller(plan, self._client.agent, absent=self._survey.absent)
        else:
            self._counters["no_such_name"] += 1
            self._odd.set()

    def _snapshot(self, replies: Sequence[Reply]) -> SignalSnapshot:
        assert self._survey is not None
        assert self._reader is not None
        values = values_of(replies, self._counters)
        sent_ns = min(reply.sent_ns for reply in replies)
        received_ns = max(reply.received_ns for reply in replies)
        status = self._status(values)
        phases, overlaps = self._reader.phases(values), self._reader.overlaps(values)
        recent = received_ns - self._extras.at_ns <= self._gap_ns
        extras = self._extras if recent else _Extras()
        groups = groups_of(self._survey.layout, phases, overlaps, extras.calls)
        lag_ns = round(self._settings.status_lag_s * NS_PER_S)
        groups = self._flash.apply(groups, status, at_ns=received_ns)
        groups = self._promises.add(groups, Instant(sent_ns - lag_ns, received_ns), status)
        half_ns = (received_ns - sent_ns) // 2
        self._alive_ns = received_ns
        return SignalSnapshot(
            controller=self._name,
            stamp=Stamp(sent_ns + half_ns, TimeSource.ARRIVAL, half_ns + lag_ns),
            alive_ns=received_ns,
            groups=tuple(groups),
            status=status,
            plan=extras.plan,
            cycle_position_s=extras.cycle_position_s,
        )

    def _status(self, values: Values) -> IntersectionStatus:
        flash, alarm_2, short_alarm = (
            values.get(name)
            for name in (objects.UNIT_FLASH_STATUS, objects.UNIT_ALARM_2, objects.SHORT_ALARM)
        )
        status, known = objects.status_flags(flash, alarm_2, short_alarm)
        self._counters["bad_value"] += not known
        return status

    def _collect_extras(self) -> None:
        """Calls, coordination and up-time, when they have come; lamps never wait for them."""
        if self._asked is None or not self._asked.done():
            return
        reply, self._asked = self._asked.result(), None
        if reply is not None:
            self._take_extras(reply)

    def _take_extras(self, reply: Reply) -> None:
        if reply.error_status != NO_ERROR:
            self._counters["no_such_name"] += 1
            self._odd.set()
            return
        assert self._reader is not None
        values = values_of((reply,), self._counters)
        self._watch_up_time(values.get(objects.SYSTEM_UP_TIME))
        control = values.get(objects.UNIT_CONTROL_STATUS)
        self._counters["bad_value"] += control is not None and control not in objects.CONTROL_STATUS
        plan = values.get(objects.COORD_PATTERN)
        position = self._position_s(plan, values)
        self._extras = _Extras(reply.received_ns, self._reader.calls(values), plan, position)

    def _watch_up_time(self, up_time: int | None) -> None:
        if up_time is None:
            return
        if up_time < self._up_time:
            self._counters["agent_restarts"] += 1
            self._promises.forget()
            self._odd.set()
        self._up_time = up_time

    def _position_s(self, pattern: int | None, values: Values) -> float | None:
        """Seconds since the start of the local cycle: coordCycleStatus counts down from the cycle's length."""
        left_s = values.get(objects.COORD_CYCLE)
        if pattern is None or left_s is None or not 0 < pattern <= objects.LAST_PATTERN:
            return None
        if values.get(objects.LOCAL_FREE, objects.COORDINATED) != objects.COORDINATED:
            return None
        if pattern not in self._cycles_s:
            self._odd.set()
        cycle_s = self._cycles_s.get(pattern)
        if (
            cycle_s is None or not 0 <= left_s <= cycle_s
        ):  # longer than the cycle: an offset is being corrected
            return None
        return float(cycle_s - left_s)
