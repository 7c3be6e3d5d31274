"""Child processes: a signal that comes too late changes nothing, and a nicer node keeps its niceness."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from edge.flow.child import make_nice, send_signal


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
async def test_a_signal_to_one_that_has_just_been_killed_leaves_its_status(sent: signal.Signals) -> None:
    for _ in range(10):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import time; print(flush=True); time.sleep(60)",
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        await process.stdout.readline()
        send_signal(process, signal.SIGKILL)
        send_signal(process, sent)
        assert await asyncio.wait_for(process.wait(), 10.0) == -signal.SIGKILL
        send_signal(process, sent)


@pytest.mark.parametrize(("started", "asked", "kept"), [(19, 5, 19), (0, 19, 19)])
def test_a_child_is_made_nicer_never_less_nice(started: int, asked: int, kept: int) -> None:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        os.setpriority(
            os.PRIO_PROCESS, process.pid, max(started, os.getpriority(os.PRIO_PROCESS, process.pid))
        )
        make_nice(process.pid, asked)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == kept
        process.communicate(b"\n", timeout=30)
