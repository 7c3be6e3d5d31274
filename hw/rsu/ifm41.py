"""A radio with the RSU 4.1 immediate-forward interface: one text datagram a message over UDP.

The text is that of USDOT RSU Specification 4.1, appendix C; the usual port is 1516.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping

from edge.core.errors import CodecError, DeviceError
from edge.ports import RadioMessage
from edge.v2x.framing import build_immediate_forward, immediate_forward

DEFAULT_PORT = 1516
C_V2X_CHANNEL = 183


class _Sender(asyncio.DatagramProtocol):
    """Counts what the network refuses; a radio that is off or restarting is not an error of the link."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self.lost: str | None = None
        self.congested = False

    def pause_writing(self) -> None:
        """Called by the event loop when the socket takes no more."""
        self.congested = True

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self.congested = False

    def error_received(self, exc: Exception) -> None:
        """Called by the event loop, e.g. for an ICMP port unreachable."""
        del exc
        self._counters["refused"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.lost = str(exc) if exc else "socket closed"


class Ifm41Radio:
    """`RsuRadio` over RSU 4.1 immediate forward.

    Counters: sent, expired, not_connected, refused (by the network), congested (the socket takes no more),
    no_psid (a kind of message without a service identifier).

    Args:
        host, port: address of the radio.
        name: radio name in the site configuration.
        channel: radio channel to transmit on: 183 for C-V2X, 172, 178 or 180 for DSRC.
        signature: what to write in `Signature=`; whether True asks the radio to sign is the maker's own.
        priority: 0-7, 7 the highest.
        psids: service identifiers by kind, where this radio wants others than the usual ones.
    """

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        *,
        name: str,
        channel: int = C_V2X_CHANNEL,
        signature: bool = True,
        priority: int = 7,
        psids: Mapping[str, int] | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._host, self._port, self._name = host, port, name
        self._channel, self._signature, self._priority, self._now_ns = channel, signature, priority, now_ns
        self._psids = dict(psids or {})
        self._link: tuple[asyncio.DatagramTransport, _Sender] | None = None
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold the socket open. Raises `DeviceError` when the address cannot be resolved or routed."""
        loop = asyncio.get_running_loop()
        try:
            self._link = await loop.create_datagram_endpoint(
                lambda: _Sender(self._counters), remote_addr=(self._host, self._port)
            )
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise DeviceError(self._name, f"cannot send to {where}: {error.strerror or error}") from error
        transport, _ = self._link
        try:
            yield
        finally:
            self._link = None
            transport.close()

    async def send(self, message: RadioMessage) -> None:
        """Send at once, or drop and count; never waits.

        Raises:
            DeviceError: the socket is gone.
        """
        if self._link is None:
            self._counters["not_connected"] += 1
            return
        transport, protocol = self._link
        if protocol.lost is not None:
            raise DeviceError(self._name, protocol.lost)
        if self._now_ns() > message.expires_ns:
            self._counters["expired"] += 1
            return
        if protocol.congested:
            self._counters["congested"] += 1
            return
        try:
            text = self._text(message)
        except CodecError:
            self._counters["no_psid"] += 1
            return
        transport.sendto(text)
        self._counters["sent"] += 1

    def _text(self, message: RadioMessage) -> bytes:
        forward = immediate_forward(
            message.payload,
            kind=message.kind,
            signature=self._signature,
            channel=self._channel,
            psid=self._psids.get(message.kind),
            priority=self._priority,
        )
        return build_immediate_forward(forward)
