"""How many updates a subscriber may be sent before it says that it has read some."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from edge.core.errors import EdgeError
from edge.v1 import node_pb2

WINDOW, MOST = 2, 16
SILENCE_S = 120.0
"""A subscriber that has read nothing for so long is let go."""
SAME_S = 0.02
"""After a step that says nothing new, the next is waited with: a flood of them costs next to nothing."""


class Credit:
    """Counts updates that are on the way to one subscriber.

    Args:
        window: updates on the way at most; 0 takes the default.

    Raises:
        ValueError: more than the node allows.
    """

    def __init__(self, window: int = 0) -> None:
        if not 0 <= window <= MOST:
            raise ValueError(f"window {window} must be 0 to {MOST}")
        self._window = window or WINDOW
        self._sent = self._read = 0
        self._problem: ValueError | None = None
        self._room = asyncio.Event()
        self._room.set()

    async def follow(self, steps: AsyncIterator[node_pb2.CreditRequest]) -> None:
        """Take what the subscriber says until it says no more, or what cannot be."""
        try:
            async for step in steps:
                before = self._read
                self._take(step)
                if self._read == before:
                    await asyncio.sleep(SAME_S)
        except ValueError as error:
            self._end(error)
        except EdgeError as error:  # the guard could not read it
            self._end(ValueError(str(error)))

    def _take(self, step: node_pb2.CreditRequest) -> None:
        if step.WhichOneof("step") != "read_count":
            raise ValueError("after the first message only read_count may come")
        self.read(step.read_count)

    def sent(self) -> None:
        """One more is on the way."""
        self._sent += 1
        self._settle()

    def read(self, count: int) -> None:
        """The subscriber has read `count` so far.

        Raises:
            ValueError: fewer than before, or more than were sent.
        """
        if not self._read <= count <= self._sent:
            raise ValueError(f"read_count {count} must be {self._read} to {self._sent}, as many as were read")
        self._read = count
        self._settle()

    async def room(self) -> None:
        """Wait until one more may go.

        Raises:
            ValueError: the subscriber said what cannot be.
            TimeoutError: nothing was read for `SILENCE_S`.
        """
        if not self._room.is_set():
            async with asyncio.timeout(SILENCE_S):
                await self._room.wait()
        if self._problem is not None:
            raise self._problem

    def _end(self, problem: ValueError) -> None:
        self._problem = problem
        self._room.set()

    def _settle(self) -> None:
        if self._sent - self._read < self._window:
            self._room.set()
        else:
            self._room.clear()
