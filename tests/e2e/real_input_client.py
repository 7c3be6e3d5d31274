"""A vehicle's program in a process of its own: prints every update of a node as one JSON line.

`python -m tests.e2e.real_input_client HOST:PORT`; ends when it is terminated or nobody reads any more.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys

from edge.sdk import EdgeClient, Layer


async def _main(address: str) -> None:
    layers = (Layer.SIGNALS, Layer.SCENE, Layer.HEALTH)
    async with EdgeClient(address) as client:
        async for update in client.watch(layers):
            print(json.dumps({"type": type(update).__name__} | dataclasses.asdict(update)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
