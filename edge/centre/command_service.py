"""The centre's service for commands: whoever may call it hands in a signed command and gets the node's answer."""

from __future__ import annotations

import grpc

from edge.centre.picture import CentreRegistry
from edge.centre.relay import NoAnswerError, Relay, RelayFullError
from edge.v1 import centre_pb2, centre_pb2_grpc, command_pb2

ANSWER_TIMEOUT_S = 30.0


class CommandService(centre_pb2_grpc.CommandServiceServicer):
    """Commands to connected nodes."""

    def __init__(self, registry: CentreRegistry, relay: Relay) -> None:
        self._registry, self._relay = registry, relay

    async def SendCommand(  # noqa: N802 - name of the service method
        self, request: centre_pb2.SendCommandRequest, context: grpc.aio.ServicerContext
    ) -> command_pb2.CommandResult:
        """Hand on and wait."""
        node = self._registry.node(request.node_id)
        if node is None or node.session is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"node {request.node_id!r} is not connected")
        try:
            return await self._relay.send(request.node_id, request.command, timeout_s=ANSWER_TIMEOUT_S)
        except RelayFullError as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        except NoAnswerError as error:
            code = grpc.StatusCode.DEADLINE_EXCEEDED if error.handed_on else grpc.StatusCode.UNAVAILABLE
            await context.abort(code, str(error))
        raise AssertionError("abort returned")
