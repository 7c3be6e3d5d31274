"""The traffic centre as one coroutine: the nodes' uplink, the queries and the page over one registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.access.entrance import Entrance
from edge.centre.archive import SqliteArchive
from edge.centre.picture import CentreRegistry, Pictures
from edge.centre.retention import ArchiveLimits
from edge.centre.server import CentreServer
from edge.centre.state import Registry
from edge.centre.web import Web, split_address


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the centre listens, with the ports that were taken.

    Attributes:
        grpc: `host:port` for nodes and queries.
        web: address of the page.
    """

    grpc: str
    web: str


async def run_centre(
    *,
    grpc_address: str,
    web_address: str,
    ready: Callable[[Addresses], None] | None = None,
    entrance: Entrance | None = None,
    state: Path | None = None,
    history: ArchiveLimits | None = None,
    capacity: int = 256,
) -> None:
    """Serve until cancelled.

    Args:
        grpc_address, web_address: `host:port`; port 0 takes a free one.
        ready: called once, when both are listening.
        entrance: TLS of the gRPC server and who may call it; None: plain text, for loopback.
        state: directory that keeps the nodes' history; None: it is not taken.
        history: how much of it is kept.
        capacity: most nodes that are kept.

    Raises:
        DeviceError: an address or the directory cannot be used.
    """
    registry: CentreRegistry = Registry(capacity=capacity)
    archive = None if state is None else SqliteArchive(state, limits=history)
    credentials, guard = (None, None) if entrance is None else (entrance.credentials, entrance.guard)
    server = CentreServer(grpc_address, registry, archive=archive, credentials=credentials, guard=guard)
    figures = (lambda: None) if archive is None else archive.figures
    web = Web(web_address, Pictures(registry), history=figures)
    try:
        await server.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(web.serve(), name="centre.web")
            if archive is not None:
                group.create_task(archive.run(), name="centre.history")
            for name, run in ({} if entrance is None else entrance.tasks()).items():
                group.create_task(run(), name=name)  # type: ignore[arg-type] # all are coroutine functions
            try:
                if ready is not None:
                    ready(
                        Addresses(
                            _joined(grpc_address, server.port), f"http://{_joined(web_address, web.port)}/"
                        )
                    )
                await asyncio.Event().wait()
            finally:
                await web.stop()
    finally:
        web.close()
        await server.stop()
        if archive is not None:
            await archive.close()


def _joined(address: str, port: int) -> str:
    host = split_address(address)[0]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
