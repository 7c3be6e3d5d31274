"""Several intersections one after the other: the client of the one ahead, handed over on the way."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from edge.sdk.client import EdgeClient
from edge.sdk.errors import EdgeClientError
from edge.sdk.intersection import Intersection

_EARTH_M = 6_371_000.0
PASSED_M = 15.0
"""So much farther away than it once was, an intersection lies behind."""


class EdgeRoute:
    """The nodes along a route, in the order in which they are passed.

    The client of the intersection ahead and of the one after it are open; those that lie behind are closed. A stream
    that is to go on over the hand-over is opened at the new client by whoever reads it.

    Args:
        clients: one per intersection; each is entered and left by the route.
    """

    def __init__(self, clients: Sequence[EdgeClient]) -> None:
        if not clients:
            raise ValueError("a route has at least one intersection")
        self._clients = list(clients)
        self._places: dict[int, Intersection] = {}
        self._open: set[int] = set()
        self._at, self._nearest_m = 0, math.inf

    async def __aenter__(self) -> Self:
        await self._settle()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for index in sorted(self._open):
            await self._clients[index].__aexit__(None, None, None)
        self._open.clear()

    @property
    def ahead(self) -> EdgeClient:
        """Client of the intersection ahead; the last one stays when it is passed."""
        return self._clients[self._at]

    async def advance(self, latitude_deg: float, longitude_deg: float) -> EdgeClient:
        """Where the vehicle is now: hands over when it has passed the intersection ahead.

        It is passed once the vehicle is farther from it than it was, or nearer to the next one. An intersection whose
        node does not answer cannot be placed; it is passed when a later one is the nearest.
        """
        away_m = {
            index: _distance_m(place, latitude_deg, longitude_deg)
            for index in range(self._at, min(self._at + 2, len(self._clients)))
            if (place := await self._place(index)) is not None
        }
        here_m, next_m = away_m.get(self._at, math.inf), away_m.get(self._at + 1, math.inf)
        self._nearest_m = min(self._nearest_m, here_m)
        passed = math.isfinite(here_m) and here_m > self._nearest_m + PASSED_M
        if self._at + 1 < len(self._clients) and (passed or next_m < here_m):
            self._at, self._nearest_m = self._at + 1, next_m
            await self._settle()
        return self.ahead

    async def _place(self, index: int) -> Intersection | None:
        """Where an intersection is; None while its node does not answer."""
        if index not in self._places and index in self._open:
            with contextlib.suppress(EdgeClientError, TimeoutError):
                async with asyncio.timeout(1.0):
                    self._places[index] = await self._clients[index].intersection()
        return self._places.get(index)

    async def _settle(self) -> None:
        """Open the one ahead and the next, close what lies behind."""
        wanted = set(range(self._at, min(self._at + 2, len(self._clients))))
        for index in sorted(wanted - self._open):
            await self._clients[index].__aenter__()
        for index in sorted(self._open - wanted):
            await self._clients[index].__aexit__(None, None, None)
        self._open = wanted


def _distance_m(place: Intersection, latitude_deg: float, longitude_deg: float) -> float:
    """Distance on the sphere, good to a part in a thousand at street length."""
    north = math.radians(latitude_deg - place.latitude_deg)
    east = math.radians(longitude_deg - place.longitude_deg) * math.cos(math.radians(latitude_deg))
    return _EARTH_M * math.hypot(north, east)
