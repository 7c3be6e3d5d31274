"""A bus that asks for its green: `python -m edge.sdk.examples.priority HOST:PORT CERTIFICATES INBOUND_LANE`.

CERTIFICATES is the folder of a certificate that the site file allows, for instance `public_transport = ["bus-*"]` in
`[priority]` and `edge certs issue bus-17 --role vehicle`. The bus is 12 s away, and says so anew each second.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import sys
import time
from collections.abc import AsyncIterator

from edge.sdk import Credentials, EdgeClient, PriorityRequest, PriorityStatus, RefusedError

AWAY_S, PASSING_S = 12, 4
NS = 1_000_000_000


async def main(address: str, certificates: str, lane: int) -> None:
    """Come, pass, and say so."""
    credentials = Credentials.from_folder(certificates)
    arrival_ns = time.time_ns() + AWAY_S * NS
    request = PriorityRequest("example-bus", "public_transport", lane, arrival_ns, duration_s=PASSING_S)
    async with EdgeClient(address, credentials=credentials) as client:
        here = await client.intersection()
        ways = [way for known in here.lanes if known.lane == lane for way in known.connections]
        if not ways:
            sys.exit(f"no way leads into the intersection from lane {lane}")
        request = dataclasses.replace(request, outbound_lane=ways[0].to_lane)
        async with client.request_priority(request) as call:
            told = asyncio.create_task(tell(call.changes()), name="answers")
            for _ in range(AWAY_S + PASSING_S):
                await asyncio.wait((told,), timeout=1.0)
                call.update(request)
            told.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await told


async def tell(changes: AsyncIterator[PriorityStatus]) -> None:
    """Print each answer."""
    async for status in changes:
        lamp = "" if status.signal is None else f"  ({status.signal.state})"
        print(f"{status.state}: {status.reason}{lamp}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    except RefusedError as error:
        sys.exit(str(error))
