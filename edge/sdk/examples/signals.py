"""Signals and road users of one intersection, as they come: `python -m edge.sdk.examples.signals HOST:PORT`."""

from __future__ import annotations

import asyncio
import sys
import time

from edge.sdk import EdgeClient, Layer, SceneUpdate, SignalsUpdate


async def main(address: str) -> None:
    """Print one line an update."""
    async with EdgeClient(address) as client:
        here = await client.intersection()
        offset = await client.clock_offset()
        print(
            f"{here.name}: {len(here.lanes)} lanes; its clock is {offset.offset_ns / 1e6:+.1f} ms from ours"
        )
        async for update in client.watch([Layer.SIGNALS, Layer.SCENE], max_rate_hz=2.0):
            age_ms = (time.time_ns() - update.capture_ns) / 1e6
            if isinstance(update, SignalsUpdate):
                green = [group.signal_group for group in update.groups if group.is_green]
                words = "; ".join(update.reasons) if update.withdrawn else f"green {green}"
                print(f"signals, {age_ms:.0f} ms old: {words}")
            elif isinstance(update, SceneUpdate):
                print(f"scene, {age_ms:.0f} ms old: {len(update.road_users)} road users")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"))
