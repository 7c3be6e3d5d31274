"""A node behind TLS, its authority, and clients with certificates of every kind, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc

from edge.access.entrance import Entrance
from edge.access.limits import AccessLimits
from edge.access.pki import Pki
from edge.access.roles import Role
from edge.access.tls_files import TlsFiles
from edge.app.certificate_folder import files_of
from edge.app.front_priority import PriorityDesk
from edge.flow.board import HealthBoard
from edge.publish.grpc_server import IntersectionServer
from edge.publish.hub import Hub
from edge.publish.priority import PriorityStreams
from edge.publish.vehicles import VehicleStreams
from edge.wire.intersection import to_intersection
from tests.unit.publish.feed import FRAME, corner

HOSTS = ("localhost", "127.0.0.1")
OWN_CHANNEL = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))


class Authority:
    """A development PKI in a directory, with a certificate for a node."""

    def __init__(self, directory: Path, *, node: str = "corner-1") -> None:
        self.folder, self.node = directory, node
        Pki.create(directory)
        Pki(directory).issue(node, roles=[Role.RSU], hosts=HOSTS, server=True, days=None)

    def issue(self, name: str, *roles: Role, server: bool = False, age: timedelta = timedelta(0)) -> Path:
        """A certificate that was issued `age` ago; negative: it will be."""
        serves = server or bool({Role.RSU, Role.CENTRE} & set(roles))
        pki = Pki(self.folder, now=datetime.now(UTC) - age)
        return pki.issue(name, roles=roles, hosts=HOSTS if serves else (), server=server, days=1)

    def ending_soon(self, name: str, *roles: Role, in_s: float) -> Path:
        """A certificate that ends within seconds."""
        return self.issue(name, *roles, age=timedelta(days=1, seconds=-in_s))

    def revoke(self, name: str) -> None:
        """Revoke it, in the list of the node too."""
        Pki(self.folder).revoke(name)

    @property
    def files(self) -> TlsFiles:
        """The node's."""
        return files_of(self.folder / self.node)


class Guarded:
    """A node's server behind TLS.

    Attributes:
        hub, board, server, entrance: its parts.
        audit: path of the audit log.
        priority: streams of requests for priority; None: they are not taken.
    """

    def __init__(
        self,
        authority: Authority,
        hub: Hub,
        *,
        audit: Path,
        limits: AccessLimits | None = None,
        vehicles: VehicleStreams | None = None,
        priority: PriorityDesk | None = None,
    ) -> None:
        self.hub, self.audit = hub, audit
        self.board = HealthBoard(now_ns=time.time_ns)
        self.entrance = Entrance(authority.files, board=self.board, limits=limits, audit=audit)
        streams = None if priority is None else PriorityStreams(priority, audit=self.entrance.log)
        if priority is not None and streams is not None:
            priority.on_step = streams.stepped
        self.priority = streams
        self.server = IntersectionServer(
            hub,
            intersection=to_intersection(corner(), node_id="corner-1", sensors=[]),
            frame=FRAME,
            listen="127.0.0.1:0",
            credentials=self.entrance.credentials,
            guard=self.entrance.guard,
            vehicles=vehicles,
            priority=streams,
        )

    @property
    def counters(self) -> dict[str, int]:
        """What the guard counted."""
        return self.entrance.guard.counters

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve with its watches running; the address."""
        async with self.server.serving(grace_s=0.2):
            runs = [asyncio.ensure_future(run()) for run in self.entrance.tasks().values()]
            try:
                yield self.server.address
            finally:
                for run in runs:
                    run.cancel()
                await asyncio.gather(*runs, return_exceptions=True)


def secure_channel(
    address: str, folder: Path, *, options: Sequence[tuple[str, int]] = OWN_CHANNEL
) -> grpc.aio.Channel:
    """A channel of the client whose certificates a folder holds."""
    files = files_of(folder)
    content = (files.authority, files.key, files.certificate)
    credentials = grpc.ssl_channel_credentials(*(path.read_bytes() for path in content))
    return grpc.aio.secure_channel(address, credentials, options=options)
