"""A GB/T 20999-2017 controller as a source of snapshots: asked, or reporting by itself, over UDP or TCP; read-only."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from edge.core.errors import DeviceError
from edge.core.signals import GroupKind, SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from hw.clock.system import ahead_of_monotonic_ns
from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import Frame, FrameType
from hw.signal.gb20999_link import Link, Way, open_link
from hw.signal.gb20999_picture import Picture
from hw.signal.gb20999_questions import Habits, Questions, live

DEFAULT_PORT = 4050
REPORT_DELAY_NS = 200 * NS_PER_MS
"""How old a report may be when it arrives."""
LIFE_IN_POLLS = 2.5
"""A lamp that so many polls did not tell is unknown, though others were told."""
CLOCK_STEP_NS = 20 * NS_PER_MS
"""Our own clock was set when it jumps by more."""
SILENCE_S = 10.0
"""A TCP connection that brings nothing for so long is given up; the far end may be gone without a word."""
_HEARTBEATS = (FrameType.HEARTBEAT, FrameType.HEARTBEAT_REPLY, FrameType.HEARTBEAT_REPLY_71)


@dataclass(frozen=True, slots=True)
class Clock:
    """The controller's clock, which is only watched: nothing is stamped by it, for it counts whole seconds.

    Attributes:
        zone: of its local time; None: its UTC is read.
        bound_ns: it may be off by this before it is counted.
    """

    zone: tzinfo | None = None
    bound_ns: int = 2 * NS_PER_S


class Gb20999Reader:
    """Frames to snapshots, and the frames to send. Pure: times are arguments.

    Counters: out_of_order (an answer to an older question, or overtaken by a report), unasked (to none that is open),
    reports, fault_* and alarm_* (reported, by type), other_frames, clock_off, and those of `Questions` and `Picture`.

    Args:
        name: controller name in the site configuration.
        habits: how it is talked to.
        clock: see `Clock`.
        kinds: kind of a lamp group by number, where the controller does not tell its type.
    """

    def __init__(
        self,
        name: str,
        *,
        habits: Habits | None = None,
        clock: Clock | None = None,
        kinds: Mapping[int, GroupKind] | None = None,
        counters: Counter[str] | None = None,
    ) -> None:
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._clock = clock or Clock()
        habits = habits or Habits()
        self._habits = replace(habits, local_time=self._clock.zone is not None)
        self._name = name
        life_ns = round(LIFE_IN_POLLS * habits.poll_s * NS_PER_S) if habits.poll_s else None
        self._picture = Picture(
            counters=self.counters, crossing=habits.crossing, kinds=kinds, lamp_life_ns=life_ns
        )
        self._questions = Questions(self._habits, self._picture, self.counters)
        self._stamp: Stamp | None = None
        self._alive_ns = 0
        self._newest_s = float("-inf")
        self._reported_ns = 0
        self.clock_offset_s: float | None = None

    def due(self, now_s: float, now_ns: int) -> list[Frame]:
        """Frames to send now; `now_s` is of a steady clock."""
        return self._questions.due(now_s, now_ns)

    def next_s(self) -> float:
        """Steady time at which to ask `due` again at the latest."""
        return self._questions.next_s()

    def clock_was_set(self) -> None:
        """Our own clock jumped: what was asked or counted down before cannot be compared with what comes."""
        self._picture.forget_countdown()
        self._questions.forget()
        self._reported_ns = 0

    def accept(self, frame: Frame, *, arrival_ns: int) -> tuple[SignalSnapshot | None, Frame | None]:
        """What a frame tells, and what to answer; None: nothing new, no answer."""
        if frame.kind == FrameType.QUERY_REPLY:
            return self._reply(frame, arrival_ns), None
        if frame.kind == FrameType.QUERY_ERROR:
            self._refused(frame)
            return None, None
        if frame.kind == FrameType.REPORT:
            self.counters["reports"] += 1
            self._reported_ns = arrival_ns
            self.counters.update(objects.troubles(frame.values))
            return self._told(frame, arrival_ns - REPORT_DELAY_NS, arrival_ns, alive_ns=arrival_ns), None
        if frame.kind in _HEARTBEATS:
            asked = frame.kind == FrameType.HEARTBEAT
            answer = replace(frame, kind=FrameType.HEARTBEAT_REPLY, values=()) if asked else None
            return self._sign_of_life(arrival_ns), answer
        self.counters["other_frames"] += 1
        return None, None

    def _reply(self, frame: Frame, arrival_ns: int) -> SignalSnapshot | None:
        question = self._questions.answered(frame)
        if question is None:
            self.counters["unasked"] += 1
            return None
        if question.asks_for_lamps and question.configuration and self._reported_ns > question.sent_ns:
            self.counters["out_of_order"] += 1  # the report may be the newer one
            return None
        if not question.configuration:
            if question.sent_s < self._newest_s:
                self.counters["out_of_order"] += 1
                return None
            self._newest_s = question.sent_s
        return self._told(frame, question.sent_ns, arrival_ns, alive_ns=question.sent_ns)

    def _refused(self, frame: Frame) -> None:
        question = self._questions.answered(frame)
        if question is not None:
            self._questions.refuse(question, frame)

    def _told(self, frame: Frame, sent_ns: int, arrival_ns: int, *, alive_ns: int) -> SignalSnapshot | None:
        """Take the values of a frame; an answer proves that the controller lived when it was asked, and no more."""
        sent_ns, alive_ns = min(sent_ns, arrival_ns), min(alive_ns, arrival_ns)  # the clock may have been set
        told = self._picture.take(frame.values, sent_ns=sent_ns, arrival_ns=arrival_ns)
        self._watch_clock(told, arrival_ns)
        if objects.LAMP_STATE in told:
            self._stamp = Stamp(arrival_ns, TimeSource.ARRIVAL, arrival_ns - sent_ns)
            self._alive_ns = alive_ns
        elif not self._habits.poll_s:
            self._alive_ns = alive_ns
        return self._snapshot() if live(told) else None

    def _sign_of_life(self, arrival_ns: int) -> SignalSnapshot | None:
        """A heartbeat proves that a controller that reports changes has none to report; one that is asked answers."""
        if self._habits.poll_s:
            return None
        self._alive_ns = arrival_ns
        return self._snapshot()

    def _snapshot(self) -> SignalSnapshot | None:
        waits = self._habits.poll_s and not self._questions.settled
        if self._stamp is None or waits:
            return None
        return self._picture.snapshot(controller=self._name, stamp=self._stamp, alive_ns=self._alive_ns)

    def _watch_clock(self, told: frozenset[objects.Path], arrival_ns: int) -> None:
        path = objects.LOCAL_TIME if self._habits.local_time else objects.UTC_TIME
        shown = objects.date_time(self._picture.octets(path)) if path in told else None
        if shown is None:
            return
        ahead_ns = int(shown.replace(tzinfo=self._clock.zone or UTC).timestamp()) * NS_PER_S - arrival_ns
        self.clock_offset_s = ahead_ns / NS_PER_S
        self.counters["clock_off"] += not -self._clock.bound_ns - NS_PER_S <= ahead_ns <= self._clock.bound_ns


class _Snapshots:
    """Iterates over the snapshots of one connection; safe to cancel between two of them."""

    def __init__(
        self,
        link: Link,
        reader: Gb20999Reader,
        *,
        device: str,
        silence_s: float | None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._link, self._reader, self._device = link, reader, device
        self._silence_s, self._now_ns = silence_s, now_ns
        self._ahead_ns = ahead_of_monotonic_ns()
        self._heard_s = asyncio.get_running_loop().time()

    def __aiter__(self) -> AsyncIterator[SignalSnapshot]:
        return self

    async def __anext__(self) -> SignalSnapshot:
        loop, reader = asyncio.get_running_loop(), self._reader
        while True:
            self._watch_clock()
            for frame in reader.due(loop.time(), self._now_ns()):
                self._link.send(frame)
            try:
                async with asyncio.timeout_at(reader.next_s()):
                    frame, arrival_ns = await self._link.next()
            except TimeoutError:
                self._check_silence(loop.time())
                continue
            self._heard_s = loop.time()
            snapshot, answer = reader.accept(frame, arrival_ns=arrival_ns)
            if answer is not None:
                self._link.send(answer)
            if snapshot is not None:
                return snapshot

    def _watch_clock(self) -> None:
        was_ns, self._ahead_ns = self._ahead_ns, ahead_of_monotonic_ns()
        if abs(self._ahead_ns - was_ns) > CLOCK_STEP_NS:
            self._reader.clock_was_set()

    def _check_silence(self, now_s: float) -> None:
        if self._silence_s is not None and now_s - self._heard_s > self._silence_s:
            raise DeviceError(self._device, f"connected, but silent for {self._silence_s:.0f} s")


class Gb20999Controller:
    """`SignalController` of one crossing of a GB/T 20999-2017 controller.

    Args:
        way: how to reach it.
        name: controller name in the site configuration.
        habits, clock, kinds: see `Gb20999Reader`.
    """

    def __init__(
        self,
        way: Way,
        *,
        name: str,
        habits: Habits | None = None,
        clock: Clock | None = None,
        kinds: Mapping[int, GroupKind] | None = None,
    ) -> None:
        self._way, self._name = way, name
        self._habits, self._clock, self._kinds = habits, clock, dict(kinds or {})
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters
        self.address: tuple[str, int] | None = None

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Connect and iterate. Raises `DeviceError` when the way cannot be opened or is lost."""
        reader = Gb20999Reader(
            self._name, habits=self._habits, clock=self._clock, kinds=self._kinds, counters=self._counters
        )
        silence_s = None if self._way.transport == "udp" else SILENCE_S
        async with open_link(self._way, device=self._name, counters=self._counters) as (link, self.address):
            yield _Snapshots(link, reader, device=self._name, silence_s=silence_s)
