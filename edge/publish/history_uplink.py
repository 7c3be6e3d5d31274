"""The history's way to the centre: batches in order, few on the way, forgotten here once the centre has them.

It has a connection of its own, a small window and a pace, so that a backlog of days delays neither live updates nor the
signals of this node.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff, supervise
from edge.publish.history import HistoryLane
from edge.publish.outbox import Entry
from edge.v1 import history_pb2

COMPONENT = "history.uplink"
METHOD = "/edge.v1.CentreService/SendHistory"
BATCH_RECORDS = 500
LEAST_OCTETS = 16_000
"""On the way in any case: at 1 Mbit/s an eighth of a second, which a live update may have to wait for."""
MOST_OCTETS = 256_000
"""On the way at most; four batches."""
STEP_OCTETS = 16_000
QUICK_S, SLOW_S = 0.1, 0.25
"""Answers that come sooner allow more on the way, later ones half as much."""
SPACING_S = 0.01
"""Between two batches: the front has lights to attend to."""
ANSWER_TIMEOUT_S = 30.0
"""A batch over a slow radio link, and a commit at a busy centre."""
BACKOFF = Backoff(first_s=0.5, limit_s=15.0, jitter=0.5)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A batch on its way: its last sequence, how many records and octets it has, and when it was sent."""

    last: int
    count: int
    octets: int
    at_s: float


