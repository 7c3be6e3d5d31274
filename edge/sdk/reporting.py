"""A vehicle's own word, sent as it comes, and the newest of it after each reconnection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

from edge.sdk.vehicle import VehicleState, report_message
from edge.v1 import vehicle_pb2


class Reports:
    """The newest state of a vehicle; what was not sent in time is left out.

    Attributes:
        ended: there will be no more.
    """

    def __init__(self) -> None:
        self.ended = False
        self._newest: vehicle_pb2.VehicleReport | None = None
        self._news = asyncio.Event()
        self._problem: Exception | None = None

    async def follow(self, states: AsyncIterable[VehicleState]) -> None:
        """Keep the newest until there are no more. What the iterable raises, `messages` raises."""
        try:
            async for state in states:
                self._newest = report_message(state)
                self._news.set()
        except Exception as error:
            self._problem = error
        finally:
            self.ended = True
            self._news.set()

    def check(self) -> None:
        """Raise what the caller's iterable raised."""
        if self._problem is not None:
            raise self._problem

    async def messages(self) -> AsyncIterator[vehicle_pb2.VehicleReport]:
        """For one call: each newest state once."""
        while True:
            await self._news.wait()
            self._news.clear()
            newest, self._newest = self._newest, None
            if newest is not None:
                yield newest
            if self.ended:
                self._news.set()
                return
