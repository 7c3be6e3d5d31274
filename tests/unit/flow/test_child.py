"""Child processes: a signal that comes too late changes nothing."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from edge.flow.child import send_signal


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
