"""An Apollo car's proxy as its public sources have it: server of ObuToCar, client of CarToObu, octets by hand.

Field numbers from ApolloAuto/apollo, modules/v2x/proto and modules/common_msgs; the checks are those of
modules/v2x/v2x_proxy/obu_interface/grpc_interface/grpc_server.cc.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

import grpc

from tests.unit.publish.protobuf_by_hand import Message, field

TO_CAR = "/apollo.v2x.ObuToCar/"
PUSH = "/apollo.v2x.CarToObu/PushCarStatus"
YES = field(1, True)


def point(x: float, y: float, z: float = 0.0) -> bytes:
    return field(1, x) + field(2, y) + field(3, z)


def status(
    place: tuple[float, float],
    *,
    heading: float,
    speed: tuple[float, float] = (0.0, 0.0),
    measured_s: float = 0.0,
    junction: bytes = b"J_7",
    outline: tuple[tuple[float, float], ...] = (),
    sigma_m: float = 0.0,
) -> bytes:
    """CarStatus as the proxy makes it: localization with all that Apollo puts there, and the junction ahead."""
    turn = (heading - math.pi / 2) / 2
    quaternion = field(1, 0.0) + field(2, 0.0) + field(3, math.sin(turn)) + field(4, math.cos(turn))
    pose = field(1, point(*place, 30.0)) + field(2, quaternion) + field(3, point(*speed))
    pose += field(4, point(0.1, 0.0)) + field(5, point(0.0, 0.0, 0.01))
    header = field(1, measured_s) + field(2, "localization") + field(3, 4711) + field(7, 1)
    localization = field(1, header) + field(2, pose)
    if sigma_m:
        localization += field(3, field(1, point(sigma_m, sigma_m)))
    localization += field(4, measured_s)
    polygon = b"".join(field(1, point(*corner)) for corner in outline)
    return field(1, localization) + field(3, field(1, field(1, junction)) + field(2, polygon))


class Car(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The car's server; keeps what it was sent, refuses what Apollo refuses.

    Attributes:
        stalled: set: every call waits until it is cleared.
        lacks: methods that its edition does not have.
    """

    def __init__(self, *, lacks: tuple[str, ...] = ()) -> None:
        self.lights: list[Message] = []
        self.obstacles: list[Message] = []
        self.rsi: list[Message] = []
        self.alarms: list[Message] = []
        self.calls = 0
        self.lacks = lacks
        self.going = asyncio.Event()
        self.going.set()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        name = handler_call_details.method.removeprefix(TO_CAR)
        handlers = {
            "SendV2xTrafficLight": self._light,
            "SendPerceptionObstacles": self._obstacle,
            "SendV2xRSI": self._rsi,
            "SendObuAlarm": self._alarm,
        }
        if name not in handlers or name in self.lacks:
            return None
        return grpc.unary_unary_rpc_method_handler(handlers[name])

    async def _wait(self) -> None:
        self.calls += 1
        await self.going.wait()

    async def _light(self, octets: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await self._wait()
        message = Message(octets)
        if 2 not in message or 1 not in message:
            await context.abort(grpc.StatusCode.CANCELLED, "")
        self.lights.append(message)
        return YES

    async def _obstacle(self, octets: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        await self._wait()
        self.obstacles.append(Message(octets))
        return YES

    async def _rsi(self, octets: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await self._wait()
        message = Message(octets)
        if 1 not in message:
            await context.abort(grpc.StatusCode.CANCELLED, "")
        self.rsi.append(message)
        return YES

    async def _alarm(self, octets: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        await self._wait()
        self.alarms.append(Message(octets))
        return YES

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve on a free port of 127.0.0.1."""
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        server.add_generic_rpc_handlers((self,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield port
        finally:
            self.going.set()
            await server.stop(0.1)


async def push(port: int, octets: bytes, *, timeout_s: float = 2.0) -> bool:
    """Push a status; whether the unit took it."""
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        answer = await channel.unary_unary(PUSH)(octets, timeout=timeout_s)
    return bool(Message(answer)[1])
