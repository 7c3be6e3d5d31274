"""A simulated roadside radio: takes RSU 4.1 immediate-forward datagrams and keeps what it would put on the air."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from edge.core.errors import CodecError, DeviceError
from edge.v2x.framing import ImmediateForward, parse_immediate_forward

KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that the radio took.

    Attributes:
        arrival_ns: UTC ns at which it came.
        sender: `address:port`.
        message: the parsed datagram.
    """

    arrival_ns: int
    sender: str
    message: ImmediateForward


class _RadioPort(asyncio.DatagramProtocol):
    """Hands each datagram over as it comes."""

    def __init__(self, take: Callable[[bytes, str], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Called by the event loop."""
        self._take(data, f"{addr[0]}:{addr[1]}")


class FakeRsu:
    """`async with FakeRsu() as radio:` listens on a UDP port; port 0 takes a free one.

    Attributes:
        address: where it listens, once entered.
        counters: received, bad (not an immediate forward).

    Args:
        kept: messages kept; beyond it the oldest is forgotten, the counts go on.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        kept: int = KEPT,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.address, self._now_ns = (host, port), now_ns
        self._transport: asyncio.DatagramTransport | None = None
        self._heard: deque[Heard] = deque(maxlen=kept)
        self._counts: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()

    async def __aenter__(self) -> FakeRsu:
        loop = asyncio.get_running_loop()
        host, port = self.address
        try:
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _RadioPort(self._take), local_addr=self.address
            )
        except OSError as error:
            raise DeviceError("simulated radio", f"cannot listen on {host}:{port}: {error}") from error
        name = self._transport.get_extra_info("sockname")
        self.address = (name[0], name[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    def heard(self, kind: str | None = None) -> tuple[Heard, ...]:
        """The last messages, oldest first; all kinds or one."""
        return tuple(heard for heard in self._heard if kind in (None, heard.message.kind))

    def counts(self) -> dict[str, int]:
        """Messages per kind since the start."""
        return dict(self._counts)

    def _take(self, datagram: bytes, sender: str) -> None:
        self.counters["received"] += 1
        try:
            message = parse_immediate_forward(datagram)
        except CodecError:
            self.counters["bad"] += 1
            return
        self._counts[message.kind] += 1
        self._heard.append(Heard(self._now_ns(), sender, message))
