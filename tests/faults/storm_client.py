"""A crowd that connects, reads one update, and breaks off.

`python -m tests.faults.storm_client ADDRESS COUNT FOLDER...`: they take turns with the certificates in the folders; the
certificate of an authority instead of a folder stands for one without any. Prints one JSON object: how many were
served, and how many ended with which status.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import grpc

from tests.certificates import OWN_CHANNEL, secure_channel
from tests.unit.publish.feed import SUBSCRIBE

AT_A_TIME = 50
TIMEOUT_S = 20.0


def channel_of(address: str, shown: Path) -> grpc.aio.Channel:
    """A channel with the certificate of a folder; with none where it is an authority's."""
    if shown.is_dir():
        return secure_channel(address, shown)
    return grpc.aio.secure_channel(
        address, grpc.ssl_channel_credentials(shown.read_bytes()), options=OWN_CHANNEL
    )


async def main(address: str, count: int, shown: list[Path]) -> None:
    """Connect `count` times, some at a time."""
    places, ends = asyncio.Semaphore(AT_A_TIME), Counter[str]()

    async def one(number: int) -> None:
        async with places, channel_of(address, shown[number % len(shown)]) as channel:
            try:
                await channel.unary_stream(SUBSCRIBE)(b"", timeout=TIMEOUT_S).read()
                ends["served"] += 1
            except grpc.aio.AioRpcError as error:
                ends[error.code().name] += 1

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number))
    print(json.dumps(ends))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), [Path(each) for each in sys.argv[3:]]))
