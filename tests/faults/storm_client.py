"""A crowd that connects, reads one update, and breaks off: `python -m tests.faults.storm_client ADDRESS FOLDER COUNT`.

Prints one JSON object: how many were served, and how many ended with which status.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import grpc

from tests.certificates import secure_channel
from tests.unit.publish.feed import SUBSCRIBE

AT_A_TIME = 50
TIMEOUT_S = 20.0


async def main(address: str, folder: Path, count: int) -> None:
    """Connect `count` times, some at a time."""
    places, ends = asyncio.Semaphore(AT_A_TIME), Counter[str]()

    async def one() -> None:
        async with places, secure_channel(address, folder) as channel:
            try:
                await channel.unary_stream(SUBSCRIBE)(b"", timeout=TIMEOUT_S).read()
                ends["served"] += 1
            except grpc.aio.AioRpcError as error:
                ends[error.code().name] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())
    print(json.dumps(ends))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
