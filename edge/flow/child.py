"""Child processes that live and die with the parent, restarted within a budget, each behind one link."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.flow.link import Kind, Link
from edge.flow.supervise import Backoff, Budget, RestartCounter, strict

_log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # prctl(2)
GRACE_S = 0.3
STOP_TIMEOUT_S = 3.0
WORK = frozenset({Kind.DETECTIONS, Kind.SCENE, Kind.LAMPS})
"""A child that has sent one of these is at work."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start a child.

    Attributes:
        name: component name, e.g. `camera.north`.
        module: run as `python -m module`.
        arguments: command line of the module.
        nice: added niceness; cameras yield to the lights.
        environment: added to the parent's environment.
        owns: further components of its own, e.g. the cameras of a group; all that is below them is.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    nice: int = 0
    environment: tuple[tuple[str, str], ...] = ()
    owns: tuple[str, ...] = ()


def die_with_parent() -> None:
    """Called first by every child: the kernel kills it when the parent dies, however that happens."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ.get("EDGE_PARENT_PID", os.getppid())):
        os._exit(1)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a child that runs may say nothing; each sends its health once a second.

    Attributes:
        starting, working: ticks of the parent's loop, before and since its first work; loading a network may take long.
        tick_s: length of a tick. A parent that stood still itself has not lived through the ticks.
    """

    starting: int = 300
    working: int = 10
    tick_s: float = 1.0


class Child:
    """Keeps one child process running.

    Attributes:
        attended_s: when this supervisor last started it, or watched it run; monotonic seconds.
    """

    def __init__(
        self,
        spec: ChildSpec,
        *,
        board: HealthBoard,
        receive: Callable[[Kind, bytes], None],
        backoff: Backoff | None = None,
        budget: Budget | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.spec = spec
        self._patience, self._quiet, self._works = patience or Patience(), 0, False
        self._board, self._receive = board, receive
        self._backoff = backoff or Backoff(first_s=0.2, limit_s=5.0)
        self._restarts = RestartCounter(budget or Budget())
        self.attended_s = 0.0
        self.link: Link | None = None
        self.process: asyncio.subprocess.Process | None = None

    def send(self, kind: Kind, payload: bytes) -> None:
        """Send to the child; counted as dropped while it is down."""
        if self.link is None:
            self._board.counters(self.spec.name)["undelivered"] += 1
            return
        self.link.send(kind, payload)

    async def run(self) -> None:
        """Run until cancelled: start, serve, restart."""
        loop, source, attempt = asyncio.get_running_loop(), random.Random(), 0  # noqa: S311 - jitter
        name = self.spec.name
        while True:
            self._board.set(name, HealthState.STARTING, "starting")
            self.attended_s = started = loop.time()
            ended = await self._attempt()
            self._board.counters(name)["restarts"] += 1
            self._board.set(name, HealthState.DOWN, ended)
            for component in (name, *self.spec.owns):
                self._board.forget(component + ".", message="its process is gone")
            self._board.event(name, "child_exited", f"{ended}, restarting")
            attempt = 0 if loop.time() - started > 10.0 else attempt + 1
            rest_s = self._restarts.spend(loop.time())
            await asyncio.sleep(max(rest_s, self._backoff.pause_s(attempt, source=source)))

    async def _attempt(self) -> str:
        """Start and serve once; returns how it ended."""
        try:
            return f"process ended ({_status_text(await self._run_once())})"
        except OSError as error:  # no process, no descriptor, no memory to be had now
            return f"cannot start a process: {error.strerror or error}"

    async def _run_once(self) -> int | None:
        with contextlib.ExitStack() as stack:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            stack.callback(ours.close)
            with theirs:
                process = await self._start(theirs)
            self.process = process
            try:
                link = await Link.from_socket(ours)
            except BaseException:
                await _stop(process)
                raise
            stack.pop_all()  # the link closes it
        self._board.counters(self.spec.name)["started"] += 1
        self.link = link
        try:
            await self._converse(link)
        finally:
            self.link = None
            await link.close()
            await _stop(process)
            self.process = None
        return process.returncode

    async def _start(self, theirs: socket.socket) -> asyncio.subprocess.Process:
        environment = os.environ | dict(self.spec.environment)
        environment |= {"EDGE_LINK_FD": str(theirs.fileno()), "EDGE_PARENT_PID": str(os.getpid())}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self.spec.module,
            *self.spec.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            env=environment,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
        if self.spec.nice:
            make_nice(process.pid, self.spec.nice)
        return process

    async def _converse(self, link: Link) -> None:
        """Until one direction of the link is lost, the child breaks it, or falls silent."""
        name = self.spec.name
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._serve(link), name=f"{name} reader")
            writer = group.create_task(link.run_writer(), name=f"{name} writer")
            watch = group.create_task(self._watch_silence(), name=f"{name} watch")
            tasks = (reader, writer, watch)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if writer.done():
                await asyncio.wait((reader,), timeout=GRACE_S)  # its last words
            for task in tasks:
                task.cancel()

    async def _watch_silence(self) -> None:
        """Return when the child has said nothing for too many ticks."""
        self._quiet, self._works, patience = 0, False, self._patience
        while self._quiet < (patience.working if self._works else patience.starting):
            await asyncio.sleep(patience.tick_s)
            self._quiet += 1
            self.attended_s = asyncio.get_running_loop().time()
        self._board.event(self.spec.name, "child_silent", f"nothing heard for {self._quiet} s")

    async def _serve(self, link: Link) -> None:
        first = True
        try:
            async for kind, payload in link.messages():
                if first:
                    self._board.set(self.spec.name, HealthState.OK)
                    first = False
                self._quiet, self._works = 0, self._works or kind in WORK
                self._receive(kind, payload)
        except CodecError as error:
            self._board.event(self.spec.name, "link_broken", str(error))
        except Exception as error:
            if strict():
                raise
            _log.exception("%s: bug", self.spec.name)
            self._board.counters(self.spec.name)["bugs"] += 1
            self._board.event(self.spec.name, "bug", f"{type(error).__name__}: {error}")


def make_nice(pid: int, nice: int) -> None:
    """Give a process a niceness, unless it has a higher one already: only root could take that back."""
    with contextlib.suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, pid, max(nice, os.getpriority(os.PRIO_PROCESS, pid)))


def send_signal(process: asyncio.subprocess.Process, sent: signal.Signals) -> None:
    """Signal a process that may have ended a moment ago.

    The method of the process would collect the status of one that has, and asyncio then reports 255 in its place.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, sent)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Give it a moment to end by itself, then ask, then insist."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), GRACE_S)
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        send_signal(process, sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)


def _status_text(status: int | None) -> str:
    if status is None:
        return "unknown status"
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
