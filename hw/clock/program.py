"""Asks a small program of the system a question: bounded in time and in length."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from edge.core.errors import DeviceError

TIMEOUT_S = 2.0
LONGEST_ANSWER = 65_536


async def ask(command: Sequence[str], *, device: str, timeout_s: float = TIMEOUT_S) -> tuple[int, str] | None:
    """Exit status and what it printed; None where there is no such program.

    Raises:
        DeviceError: it does not end in time, or cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeviceError(device, f"cannot start {command[0]}: {error.strerror or error}") from error
    assert process.stdout is not None
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _read(process.stdout)
            status = await process.wait()
    except TimeoutError as error:
        raise DeviceError(device, f"{command[0]} does not end within {timeout_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return status, answer.decode("utf-8", "replace")


async def _read(stream: asyncio.StreamReader) -> bytes:
    """All that it prints; what is too long is read and dropped."""
    kept = b""
    while part := await stream.read(LONGEST_ANSWER):
        kept = (kept + part)[:LONGEST_ANSWER]
    return kept
