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
        """For one call: the newest state, and each after it. An earlier call gets nothing more."""
        self._news.set()
        news = self._news = asyncio.Event()
        sent: vehicle_pb2.VehicleReport | None = None
        while news is self._news:
            news.clear()
            if self._newest is not None and self._newest is not sent:
                sent = self._newest
                yield sent
            elif self.ended:
                return
            else:
                await news.wait()
