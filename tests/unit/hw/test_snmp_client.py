"""The SNMP client on a real socket: late, double, foreign and missing replies."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from edge.core.errors import DeviceError
from hw.snmp import ber
from hw.snmp.client import Agent, SnmpClient
from hw.snmp.message import GET, RESPONSE, V1, V2C, Message, Request, VarBind, decode_message, encode_message
from tests.waiting import until

NAME = ber.oid("1.3.6.1.2.1.1.3.0")


class Peer:
    """A UDP socket that keeps requests and answers when told to."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.requests: list[tuple[Message, tuple[str, int]]] = []
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def _read(self) -> None:
        data, sender = self.socket.recvfrom(65535)
        self.requests.append((decode_message(data), sender))

    def answer(self, number: int, value: int, *, kind: int = RESPONSE) -> None:
        """Answer the request of that number."""
        request, sender = self.requests[number]
        varbinds = (VarBind(NAME, ber.INTEGER, value),)
        reply = dataclasses.replace(request, kind=kind, varbinds=varbinds)
        self.socket.sendto(encode_message(reply), sender)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


@dataclasses.dataclass
class Bench:
    client: SnmpClient
    peer: Peer
    counters: Counter[str]
    request: Request


@contextlib.asynccontextmanager
async def bench(*, capacity: int = 8) -> AsyncIterator[Bench]:
    peer = Peer()
    counters: Counter[str] = Counter()
    agent = Agent(*peer.address)
    client = SnmpClient(agent, device="agent", counters=counters, capacity=capacity)
    try:
        async with client.connected():
            yield Bench(client, peer, counters, agent.request(GET, [VarBind(NAME)]))
    finally:
        peer.close()


async def test_replies_find_their_requests_in_any_order() -> None:
    async with bench() as b:
        asked = [b.client.start(b.request, timeout_s=5) for _ in range(3)]
        await until(lambda: len(b.peer.requests) == 3)
        for number in (2, 0, 1):
            b.peer.answer(number, number)
        replies = [await future for future in asked]
        assert [reply.varbinds[0].value for reply in replies if reply] == [0, 1, 2]
        assert all(reply.sent_ns <= reply.received_ns for reply in replies if reply)
        assert len({request.request_id for request, _ in b.peer.requests}) == 3


async def test_a_lost_request_is_sent_again_under_a_new_identifier() -> None:
    async with bench() as b:
        asking = asyncio.create_task(b.client.ask(b.request, timeout_s=0.05, attempts=3))
        await until(lambda: len(b.peer.requests) == 2)
        b.peer.answer(1, 7)
        reply = await asking
        assert reply is not None
        assert reply.varbinds[0].value == 7
        assert b.peer.requests[0][0].request_id != b.peer.requests[1][0].request_id
        assert (b.counters["retries"], b.counters["timeouts"]) == (1, 1)


async def test_silence_ends_after_the_attempts() -> None:
    async with bench() as b:
        assert await b.client.ask(b.request, timeout_s=0.01, attempts=3) is None
        assert (b.counters["requests"], b.counters["timeouts"]) == (3, 3)


async def test_a_late_reply_is_not_taken_for_the_next_one() -> None:
    async with bench() as b:
        assert await b.client.ask(b.request, timeout_s=0.01) is None
        asked = b.client.start(b.request, timeout_s=5)
        await until(lambda: len(b.peer.requests) == 2)
        b.peer.answer(0, 1)
        await until(lambda: b.counters["late"] == 1)
        assert not asked.done()
        b.peer.answer(1, 2)
        reply = await asked
        assert reply is not None
        assert reply.varbinds[0].value == 2


async def test_doubles_and_answers_to_nothing_are_counted() -> None:
    async with bench() as b:
        asked = b.client.start(b.request, timeout_s=5)
        await until(lambda: len(b.peer.requests) == 1)
        b.peer.answer(0, 1)
        await asked
        b.peer.answer(0, 1)
        await until(lambda: b.counters["duplicates"] == 1)
        request, sender = b.peer.requests[0]
        stray = dataclasses.replace(request, kind=RESPONSE, request_id=5)
        b.peer.socket.sendto(encode_message(stray), sender)
        b.peer.answer(0, 1, kind=GET)
        b.peer.socket.sendto(b"noise", sender)
        await until(lambda: b.counters["unexpected"] == 2 and b.counters["bad_pdu"] == 1)
        assert b.counters["replies"] == 1


async def test_a_stranger_is_not_heard() -> None:
    """Even with the right identifier: the socket is connected to its agent."""
    async with bench() as b:
        asked = b.client.start(b.request, timeout_s=5)
        await until(lambda: len(b.peer.requests) == 1)
        request, sender = b.peer.requests[0]
        forged = dataclasses.replace(request, kind=RESPONSE, varbinds=(VarBind(NAME, ber.INTEGER, 666),))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(encode_message(forged), sender)
        b.peer.answer(0, 1)
        reply = await asked
        assert reply is not None
        assert reply.varbinds[0].value == 1
        assert b.counters["unexpected"] == b.counters["duplicates"] == 0


async def test_a_closed_port_is_counted_and_the_client_goes_on() -> None:
    async with bench() as b:
        b.peer.close()
        assert await b.client.ask(b.request, timeout_s=0.02, attempts=3) is None
        assert b.counters["unreachable"] >= 1
        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        back.bind(b.peer.address)
        back.setblocking(False)
        b.peer.socket = back
        b.peer.requests.clear()
        asyncio.get_running_loop().add_reader(back, b.peer._read)
        asked = b.client.start(b.request, timeout_s=5)
        await until(lambda: b.peer.requests)
        b.peer.answer(0, 3)
        assert await asked is not None


async def test_requests_beyond_the_bound_are_not_sent() -> None:
    async with bench(capacity=2) as b:
        asked = [b.client.start(b.request, timeout_s=5) for _ in range(3)]
        assert asked[2].done()
        assert await asked[2] is None
        assert b.counters["overloaded"] == 1
        await until(lambda: len(b.peer.requests) == 2)


async def test_closing_ends_every_wait() -> None:
    async with bench() as b:
        asked = b.client.start(b.request, timeout_s=60)
    assert await asked is None
    with pytest.raises(DeviceError, match="closed"):
        b.client.start(b.request, timeout_s=1)


async def test_an_address_that_cannot_be_sent_to_is_a_device_error() -> None:
    client = SnmpClient(Agent("255.255.255.255", 161), device="agent", counters=Counter())
    with pytest.raises(DeviceError, match="cannot send to"):
        async with client.connected():
            pass


def test_writing_has_a_community_and_a_version_of_its_own() -> None:
    agent = Agent("", 0, community=b"read", write_community=b"write", version=V2C)
    varbind = VarBind(NAME, ber.INTEGER, 1)
    first = 1 << 24
    assert decode_message(agent.request(GET, [varbind]).octets(first)).community == b"read"
    wrote = decode_message(agent.set_request(GET, [varbind]).octets(first))
    assert (wrote.community, wrote.version) == (b"write", V2C)
    same = Agent("", 0).set_request(GET, [varbind]).octets(first)
    assert (decode_message(same).community, decode_message(same).version) == (b"public", V1)
