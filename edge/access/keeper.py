"""Keeps the certificates of a server up to date: files that changed are taken over, broken ones are not."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.access.certificates import Material, load_material, to_ns, to_text
from edge.access.tls_files import TlsFiles
from edge.core.errors import ConfigError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard

COMPONENT = "tls"
POLL_S = 0.25
"""A change is taken over after two looks: files that are being written are let alone."""
SOON_NS = 7 * 86_400 * 1_000_000_000
"""A certificate that ends within this time is spoken of."""
Stamp = tuple[tuple[int, int, int], ...]


class Keeper:
    """Certificates of one server, read anew when a file changes.

    Args:
        files: what is watched.
        board: where trouble is told, as component `tls`.

    Attributes:
        material: what is used now.
        generation: counts up with each change.
        on_change: called after each change, in the event loop.

    Raises:
        ConfigError: the files cannot be used at all.
    """

    def __init__(
        self, files: TlsFiles, *, board: HealthBoard, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._files, self._board, self._now_ns = files, board, now_ns
        self._stamp = self._seen = _stamp(files.all)
        self._problem = ""
        self._counters = board.counters(COMPONENT)
        self.on_change: list[Callable[[], None]] = []
        self.generation = 1
        self.material: Material = load_material(files)
        self._tell()

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            await self.look()
            await asyncio.sleep(POLL_S)

    async def look(self) -> None:
        """Take over what has changed, once two looks find it the same."""
        stamp = await asyncio.to_thread(_stamp, self._files.all)
        settled, self._seen = stamp == self._seen, stamp
        if settled and stamp != self._stamp:
            self._stamp = stamp
            await self._reload()
        self._tell()

    async def _reload(self) -> None:
        try:
            self.material = await asyncio.to_thread(load_material, self._files)
        except ConfigError as error:
            self._problem = f"the new files are not used, the old ones are: {error}"
            self._counters["broken"] += 1
            self._board.event(COMPONENT, "certificates_refused", self._problem)
            return
        self._problem = ""
        self.generation += 1
        self._counters["reloaded"] += 1
        for told in self.on_change:
            told()

    def _tell(self) -> None:
        """Health: a problem of the files first, then of time."""
        now_ns, certificate = self._now_ns(), self.material.certificate
        ends_ns, begins_ns = to_ns(certificate.not_valid_after_utc), to_ns(certificate.not_valid_before_utc)
        stale_ns = self.material.trust.stale_after_ns
        if ends_ns < now_ns:
            self._board.set(COMPONENT, HealthState.DOWN, f"the certificate ended on {to_text(ends_ns)}")
        elif begins_ns > now_ns:
            words = f"the certificate begins on {to_text(begins_ns)}: is this clock right?"
            self._board.set(COMPONENT, HealthState.DOWN, words)
        elif self._problem:
            self._board.set(COMPONENT, HealthState.DEGRADED, self._problem)
        elif ends_ns - now_ns < SOON_NS:
            self._board.set(COMPONENT, HealthState.DEGRADED, f"the certificate ends on {to_text(ends_ns)}")
        elif stale_ns is not None and stale_ns < now_ns:
            words = f"the revocation list should have been replaced on {to_text(stale_ns)}"
            self._board.set(COMPONENT, HealthState.DEGRADED, words)
        else:
            self._board.set(COMPONENT, HealthState.OK)


def _stamp(paths: Sequence[Path]) -> Stamp:
    """What changes with a file: inode, size, time; zeros for one that is not there."""
    found = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            found.append((0, 0, 0))
            continue
        found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
