"""Signals along a route, handed over from node to node: `python -m edge.sdk.examples.route HOST:PORT HOST:PORT ...`.

Goes straight from each intersection to the next, from 150 m before the first one on.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator

from edge.sdk import EdgeClient, EdgeClientError, EdgeRoute

STEPS, STEP_S = 20, 0.5
BEFORE_DEG = 150.0 / 111_000.0

Place = tuple[float, float]


def way(places: list[Place]) -> Iterator[Place]:
    """Latitudes and longitudes from place to place."""
    for start, end in itertools.pairwise(places):
        for step in range(STEPS):
            share = step / STEPS
            yield start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


async def main(addresses: list[str]) -> None:
    """Go along the route once."""
    places: list[Place] = []
    for address in addresses:
        async with EdgeClient(address) as client:
            here = await client.intersection()
            places.append((here.latitude_deg, here.longitude_deg))
    first, last = places[0], places[-1]
    turns = [(first[0] - BEFORE_DEG, first[1]), *places, (last[0] + BEFORE_DEG, last[1])]
    async with EdgeRoute([EdgeClient(address) for address in addresses]) as route:
        for latitude_deg, longitude_deg in way(turns):
            client = await route.advance(latitude_deg, longitude_deg)
            try:
                signals = await client.signals()
                shown = (
                    "withdrawn" if signals.withdrawn else f"{sum(g.is_green for g in signals.groups)} green"
                )
            except EdgeClientError as error:
                shown = str(error)
            print(f"{latitude_deg:.5f} {longitude_deg:.5f}: {client.address}: {shown}")
            await asyncio.sleep(STEP_S)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or ["127.0.0.1:50051"]))
