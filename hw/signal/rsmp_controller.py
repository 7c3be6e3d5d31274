"""RSMP supervisor on a TCP port: the signal controller connects to us."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from edge.core.errors import DeviceError
from edge.core.signals import SignalSnapshot
from hw.signal.rsmp import DEFAULT_PORT
from hw.signal.rsmp_session import RsmpSession, RsmpSettings
from hw.signal.snapshots import SnapshotQueue
from hw.tcp import SessionLink

_log = logging.getLogger(__name__)
MAX_CONNECTIONS = 8
"""Connections at once: the site's, the one that it replaces, and some strangers'."""


class RsmpController:
    """`SignalController` that waits for its site.

    One site at a time. A new connection of the same site replaces the old one, which may be half open; another site
    is refused. A stranger that never finishes the handshake disturbs nobody and gives way to the next connection.

    Counters: those of `RsmpSession` and `SessionLink`, connections, replaced (by a new connection of the same
    site), lost (connections that ended), crowded_out (a stranger made way), dropped.

    Args:
        host, port: local address to listen on.
        settings: how the site is talked to.
        site_id: the site; None: the first that comes, for as long as this object lives.
        senders: addresses that may connect; None: any.
        capacity: snapshots that may wait; beyond it the oldest is dropped.

    Attributes:
        address: what it listens on while open.
        last_end: why the newest connection ended, for a person.
    """

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        settings: RsmpSettings,
        site_id: str | None = None,
        senders: frozenset[str] | None = None,
        capacity: int = 8,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._host, self._port, self._settings = host, port, settings
        self._site_id, self._senders, self._capacity, self._now_ns = site_id, senders, capacity, now_ns
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters
        self.address: tuple[str, int] | None = None
        self.last_end = ""
        self._links: list[SessionLink] = []

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Listen and iterate. Raises `DeviceError` when the port cannot be bound."""
        name = self._settings.intersection.name
        queue = SnapshotQueue(self._counters, capacity=self._capacity)
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: self._link(queue), self._host, self._port)
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise DeviceError(name, f"cannot listen on {where}: {error.strerror or error}") from error
        try:
            bound = server.sockets[0].getsockname()
            self.address = (bound[0], bound[1])
            yield queue
        finally:
            server.close()
            for link in self._links:
                link.abort()
            self._links.clear()

    def _link(self, queue: SnapshotQueue) -> SessionLink:
        """A connection has come."""
        self._counters["connections"] += 1
        link: SessionLink
        session = RsmpSession(
            self._settings,
            counters=self._counters,
            publish=lambda snapshot: self._publish(queue, session, snapshot),
            admit=self._refusal,
            on_open=lambda: self._replace_others(link),
        )
        link = SessionLink(
            session,
            counters=self._counters,
            now_ns=self._now_ns,
            on_lost=lambda reason: self._lost(link, reason),
            on_bug=queue.fail,
            allowed=self._senders,
        )
        self._make_room()
        self._links.append(link)
        return link

    def _publish(self, queue: SnapshotQueue, session: RsmpSession, snapshot: SignalSnapshot) -> None:
        """Only the newest connection of the site speaks for it."""
        if session.ended is None:
            queue.put(snapshot)

    def _make_room(self) -> None:
        """Cut the oldest connection that has not finished its handshake, where there are too many."""
        if len(self._links) < MAX_CONNECTIONS:
            return
        strangers = [link for link in self._links if not _session(link).open]
        oldest = (strangers or self._links)[0]
        self._counters["crowded_out"] += 1
        oldest.abort()
        self._links.remove(oldest)

    def _refusal(self, site_ids: tuple[str, ...]) -> str | None:
        """Why a site is refused; None: it is ours."""
        if self._site_id is not None and self._site_id not in site_ids:
            return f"site id {' '.join(site_ids)}: expected {self._site_id}"
        return None

    def _replace_others(self, link: SessionLink) -> None:
        """The handshake of a connection is done: it speaks for the site from now on."""
        self._site_id = self._site_id or _session(link).site_ids[0]
        for other in self._links:
            if other is not link and _session(other).open:
                self._counters["replaced"] += 1
                other.end("a new connection of the site replaces this one")

    def _lost(self, link: SessionLink, reason: str) -> None:
        self._counters["lost"] += 1
        if reason != self.last_end and link in self._links:
            _log.warning(
                "%s: a connection of %s has ended: %s", self._settings.intersection.name, link.peer, reason
            )
        self.last_end = reason
        if link in self._links:
            self._links.remove(link)


def _session(link: SessionLink) -> RsmpSession:
    assert isinstance(link.session, RsmpSession)
    return link.session
