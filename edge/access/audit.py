"""The audit log: one JSON object a line for every refusal and every command, bounded in size, safe in a flood.

The first of equal refusals is written at once; those that follow within ten seconds become one line that counts them.
Lines are written by a thread, so that a slow disk delays nobody.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.access.refusal import RefusedCallError
from edge.access.roles import Peer
from edge.access.table import roles_for
from edge.core.health import HealthState
from edge.flow.board import HealthBoard

_log = logging.getLogger(__name__)
COMPONENT = "audit"
WINDOW_S = 10.0
FLUSH_S = 0.5
KINDS = 1000
"""Different refusals that are counted apart; those beyond are counted together, by kind."""
WAITING = 4096
"""Lines that wait for the disk."""
LONGEST_METHOD = 120
Fact = dict[str, object]


@dataclass(slots=True)
class _Repeated:
    """Equal refusals in a window."""

    fact: Fact
    since_s: float
    count: int = 0


class AuditLog:
    """Writes `path`, and keeps its predecessors as `path.1` and on.

    Args:
        path: the newest file, readable for the node's user alone.
        limit_bytes: size at which a file is closed.
        files: how many are kept, the newest included.
        board: `audit` has counters `lines`, `repeated`, `lost`.
    """

    def __init__(
        self,
        path: Path,
        *,
        board: HealthBoard,
        limit_bytes: int = 10_000_000,
        files: int = 5,
        now_ns: Callable[[], int] = time.time_ns,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        if limit_bytes < 1 or files < 1:
            raise ValueError(f"limit {limit_bytes} bytes, {files} files: both must be at least 1")
        self._path, self._limit, self._files = path, limit_bytes, files
        self._board, self._now_ns, self._steady_s = board, now_ns, steady_s
        self._counters = board.counters(COMPONENT)
        self._disk, self._file = asyncio.Lock(), threading.Lock()
        self._lines: deque[str] = deque()
        self._repeated: dict[tuple[str, ...], _Repeated] = {}

    def refusal(self, peer: Peer, method: str, refusal: RefusedCallError) -> None:
        """A call was refused, or ended."""
        fact = _fact(peer, method) | {"outcome": "refused", "kind": refusal.kind, "reason": refusal.reason}
        # A name that the caller made up counts as any other: it shall not buy lines that push out older ones.
        named = str(fact["method"]) if roles_for(method) else ""
        self.repeatable(fact, (peer.key, named, refusal.kind))

    def repeatable(self, fact: Fact, key: tuple[str, ...]) -> None:
        """A refusal as a fact with its `kind`: those of one key within a window are counted in one more line."""
        if key not in self._repeated and len(self._repeated) >= KINDS:
            kind = str(fact["kind"])
            fact, key = {"outcome": "refused", "kind": kind, "peer": "others"}, (kind,)
        known = self._repeated.get(key)
        if known is None:
            self._repeated[key] = _Repeated(fact, self._steady_s())
            self.fact(fact)
            return
        known.count += 1
        self._counters["repeated"] += 1

    def command(self, peer: Peer, method: str, *, outcome: str = "allowed", reason: str = "") -> None:
        """A command was given, or what became of it."""
        fact = _fact(peer, method) | {"outcome": outcome}
        self.fact(fact | {"reason": reason} if reason else fact)

    async def run(self) -> None:
        """Write for ever; what waits is written when it is cancelled."""
        try:
            while True:
                await self.flush()
                await asyncio.sleep(FLUSH_S)
        finally:
            self._close_windows(everything=True)
            lines = self._taken()
            try:
                self._append(lines)
            except OSError as error:
                _log.warning("%d lines of the audit log are lost: %s", len(lines), error)

    async def flush(self) -> None:
        """Write what waits; what was said before is on its way to the disk when this returns, or counted as lost."""
        async with self._disk:
            self._close_windows()
            await self._write(self._taken())

    async def _write(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        try:
            await asyncio.to_thread(self._append, lines)
        except OSError as error:
            self._counters["lost"] += len(lines)
            words = f"cannot write {self._path}: {error.strerror}"
            self._board.set(COMPONENT, HealthState.DEGRADED, words)
            return
        self._counters["lines"] += len(lines)
        self._board.set(COMPONENT, HealthState.OK)

    def fact(self, fact: Fact) -> None:
        """One line, with its time before it."""
        if len(self._lines) >= WAITING:
            self._counters["lost"] += 1
            return
        moment = datetime.fromtimestamp(self._now_ns() / 1e9, UTC).isoformat(timespec="milliseconds")
        self._lines.append(json.dumps({"time": moment} | fact, ensure_ascii=False) + "\n")

    def _close_windows(self, *, everything: bool = False) -> None:
        now_s = self._steady_s()
        over = [k for k, r in self._repeated.items() if everything or now_s - r.since_s >= WINDOW_S]
        for key in over:
            repeated = self._repeated.pop(key)
            if repeated.count:
                seconds = round(now_s - repeated.since_s, 1)
                self.fact(repeated.fact | {"repeated": repeated.count, "within_s": seconds})

    def _taken(self) -> list[str]:
        lines = list(self._lines)
        self._lines.clear()
        return lines

    def _append(self, lines: Sequence[str]) -> None:
        """Runs in a thread; at the end beside one that is still writing. Raises `OSError`."""
        if not lines:
            return
        with self._file:
            self._write_all(lines)

    def _write_all(self, lines: Sequence[str]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(lines).encode(errors="backslashreplace")
        if self._path.exists() and self._path.stat().st_size + len(content) > self._limit:
            self._rotate()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "ab") as file:
            file.write(content)

    def _rotate(self) -> None:
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._files))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        if self._files == 1:
            self._path.unlink(missing_ok=True)


def _fact(peer: Peer, method: str) -> Fact:
    """Who did what; a peer without certificate is known by its host alone."""
    fact: Fact = {"method": method[:LONGEST_METHOD], "host": peer.host}
    if peer.certified:
        fact["fingerprint"] = peer.fingerprint
        fact["names"] = [str(identity) for identity in peer.identities]
    return fact