@dataclass(slots=True)
class _Progress:
    """Of one connection.

    Attributes:
        epoch: of the outbox at its begin.
        sent, acked: newest sequence on its way, and at the centre.
        waiting: batches without an answer.
        allowed: octets that may be on the way.
    """

    epoch: int
    sent: int
    acked: int
    waiting: deque[_Sent] = field(default_factory=deque)
    allowed: int = 0

    def answered(self, delay_s: float) -> None:
        """An answer took so long."""
        if delay_s > SLOW_S:
            self.allowed = max(self.allowed // 2, LEAST_OCTETS)
        elif delay_s < QUICK_S:
            self.allowed = min(self.allowed + STEP_OCTETS, MOST_OCTETS)


class HistoryUplink:
    """Sends the history of a lane for ever.

    Counters: connections, batches, sent, acked (records), octets.

    Args:
        address: `host:port` of the centre, for messages.
        open_channel: opens a connection to it.
    """

    def __init__(
        self,
        address: str,
        lane: HistoryLane,
        *,
        node_id: str,
        open_channel: Callable[[], grpc.aio.Channel],
        board: HealthBoard,
        backoff: Backoff = BACKOFF,
    ) -> None:
        self._address, self._lane, self._node_id = address, lane, node_id
        self._open_channel, self._board, self._backoff = open_channel, board, backoff
        self._counters = board.counters(COMPONENT)
        board.set(COMPONENT, HealthState.STARTING, f"not connected to {address} yet")

    async def run(self) -> None:
        """Serve for ever, over as many connections as it takes."""
        await supervise(COMPONENT, self.session, board=self._board, backoff=self._backoff)

    async def session(self) -> None:
        """One connection, until it is lost.

        Raises:
            DeviceError: the centre cannot be reached, takes no history, or is lost; or the disk cannot be read.
        """
        async with self._open_channel() as channel:
            call = channel.stream_stream(METHOD, response_deserializer=history_pb2.HistoryAck.FromString)()
            self._counters["connections"] += 1
            try:
                await self._serve(call)
            except grpc.aio.AioRpcError as error:
                raise self._lost(error.details() or error.code().name) from error
            except asyncio.InvalidStateError as error:  # the call had ended while there was nothing to send
                raise self._lost(await call.details() or "the connection has ended") from error
            except TimeoutError as error:
                raise self._lost(f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from error
            finally:
                call.cancel()

    async def _serve(self, call: grpc.aio.StreamStreamCall) -> None:
        progress = await self._begin(call)
        self._board.set(COMPONENT, HealthState.OK)
        while True:
            version = self._lane.synced.version
            idle = not await self._fill(call, progress)
            if progress.waiting:
                await self._await_answer(call, progress)
            elif idle:
                await self._lane.synced.wait_newer(version)

    async def _begin(self, call: grpc.aio.StreamStreamCall) -> _Progress:
        """Ask where to go on."""
        epoch, last = await self._lane.place()
        hello = history_pb2.HistoryBatch(node_id=self._node_id, epoch=epoch)
        answer = await self._exchange(call, hello.SerializeToString())
        if answer > last:
            problem = f"the disk had lost what it said was safe: it has {last} records, the centre {answer}"
            await self._lane.renew(problem)
            raise self._lost("a new epoch begins")
        await self._lane.acknowledge(epoch, answer)
        return _Progress(epoch, sent=answer, acked=answer, allowed=LEAST_OCTETS)

    async def _fill(self, call: grpc.aio.StreamStreamCall, progress: _Progress) -> bool:
        """Send what the window allows; returns whether there was anything to send."""
        some = False
        while sum(sent.octets for sent in progress.waiting) < progress.allowed:
            made = await self._lane.read(
                progress.epoch,
                progress.sent,
                count=BATCH_RECORDS,
                octets=max(progress.allowed // 4, LEAST_OCTETS),
                make=lambda entries: self._batch(progress, entries),
            )
            if made is None:
                break
            payload, last, count = made
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await call.write(payload)
            progress.sent, some = last, True
            now_s = asyncio.get_running_loop().time()
            progress.waiting.append(_Sent(last, count, len(payload), now_s))
            self._counters["batches"] += 1
            self._counters["sent"] += count
            self._counters["octets"] += len(payload)
            await asyncio.sleep(SPACING_S)
        return some

    async def _await_answer(self, call: grpc.aio.StreamStreamCall, progress: _Progress) -> None:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            acked = self._acked(await call.read())
        if not progress.acked <= acked <= progress.sent:
            raise self._lost(f"it acknowledged {acked}, sent were {progress.acked + 1} to {progress.sent}")
        progress.acked = acked
        now_s = asyncio.get_running_loop().time()
        while progress.waiting and progress.waiting[0].last <= acked:
            sent = progress.waiting.popleft()
            progress.answered(now_s - sent.at_s)
            self._counters["acked"] += sent.count
        await self._lane.acknowledge(progress.epoch, acked)

    async def _exchange(self, call: grpc.aio.StreamStreamCall, payload: bytes) -> int:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await call.write(payload)
            return self._acked(await call.read())

    def _acked(self, answer: Any) -> int:
        """The sequence of an answer; gRPC gives None for one that is no such message."""
        if answer is grpc.aio.EOF:
            raise self._lost("the centre ended the connection")
        if answer is None:
            raise self._lost("its answer cannot be read")
        return int(answer.acked_sequence)

    def _batch(self, progress: _Progress, entries: list[Entry]) -> tuple[bytes, int, int]:
        """On the thread of the disk: the serialised batch, its last sequence, and how many records it has."""
        batch = history_pb2.HistoryBatch(node_id=self._node_id, epoch=progress.epoch)
        if entries[0].first > progress.sent + 1:
            # The centre was set back: it asks for what it once had acknowledged.
            gap = history_pb2.Gap(
                first_sequence=progress.sent + 1, reason=history_pb2.GAP_REASON_ACKNOWLEDGED
            )
            stamp_ns, before = entries[0].stamp_ns, entries[0].first - 1
            batch.records.add(sequence=before, stamp_ns=stamp_ns, gap=gap)
        for entry in entries:
            _write(entry, batch.records.add(), after=progress.sent)
        return batch.SerializeToString(), entries[-1].sequence, len(batch.records)

    def _lost(self, problem: str) -> DeviceError:
        return DeviceError(
            f"centre {self._address}", problem, remedy="history is kept here, and sent when it is back"
        )


def _write(entry: Entry, record: history_pb2.HistoryRecord, *, after: int) -> None:
    """An entry as a record; a body that the disk has spoilt is a gap."""
    reason = entry.reason
    if not reason:
        try:
            record.MergeFromString(entry.body)
        except DecodeError:
            record.Clear()
            reason = history_pb2.GAP_REASON_DISK
    if reason:
        record.stamp_ns = entry.stamp_ns
        record.gap.first_sequence = max(entry.first, after + 1)
        record.gap.MergeFrom(history_pb2.Gap(reason=reason))  # type: ignore[arg-type]
    record.sequence = entry.sequence
