"""Answers to requests for priority through one radio: at once when they change, and every second while any stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.core.errors import CodecError
from edge.core.health import HealthState
from edge.core.priority import PriorityStatus, RequestState
from edge.core.stamp import NS_PER_S
from edge.flow.board import HealthBoard
from edge.ports import RadioMessage, RsuRadio

LOOK_S = 0.1
REPEAT_NS = NS_PER_S
SEND_TIMEOUT_S = 0.1
COUNTS = 128


class Encode(Protocol):
    """Answers to the bytes of a whole message."""

    def __call__(self, statuses: Sequence[PriorityStatus], *, message_count: int, now_ns: int) -> bytes:
        """Raises `CodecError` for what the message set cannot say."""
        ...


class AnswerBroadcaster:
    """Tells what becomes of requests that came by radio.

    Counters on the board: sent, encode_errors, send_timeouts.

    Args:
        radio: whose link somebody else holds open.
        statuses: the answer to every request that stands.
        kind: standard's name of the message.
    """

    def __init__(
        self,
        radio: RsuRadio,
        *,
        statuses: Callable[[], Sequence[PriorityStatus]],
        encode: Encode,
        kind: str,
        component: str,
        board: HealthBoard,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._radio, self._statuses, self._encode, self._kind = radio, statuses, encode, kind
        self._component, self._board, self._now_ns = component, board, now_ns
        self._counters = board.counters(component)
        self._said: list[tuple[str, int, int, RequestState]] = []
        self._said_ns, self._count = 0, 0

    async def run(self) -> None:
        """Answer until cancelled. Raises `DeviceError` when the radio is lost."""
        while True:
            await self.answer(self._now_ns())
            await asyncio.sleep(LOOK_S)

    async def answer(self, now_ns: int) -> None:
        """Answer once, where there is anything to say. Raises `DeviceError`."""
        statuses = self._statuses()
        news = [(each.requester, each.request, each.sequence, each.state) for each in statuses]
        if not statuses or (news == self._said and 0 <= now_ns - self._said_ns < REPEAT_NS):
            return
        if news != self._said:
            self._count = (self._count + 1) % COUNTS
        self._said, self._said_ns = news, now_ns
        try:
            payload = self._encode(statuses, message_count=self._count, now_ns=now_ns)
        except CodecError as error:
            self._counters["encode_errors"] += 1
            self._board.set(self._component, HealthState.DEGRADED, str(error))
            return
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await self._radio.send(RadioMessage(self._kind, payload, now_ns + REPEAT_NS))
        except TimeoutError:
            self._counters["send_timeouts"] += 1
            return
        self._counters["sent"] += 1
        self._board.set(self._component, HealthState.OK)
