"""Judges a signed command before anything is done: whose it is, for whom, when, and whether it came before.

The order of the checks is from cheap and general to particular; nothing of a payload is believed before its signature.
Pure but for the memory of counters, which is on disk before a command counts as taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import DecodeError

from edge.core.stamp import NS_PER_S
from edge.v1 import command_pb2
from edge.v1.command_pb2 import (
    COMMAND_OUTCOME_REFUSED,
    COMMAND_REFUSAL_EXPIRED,
    COMMAND_REFUSAL_MALFORMED,
    COMMAND_REFUSAL_NODE,
    COMMAND_REFUSAL_NOT_ALLOWED,
    COMMAND_REFUSAL_REPLAYED,
    COMMAND_REFUSAL_SIGNATURE,
    COMMAND_REFUSAL_UNABLE,
)

ID_LIMIT = 64
PAYLOAD_LIMIT = 500_000
LONGEST_MESSAGE = 1000
LONGEST_LIFE_NS = 86_400 * NS_PER_S
AHEAD_NS = 5 * NS_PER_S
"""By so much the sender's clock may be ahead of ours."""
FLOOR = "floor_ns"
"""Beside the names of keys in the file of counters."""
KINDS = ("configuration", "map", "plan_advice")
"""Names of `Command.order`."""

Signer = Callable[[command_pb2.SignedCommand], str | None]
"""Name of the key that has signed; None: no known one."""


class CommandRefusedError(Exception):
    """A command is not taken.

    Args:
        refusal: `CommandRefusal`.
        reason: one sentence for a person.

    Attributes:
        command_id: of the command, once its signature was good.
    """

    def __init__(self, refusal: command_pb2.CommandRefusal, reason: str) -> None:
        self.refusal, self.reason, self.command_id = refusal, reason, ""
        super().__init__(reason)


