"""Hands signed commands on to nodes and brings their answers back; the centre neither signs nor changes them.

Nothing is kept over a restart of the centre: whoever sent a command without an answer reads the node's history.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.errors import EdgeError
from edge.v1 import command_pb2

WAITING_LIMIT = 8
"""Commands without an answer, for each node."""
PAYLOAD_LIMIT = 500_000


class RelayFullError(EdgeError):
    """A node has too many commands without an answer, or this very one."""


@dataclass(slots=True)
class _Waiting:
    signed: command_pb2.SignedCommand
    answer: asyncio.Future[command_pb2.CommandResult]
    sent: bool = False


class Relay:
    """Commands on their way, by node."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[bytes, _Waiting]] = {}

    async def send(self, node_id: str, signed: command_pb2.SignedCommand) -> command_pb2.CommandResult:
        """Hand a command to its node and wait for the answer; give a timeout.

        Raises:
            RelayFullError: it cannot wait here.
        """
        digest = hashlib.sha256(signed.payload).digest()
        waiting = self._waiting.setdefault(node_id, {})
        if len(waiting) >= WAITING_LIMIT or digest in waiting or len(signed.payload) > PAYLOAD_LIMIT:
            raise RelayFullError(
                f"node {node_id!r} has {len(waiting)} commands without an answer, or this very one"
            )
        entry = waiting[digest] = _Waiting(signed, asyncio.get_running_loop().create_future())
        try:
            return await entry.answer
        finally:
            waiting.pop(digest, None)
            if not waiting:
                self._waiting.pop(node_id, None)

    def due(self, node_id: str) -> list[command_pb2.SignedCommand]:
        """What has not gone to the node yet; it counts as sent now."""
        found = [entry for entry in self._waiting.get(node_id, {}).values() if not entry.sent]
        for entry in found:
            entry.sent = True
        return [entry.signed for entry in found]

    def answered(self, node_id: str, results: Iterable[command_pb2.CommandResult]) -> None:
        """What became of commands; answers that nobody waits for any more are in the node's history."""
        for result in results:
            entry = self._waiting.get(node_id, {}).get(result.digest)
            if entry is not None and not entry.answer.done():
                entry.answer.set_result(result)
