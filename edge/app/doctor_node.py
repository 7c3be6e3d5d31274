"""What the running node says of itself, for `edge doctor` beside it: it holds the ports that the doctor would try."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from edge.app.verdict import Verdict
from edge.config import SiteConfig
from edge.config.address import split_address
from edge.core.errors import ConfigError
from edge.sdk import ComponentHealth, Credentials, EdgeClient, EdgeClientError, HealthUpdate, Layer

_log = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 3.0
LONGEST_COUNTED = 12
"""Counters that are told; more help nobody."""
_VERDICTS = {"ok": Verdict.GOOD, "starting": Verdict.ODD, "degraded": Verdict.ODD, "down": Verdict.BAD}
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens on any address is asked on loopback


@dataclass(frozen=True, slots=True)
class RunningNode:
    """Health of a node that runs, by component."""

    components: Mapping[str, ComponentHealth]

    def word(self, component: str, *, remedy: str = "") -> tuple[Verdict, str]:
        """What it says of one component, and what to do when that is not well."""
        found = self.components.get(component)
        if found is None:
            return Verdict.ODD, "the running node does not know it: restart the node with this site file"
        verdict = _VERDICTS.get(found.state, Verdict.ODD)
        text = f"the running node says: {found.message or found.state}{_counted(found)}"
        return verdict, f"{text}; {remedy}" if remedy and verdict is Verdict.BAD else text


def _counted(health: ComponentHealth) -> str:
    counted = [f"{name} {count}" for name, count in sorted(health.counters.items()) if count]
    return f" (counted: {', '.join(counted[:LONGEST_COUNTED])})" if counted else ""


async def running_node(site: SiteConfig) -> RunningNode | None:
    """The node of this site, where it runs and answers; None where nothing, or something else, is on its gRPC port."""
    host, port = split_address(site.grpc.listen)
    host = _ANY.get(host, host)
    if not await asyncio.to_thread(_listens, host, port):
        return None
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        async with (
            asyncio.timeout(ANSWER_TIMEOUT_S),
            EdgeClient(address, credentials=_own(site), timeout_s=ANSWER_TIMEOUT_S) as client,
        ):
            intersection = await client.intersection()
            return RunningNode(await _health(client)) if intersection.node_id == site.site.id else None
    except (TimeoutError, EdgeClientError) as error:
        _log.debug("%s is no node that answers: %s", address, error)
        return None


def _own(site: SiteConfig) -> Credentials | None:
    """The node's own certificate, under the name that it has in it; None: plaintext, or it cannot be used."""
    if site.tls is None or site.grpc.allow_plaintext:
        return None
    from edge.access.certificates import host_names, load_material  # noqa: PLC0415 - only where there is TLS

    try:
        names = host_names(load_material(site.tls.files).certificate)
    except ConfigError:
        return None  # the check of the certificate says what is wrong
    name = next(iter(names), "")
    return Credentials(site.tls.authority, site.tls.certificate, site.tls.key, server_name=name)


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
        return True
    return False


async def _health(client: EdgeClient) -> dict[str, ComponentHealth]:
    async with contextlib.aclosing(client.watch([Layer.HEALTH])) as updates:
        async for update in updates:
            if isinstance(update, HealthUpdate):
                return {health.component: health for health in update.components}
    return {}
