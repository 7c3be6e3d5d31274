"""The demo's processes: started in order, each logging to a file, all ended together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

from edge.core.errors import DeviceError
from edge.flow.child import send_signal

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 6.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody uses at the moment on loopback."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Processes:
    """A group of processes that end when this object closes or this process dies."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Processes:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_error: object) -> None:
        for name in reversed(list(self._running)):
            await self.stop(name)

    def pid(self, name: str) -> int:
        """Process id of a running process."""
        return self._running[name].pid

    async def start(self, name: str, *arguments: str, wait_ready: bool = False) -> dict[str, object]:
        """Start `python <arguments>`; with `wait_ready`, return the JSON line that it prints when ready.

        Raises:
            DeviceError: it ended or was not ready in time; the log's end is in the message.
        """
        with (self._logs / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if wait_ready else log,
                stderr=log,
                env=os.environ | {"EDGE_PARENT_PID": str(os.getpid())},
            )
        self._running[name] = process
        if not wait_ready:
            return {}
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), READY_TIMEOUT_S)
            ready = json.loads(line)
        except (TimeoutError, json.JSONDecodeError) as error:
            raise DeviceError(name, f"did not start: {self.log_tail(name)}") from error
        assert isinstance(ready, dict)
        return ready

    def log_tail(self, name: str) -> str:
        """The end of a process's log."""
        path = self._logs / f"{name}.log"
        return path.read_text(errors="replace")[-600:].strip() if path.exists() else ""

    def ended(self) -> list[str]:
        """Names of processes that have ended."""
        return [name for name, process in self._running.items() if process.returncode is not None]

    async def stop(self, name: str) -> int | None:
        """Ask a process to end, then insist; returns its status."""
        process = self._running.pop(name)
        for sent in (signal.SIGTERM, signal.SIGKILL):
            if process.returncode is not None:
                break
            send_signal(process, sent)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        return process.returncode
