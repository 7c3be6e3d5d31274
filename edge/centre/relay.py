"""Hands signed commands on to nodes and brings their answers back; the centre neither signs nor changes them.

A command is handed on once or never: at the next word of its node, not after its expiry, and not over a restart of the
centre, a loss of the node or the patience of whoever waits. Whoever sent it is told in each case whether the node may
have it: a command that is done later, with nobody looking, is none that anybody wants.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from edge.core.errors import EdgeError
from edge.v1 import command_pb2

WAITING_LIMIT = 8
"""Commands without an answer, for each node."""
PAYLOAD_LIMIT = 500_000


class RelayFullError(EdgeError):
    """A node has too many commands without an answer, or this very one."""


class NoAnswerError(EdgeError):
    """A command has no answer.

    Attributes:
        handed_on: whether the node may have taken it.
    """

    def __init__(self, reason: str, *, handed_on: bool) -> None:
        self.handed_on = handed_on
        told = "it was handed on, and the node's history tells what became of it"
        super().__init__(f"{reason}; {told if handed_on else 'it was not handed on, and will not be'}")


@dataclass(slots=True)
class _Waiting:
    signed: command_pb2.SignedCommand
    expires_ns: int
    answer: asyncio.Future[command_pb2.CommandResult]
    sent: bool = False

    def fail(self, reason: str) -> None:
        """There will be no answer."""
        if not self.answer.done():
            self.answer.set_exception(NoAnswerError(reason, handed_on=self.sent))


class Relay:
    """Commands on their way, by node."""

    def __init__(self, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns, self._closed = now_ns, False
        self._waiting: dict[str, dict[bytes, _Waiting]] = {}

    async def send(
        self, node_id: str, signed: command_pb2.SignedCommand, *, timeout_s: float
    ) -> command_pb2.CommandResult:
        """Hand a command to its node and wait for the answer.

        Raises:
            RelayFullError: it cannot wait here.
            NoAnswerError: there is none.
        """
        if self._closed:
            raise NoAnswerError("the centre is stopping", handed_on=False)
        digest = hashlib.sha256(signed.payload).digest()
        waiting = self._waiting.setdefault(node_id, {})
        if len(waiting) >= WAITING_LIMIT or digest in waiting or len(signed.payload) > PAYLOAD_LIMIT:
            raise RelayFullError(
                f"node {node_id!r} has {len(waiting)} commands without an answer, or this very one"
            )
        future: asyncio.Future[command_pb2.CommandResult] = asyncio.get_running_loop().create_future()
        entry = waiting[digest] = _Waiting(signed, _expiry_ns(signed), future)
        try:
            async with asyncio.timeout(timeout_s):
                return await entry.answer
        except TimeoutError as error:
            raise NoAnswerError(f"no answer within {timeout_s:g} s", handed_on=entry.sent) from error
        finally:
            waiting.pop(digest, None)
            if not waiting and self._waiting.get(node_id) is waiting:
                del self._waiting[node_id]

    def due(self, node_id: str) -> list[command_pb2.SignedCommand]:
        """What has not gone to the node yet and has not expired; it counts as sent now."""
        found = [entry for entry in self._waiting.get(node_id, {}).values() if not entry.sent]
        now_ns, going = self._now_ns(), []
        for entry in found:
            if now_ns > entry.expires_ns:
                entry.fail("it expired before the node could take it")
                continue
            entry.sent = True
            going.append(entry.signed)
        return going

    def answered(self, node_id: str, results: Iterable[command_pb2.CommandResult]) -> None:
        """What became of commands; answers that nobody waits for any more are in the node's history."""
        for result in results:
            entry = self._waiting.get(node_id, {}).get(result.digest)
            if entry is not None and not entry.answer.done():
                entry.answer.set_result(result)

    def lost(self, node_id: str) -> None:
        """The node has gone: nobody waits for one that may not come back."""
        for entry in self._waiting.get(node_id, {}).values():
            entry.fail(f"node {node_id!r} has gone")

    def close(self) -> None:
        """The centre stops: everybody who waits is told."""
        self._closed = True
        for waiting in self._waiting.values():
            for entry in waiting.values():
                entry.fail("the centre is stopping")


def _expiry_ns(signed: command_pb2.SignedCommand) -> int:
    """As the sender states it; what is no command is for the node to refuse."""
    try:
        return int(command_pb2.Command.FromString(signed.payload).expires_ns)
    except DecodeError:
        return 2**63
