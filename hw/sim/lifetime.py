"""Simulated devices as programs: they end when the process that started them ends, however that happens."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies (Linux; elsewhere nothing)."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    expected = os.environ.get("EDGE_PARENT_PID")
    if expected is not None and os.getppid() != int(expected):
        os._exit(1)


def run_device(
    parser: argparse.ArgumentParser, serve: Callable[[argparse.Namespace], Coroutine[Any, Any, None]]
) -> int:
    """Run a device until it is interrupted; the exit status."""
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))
    return 0
