"""The traffic centre as a process: ends cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path

from edge.centre.run import Addresses, run_centre
from edge.config.address import is_loopback, split_address
from edge.core.errors import ConfigError

_log = logging.getLogger(__name__)


def check_addresses(*addresses: str) -> None:
    """Refuse plaintext off loopback. Raises `ConfigError`."""
    for address in addresses:
        try:
            host, _port = split_address(address)
        except ValueError as error:
            raise ConfigError("address", str(error)) from error
        if not is_loopback(host):
            raise ConfigError(
                "address",
                f"{address} is not loopback and there is no TLS yet",
                remedy="listen on 127.0.0.1, or pass --allow-plaintext on a closed network",
            )


async def run_centre_process(*, grpc_address: str, web_address: str, state: Path | None = None) -> int:
    """Run the centre until it is asked to stop; returns the exit status."""

    def ready(addresses: Addresses) -> None:
        _log.info("nodes connect to %s, the page is at %s", addresses.grpc, addresses.web)

    work = asyncio.ensure_future(
        run_centre(grpc_address=grpc_address, web_address=web_address, ready=ready, state=state)
    )
    loop = asyncio.get_running_loop()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        _log.info("centre stopped")
    return 0
