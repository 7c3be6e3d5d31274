"""The link between a session and a socket."""

from __future__ import annotations

import asyncio
from collections import Counter

from hw.tcp import WRITE_LIMIT, SessionLink
from tests.waiting import until


class Echo:
    """Says what it hears; `x` is a bug, `q` ends it, `w` says more than the limit."""

    def __init__(self) -> None:
        self.ended: str | None = None
        self.ticks = 0
        self._output = b""

    def opened(self, now_ns: int) -> None:
        self._output += b"hello "

    def received(self, data: bytes, now_ns: int) -> None:
        if b"x" in data:
            raise ZeroDivisionError
        self._output += data if b"w" not in data else bytes(WRITE_LIMIT + 1)
        if b"q" in data:
            self.ended = "asked to"

    def tick(self, now_ns: int) -> None:
        self.ticks += 1

    def take_output(self) -> bytes:
        output, self._output = self._output, b""
        return output


class Server:
    """Links of one kind of session, and what became of them."""

    def __init__(self, *, allowed: frozenset[str] | None = None) -> None:
        self.counters: Counter[str] = Counter()
        self.lost: list[str] = []
        self.bugs: list[Exception] = []
        self.links: list[SessionLink] = []
        self._allowed = allowed

    def link(self) -> SessionLink:
        self.links.append(
            SessionLink(
                Echo(),
                counters=self.counters,
                now_ns=lambda: 0,
                on_lost=self.lost.append,
                on_bug=self.bugs.append,
                allowed=self._allowed,
            )
        )
        return self.links[-1]

    async def talk(self, words: bytes) -> bytes:
        """Connect, say something, hear everything until the end."""
        server = await asyncio.get_running_loop().create_server(self.link, "127.0.0.1", 0)
        async with server, asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(words)
            try:
                heard = await reader.read()
            except ConnectionError:
                heard = b""
            writer.close()
            await until(lambda: self.lost)
        return heard


async def test_last_words_are_sent_before_the_end() -> None:
    server = Server()
    assert await server.talk(b"q") == b"hello q"
    assert server.lost == ["asked to"]


async def test_a_bug_of_a_session_is_told_and_costs_its_connection() -> None:
    server = Server()
    await server.talk(b"x")
    assert [type(bug) for bug in server.bugs] == [ZeroDivisionError]


async def test_what_waits_for_a_peer_is_bounded() -> None:
    server = Server()
    await server.talk(b"w")
    assert server.counters["slow_peers"] == 1
    assert server.lost == ["the other side does not read"]


async def test_who_is_not_allowed_hears_nothing() -> None:
    server = Server(allowed=frozenset({"192.0.2.1"}))
    assert await server.talk(b"q") == b""
    assert server.counters["foreign"] == 1
    assert server.lost == ["127.0.0.1 is not allowed"]


async def test_sessions_tick_while_the_connection_stands() -> None:
    server = Server()
    listening = await asyncio.get_running_loop().create_server(server.link, "127.0.0.1", 0)
    async with listening:
        _reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        await until(lambda: server.links and server.links[0].session.ticks >= 3)
        writer.close()
        await until(lambda: server.lost)
        ticks = server.links[0].session.ticks
        await asyncio.sleep(0)
        assert server.links[0].session.ticks == ticks
