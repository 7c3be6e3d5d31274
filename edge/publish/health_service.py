"""The gRPC health service: what is served now, and a stream of its changes.

The servicer of grpcio-health-checking is not used: it holds a lock while it writes to a watcher, so that one who reads
nothing stops every change, and a watcher that leaves makes the others of the same service deaf (seen in 1.8x).
"""

from __future__ import annotations

from typing import TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.flow.channel import Latest

Context: TypeAlias = grpc.aio.ServicerContext
_STATUS = health_pb2.HealthCheckResponse
WATCHERS = 100


class HealthService(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # its package has no types
    """Health per service name; changing it waits for nobody.

    Args:
        watchers: open streams at a time.
    """

    def __init__(self, *, watchers: int = WATCHERS) -> None:
        self._states: dict[str, Latest[int]] = {}
        self._unknown: Latest[int] = Latest()
        self._unknown.set(_STATUS.SERVICE_UNKNOWN)
        self._left, self._closed = watchers, False

    def set(self, name: str, *, serving: bool) -> None:
        """Say whether a service is there; says no for ever after `close`."""
        if not self._closed:
            self._states.setdefault(name, Latest()).set(_STATUS.SERVING if serving else _STATUS.NOT_SERVING)

    def close(self) -> None:
        """Nothing is served any more."""
        for name in self._states:
            self.set(name, serving=False)
        self._closed = True

    async def Check(  # noqa: N802 - name of the protocol
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """State of a service now."""
        state = self._states.get(request.service)
        if state is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
            raise AssertionError  # abort raises
        return _STATUS(status=state.value)

    async def Watch(  # noqa: N802 - name of the protocol
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> None:
        """State of a service now, and when it changes; a slow reader finds the newest."""
        if self._left <= 0:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many health watchers")
        self._left -= 1
        try:
            reader, told = self._states.get(request.service, self._unknown).reader(), None
            while True:
                state = await reader.next()
                if state != told:
                    await context.write(_STATUS(status=state))
                told = state
        finally:
            self._left += 1
