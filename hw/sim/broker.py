"""An MQTT broker inside Python (amqtt), for demos on machines without one: `python -m hw.sim.broker 127.0.0.1:1883`."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

from amqtt.broker import Broker

from hw.sim.lifetime import end_with_parent


async def serve(address: str) -> None:
    """Serve until cancelled."""
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": address, "max_connections": 50}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    sys.stdout.write(json.dumps({"ready": True, "address": address}) + "\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await broker.shutdown()


def main() -> None:
    """Entry point of `python -m hw.sim.broker`."""
    end_with_parent()
    asyncio.run(serve(sys.argv[1]))


if __name__ == "__main__":
    main()
