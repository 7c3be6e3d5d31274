"""The node's own page in a real browser: live, withdrawn, expired, cut off and back; on a desk and on a phone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.publish.hub import Hub
from edge.publish.update_json import JsonUpdates
from edge.publish.web import WebServer
from tests.e2e.browser import Browser, browser, missing
from tests.unit.centre.feed import hello, updates
from tests.waiting import until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "a browser is there")

LIVE = "window.__state && window.__state.state === 'live' && window.__state.objects"
NAME = "Harbour Road / 3rd Street"


class Node:
    """A node made by hand: a hub with a page, and updates ten times a second.

    Attributes:
        withdrawn: why the signals are; empty they are valid.
        blind: its camera is down.
        part: another name for its first part.
        layers: which updates are sent: signals, scene, lanes, health.
    """

    def __init__(self) -> None:
        self.hub, self.port, self.sequence = Hub(), 0, 0
        self.withdrawn, self.layers, self.late_ms = "", frozenset(range(4)), 0
        self.blind, self.part = False, ""

    async def send(self) -> None:
        """Publish until cancelled."""
        while True:
            self.sequence += 1
            now_ns = time.time_ns() - self.late_ms * 1_000_000
            made = updates(
                self.sequence, now_ns=now_ns, withdrawn=self.withdrawn, blind=self.blind, life_ms=500
            )
            if self.part:
                made[3].health.components[0].component = self.part
            for number, update in enumerate(made):
                if number in self.layers:
                    self.hub.publish(update)
            await asyncio.sleep(0.1)

    @contextlib.asynccontextmanager
    async def served(self, *, name: str = NAME) -> AsyncIterator[str]:
        """The page's address while inside; the port stays the same the next time."""
        server = WebServer(
            self.hub,
            intersection=hello("crossing-1", name=name),
            updates=JsonUpdates(),
            listen=f"127.0.0.1:{self.port}",
        )
        async with server.serving():
            self.port = server.http.port
            yield server.url


@contextlib.asynccontextmanager
async def sending(node: Node) -> AsyncIterator[None]:
    task = asyncio.create_task(node.send())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def look(page: Browser, check: Callable[[Browser], None], name: str = "") -> None:
    """Run a check beside the node, and keep a picture where EDGE_SCREENSHOTS names a folder."""
    await asyncio.to_thread(check, page)
    folder = os.environ.get("EDGE_SCREENSHOTS")
    if folder and name:
        await asyncio.to_thread(page.screenshot, Path(folder) / f"node-{name}.png")


async def test_page_follows_the_node_from_live_to_withdrawn_to_gone_and_back(tmp_path: Path) -> None:
    node = Node()
    with browser(tmp_path / "profile", width=1280, height=800) as page:
        async with asyncio.timeout(110), sending(node):
            async with node.served() as url:
                await asyncio.to_thread(page.open, url)
                await look(page, _live, "live")
                await look(page, _tap, "tap")
                node.blind = True
                await look(page, _blind, "blind")
                node.blind, node.withdrawn = False, "controller silent for 400 ms"
                await look(page, _withdrawn, "withdrawn")
                node.withdrawn, node.layers = "", frozenset({0, 3})
                await look(page, _without_objects, "no-objects")
                node.layers = frozenset({1, 2, 3})
                await look(page, _without_signals)
                node.layers = frozenset({2, 3})
                await look(page, _without_both)
                node.layers = frozenset(range(4))
                await asyncio.to_thread(page.wait_for, LIVE)
            await look(page, _lost, "lost")
            async with node.served():
                assert await asyncio.to_thread(page.wait_for, LIVE) == 8
        errors = [e for e in await asyncio.to_thread(page.errors) if "ERR_" not in e]
        assert errors == [], "but for the connections that were refused while it was gone"


def _live(page: Browser) -> None:
    assert page.wait_for(LIVE) == 8
    page.wait_for(f"document.querySelector('#title').textContent === '{NAME}'")
    lamps = page.run("return window.__state.lamps")
    assert sorted(lamps, key=int) == ["1", "2", "3", "4", "12", "14"]
    assert set(lamps.values()) <= {"red", "yellow", "green"}
    assert page.run("return document.querySelector('#banner').hidden") is True
    assert "East in 1" in page.text("#lane-rows")
    assert "node started" in page.text("#event-list")
    page.wait_for("document.querySelector('#figure-latency').textContent.endsWith('ms')")
    latency = page.wait_for("window.__state.latency")
    assert latency["median"] + page.run("return window.__state.clock")["error"] > 60, (
        "capture is that much before"
    )
    clock = page.run("return window.__state.clock")
    assert abs(clock["offset"]) <= clock["error"] + 2, "page and node share a clock here"
    assert page.run(_PAINTED) > 100, "the road users' colours are on the canvas"


