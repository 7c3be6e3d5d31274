"""The traffic centre as a process: ends cleanly on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from pathlib import Path

from edge.access.entrance import Entrance
from edge.access.limits import AccessLimits
from edge.app.certificate_folder import files_of
from edge.centre.retention import ArchiveLimits
from edge.centre.run import Addresses, run_centre
from edge.config.address import is_loopback, split_address
from edge.core.errors import ConfigError
from edge.flow.board import HealthBoard

_log = logging.getLogger(__name__)
LIMITS = AccessLimits(calls_per_s=50.0, burst=200, open_calls=100)


def check_addresses(*, grpc: str, web: str, certs: Path | None, allow_plaintext: bool) -> None:
    """Refuse plaintext off loopback, and on loopback where it was not asked for. Raises `ConfigError`."""
    if not _is_local(web):
        remedy = "listen on 127.0.0.1 and put a web server with TLS before it, or use ssh -L"
        raise ConfigError("web", f"{web} is not loopback and the page has no TLS", remedy=remedy)
    if certs is not None:
        return
    if not allow_plaintext:
        remedy = "pass --certs FOLDER (edge certs makes one), or --allow-plaintext for nodes of this machine"
        raise ConfigError("grpc", "there are no certificates, and plaintext is not asked for", remedy=remedy)
    if not _is_local(grpc):
        remedy = "listen on 127.0.0.1, or pass --certs FOLDER (edge certs makes one)"
        raise ConfigError("grpc", f"{grpc} is not loopback and there is no TLS", remedy=remedy)


async def run_centre_process(
    grpc_address: str,
    web_address: str,
    *,
    certs: Path | None = None,
    audit: Path | None = None,
    state: Path | None = None,
    history_mb: float = 20_000,
    history_days: float = 90.0,
) -> int:
    """Run the centre until it is asked to stop; returns the exit status.

    Args:
        certs: folder of its certificates; None: plaintext.
        audit: log of refusals; None: none.
        state: directory that keeps the nodes' history; None: it is not taken.
        history_mb, history_days: how much of it is kept.
    """

    def ready(addresses: Addresses) -> None:
        _log.info("nodes connect to %s, the page is at %s", addresses.grpc, addresses.web)

    entrance = Entrance(
        None if certs is None else files_of(certs),
        board=HealthBoard(now_ns=time.time_ns),
        limits=LIMITS,
        audit=audit,
    )
    work = asyncio.ensure_future(
        run_centre(
            grpc_address=grpc_address,
            web_address=web_address,
            ready=ready,
            entrance=entrance,
            state=state,
            history=ArchiveLimits(round(history_mb * 1e6), round(history_days * 86_400e9)),
        )
    )
    loop = asyncio.get_running_loop()
    for sent in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sent, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        _log.info("centre stopped")
    return 0


def _is_local(address: str) -> bool:
    try:
        return is_loopback(split_address(address)[0])
    except ValueError as error:
        raise ConfigError("address", str(error)) from error
