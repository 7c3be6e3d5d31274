"""The node's desk for commands of the centre: one after the other, each judged, answered, audited.

Judging, checking and keeping run on a thread: neither a slow disk nor a large map holds up the lights.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from edge.core.errors import EdgeError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.publish.command_judge import (
    CommandJudge,
    CommandRefusedError,
    Handlers,
    result_of,
)
from edge.v1 import command_pb2
from edge.v1.command_pb2 import (
    COMMAND_OUTCOME_REFUSED,
    COMMAND_REFUSAL_INVALID,
    COMMAND_REFUSAL_UNABLE,
    CommandOutcome,
    CommandRefusal,
    CommandResult,
    SignedCommand,
)

COMPONENT = "commands"
QUEUE_LIMIT = 16
RESULTS_LIMIT = 64
EARLIER_LIMIT = 64
REFUSED_PAUSE_S = 0.1
"""After a refusal: whoever floods the node costs it ten checks a second."""


class Audit(Protocol):
    """Where it is written what became of commands; it bounds and counts by itself."""

    def fact(self, fact: dict[str, object]) -> None:
        """One entry."""
        ...

    def repeatable(self, fact: dict[str, object], key: tuple[str, ...]) -> None:
        """An entry of which many alike are one that counts them."""
        ...

    async def flush(self) -> None:
        """Write what waits."""
        ...


class CommandDesk:
    """Takes commands from the uplink, and has the answers for it.

    Counters: received, applied, staged, refused, refused_<why>, overflow.

    Args:
        clock_is_good: whether this node can tell the time; asked on the event loop.
        answered: called with every answer, on the event loop.
    """

    def __init__(
        self,
        judge: CommandJudge,
        handlers: Handlers,
        *,
        audit: Audit,
        board: HealthBoard,
        clock_is_good: Callable[[], bool],
        answered: Callable[[CommandResult], None] = lambda _result: None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._judge, self._handlers, self._audit, self._board = judge, handlers, audit, board
        self._clock_is_good, self._answered, self._now_ns = clock_is_good, answered, now_ns
        self._queue: asyncio.Queue[SignedCommand] = asyncio.Queue(QUEUE_LIMIT)
        self._results: deque[CommandResult] = deque(maxlen=RESULTS_LIMIT)
        self._counters = board.counters(COMPONENT)
        board.set(COMPONENT, HealthState.OK)

    def offer(self, signed: SignedCommand) -> None:
        """A command has come; never waits. One too many is refused at once."""
        self._counters["received"] += 1
        try:
            self._queue.put_nowait(signed)
        except asyncio.QueueFull:
            self._counters["overflow"] += 1
            reason = f"{QUEUE_LIMIT} commands wait already"
            self._results.append(result_of(signed, "", refusal=COMMAND_REFUSAL_UNABLE, message=reason))

    def take_results(self) -> list[CommandResult]:
        """Answers since the last call."""
        found = list(self._results)
        self._results.clear()
        return found

    async def run(self) -> None:
        """Work off commands for ever."""
        while True:
            result = await self.handle(await self._queue.get())
            if result.outcome == COMMAND_OUTCOME_REFUSED:
                await asyncio.sleep(REFUSED_PAUSE_S)

    async def handle(self, signed: SignedCommand) -> CommandResult:
        """Judge and take one command; whatever it is, there is an answer."""
        now_ns, good = self._now_ns(), self._clock_is_good()
        command, result = await asyncio.to_thread(self._settle, signed, now_ns=now_ns, clock_is_good=good)
        name = CommandOutcome.Name(result.outcome).removeprefix("COMMAND_OUTCOME_").lower()
        why = CommandRefusal.Name(result.refusal).removeprefix("COMMAND_REFUSAL_").lower()
        self._counters[name] += 1
        text = f"{result.command_id or 'a command'} {name}: {result.message}"
        if name == "refused":
            self._counters[f"refused_{why}"] += 1
        self._write(command, result, name, why)
        await self._audit.flush()
        self._board.event(COMPONENT, f"command_{name}", text)
        self._results.append(result)
        self._answered(result)
        return result

    def _settle(
        self, signed: SignedCommand, *, now_ns: int, clock_is_good: bool
    ) -> tuple[command_pb2.Command | None, CommandResult]:
        """On a thread: the command, where it was judged good, and the answer."""
        command: command_pb2.Command | None = None
        try:
            command = self._judge.judge(signed, now_ns=now_ns, clock_is_good=clock_is_good)
            kind = command.WhichOneof("order")
            outcome, message = self._handlers[str(kind)](command)
            result = result_of(signed, command.command_id, outcome, message=message)
        except CommandRefusedError as error:
            result = result_of(
                signed, error.command_id or _named(command), refusal=error.refusal, message=error.reason
            )
        except EdgeError as error:
            result = result_of(signed, _named(command), refusal=COMMAND_REFUSAL_INVALID, message=str(error))
        except OSError as error:
            result = result_of(signed, _named(command), refusal=COMMAND_REFUSAL_UNABLE, message=str(error))
        if command is not None:
            self._remember(command.counter, result)
        return command, result

    def _remember(self, counter: int, result: CommandResult) -> None:
        earlier = self._judge.earlier
        earlier[counter] = f"{CommandOutcome.Name(result.outcome)} {result.message}"
        while len(earlier) > EARLIER_LIMIT:
            del earlier[next(iter(earlier))]

    def _write(
        self, command: command_pb2.Command | None, result: CommandResult, outcome: str, why: str
    ) -> None:
        fact: dict[str, object] = {"method": "command", "outcome": outcome}
        if outcome == "refused":
            fact["kind"] = why
        fact |= {
            "reason": result.message,
            "command_id": result.command_id,
            "order": None if command is None else command.WhichOneof("order"),
            "digest": result.digest.hex(),
        }
        if command is None:  # nothing was used up: anybody may flood with it, with old commands of others too
            self._audit.repeatable(fact, ("command", why, result.command_id))
        else:
            self._audit.fact(fact)


def _named(command: command_pb2.Command | None) -> str:
    return "" if command is None else command.command_id
