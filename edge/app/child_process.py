"""What the fusion process and the camera processes have in common: the link to the front, health, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable

from edge.app.log_format import log_format
from edge.core.health import Event
from edge.flow.board import HealthBoard
from edge.flow.child import die_with_parent
from edge.flow.link import Kind, Link
from edge.flow.pack import pack

HEALTH_PERIOD_S = 1.0
CLOSE_TIMEOUT_S = 0.2


class ChildProcess:
    """A child's board and link; `run` serves until the parent closes the link or asks to stop."""

    def __init__(self) -> None:
        self.board = HealthBoard(now_ns=time.time_ns)
        self.board.on_event = self._send_event
        self._link: Link | None = None

    def send(self, kind: Kind, payload: bytes) -> None:
        """Send to the front."""
        if self._link is not None:
            self._link.send(kind, payload)

    def _send_event(self, event: Event) -> None:
        self.send(Kind.EVENT, pack(event))

    def report(self) -> None:
        """Send the health of every component."""
        for health in self.board.snapshot():
            self.send(Kind.HEALTH, pack(health))

    async def run(
        self, *, receive: Callable[[Kind, bytes], None], work: Callable[[], Awaitable[None]]
    ) -> None:
        """Serve the link and work."""
        link = self._link = await Link.from_environment()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(link.run_writer(), name="link writer"),
                    group.create_task(self._report_health(), name="health"),
                    group.create_task(_awaited(work()), name="work"),
                    group.create_task(_serve(link, receive), name="link reader"),
                ]
                for sent in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(sent, _cancel, tasks)
                tasks[-1].add_done_callback(lambda _task: _cancel(tasks))
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link.close(), CLOSE_TIMEOUT_S)

    async def _report_health(self) -> None:
        while True:
            self.report()
            await asyncio.sleep(HEALTH_PERIOD_S)


def prepare_child() -> None:
    """First thing in every child: end with the parent and log to its standard error."""
    die_with_parent()
    logging.basicConfig(level=os.environ.get("EDGE_LOG_LEVEL", "INFO"), format=log_format())


async def _serve(link: Link, receive: Callable[[Kind, bytes], None]) -> None:
    async for kind, payload in link.messages():
        receive(kind, payload)


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
