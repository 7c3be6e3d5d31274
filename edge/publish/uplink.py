"""The uplink: the newest of every layer to the traffic centre, in batches, never stored.

What does not reach the centre in time is replaced by newer values. After a loss the uplink comes back by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

import grpc

from edge.access.channel import open_channel
from edge.access.tls_files import TlsFiles
from edge.core.errors import DeviceError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff, supervise
from edge.publish.hub import DEFAULT_LAYERS, Hub, Slot
from edge.v1 import centre_pb2, centre_pb2_grpc, command_pb2, intersection_pb2, node_pb2

COMPONENT = "centre"
HEARTBEAT_S = 1.0
"""A batch goes out at least this often, empty if need be: silence means a lost node."""
ANSWER_TIMEOUT_S = 5.0
"""The centre must acknowledge something within this time."""
UNANSWERED_LIMIT = 50
"""Batches on the way; beyond it the uplink waits, and newer values replace older ones."""
CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.enable_retries", 0),
)
BACKOFF = Backoff(first_s=0.5, limit_s=10.0, jitter=0.5)


class Commands(Protocol):
    """Who takes the centre's commands, and has answers."""

    def offer(self, signed: command_pb2.SignedCommand) -> None:
        """A command has come; never waits."""
        ...

    def take_results(self) -> list[command_pb2.CommandResult]:
        """Answers since the last call."""
        ...


@dataclass(slots=True)
class _Session:
    """What one connection has sent; gRPC may hold its batches a little longer than the connection.

    Attributes:
        seen: version last looked at per slot.
        sent, acked: sequence of the newest batch, and of the newest that the centre took.
        over: the connection has ended.
    """

    seen: dict[Slot, int] = field(default_factory=dict)
    sent: int = 0
    acked: int = 0
    over: bool = False


class Uplink:
    """Keeps the centre supplied.

    Args:
        address: `host:port` of the centre.
        hello: description of the intersection; its `node_id` names the node.
        epoch: start of the node, UTC ns.
        rate_hz: most batches per second.
        tls: own certificate and whom it trusts, read anew for each connection; None: plaintext.

    Attributes:
        commands: who takes the centre's commands; None: they are not looked at.

    Counters on the board: `batches`, `updates`, `conflated`, `expired`, `acked`, `refused`, `connections`.
    """

    def __init__(
        self,
        address: str,
        *,
        hub: Hub,
        hello: intersection_pb2.Intersection,
        epoch: int,
        board: HealthBoard,
        rate_hz: float = 10.0,
        backoff: Backoff = BACKOFF,
        tls: TlsFiles | None = None,
    ) -> None:
        if rate_hz <= 0.0:
            raise ValueError(f"rate_hz {rate_hz}, must be greater than 0")
        self._address, self._hub, self._hello, self._epoch = address, hub, hello, epoch
        self._board, self._period_s, self._backoff = board, 1.0 / rate_hz, backoff
        self._counters, self._tls = board.counters(COMPONENT), tls
        self.commands: Commands | None = None
        board.set(COMPONENT, HealthState.STARTING, f"not connected to {address} yet")

    async def run(self) -> None:
        """Serve for ever, over as many sessions as it takes."""
        await supervise(COMPONENT, self.session, board=self._board, backoff=self._backoff)

    async def session(self) -> None:
        """One connection, from the hello to its loss.

        Raises:
            DeviceError: the centre cannot be reached, refuses the node, or is lost.
        """
        session = _Session()
        async with open_channel(self._address, files=self._tls, options=CHANNEL_OPTIONS) as channel:
            call = centre_pb2_grpc.CentreServiceStub(channel).Connect(self._batches(session))  # type: ignore[no-untyped-call]
            self._counters["connections"] += 1
            try:
                await self._read_replies(call, session)
            except grpc.aio.AioRpcError as error:
                raise self._lost(error.details() or error.code().name) from error
            except TimeoutError as error:
                raise self._lost(f"no answer within {ANSWER_TIMEOUT_S:.0f} s") from error
            finally:
                session.over = True
                call.cancel()

    async def _read_replies(self, call: grpc.aio.StreamStreamCall, session: _Session) -> None:
        while True:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reply = await call.read()
            if reply is grpc.aio.EOF:
                raise self._lost("the centre ended the connection")
            if reply is None:  # what gRPC gives for one that is no such message
                raise self._lost("its answer cannot be read")
            if reply.refusal != centre_pb2.REFUSAL_UNSPECIFIED:
                self._counters["refused"] += 1
                raise DeviceError(
                    f"centre {self._address}",
                    f"refused node {self._hello.node_id!r}: {reply.message or 'no reason given'}",
                    remedy=_remedy(reply.refusal),
                )
            session.acked = max(session.acked, min(reply.acked_sequence, session.sent))
            self._counters["acked"] += 1
            if self.commands is not None:
                for signed in reply.commands:
                    self.commands.offer(signed)
            self._board.set(COMPONENT, HealthState.OK)

    async def _batches(self, session: _Session) -> AsyncIterator[centre_pb2.NodeBatch]:
        """The hello, then what is new at each period; an empty batch when nothing was for a second."""
        session.sent = 1
        yield centre_pb2.NodeBatch(
            node_id=self._hello.node_id, epoch=self._epoch, sequence=1, hello=self._hello
        )
        loop = asyncio.get_running_loop()
        sent_s = due_s = loop.time()
        while True:
            due_s = max(due_s + self._period_s, loop.time())
            await asyncio.sleep(due_s - loop.time())
            if session.over:
                return
            if session.sent - session.acked >= UNANSWERED_LIMIT:
                continue
            updates = self._news(session)
            results = self.commands.take_results() if self.commands is not None else []
            if not updates and not results and loop.time() - sent_s < HEARTBEAT_S:
                continue
            session.sent += 1
            sent_s = loop.time()
            self._counters["batches"] += 1
            self._counters["updates"] += len(updates)
            yield centre_pb2.NodeBatch(
                node_id=self._hello.node_id,
                epoch=self._epoch,
                sequence=session.sent,
                updates=updates,
                results=results,
            )

    def _news(self, session: _Session) -> list[node_pb2.Update]:
        """Newest update of every layer that was not sent in this session."""
        news = []
        for publication in self._hub.newest(DEFAULT_LAYERS):
            seen = session.seen.get(publication.slot)
            if seen == publication.version:
                continue
            session.seen[publication.slot] = publication.version
            self._counters["conflated"] += 0 if seen is None else publication.version - seen - 1
            if self._hub.is_valid(publication):
                news.append(publication.update)
            else:
                self._counters["expired"] += 1
        return news

    def _lost(self, problem: str) -> DeviceError:
        return DeviceError(
            f"centre {self._address}", problem, remedy="the node goes on and tries again by itself"
        )


def _remedy(refusal: centre_pb2.Refusal) -> str:
    if refusal == centre_pb2.REFUSAL_DUPLICATE_NODE:
        return "give each node its own site.id"
    if refusal == centre_pb2.REFUSAL_FULL:
        return "raise the centre's limit"
    return "check that node and centre are of the same version"