class CounterMemory:
    """The newest counter of every key, kept over restarts in one small file.

    Where the file is missing or broken nobody knows what came before: then only commands signed after the start of this
    process count, for the life of the new file.

    Args:
        steady_s: a clock that nobody sets, by which the start is known once the other clock is right.
    """

    def __init__(self, path: Path, *, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._path, self._steady_s, self._started_s = path, steady_s, steady_s()
        self._floor_ns: int | None = None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            self._counters = {str(key): int(value) for key, value in values.items()}
            self._floor_ns = self._counters.pop(FLOOR, 0)
        except (OSError, ValueError, AttributeError, TypeError, OverflowError, RecursionError):
            self._counters = {}

    def newest(self, key: str) -> int:
        """The newest counter of a key; 0 none."""
        return self._counters.get(key, 0)

    def floor_ns(self, now_ns: int) -> int:
        """What was signed before this may have come before.

        Args:
            now_ns: of a clock that is right.
        """
        if self._floor_ns is not None:
            return self._floor_ns
        return now_ns - round((self._steady_s() - self._started_s) * NS_PER_S)

    def remember(self, key: str, counter: int, *, now_ns: int) -> None:
        """Keep a counter; it is on disk when this returns. Raises `OSError`."""
        counters, floor_ns = self._counters | {key: counter}, self.floor_ns(now_ns)
        write_synced(self._path, json.dumps(counters | {FLOOR: floor_ns}).encode())
        self._counters, self._floor_ns = counters, floor_ns


def write_synced(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; it survives a power cut. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    with half.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@dataclass(frozen=True, slots=True)
class CommandRules:
    """What a node takes.

    Attributes:
        node_id: its own name.
        kinds: of `KINDS`.
        keys_known: whether the site file names any key.
    """

    node_id: str
    kinds: Collection[str] = KINDS
    keys_known: bool = True


@dataclass(slots=True)
class CommandJudge:
    """Decides whether a command may be looked at.

    Attributes:
        earlier: what became of the newest commands, by counter: for the words of a refusal.
    """

    rules: CommandRules
    signer: Signer
    memory: CounterMemory
    earlier: dict[int, str] = field(default_factory=dict)

    def judge(
        self, signed: command_pb2.SignedCommand, *, now_ns: int, clock_is_good: bool
    ) -> command_pb2.Command:
        """The command, its counter used up.

        Raises:
            CommandRefusedError: it is not taken.
        """
        key = self._signer(signed)
        command = _decoded(signed.payload)
        try:
            self._check(command, key, now_ns=now_ns, clock_is_good=clock_is_good)
        except CommandRefusedError as error:
            error.command_id = command.command_id
            raise
        return command

    def _check(self, command: command_pb2.Command, key: str, *, now_ns: int, clock_is_good: bool) -> None:
        if command.node_id != self.rules.node_id:
            raise CommandRefusedError(COMMAND_REFUSAL_NODE, f"it is for node {command.node_id[:ID_LIMIT]!r}")
        self._check_counter(command, key)
        if not clock_is_good:
            reason = "the clock is not synchronised, so nobody can tell whether it has expired"
            raise CommandRefusedError(COMMAND_REFUSAL_UNABLE, reason)
        if command.issued_ns < self.memory.floor_ns(now_ns):
            reason = "it was signed before this node started, and what came before that is not known here"
            raise CommandRefusedError(COMMAND_REFUSAL_REPLAYED, reason)
        _check_times(command, now_ns)
        kind = command.WhichOneof("order")
        if kind not in self.rules.kinds:
            raise CommandRefusedError(
                COMMAND_REFUSAL_NOT_ALLOWED, f"this site takes no command of kind {kind}"
            )
        try:
            self.memory.remember(key, command.counter, now_ns=now_ns)
        except OSError as error:
            reason = f"its counter cannot be kept: {error.strerror or error}"
            raise CommandRefusedError(COMMAND_REFUSAL_UNABLE, reason) from error

    def _signer(self, signed: command_pb2.SignedCommand) -> str:
        if len(signed.payload) > PAYLOAD_LIMIT:
            reason = f"{len(signed.payload)} octets, at most {PAYLOAD_LIMIT}"
            raise CommandRefusedError(COMMAND_REFUSAL_MALFORMED, reason)
        if not self.rules.keys_known:
            reason = "this site knows no key of a centre: centre.command_keys is empty"
            raise CommandRefusedError(COMMAND_REFUSAL_SIGNATURE, reason)
        key = self.signer(signed)
        if key is None:
            reason = "no key that this site knows has signed these octets"
            raise CommandRefusedError(COMMAND_REFUSAL_SIGNATURE, reason)
        return key

    def _check_counter(self, command: command_pb2.Command, key: str) -> None:
        newest = self.memory.newest(key)
        if command.counter <= newest:
            before = self.earlier.get(command.counter, "")
            reason = f"its counter {command.counter} is not beyond {newest}" + (
                before and f"; before: {before}"
            )
            raise CommandRefusedError(COMMAND_REFUSAL_REPLAYED, reason)


def _decoded(payload: bytes) -> command_pb2.Command:
    try:
        command = command_pb2.Command.FromString(payload)
    except DecodeError as error:
        raise CommandRefusedError(COMMAND_REFUSAL_MALFORMED, "the payload is no command") from error
    identity = command.command_id
    if not identity or len(identity) > ID_LIMIT or not identity.isprintable():
        reason = f"command_id has 1 to {ID_LIMIT} printable characters"
        raise CommandRefusedError(COMMAND_REFUSAL_MALFORMED, reason)
    if command.WhichOneof("order") is None:
        raise CommandRefusedError(COMMAND_REFUSAL_MALFORMED, "it orders nothing that this version knows")
    return command


def _check_times(command: command_pb2.Command, now_ns: int) -> None:
    issued_ns, expires_ns = command.issued_ns, command.expires_ns
    reason = ""
    if now_ns > expires_ns:
        reason = f"it expired {(now_ns - expires_ns) / NS_PER_S:.1f} s ago"
    elif issued_ns > now_ns + AHEAD_NS:
        reason = f"it is of the future, by {(issued_ns - now_ns) / NS_PER_S:.1f} s"
    elif expires_ns - issued_ns > LONGEST_LIFE_NS:
        reason = "it is valid for more than a day"
    if reason:
        raise CommandRefusedError(COMMAND_REFUSAL_EXPIRED, reason)


def result_of(
    signed: command_pb2.SignedCommand,
    command_id: str,
    outcome: command_pb2.CommandOutcome = COMMAND_OUTCOME_REFUSED,
    *,
    refusal: command_pb2.CommandRefusal | None = None,
    message: str = "",
) -> command_pb2.CommandResult:
    """The answer to a command."""
    return command_pb2.CommandResult(
        command_id=command_id,
        digest=hashlib.sha256(signed.payload).digest(),
        outcome=outcome,
        refusal=refusal,
        message=message[:LONGEST_MESSAGE],
    )


Handlers = Mapping[str, Callable[[command_pb2.Command], tuple[command_pb2.CommandOutcome, str]]]
"""By kind: check and take a command; outcome and words. They raise `CommandRefusedError`, and run on a thread."""
