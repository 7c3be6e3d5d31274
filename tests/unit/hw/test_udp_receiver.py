"""The UDP receiver on a real socket."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from edge.core.errors import DeviceError
from hw.rsu.receivers import MAX_FRAME_BYTES, UdpReceiver
from tests.waiting import until


def send(address: tuple[str, int] | None, *payloads: bytes) -> tuple[str, int]:
    assert address is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        for payload in payloads:
            sender.sendto(payload, address)
        return sender.getsockname()


async def test_frame_carries_link_sender_and_arrival() -> None:
    receiver = UdpReceiver("127.0.0.1", 0, link="rsu", now_ns=lambda: 42)
    async with asyncio.timeout(5), receiver.frames() as frames:
        host, port = send(receiver.address, b"\x00\x14")
        frame = await anext(frames)
    assert (frame.link, frame.arrival_ns, frame.payload) == ("rsu", 42, b"\x00\x14")
    assert frame.sender == f"{host}:{port}"


async def test_empty_and_oversized_datagrams_are_counted() -> None:
    receiver = UdpReceiver("127.0.0.1", 0, link="rsu")
    async with asyncio.timeout(5), receiver.frames() as frames:
        send(receiver.address, b"", bytes(MAX_FRAME_BYTES + 1), b"x")
        assert (await anext(frames)).payload == b"x"
    assert receiver.counters == {"received": 3, "empty": 1, "too_long": 1}


async def test_slow_reader_loses_the_oldest_frames() -> None:
    receiver = UdpReceiver("127.0.0.1", 0, link="rsu", capacity=2)
    async with asyncio.timeout(5), receiver.frames() as frames:
        send(receiver.address, *(bytes([number]) for number in range(5)))
        await until(lambda: receiver.counters.get("received") == 5)
        assert [(await anext(frames)).payload for _ in range(2)] == [b"\x03", b"\x04"]
    assert receiver.counters["dropped"] == 3


async def test_frame_that_waited_for_us_keeps_its_arrival() -> None:
    receiver = UdpReceiver("127.0.0.1", 0, link="rsu")
    async with asyncio.timeout(20), receiver.frames() as frames:
        while True:  # the kernel may need a moment to begin with its stamps
            send(receiver.address, b"x")
            sent_ns = time.time_ns()
            while time.time_ns() < sent_ns + 5_000_000:
                pass  # the whole process stands still
            frame = await anext(frames)
            if sent_ns - 5_000_000_000 < frame.arrival_ns <= sent_ns:
                break


async def test_host_that_is_none_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="cannot listen"):
        async with UdpReceiver("a..b", 1, link="rsu").frames():
            pass


async def test_foreign_senders_are_refused() -> None:
    receiver = UdpReceiver("127.0.0.1", 0, link="rsu", senders=frozenset({"192.0.2.7"}))
    async with receiver.frames():
        send(receiver.address, b"x")
        await until(lambda: receiver.counters == {"foreign": 1})


async def test_port_in_use_is_a_device_error() -> None:
    first = UdpReceiver("127.0.0.1", 0, link="first")
    async with first.frames():
        assert first.address is not None
        second = UdpReceiver(*first.address, link="second")
        with pytest.raises(DeviceError, match="second: cannot listen"):
            async with second.frames():
                pass