def _tap(page: Browser) -> None:
    """A click on a road user tells who saw it; Escape takes the card away, a key brings the next one."""
    for _ in range(30):  # it may have moved on by the time of the click
        page.click(*page.wait_for("window.__state.pixelOf(0)"))
        if page.run("return window.__state.selected"):
            break
    page.wait_for("!document.querySelector('#detail').hidden")
    told = page.text("#detail-pairs")
    assert "Seen by" in told
    assert "Uncertainty" in told
    page.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    page.wait_for("document.querySelector('#detail').hidden")
    page.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'o'}))")
    page.wait_for("!document.querySelector('#detail').hidden")


def _blind(page: Browser) -> None:
    """An empty road that nobody looks at is not called live."""
    page.wait_for("window.__state.state === 'degraded' && window.__state.signals === 'valid'")
    page.wait_for("document.querySelector('#banner').textContent.includes('Camera north not seeing')")
    assert page.run("return window.__state.objects") == 8


def _withdrawn(page: Browser) -> None:
    page.wait_for("window.__state.signals === 'withdrawn'")
    page.wait_for("document.querySelector('#banner').textContent.includes('controller silent for 400 ms')")
    assert page.run("return window.__state.lamps") == {}
    page.wait_for(
        "[...document.querySelectorAll('#signal-list [data-group]')].every(e => e.dataset.colour === 'none')"
    )
    line = page.run(
        "return getComputedStyle(document.querySelector('#signal-list .what')).textDecorationLine"
    )
    assert line == "line-through"
    assert page.run("return window.__state.objects") == 8, "the road users are not in doubt"


def _without_objects(page: Browser) -> None:
    page.wait_for("window.__state.objects === null && window.__state.signals === 'valid'")
    assert page.run("return window.__state.ghosts") == 8, "as they were last, in grey"
    page.wait_for("document.querySelector('#users').dataset.old === 'true'")
    assert page.text("#users-note").endswith("old")
    page.wait_for("document.querySelector('#banner').textContent.includes('Road users unavailable')")
    assert page.run(_PAINTED) == 0, "nothing on the canvas has the colour of a current car"


def _without_signals(page: Browser) -> None:
    page.wait_for("window.__state.signals === 'expired'")
    assert page.run("return window.__state.lamps") == {}
    page.wait_for("document.querySelector('#banner').textContent.includes('Signals expired')")


def _without_both(page: Browser) -> None:
    page.wait_for("document.querySelector('#banner').textContent.includes('Road users are not known either')")
    assert page.run("return window.__state.objects") is None
    assert page.text("#figure-latency") == "\u2013", "what is gone has no latency"


def _lost(page: Browser) -> None:
    page.wait_for("window.__state.state === 'lost'", timeout_s=2.0)
    found = page.run("return [window.__state.objects, window.__state.ghosts, window.__state.lamps]")
    assert found == [None, 0, {}]
    page.wait_for("document.querySelector('#banner-title').textContent === 'Connection lost'")
    assert page.run(_PAINTED) == 0


async def test_a_silent_connection_is_lost_within_a_second_and_nothing_old_is_drawn(tmp_path: Path) -> None:
    """The node stands still: no close, no reset, just silence."""
    node = Node()
    with browser(tmp_path / "profile") as page:
        async with asyncio.timeout(100), node.served() as url:
            async with sending(node):
                await asyncio.to_thread(page.open, url)
                await asyncio.to_thread(page.wait_for, LIVE)
                await asyncio.to_thread(page.run, _WATCH)
            stood_still = time.monotonic()
            while time.monotonic() - stood_still < 2.0:
                time.sleep(0.1)  # noqa: ASYNC251 - the whole node stands still, as a stopped process does
            seen = await asyncio.to_thread(page.run, "return window.__seen")
            lost = [at for at, state, _objects in seen if state == "lost"]
            last = max(at for at, _state, objects in seen if objects)
            assert lost, "it is lost while the node stands still"
            assert lost[0] - last < 1000
            assert all(objects is None for at, _state, objects in seen if at > last)


