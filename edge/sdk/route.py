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
LOOK = 4
"""Intersections beyond the one ahead that are open at most: more than one while nodes do not answer."""
PATIENCE_S = 1.0
"""For the first answer of a node; later ones are not waited for."""


class EdgeRoute:
    """The nodes along a route, in the order in which they are passed.

    The client of the intersection ahead and those up to the next one that answers are open; those that lie behind are
    closed, and streams from them end with `EdgeClientError`: who reads one opens the next at the client ahead.

    Args:
        clients: one per intersection; each is entered and left by the route.
    """

    def __init__(self, clients: Sequence[EdgeClient]) -> None:
        if not clients:
            raise ValueError("a route has at least one intersection")
        self._clients = list(clients)
        self._places: dict[int, Intersection] = {}
        self._open: set[int] = set()
        self._asking: dict[int, asyncio.Task[None]] = {}
        self._asked: set[int] = set()
        self._at, self._nearest_m = 0, math.inf

    async def __aenter__(self) -> Self:
        await self._settle()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for index in sorted(self._open):
            await self._close(index)

    @property
    def ahead(self) -> EdgeClient:
        """Client of the intersection ahead; the last one stays when it is passed."""
        return self._clients[self._at]

    async def advance(self, latitude_deg: float, longitude_deg: float) -> EdgeClient:
        """Where the vehicle is now: hands over when it has passed the intersection ahead.

        It is passed once the vehicle is farther from it than it was, or nearer to a later one. An intersection whose
        node does not answer cannot be placed; it is passed when a later one is the nearest. Silent nodes hold up the
        first call for a second, and no later one.
        """
        await self._ask()
        away_m = {
            index: _distance_m(self._places[index], latitude_deg, longitude_deg)
            for index in sorted(self._open)
            if index in self._places
        }
        here_m = away_m.pop(self._at, math.inf)
        self._nearest_m = min(self._nearest_m, here_m)
        later = min(away_m, key=lambda index: away_m[index], default=self._at)
        if away_m and away_m[later] < here_m:
            self._at, self._nearest_m = later, away_m[later]
        elif math.isfinite(here_m) and here_m > self._nearest_m + PASSED_M:
            self._at = min(self._at + 1, len(self._clients) - 1)
            self._nearest_m = away_m.get(self._at, math.inf)
        await self._settle()
        return self.ahead

    async def _ask(self) -> None:
        """Ask where intersections are that nobody knows of yet; wait for those that are asked the first time."""
        for index in self._open - self._places.keys() - self._asking.keys():
            self._asking[index] = asyncio.create_task(self._place(index), name=f"place of {index}")
        first = [task for index, task in self._asking.items() if index not in self._asked]
        self._asked |= self._asking.keys()
        if first:
            await asyncio.wait(first, timeout=PATIENCE_S)

    async def _place(self, index: int) -> None:
        try:
            with contextlib.suppress(EdgeClientError):
                self._places[index] = await self._clients[index].intersection()
        finally:
            self._asking.pop(index, None)

    async def _settle(self) -> None:
        """Open the one ahead, the next and, while those are silent, further ones; close what lies behind."""
        last = min(self._at + LOOK, len(self._clients) - 1)
        ahead = range(self._at + 1, last + 1)
        until = next((index for index in ahead if index not in self._asked or index in self._places), last)
        wanted = set(range(self._at, until + 1))
        for index in sorted(wanted - self._open):
            await self._clients[index].__aenter__()
            self._open.add(index)
        for index in sorted(self._open - wanted):
            await self._close(index)

    async def _close(self, index: int) -> None:
        self._open.discard(index)
        asking = self._asking.get(index)
        if asking is not None:
            asking.cancel()
            await asyncio.wait([asking])
        await self._clients[index].__aexit__(None, None, None)


def _distance_m(place: Intersection, latitude_deg: float, longitude_deg: float) -> float:
    """Distance on the sphere, good to a part in a thousand at street length."""
    north = math.radians(latitude_deg - place.latitude_deg)
    east = math.radians(longitude_deg - place.longitude_deg) * math.cos(math.radians(latitude_deg))
    return _EARTH_M * math.hypot(north, east)
