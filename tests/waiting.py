"""Waiting for something another task or process does, with a deadline instead of a guess."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], *, timeout_s: float = 10.0) -> None:
    """Return once `condition` holds.

    Raises:
        TimeoutError: it never did.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition belongs to code that has no event to wait for
            await asyncio.sleep(0.002)
