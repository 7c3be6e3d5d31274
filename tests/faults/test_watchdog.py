"""The service manager's watchdog: a fusion that dies again and again is no reason to restart the front."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.faults.rig import START_TIMEOUT_S, followed, surroundings

PING = b"WATCHDOG=1"


class ServiceManager:
    """Takes what the node tells systemd."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        self.pings = 0

    def count(self) -> int:
        """Pings so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.pings += self._socket.recv(4096) == PING
        return self.pings

    def close(self) -> None:
        self._socket.close()


async def test_fusion_that_dies_again_and_again_starves_no_watchdog(
    tmp_path: Path, kernels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = ServiceManager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "1500000")
    async with surroundings(tmp_path, cameras=False, broker=False, state=kernels) as rig, followed(rig):
        await rig.start_node()
        await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")
        for _ in range(3):
            await rig.until(lambda: "fusion" in rig.children(), timeout_s=30, what="fusion")
            os.kill(rig.children()["fusion"], signal.SIGKILL)
            before = manager.count()
            await rig.until(lambda before=before: manager.count() >= before + 3, timeout_s=10, what="pings")
        assert rig.state("node") == "ok"
        assert rig.shows_signals()
    manager.close()
