"""The centre's page in a real browser: what a person sees while a node sends, withdraws, stops and comes back."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.e2e.browser import Browser, browser, missing
from tests.unit.centre.feed import HandNode, hand_node, running_centre

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "a browser is there")

LIVE = "window.__state && window.__state.state === 'live' && window.__state.objects"


@asynccontextmanager
async def sending(node: HandNode, *, withdrawn: str = "") -> AsyncIterator[None]:
    """The node sends ten times a second while inside."""
    stop = asyncio.Event()

    async def send() -> None:
        while not stop.is_set():
            await node.send(withdrawn=withdrawn)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        try:
            yield
        finally:
            stop.set()


async def test_page_follows_a_node_from_live_to_withdrawn_to_gone_and_back(tmp_path: Path) -> None:
    async with running_centre() as centre, asyncio.timeout(110):
        with browser(tmp_path / "profile") as page:
            await asyncio.to_thread(page.open, f"http://127.0.0.1:{centre.web.port}/")
            await asyncio.to_thread(
                page.wait_for, "document.querySelector('#nodes-empty').offsetParent !== null"
            )
            async with hand_node(centre.server.port, "demo-1") as node:
                async with sending(node):
                    await asyncio.to_thread(_check_live, page)
                    _keep(page, "live")
                async with sending(node, withdrawn="controller silent for 400 ms"):
                    await asyncio.to_thread(_check_withdrawn, page)
            await asyncio.to_thread(_check_stale, page)
            async with hand_node(centre.server.port, "demo-1") as node, sending(node):
                assert await asyncio.to_thread(page.wait_for, LIVE) == 8
            assert await asyncio.to_thread(page.errors) == []


def _check_live(page: Browser) -> None:
    assert page.wait_for(LIVE) == 8
    page.wait_for("document.querySelector('#title').textContent === 'Harbour Road / 3rd Street'")
    page.wait_for("document.querySelector('#figure-objects').textContent === '8'")
    lamps = page.run("return window.__state.lamps")
    assert sorted(lamps, key=int) == ["1", "2", "3", "4", "12", "14"]
    assert set(lamps.values()) <= {"red", "yellow", "green"}
    shown = page.run(
        "return Object.fromEntries([...document.querySelectorAll('#signals [data-group]')]"
        ".map(e => [e.dataset.group, e.dataset.colour]))"
    )
    assert sorted(shown, key=int) == sorted(lamps, key=int)
    assert page.run("return document.querySelector('#banner').hidden") is True
    assert "2 of 10 messages a second" in page.text("#health")
    assert "East in 1" in page.text("#lanes")
    assert "node started" in page.text("#events")
    assert page.run(_PAINTED) > 100, "the road users' colours are on the canvas"


def _check_withdrawn(page: Browser) -> None:
    page.wait_for("window.__state.signals === 'withdrawn'")
    page.wait_for("document.querySelector('#banner').textContent.includes('controller silent for 400 ms')")
    assert page.run("return window.__state.lamps") == {}
    colours = page.run(
        "return [...document.querySelectorAll('#signals [data-group]')].map(e => e.dataset.colour)"
    )
    assert colours == ["none"] * 6


def _check_stale(page: Browser) -> None:
    page.wait_for("window.__state.state === 'stale'")
    page.wait_for("window.__state.objects === null")
    page.wait_for("document.querySelector('#banner').textContent.toLowerCase().includes('stale')")
    assert page.run("return window.__state.lamps") == {}
    page.wait_for("document.querySelector('#nodes .word').textContent === 'stale'")


_PAINTED = """
const canvas = document.querySelector('#stage');
const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
const hex = getComputedStyle(document.documentElement).getPropertyValue('--car').trim();
const want = [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16));
let found = 0;
for (let i = 0; i < data.length; i += 4) if (want.every((v, k) => Math.abs(data[i + k] - v) < 3)) found += 1;
return found;
"""


def _keep(page: Browser, name: str) -> None:
    """Save a picture of the page where EDGE_SCREENSHOTS names a folder."""
    folder = os.environ.get("EDGE_SCREENSHOTS")
    if folder:
        page.screenshot(Path(folder) / f"centre-{name}.png")


async def test_page_works_by_keyboard_and_shows_names_as_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    async with (
        running_centre() as centre,
        asyncio.timeout(100),
        hand_node(centre.server.port, "demo-1", connect=False) as node,
    ):
        await node.send(say_hello=True, name=hostile)
        with browser(tmp_path / "profile", width=800, height=700) as page:
            await asyncio.to_thread(page.open, f"http://127.0.0.1:{centre.web.port}/")
            async with sending(node):
                await asyncio.to_thread(_check_keyboard, page, hostile)


def _check_keyboard(page: Browser, name: str) -> None:
    page.wait_for(LIVE)
    page.wait_for(f"document.querySelector('#title').textContent === {json.dumps(name)}")
    assert page.run("return document.querySelectorAll('main img').length") == 0
    press = "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'e'}));"
    page.run(press)
    assert (
        page.run("return document.querySelector('[data-option=ellipses]').getAttribute('aria-pressed')")
        == "true"
    )
    page.run("document.querySelector('#theme').click()")
    assert page.run("return document.documentElement.dataset.theme") in {"light", "dark"}
    width = page.run("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], "nothing hangs over the side"
