"""The traffic centre as a process: ends cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import logging
import signal

from edge.centre.run import Addresses, run_centre

_log = logging.getLogger(__name__)


async def run_centre_process(*, grpc_address: str, web_address: str) -> int:
    """Run the centre until it is asked to stop; returns the exit status."""

    def ready(addresses: Addresses) -> None:
        _log.info("nodes connect to %s, the page is at %s", addresses.grpc, addresses.web)

    work = asyncio.ensure_future(run_centre(grpc_address=grpc_address, web_address=web_address, ready=ready))
    loop = asyncio.get_running_loop()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        _log.info("centre stopped")
    return 0
