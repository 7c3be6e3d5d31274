"""The centre's gRPC services: nodes connect, others query; health and reflection are on."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from edge.access.guard import Guard
from edge.access.local import LocalJudge
from edge.access.roles import Role, current_peer
from edge.centre.archive import Archive
from edge.centre.command_service import CommandService
from edge.centre.history_service import read_history, take_history
from edge.centre.picture import CentreNode, CentreRegistry
from edge.centre.relay import Relay
from edge.centre.state import Layer, NodeState, Part, RefusalKind, Session, SessionRefusedError
from edge.core.errors import DeviceError
from edge.v1 import centre_pb2, centre_pb2_grpc, history_pb2

_log = logging.getLogger(__name__)
T = TypeVar("T")

HELLO_TIMEOUT_S = 10.0
WATCH_PERIOD_S = 0.1
WATCH_IDLE_S = 1.0
LANE_LIMIT = 255
POINT_LIMIT = 20_000
MESSAGE_LIMIT_BYTES = 1_000_000
STOP_GRACE_S = 1.0
SPARE = 100
"""Connections beyond those of the nodes."""

_LAYERS = {
    "signals": Layer.SIGNALS,
    "scene": Layer.SCENE,
    "lanes": Layer.LANES,
    "health": Layer.HEALTH,
}
_REFUSALS = {
    RefusalKind.DUPLICATE_NODE: centre_pb2.REFUSAL_DUPLICATE_NODE,
    RefusalKind.BAD_HELLO: centre_pb2.REFUSAL_BAD_HELLO,
    RefusalKind.FULL: centre_pb2.REFUSAL_FULL,
}
_STATUS = {
    NodeState.WAITING: centre_pb2.NODE_STATUS_LIVE,
    NodeState.LIVE: centre_pb2.NODE_STATUS_LIVE,
    NodeState.STALE: centre_pb2.NODE_STATUS_STALE,
    NodeState.OFFLINE: centre_pb2.NODE_STATUS_OFFLINE,
}


def check_hello(batch: centre_pb2.NodeBatch) -> None:
    """Refuse a first batch without a usable description.

    Raises:
        SessionRefusedError: see its reason.
    """

    def refuse(reason: str) -> SessionRefusedError:
        return SessionRefusedError(batch.node_id[:64], RefusalKind.BAD_HELLO, reason)

    if not batch.HasField("hello"):
        raise refuse("the first batch must say hello with the intersection")
    lanes = batch.hello.lanes
    if len(lanes) > LANE_LIMIT:
        raise refuse(f"{len(lanes)} lanes, at most {LANE_LIMIT}")
    if sum(len(lane.points) for lane in lanes) > POINT_LIMIT:
        raise refuse(f"more than {POINT_LIMIT} points")
    if not all(math.isfinite(p.x_m) and math.isfinite(p.y_m) for lane in lanes for p in lane.points):
        raise refuse("a lane has a point that is not a finite number")


async def until(batches: AsyncIterator[T], ended: asyncio.Event) -> AsyncIterator[T]:
    """The batches of a stream, until the event; a stream that says nothing is left too."""
    ending = asyncio.ensure_future(ended.wait())
    reading: asyncio.Future[T] | None = None
    try:
        while True:
            reading = asyncio.ensure_future(anext(batches))
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                return
            yield reading.result()
    except StopAsyncIteration:
        return
    finally:
        ending.cancel()
        if reading is not None:
            reading.cancel()


class Centre(centre_pb2_grpc.CentreServiceServicer):
    """The nodes' uplink."""

    def __init__(
        self,
        registry: CentreRegistry,
        *,
        archive: Archive | None = None,
        relay: Relay | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._registry, self._archive, self._now_ns = registry, archive, now_ns
        self._relay = relay or Relay()
        self.closing = asyncio.Event()

    async def SendHistory(  # noqa: N802 - name of the service method
        self, batches: AsyncIterator[history_pb2.HistoryBatch], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[history_pb2.HistoryAck]:
        """One node's history; see `take_history`."""
        async for answer in take_history(self._archive, until(batches, self.closing), context):
            yield answer

    async def Connect(  # noqa: N802 - name of the service method
        self, batches: AsyncIterator[centre_pb2.NodeBatch], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[centre_pb2.CentreReply]:
        """One node's stream: hello, then updates; a reply for every batch."""
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                first = await anext(batches)
        except StopAsyncIteration:
            return
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"no hello within {HELLO_TIMEOUT_S:.0f} s")
        ended = asyncio.Event()
        try:
            session = self._open(first, context, ended)
        except SessionRefusedError as error:
            _log.warning("%s (%s)", error, context.peer())
            yield centre_pb2.CentreReply(refusal=_REFUSALS[error.kind], message=error.reason)
            return
        _log.info("node %s connected from %s", session.node_id, context.peer())
        try:
            yield self._take(session, first)
            async for batch in until(batches, ended):
                if batch.node_id != session.node_id:
                    reason = f"this stream belongs to node {session.node_id!r}"
                    yield centre_pb2.CentreReply(refusal=centre_pb2.REFUSAL_BAD_HELLO, message=reason)
                    return
                yield self._take(session, batch)
            if ended.is_set():
                reason = "silent for too long; another node has taken the id"
                yield centre_pb2.CentreReply(refusal=centre_pb2.REFUSAL_DUPLICATE_NODE, message=reason)
        finally:
            self._registry.detach(session)
            if not ended.is_set():  # else another session has the id, and its commands
                self._relay.lost(session.node_id)
            _log.info("node %s disconnected", session.node_id)

    def _open(
        self, first: centre_pb2.NodeBatch, context: grpc.aio.ServicerContext, ended: asyncio.Event
    ) -> Session:
        check_hello(first)
        peer = current_peer.get()
        if peer is not None and not peer.is_named(Role.RSU, first.node_id):
            reason = f"the certificate is not of node {first.node_id[:64]!r}"
            raise SessionRefusedError(first.node_id[:64], RefusalKind.BAD_HELLO, reason)
        session = self._registry.attach(
            first.node_id, first.hello, peer=context.peer(), now_ns=self._now_ns()
        )
        session.on_close = ended.set
        return session

    def _take(self, session: Session, batch: centre_pb2.NodeBatch) -> centre_pb2.CentreReply:
        """Hand every update to the registry."""
        now_ns = self._now_ns()
        self._registry.heard(session, now_ns=now_ns)
        if batch.HasField("hello"):
            self._registry.describe(session, batch.hello, now_ns=now_ns)
        for update in batch.updates:
            layer = _LAYERS.get(update.WhichOneof("payload") or "")
            if layer is None:
                self._registry.ignore(session)
                continue
            part = Part(
                update.epoch,
                update.sequence,
                update.capture_ns,
                update.published_ns,
                update.valid_until_ns,
                update,
            )
            self._registry.offer(session, layer, part, now_ns=now_ns)
        self._relay.answered(session.node_id, batch.results)
        return centre_pb2.CentreReply(
            acked_sequence=batch.sequence, commands=self._relay.due(session.node_id)
        )


class Queries(centre_pb2_grpc.QueryServiceServicer):
    """What the centre knows, for other systems."""

    def __init__(
        self,
        registry: CentreRegistry,
        *,
        archive: Archive | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._registry, self._archive, self._now_ns = registry, archive, now_ns
        self.closing = asyncio.Event()

    async def ReadHistory(  # noqa: N802 - name of the service method
        self, request: history_pb2.ReadHistoryRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[history_pb2.HistoryBatch]:
        """What is kept of one node's history."""
        async for batch in read_history(self._archive, request, context):
            yield batch

    async def ListIntersections(  # noqa: N802 - name of the service method
        self, _request: centre_pb2.ListIntersectionsRequest, _context: grpc.aio.ServicerContext
    ) -> centre_pb2.ListIntersectionsResponse:
        """All intersections in short."""
        now_ns = self._now_ns()
        nodes = self._registry.nodes()
        return centre_pb2.ListIntersectionsResponse(intersections=[summary(n, now_ns=now_ns) for n in nodes])

    async def GetIntersectionState(  # noqa: N802 - name of the service method
        self, request: centre_pb2.GetIntersectionStateRequest, context: grpc.aio.ServicerContext
    ) -> centre_pb2.IntersectionState:
        """One intersection now."""
        node = self._registry.node(request.node_id)
        if node is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"no node of the id {request.node_id!r} has connected"
            )
            raise AssertionError("abort returned")
        return state_of(node, now_ns=self._now_ns(), described=True)

    async def WatchIntersections(  # noqa: N802 - name of the service method
        self, request: centre_pb2.WatchIntersectionsRequest, _context: grpc.aio.ServicerContext
    ) -> AsyncIterator[centre_pb2.IntersectionState]:
        """States as they change, at most ten a second and node; a slow reader gets the newest."""
        wanted = frozenset(request.node_ids)
        sent: dict[str, tuple[int, NodeState, int]] = {}
        while not self.closing.is_set():
            version = self._registry.activity.version
            for node in self._registry.nodes():
                if wanted and node.node_id not in wanted:
                    continue
                now_ns = self._now_ns()
                known = sent.get(node.node_id)
                key = (node.changed.version, node.state(now_ns=now_ns), node.description_version)
                if key == known:
                    continue
                sent[node.node_id] = key
                yield state_of(node, now_ns=now_ns, described=known is None or known[2] != key[2])
            await asyncio.sleep(WATCH_PERIOD_S)
            await self._activity_after(version)

    async def _activity_after(self, version: int) -> None:
        try:
            async with asyncio.timeout(WATCH_IDLE_S):
                await self._registry.activity.wait_newer(version)
        except TimeoutError:
            return  # a node may have become stale without a word


def summary(node: CentreNode, *, now_ns: int) -> centre_pb2.IntersectionSummary:
    """One line of the list."""
    return centre_pb2.IntersectionSummary(
        node_id=node.node_id,
        name=node.description.name,
        status=_STATUS[node.state(now_ns=now_ns)],
        last_heard_ns=node.heard_ns,
        updates_total=node.taken,
    )


def state_of(node: CentreNode, *, now_ns: int, described: bool) -> centre_pb2.IntersectionState:
    """Everything current of one node; expired layers are absent."""
    found = centre_pb2.IntersectionState(summary=summary(node, now_ns=now_ns))
    if described:
        found.intersection.CopyFrom(node.description)
    for layer in Layer:
        part = node.current(layer, now_ns=now_ns)
        if part is not None:
            getattr(found.state, layer.value).CopyFrom(getattr(part.message, layer.value))
    return found


class CentreServer:
    """The gRPC server at an address.

    Args:
        address: `host:port`; port 0 takes a free one.
        registry: where nodes are kept.
        archive: where history is kept; None: it is not taken.
        credentials: TLS; None: plain text, for loopback.
        guard: who may call what; None: every caller is local.
        keepalive_s: how often a silent connection is probed; it is dropped 5 s after an unanswered probe.
    """

    def __init__(
        self,
        address: str,
        registry: CentreRegistry,
        *,
        archive: Archive | None = None,
        credentials: grpc.ServerCredentials | None = None,
        keepalive_s: float = 10.0,
        guard: Guard | None = None,
    ) -> None:
        self._address, self._credentials = address, credentials
        self._registry = registry
        self.port = 0
        relay = self._relay = Relay()
        self._centre = Centre(registry, archive=archive, relay=relay)
        self._queries = Queries(registry, archive=archive)
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
                ("grpc.keepalive_time_ms", int(keepalive_s * 1000)),
                ("grpc.keepalive_timeout_ms", 5000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 5000),
                ("grpc.server_handshake_timeout_ms", 5_000),
                ("grpc.max_connection_idle_ms", 60_000),
                ("grpc.max_allowed_incoming_connections", 2 * registry.capacity + SPARE),
                ("grpc.max_metadata_size", 16 * 1024),
            ],
            interceptors=(guard or Guard(LocalJudge()),),
        )
        centre_pb2_grpc.add_CentreServiceServicer_to_server(self._centre, self._server)  # type: ignore[no-untyped-call]
        centre_pb2_grpc.add_QueryServiceServicer_to_server(self._queries, self._server)  # type: ignore[no-untyped-call]
        commands = CommandService(registry, relay)
        centre_pb2_grpc.add_CommandServiceServicer_to_server(commands, self._server)  # type: ignore[no-untyped-call]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        services = [service.full_name for service in centre_pb2.DESCRIPTOR.services_by_name.values()]
        self._services = (*services, health.OVERALL_HEALTH)
        reflection.enable_server_reflection(
            (*services, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            DeviceError: the address cannot be used.
        """
        try:
            if self._credentials is None:
                self.port = self._server.add_insecure_port(self._address)
            else:
                self.port = self._server.add_secure_port(self._address, self._credentials)
        except RuntimeError as error:
            raise self._unusable() from error
        if self.port == 0:
            raise self._unusable()
        await self._server.start()
        for service in self._services:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Say not serving, end the watchers, answer who waits, give open streams a moment, close."""
        await self._health.enter_graceful_shutdown()
        self._queries.closing.set()
        self._centre.closing.set()
        self._relay.close()
        self._registry.wake()
        await self._server.stop(STOP_GRACE_S)

    def _unusable(self) -> DeviceError:
        return DeviceError(
            f"gRPC address {self._address}",
            "cannot listen, the address is in use or not of this machine",
            remedy="stop the other program that uses it, or choose another port",
        )
