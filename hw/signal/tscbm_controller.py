"""A controller that pushes TSCBM datagrams: sequence and clock checks, and the driver on a UDP port."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from edge.core.errors import CodecError
from edge.core.signals import SignalSnapshot
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from hw.signal.snapshots import DatagramSnapshots
from hw.signal.tscbm import DAY_S, LENGTHS, TscbmMessage, decode_tscbm, nearest_utc_ns, to_snapshot
from hw.udp import listen_udp

DEFAULT_PORT = 6053
DAY_MS = DAY_S * 1000
STALL_NS = 3 * NS_PER_S
"""A lateness that lasts is none: a clock was set, theirs or ours."""
_SAME_NS = 300 * NS_PER_MS
"""How well clock and up-time agree about the time between two messages."""
_FORGET_NS = 60 * NS_PER_S
_TURN_MS = 25_600
_LATE = 128  # a sequence that is this far ahead of 256 is behind


@dataclass(frozen=True, slots=True)
class ControllerClock:
    """How far the controller's clock is believed.

    Attributes:
        trusted: use the controller's time of day; else every snapshot is stamped at arrival.
        zone: time zone that it shows; None: UTC.
        bound_ns: a clock further than this from arrival is not believed for that message.
        arrival_error_ns: error bound of a stamp at arrival: one broadcast interval.
    """

    trusted: bool = True
    zone: tzinfo | None = None
    bound_ns: int = 200 * NS_PER_MS
    arrival_error_ns: int = 100 * NS_PER_MS


class TscbmReader:
    """Datagrams to snapshots, in order, with the faults counted. Pure: arrival times are arguments.

    Messages that a network kept back say so: clock and up-time are both behind what earlier ones let expect. They are
    stamped as late as they are, even where the clock itself is not believed.

    Counters: bad_length, bad_content, sequence_gaps (messages lost), repeated, out_of_order, clock_rejected, late.
    """

    def __init__(self, name: str, *, clock: ControllerClock | None = None) -> None:
        self._name, self._clock = name, clock or ControllerClock()
        self.counters: Counter[str] = Counter()
        self._last: TscbmMessage | None = None
        self._alive_ns = 0
        self._quickest: tuple[TscbmMessage, int, int] | None = None  # with its arrival and what it lagged, ns
        self._late_since_ns: int | None = None

    def accept(self, payload: bytes, *, arrival_ns: int) -> SignalSnapshot | None:
        """The snapshot of one datagram; None when it is bad, late or an exact repeat.

        A message whose up-time stands still proves nothing: it is passed on when its content changed, but
        with the earlier sign of life.
        """
        try:
            message = decode_tscbm(payload)
        except CodecError:
            self.counters["bad_content" if len(payload) in LENGTHS else "bad_length"] += 1
            return None
        if message == self._last:
            self.counters["repeated"] += 1
            return None
        if not self._in_order(message):
            self.counters["out_of_order"] += 1
            return None
        arrival_ns -= self._late_ns(message, arrival_ns)
        self._count_sequence(message, arrival_ns)
        self._last = message
        stamp = self._stamp(message, arrival_ns)
        return to_snapshot(message, controller=self._name, stamp=stamp, alive_ns=self._alive_ns)

    def _in_order(self, message: TscbmMessage) -> bool:
        """False for a datagram that a newer one overtook: both its sequence and its clock are behind."""
        if self._last is None:
            return True
        ahead = (message.sequence - self._last.sequence) % 256
        behind_ms = (_milliseconds(self._last) - _milliseconds(message)) % DAY_MS  # across midnight too
        return not (ahead >= _LATE and 0 < behind_ms < 100 * (256 - ahead) + 100)

    def _count_sequence(self, message: TscbmMessage, arrival_ns: int) -> None:
        ahead = 1 if self._last is None else (message.sequence - self._last.sequence) % 256
        if ahead == 0:
            self.counters["repeated"] += 1
            return
        self.counters["sequence_gaps"] += ahead - 1
        self._alive_ns = arrival_ns

    def _late_ns(self, message: TscbmMessage, arrival_ns: int) -> int:
        """By how much the message was kept back; 0 where that is not certain."""
        when_ns = nearest_utc_ns(message, arrival_ns=arrival_ns, utc_offset_s=self._offset_s(arrival_ns))
        this = (message, arrival_ns, arrival_ns - when_ns)
        best = self._quickest or this
        late_ns = this[2] - best[2]
        if self._clock.trusted and late_ns > self._clock.bound_ns and _agree(best[0], message):
            since_ns = self._late_since_ns = self._late_since_ns or arrival_ns
            if 0 <= arrival_ns - since_ns < STALL_NS:
                self.counters["late"] += 1
                return late_ns
            best = this
        elif late_ns <= 0 or late_ns > self._clock.bound_ns or arrival_ns - best[1] > _FORGET_NS:
            best = this
        self._quickest, self._late_since_ns = best, None
        return 0

    def _stamp(self, message: TscbmMessage, arrival_ns: int) -> Stamp:
        clock = self._clock
        at_arrival = Stamp(arrival_ns, TimeSource.ARRIVAL, clock.arrival_error_ns)
        if not clock.trusted:
            return at_arrival
        when_ns = nearest_utc_ns(message, arrival_ns=arrival_ns, utc_offset_s=self._offset_s(arrival_ns))
        apart_ns = abs(arrival_ns - when_ns)
        if apart_ns > clock.bound_ns:
            self.counters["clock_rejected"] += 1
            return at_arrival
        return Stamp(when_ns, TimeSource.SENSOR, apart_ns)

    def _offset_s(self, at_ns: int) -> int:
        if self._clock.zone is None:
            return 0
        offset = datetime.fromtimestamp(at_ns / NS_PER_S, tz=UTC).astimezone(self._clock.zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())


def _agree(earlier: TscbmMessage, later: TscbmMessage) -> bool:
    """Whether clock and up-time, which goes round in 25.6 s, tell the same time between two messages."""
    clock_ms = (_milliseconds(later) - _milliseconds(earlier)) % DAY_MS
    apart_ms = (clock_ms - 100 * (later.sequence - earlier.sequence)) % _TURN_MS
    return min(apart_ms, _TURN_MS - apart_ms) * NS_PER_MS <= _SAME_NS


def _milliseconds(message: TscbmMessage) -> int:
    return message.second_of_day * 1000 + message.millisecond


class TscbmController:
    """`SignalController` that listens for TSCBM on a UDP port.

    Args:
        host, port: local address to listen on.
        name: controller name in the site configuration.
        senders: addresses that may send; None: any. A site names its controller.
        clock: how far the controller's clock is believed.
        capacity: datagrams that may wait; beyond it the oldest is dropped.
    """

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        name: str,
        senders: frozenset[str] | None = None,
        clock: ControllerClock | None = None,
        capacity: int = 8,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        self._host, self._port, self._name = host, port, name
        self._senders, self._capacity, self._now_ns = senders, capacity, now_ns
        self._reader = TscbmReader(name, clock=clock)
        self._counters = self._reader.counters
        self.counters: dict[str, int] = self._counters
        self.address: tuple[str, int] | None = None

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Listen and iterate. Raises `DeviceError` when the port cannot be bound or is lost."""
        async with listen_udp(
            self._host,
            self._port,
            device=self._name,
            counters=self._counters,
            capacity=self._capacity,
            allowed=self._senders,
            now_ns=self._now_ns,
        ) as (queue, self.address):
            yield DatagramSnapshots(queue, self._reader.accept)
