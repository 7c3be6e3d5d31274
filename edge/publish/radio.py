"""Broadcasts through one radio: SPAT on every 100 ms slot and at once on a change, MAP every second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.health import HealthState
from edge.core.signals import SignalState
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest, LatestReader
from edge.ports import RadioMessage, RsuRadio
from edge.publish.slots import SPAT_PERIOD_NS, SlotCounter

MOST_OCTETS = 1400
"""Of a WAVE short message (IEEE 1609.3)."""
MAP_PERIOD_NS = NS_PER_S
SEND_TIMEOUT_S = 0.1
CLOCK_SET_NS = NS_PER_S
"""Well above what a busy machine may take between two looks at its clocks."""
REFUSAL_NS = 3 * NS_PER_S
"""A host tells at most once a second that it refuses datagrams (ICMP)."""
REFUSED_WORDS = "what is sent is refused: is the RSU on, is its address right, is its forwarding switched on?"


@dataclass(frozen=True, slots=True)
class MessageEncoders:
    """How the radio's message set writes our messages.

    Attributes:
        spat: signal state and UTC ns of sending to the bytes of a whole SPAT message.
        map: UTC ns of sending, None while the clock is not synchronised, to the bytes of a whole MAP message.
    """

    spat: Callable[[SignalState, int], bytes]
    map: Callable[[int | None], bytes]


class RadioBroadcaster:
    """Keeps one radio supplied. One broadcaster a radio, each in a task of its own: none can delay another.

    Counters on the board: spat_sent, spat_changes (sent between two slots because the lights changed), map_sent,
    slots_sent, slots_missed, missed_in_a_row_max, stale (no valid state to send), encode_errors, send_timeouts,
    too_large (for some radios), and those of the driver.

    Args:
        states: the newest signal state.
        component: name on the health board, e.g. `rsu.north`.
        monotonic_ns: the clock that nobody can set, to tell slots that passed from slots that were leapt over.
    """

    def __init__(
        self,
        radio: RsuRadio,
        *,
        states: Latest[SignalState],
        encoders: MessageEncoders,
        component: str,
        board: HealthBoard,
        now_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._monotonic_ns, self._ahead_ns = monotonic_ns, now_ns() - monotonic_ns()
        self._radio, self._states, self._encoders = radio, states, encoders
        self._component, self._board, self._now_ns = component, board, now_ns
        self._counters = board.counters(component)
        self.slots = SlotCounter()
        self._sent_key: tuple[int, bool] | None = None
        self._map_second: int | None = None
        self._unencodable: set[str] = set()
        self._large: dict[str, int] = {}
        self._refused, self._refused_ns = 0, 0

    async def run(self) -> None:
        """Broadcast until the radio is lost. Slots that pass while there is no radio count as missed.

        Raises:
            DeviceError: the radio cannot be reached or is lost.
        """
        try:
            async with self._radio.connected():
                self._board.set(self._component, HealthState.OK)
                await self._broadcast(self._states.reader())
        finally:
            self._publish_counters()

    async def _broadcast(self, reader: LatestReader[SignalState]) -> None:
        while True:
            self._follow_clock()
            due_ns = self.slots.next_ns(self._now_ns())
            changed = await self._next_change(reader, due_ns)
            self._follow_clock()
            if changed is None:
                await self._serve_slot(_in_slot(due_ns, self._now_ns()))
            elif await self._send_spat(changed, self._now_ns()):
                self._counters["spat_changes"] += 1
            self._publish_counters()

    def _follow_clock(self) -> None:
        """Start the count of slots anew when the clock was set."""
        before_ns, self._ahead_ns = self._ahead_ns, self._now_ns() - self._monotonic_ns()
        if abs(self._ahead_ns - before_ns) > CLOCK_SET_NS:
            self.slots.start_anew()

    async def _next_change(self, reader: LatestReader[SignalState], due_ns: int) -> SignalState | None:
        """A state whose lights differ from what was sent last; None when the slot begins first."""
        try:
            async with asyncio.timeout((due_ns - self._now_ns()) / NS_PER_S):
                while True:
                    state = await reader.next()
                    if self._sent_key is not None and _key(state) != self._sent_key:
                        return state
        except TimeoutError:
            return None

    async def _serve_slot(self, now_ns: int) -> None:
        self.slots.advance(now_ns)
        state = self._states.value
        if state is not None:
            await self._send_spat(state, now_ns)
        second = now_ns // MAP_PERIOD_NS
        if second != self._map_second:
            self._map_second = second
            dated = state is not None and state.dated
            await self._send(
                "MAP",
                lambda at_ns: self._encoders.map(at_ns if dated else None),
                now_ns,
                now_ns + MAP_PERIOD_NS,
            )

    async def _send_spat(self, state: SignalState, now_ns: int) -> bool:
        self._sent_key = _key(state)
        if now_ns > state.valid_until_ns:
            self._counters["stale"] += 1
            return False
        expires_ns = min(state.valid_until_ns, now_ns + SPAT_PERIOD_NS)
        sent = await self._send("SPAT", lambda at_ns: self._encoders.spat(state, at_ns), now_ns, expires_ns)
        if sent:
            self.slots.handed_over(now_ns)
        return sent

    async def _send(self, kind: str, encode: Callable[[int], bytes], now_ns: int, expires_ns: int) -> bool:
        try:
            payload = encode(now_ns)
        except CodecError as error:
            self._counters["encode_errors"] += 1
            self._unencodable.add(kind)
            self._board.set(self._component, HealthState.DEGRADED, str(error))
            return False
        self._weigh(kind, len(payload))
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._radio.send(RadioMessage(kind, payload, expires_ns))
        except TimeoutError:
            self._counters["send_timeouts"] += 1
            return False
        self._counters[f"{kind.lower()}_sent"] += 1
        self._unencodable.discard(kind)
        if self._is_refused(now_ns):
            self._board.set(self._component, HealthState.DOWN, REFUSED_WORDS)
        elif self._large and not self._unencodable:
            words = ", ".join(f"{name} has {size} octets" for name, size in self._large.items())
            problem = f"{words}, and a radio need not take more than {MOST_OCTETS}: simplify the MAP"
            self._board.set(self._component, HealthState.DEGRADED, problem)
        elif not self._unencodable:
            self._board.set(self._component, HealthState.OK)
        return True

    def _weigh(self, kind: str, octets: int) -> None:
        """Remember what is too large for some radios; it goes out all the same, for others take it."""
        self._large.pop(kind, None)
        if octets > MOST_OCTETS:
            self._counters["too_large"] += 1
            self._large[kind] = octets

    def _is_refused(self, now_ns: int) -> bool:
        """Whether the driver has counted a refusal lately."""
        refused = self._radio.counters.get("refused", 0)
        if refused != self._refused:
            self._refused, self._refused_ns = refused, now_ns
        return 0 <= now_ns - self._refused_ns < REFUSAL_NS

    def _publish_counters(self) -> None:
        slots = self.slots
        figures = {
            "slots_sent": slots.sent,
            "slots_missed": slots.missed,
            "missed_in_a_row_max": slots.missed_in_a_row_max,
        }
        dict.update(self._counters, figures)
        dict.update(self._counters, self._radio.counters)


def _in_slot(due_ns: int, now_ns: int) -> int:
    """The present, at the earliest the slot that it woke for; a clock that was set back meanwhile is followed."""
    return now_ns if due_ns - now_ns > SPAT_PERIOD_NS else max(due_ns, now_ns)


def _key(state: SignalState) -> tuple[int, bool]:
    return state.revision, state.withdrawn