async def test_what_comes_past_its_validity_is_never_drawn(tmp_path: Path) -> None:
    """The network holds everything back for longer than the updates live: the page hears, and shows nothing."""
    node = Node()
    with browser(tmp_path / "profile") as page:
        async with asyncio.timeout(100), node.served(), sending(node), held_back(node.port, 0.8) as port:
            await asyncio.to_thread(page.open, f"http://127.0.0.1:{port}/")
            await asyncio.to_thread(page.run, _WATCH)
            await asyncio.to_thread(page.wait_for, "window.__state.signals === 'expired'")
            await asyncio.to_thread(page.wait_for, "window.__seen.length > 100")
            seen = await asyncio.to_thread(page.run, "return window.__seen")
            assert [objects for _at, _state, objects in seen if objects is not None] == []
            assert "live" not in {state for _at, state, _objects in seen}


@contextlib.asynccontextmanager
async def held_back(port: int, seconds: float) -> AsyncIterator[int]:
    """A way to a server on which answers take their time; its port."""
    loop, ways = asyncio.get_running_loop(), list[asyncio.StreamWriter]()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", port)
        ways.extend((writer, questions))
        asking = asyncio.create_task(_pour(reader, questions))
        with contextlib.suppress(ConnectionError):
            while octets := await answers.read(65_536):
                loop.call_later(seconds, writer.write, octets)
        loop.call_later(seconds, writer.close)
        await asyncio.wait({asking})

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for way in ways:
            way.close()
            with contextlib.suppress(ConnectionError):
                await way.wait_closed()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while octets := await reader.read(65_536):
            writer.write(octets)
    writer.close()


async def test_page_works_on_a_phone(tmp_path: Path) -> None:
    node = Node()
    node.part = f"camera.north.{'without_a_space' * 6}"
    hostile = "<img src=x onerror=alert(1)>"
    with browser(tmp_path / "profile") as page:
        async with asyncio.timeout(100), node.served(name=hostile) as url, sending(node):
            page.look_like_phone(width=360)
            await asyncio.to_thread(page.open, url + "?theme=light")
            await look(page, _phone, "phone")
            await until(lambda: node.hub.counters["subscribers"] == 1)


def _phone(page: Browser) -> None:
    page.wait_for(LIVE)
    page.wait_for("document.querySelector('#title').textContent.includes('<img')")
    assert page.run("return document.querySelectorAll('main img').length") == 0
    page.wait_for("document.querySelector('#health-rows').textContent.includes('without_a_space')")
    width = page.run("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width == [360, 360], "nothing hangs over the side"
    small = page.run(
        "return [...document.querySelectorAll('button')].filter(b => b.offsetParent)"
        ".filter(b => b.getBoundingClientRect().height < 40).map(b => b.textContent)"
    )
    assert small == [], "fingers hit every button"
    unnamed = page.run(
        "return [...document.querySelectorAll('button, canvas')]"
        ".filter(b => !(b.textContent.trim() || b.ariaLabel)).length"
    )
    assert unnamed == 0
    box = page.run(
        "const b = document.querySelector('#stage').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
    )
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    before = page.run("return window.__state.view")
    page.touch([(x - 20, y), (x - 60, y)], [(x + 20, y), (x + 60, y)])
    page.wait_for(f"window.__state.view.scale > {before['scale'] * 1.5}")
    page.touch([(x, y), (x + 50, y + 10)])
    page.wait_for(f"window.__state.view.centre[0] < {before['centre'][0]} - 1")


_PAINTED = """
const canvas = document.querySelector('#stage');
const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
const hex = getComputedStyle(document.documentElement).getPropertyValue('--car').trim();
const want = [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16));
let found = 0;
for (let i = 0; i < data.length; i += 4) if (want.every((v, k) => Math.abs(data[i + k] - v) < 3)) found += 1;
return found;
"""
_WATCH = """
window.__seen = [];
const watch = () => {
  const s = window.__state;
  if (s) window.__seen.push([performance.now(), s.state, s.objects]);
  requestAnimationFrame(watch);
};
watch();
"""
