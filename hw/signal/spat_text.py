"""SPAT that the controller or its RSU encodes already: SAE J2735 in the RSU 4.1 text, over UDP, usually at 10 Hz.

Groups have the numbers of the message's signal groups and are of the kind `group`.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.signals import (
    ControllerGroup,
    GroupKind,
    IntersectionStatus,
    LampState,
    MovementState,
    SignalSnapshot,
)
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.v2x.framing import MAX_DATAGRAM_BYTES
from edge.v2x.j2735_spat import decode_spats
from edge.v2x.marks import instant_of, time_of_mark
from edge.v2x.spat import GroupView, SpatView
from hw.signal.snapshots import DatagramSnapshots
from hw.udp import listen_udp

DEFAULT_PORT = 1516
_PAYLOAD = re.compile(
    rb"^[ \t]*payload[ \t]*=((?:[ \t\r\n]*[0-9A-Fa-f])+)[ \t\r]*(?:\n|\Z)", re.IGNORECASE | re.MULTILINE
)
_SPACE = re.compile(rb"\s+")
_BARE = b"\x00\x13"
"""A MessageFrame with a SPAT that comes without the text around it."""
_UNUSABLE = IntersectionStatus.NO_VALID_SPAT
_ABOUT_ITS_OWN_MAP = IntersectionStatus.NO_VALID_MAP | IntersectionStatus.NO_VALID_SPAT
_LAMPS = {
    MovementState.UNAVAILABLE: LampState.UNKNOWN,
    MovementState.DARK: LampState.DARK,
    MovementState.STOP_THEN_PROCEED: LampState.FLASHING_RED,
    MovementState.STOP_AND_REMAIN: LampState.RED,
    MovementState.PRE_MOVEMENT: LampState.RED_YELLOW,
    MovementState.PERMISSIVE_MOVEMENT_ALLOWED: LampState.GREEN,
    MovementState.PROTECTED_MOVEMENT_ALLOWED: LampState.GREEN,
    MovementState.PERMISSIVE_CLEARANCE: LampState.YELLOW,
    MovementState.PROTECTED_CLEARANCE: LampState.YELLOW,
    MovementState.CAUTION_CONFLICTING_TRAFFIC: LampState.FLASHING_YELLOW,
}
"""Whether a green is protected comes from the site, as for every controller."""


@dataclass(frozen=True, slots=True)
class SpatClock:
    """How far the sender's clock is believed.

    Attributes:
        bound_ns: a message made further than this from its arrival is stamped at arrival, and its ends are read
            relative to its own time.
        arrival_error_ns: error bound of a stamp at arrival.
    """

    bound_ns: int = 200 * NS_PER_MS
    arrival_error_ns: int = 100 * NS_PER_MS


def payload_of(datagram: bytes) -> bytes:
    """The MessageFrame in an RSU 4.1 text; only its `Payload=` counts, and spaces and line ends in it do not.

    Raises:
        CodecError: there is none.
    """
    if datagram.startswith(_BARE):
        return datagram
    if len(datagram) > MAX_DATAGRAM_BYTES:
        raise CodecError("RSU 4.1", f"{len(datagram)} bytes are more than {MAX_DATAGRAM_BYTES}")
    found = _PAYLOAD.search(datagram)
    digits = b"" if found is None else _SPACE.sub(b"", found[1])
    if not digits or len(digits) % 2:
        raise CodecError("RSU 4.1", "it has no hexadecimal payload")
    return bytes.fromhex(digits.decode("ascii"))


def split_texts(recording: bytes) -> list[bytes]:
    """The datagrams of a recording of several; each has one `Payload=`."""
    if recording.startswith(_BARE):
        return [recording]
    ends = [found.end() for found in _PAYLOAD.finditer(recording)]
    starts = [0, *ends[:-1]] if ends else []
    return [recording[start:end] for start, end in zip(starts, ends, strict=True)] or [recording]


def to_snapshot(view: SpatView) -> tuple[int, SignalSnapshot]:
    """Intersection and snapshot of a recorded message: without the time of its arrival, at its own.

    Where it does not tell its time, the ends are counted from the full hour and the snapshot is stamped 0.
    """
    made = made_ns(view, near_ns=time.time_ns())
    at_ns = 0 if made is None else made
    groups = groups_of(view, at_ns=at_ns)
    stamp = Stamp(at_ns, TimeSource.SENSOR)
    return view.intersection, SignalSnapshot("", stamp, at_ns, groups, view.status)


def made_ns(view: SpatView, *, near_ns: int) -> int | None:
    """UTC ns at which the message was made; None: it does not say to the millisecond."""
    if view.minute_of_year is None or view.millisecond is None:
        return None
    return instant_of(view.minute_of_year, view.millisecond, near_ns=near_ns)


def groups_of(view: SpatView, *, at_ns: int, shift_ns: int = 0) -> tuple[ControllerGroup, ...]:
    """The signal groups with their ends.

    Args:
        at_ns: UTC ns of the message, by the sender's clock; its time marks are the nearest to this, past the hour too.
        shift_ns: added to every end, where the sender's clock is not believed.

    Raises:
        CodecError: a group stands there twice.
    """
    numbers = [group.signal_group for group in view.groups]
    if len(set(numbers)) != len(numbers):
        raise CodecError("SPAT", f"signal groups {numbers}: one stands there twice")
    return tuple(_group(group, at_ns, shift_ns, valid=view.valid) for group in view.groups)


def _group(group: GroupView, at_ns: int, shift_ns: int, *, valid: bool) -> ControllerGroup:
    if not valid:
        return ControllerGroup(GroupKind.GROUP, group.signal_group, LampState.UNKNOWN)
    least, latest, likely = (
        _instant(mark, at_ns, shift_ns) for mark in (group.min_end, group.max_end, group.likely_end)
    )
    return ControllerGroup(GroupKind.GROUP, group.signal_group, _LAMPS[group.state], least, latest, likely)


def _instant(mark: int | None, at_ns: int, shift_ns: int) -> int | None:
    found = None if mark is None else time_of_mark(mark, near_ns=at_ns)
    return None if found is None else found + shift_ns


class SpatReader:
    """Datagrams to snapshots of one intersection, in order, with the faults counted. Pure.

    Counters: bad_content, other_intersection, repeated (the same message time again), out_of_order, clock_rejected.

    Args:
        name: controller name in the site configuration.
        intersection: id in the message; None: there is only one in it.
    """

    def __init__(
        self,
        name: str,
        *,
        intersection: int | None = None,
        clock: SpatClock | None = None,
        counters: Counter[str] | None = None,
    ) -> None:
        self._name, self._intersection, self._clock = name, intersection, clock or SpatClock()
        self.counters: Counter[str] = Counter() if counters is None else counters
        self._made_ns: int | None = None
        self._last: SpatView | None = None
        self._alive_ns = 0

    def accept(self, datagram: bytes, *, arrival_ns: int) -> SignalSnapshot | None:
        """The snapshot of one datagram; None when it is bad, late, a repeat or of another intersection."""
        try:
            view = self._view(decode_spats(payload_of(datagram)))
            if view is None:
                self.counters["other_intersection"] += 1
                return None
            if not self._in_order(view, arrival_ns):
                return None
            return self._snapshot(view, arrival_ns)
        except CodecError:
            self.counters["bad_content"] += 1
            return None

    def _view(self, views: tuple[SpatView, ...]) -> SpatView | None:
        wanted = [view for view in views if self._intersection in (None, view.intersection)]
        if len(wanted) > 1:
            raise CodecError("SPAT", f"{len(wanted)} intersections in one message, and none is chosen")
        return wanted[0] if wanted else None

    def _in_order(self, view: SpatView, arrival_ns: int) -> bool:
        """False for a message that says nothing new: a frozen sender repeats it, the network may turn two around.

        A message time that stands still proves nothing: what has changed is passed on with the earlier sign of life.
        """
        made, last = made_ns(view, near_ns=arrival_ns), self._made_ns
        if made is not None and last is not None and 0 < last - made <= _RESTART_NS:
            self.counters["out_of_order"] += 1
            return False
        if made is None or made != last:
            self._alive_ns = arrival_ns
        else:
            self.counters["repeated"] += 1
            if view == self._last:
                return False
        self._made_ns, self._last = made, view
        return True

    def _snapshot(self, view: SpatView, arrival_ns: int) -> SignalSnapshot:
        made, clock = self._made_ns, self._clock
        at_arrival = Stamp(arrival_ns, TimeSource.ARRIVAL, clock.arrival_error_ns)
        if made is None:
            stamp, groups = at_arrival, groups_of(view, at_ns=arrival_ns)
        elif abs(arrival_ns - made) > clock.bound_ns:
            self.counters["clock_rejected"] += 1
            stamp, groups = at_arrival, groups_of(view, at_ns=made, shift_ns=arrival_ns - made)
        else:
            stamp = Stamp(made, TimeSource.SENSOR, abs(arrival_ns - made))
            groups = groups_of(view, at_ns=made)
        status = view.status & ~_ABOUT_ITS_OWN_MAP
        return SignalSnapshot(self._name, stamp, self._alive_ns, groups, status)


_RESTART_NS = NS_PER_S
"""A message time this far back is no late datagram: the sender's clock was set."""


class SpatTextController:
    """`SignalController` that listens for encoded SPAT on a UDP port.

    Args:
        host, port: local address to listen on.
        name: controller name in the site configuration.
        intersection: id in the message; None: there is only one in it.
        senders: addresses that may send; None: any.
        clock: how far the sender's clock is believed.
        capacity: datagrams that may wait; beyond it the oldest is dropped.
    """

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        name: str,
        intersection: int | None = None,
        senders: frozenset[str] | None = None,
        clock: SpatClock | None = None,
        capacity: int = 8,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        self._host, self._port, self._name = host, port, name
        self._intersection, self._senders, self._clock = intersection, senders, clock
        self._capacity, self._now_ns = capacity, now_ns
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters
        self.address: tuple[str, int] | None = None

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Listen and iterate. Raises `DeviceError` when the port cannot be bound or is lost."""
        reader = SpatReader(
            self._name, intersection=self._intersection, clock=self._clock, counters=self._counters
        )
        async with listen_udp(
            self._host,
            self._port,
            device=self._name,
            counters=self._counters,
            capacity=self._capacity,
            allowed=self._senders,
            now_ns=self._now_ns,
        ) as (queue, self.address):
            yield DatagramSnapshots(queue, reader.accept)
