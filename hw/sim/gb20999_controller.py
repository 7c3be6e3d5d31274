"""A simulated GB/T 20999-2017 controller on the network, over UDP or TCP, with the faults of real ones.

python -m hw.sim.gb20999_controller --listen 127.0.0.1:4050 --transport udp
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from hw.signal.gb20999 import DataValue, Frame, FrameError, FrameStream, FrameType, decode_frame, encode_frame
from hw.signal.gb20999_codes import Mode, Refusal
from hw.sim.gb20999_device import Gb20999Device
from hw.sim.signal_plan import CYCLE_DS

WATCH_S = 0.02
"""How often the reporting controller looks whether its lamps have changed."""


@dataclass(slots=True)
class Faults:
    """What goes wrong; tests switch it on and off.

    Attributes:
        silent: it sends nothing.
        deaf_to_heartbeats: it answers none.
        wrong_crc: every CRC is wrong.
        wrong_version: it says version 2.0.
        wrong_escapes: over TCP it escapes nothing and sends a lone start octet in the middle.
        partial: over TCP every octet goes out in a write of its own.
        refuses: every question is answered with a general error.
        garbage: octets that it sends before each frame, over TCP.
    """

    silent: bool = False
    deaf_to_heartbeats: bool = False
    wrong_crc: bool = False
    wrong_version: bool = False
    wrong_escapes: bool = False
    partial: bool = False
    refuses: bool = False
    garbage: bytes = b""


@dataclass(slots=True)
class Gb20999Fake:
    """Serves one device.

    Attributes:
        device: what it answers.
        transport: `udp`, `tcp` (it waits for the centre) or `tcp-client` (it connects to `centre`).
        listen: its own address.
        centre: where it connects to, or reports to over UDP before anybody asked.
        reports: report every change by itself.
        version: of the frames that it sends by itself.
        faults: see `Faults`.
        counters: received, bad, sent.
        address: its own, while it runs.
    """

    device: Gb20999Device
    transport: Literal["udp", "tcp", "tcp-client"] = "udp"
    listen: tuple[str, int] = ("127.0.0.1", 0)
    centre: tuple[str, int] | None = None
    reports: bool = False
    version: int = 0x0102
    faults: Faults = field(default_factory=Faults)
    counters: Counter[str] = field(default_factory=Counter)
    address: tuple[str, int] = ("", 0)
    _peers: dict[Any, _Peer] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[str, int]]:
        """Serve while inside; yields its own address."""
        async with contextlib.AsyncExitStack() as stack:
            self.address = await self._open(stack)
            if self.reports:
                task = asyncio.create_task(self._watch(), name="gb20999 reports")
                stack.push_async_callback(_ended, task)
            yield self.address

    def report(self) -> None:
        """Report lamps and stages to everyone known, now."""
        self._push(self.device.report(header=Frame(FrameType.REPORT, version=self.version)))

    def heartbeat(self) -> None:
        """Ask everyone known for a sign of life."""
        self._push(Frame(FrameType.HEARTBEAT, version=self.version))

    def take(self, frame: Frame, peer: _Peer) -> None:
        """Answer a frame."""
        self.counters["received"] += 1
        if frame.kind == FrameType.HEARTBEAT and self.faults.deaf_to_heartbeats:
            return
        if frame.kind == FrameType.QUERY and self.faults.refuses:
            values = tuple(DataValue(v.index, v.address, bytes((Refusal.GENERAL,))) for v in frame.values)
            self._send(replace(frame, kind=FrameType.QUERY_ERROR, values=values), peer)
            return
        answer = self.device.answer(frame)
        if answer is not None:
            self._send(answer, peer)

    def join(self, key: object, peer: _Peer) -> None:
        """Somebody is there to report to."""
        self._peers[key] = peer

    def leave(self, key: object) -> None:
        """A connection ended."""
        self._peers.pop(key, None)

    async def _open(self, stack: contextlib.AsyncExitStack) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        if self.transport == "udp":
            transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=self.listen)
            stack.callback(transport.close)
            return cast("tuple[str, int]", transport.get_extra_info("sockname")[:2])
        if self.transport == "tcp-client":
            assert self.centre is not None
            connection, _ = await loop.create_connection(lambda: _Tcp(self), *self.centre)
            stack.callback(connection.abort)
            return cast("tuple[str, int]", connection.get_extra_info("sockname")[:2])
        server = await loop.create_server(lambda: _Tcp(self), *self.listen)
        stack.callback(self._hang_up)
        stack.callback(server.close)
        return cast("tuple[str, int]", server.sockets[0].getsockname()[:2])

    def _hang_up(self) -> None:
        for peer in list(self._peers.values()):
            peer.close()

    async def _watch(self) -> None:
        shown: dict[int, int] = {}
        while True:
            lamps = self.device.lamps
            if lamps != shown:
                shown = lamps
                self.report()
            await asyncio.sleep(WATCH_S)

    def _push(self, frame: Frame) -> None:
        for peer in list(self._peers.values()):
            self._send(frame, peer)

    def _send(self, frame: Frame, peer: _Peer) -> None:
        faults = self.faults
        if faults.silent:
            return
        frame = replace(frame, version=0x0200) if faults.wrong_version else frame
        octets = bytearray(encode_frame(frame, escaped=peer.stream and not faults.wrong_escapes))
        if faults.wrong_crc:
            octets[-2] ^= 0x01
        if faults.wrong_escapes and peer.stream:
            octets[len(octets) // 2 : len(octets) // 2] = b"\x7e"
        peer.write(bytes(octets), partial=faults.partial, garbage=faults.garbage)
        self.counters["sent"] += 1


class _Peer:
    """Somebody to send to."""

    def __init__(self, transport: asyncio.BaseTransport, address: tuple[str, int] | None) -> None:
        self._transport, self._address = transport, address
        self.stream = address is None

    def write(self, octets: bytes, *, partial: bool, garbage: bytes) -> None:
        if not self.stream:
            cast("asyncio.DatagramTransport", self._transport).sendto(octets, self._address)
            return
        out = cast("asyncio.Transport", self._transport)
        whole = garbage + octets
        for at in range(0, len(whole), 1 if partial else len(whole)):
            out.write(whole[at : at + 1] if partial else whole)

    def close(self) -> None:
        cast("asyncio.Transport", self._transport).abort()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, fake: Gb20999Fake) -> None:
        self._fake = fake
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if self._fake.centre is not None:
            self._fake.join(self._fake.centre, _Peer(transport, self._fake.centre))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        peer = _Peer(self._transport, addr)
        self._fake.join(addr, peer)
        try:
            self._fake.take(decode_frame(data), peer)
        except FrameError:
            self._fake.counters["bad"] += 1


class _Tcp(asyncio.Protocol):
    def __init__(self, fake: Gb20999Fake) -> None:
        self._fake, self._stream = fake, FrameStream()
        self._peer: _Peer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peer = _Peer(transport, None)
        self._fake.join(self, self._peer)

    def data_received(self, data: bytes) -> None:
        assert self._peer is not None
        for found in self._stream.feed(data):
            if isinstance(found, FrameError):
                self._fake.counters["bad"] += 1
            else:
                self._fake.take(found, self._peer)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._fake.leave(self)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


async def _serve(given: argparse.Namespace) -> None:
    start = time.monotonic()
    device = Gb20999Device(
        lambda: (time.monotonic() - start) * 10 % CYCLE_DS, mode=int(given.mode, 16), now_ns=time.time_ns
    )
    fake = Gb20999Fake(
        device, given.transport, given.listen, given.centre, reports=given.reports, version=given.version
    )
    async with fake.running() as address:
        print(f"{address[0]}:{address[1]}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m hw.sim.gb20999_controller",
        description="A simulated GB/T 20999-2017 signal controller; prints its address.",
        epilog="example: python -m hw.sim.gb20999_controller --listen 127.0.0.1:4050 --transport udp --reports",
    )
    parser.add_argument("--listen", type=_address, default=("127.0.0.1", 4050), help="its address")
    parser.add_argument("--transport", choices=("udp", "tcp", "tcp-client"), default="udp")
    parser.add_argument(
        "--centre", type=_address, help="address that it reports or connects to without being asked"
    )
    parser.add_argument("--reports", action="store_true", help="report every change by itself")
    parser.add_argument("--mode", default=f"{Mode.LOCAL_FIXED_TIME:02x}", help="run mode, hexadecimal")
    parser.add_argument("--version", type=lambda text: int(text, 16), default=0x0102, help="0100 or 0102")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
