"""`edge watch`: the live terminal view of one intersection over the vehicle client."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.terminal_theme import MONOKAI

from edge.app.view import render
from edge.app.watch_feed import Feed
from edge.sdk import Credentials, EdgeClient, NotReachableError, RefusedError

FRAME_PERIOD_S = 0.2
RETRY_S = 1.0
ONCE_TIMEOUT_S = 10.0
ONCE_SETTLE_S = 1.5
SVG_COLUMNS, SVG_ROWS = 150, 44


async def watch(
    address: str,
    *,
    once: bool = False,
    svg: Path | None = None,
    duration_s: float | None = None,
    credentials: Credentials | None = None,
) -> int:
    """Show an intersection until Ctrl-C.

    Args:
        address: `host:port` of the node.
        once: print one frame and return.
        svg: write the last frame as an SVG picture.
        duration_s: return after this time.
        credentials: TLS; None: plaintext.

    Returns:
        Exit status: 0, 1 when the node could not be reached, 2 when it refused.
    """
    console = Console()
    feed = Feed(address)
    stop = asyncio.Event()
    with _signals(stop):
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(follow(address, feed, stop, credentials), name="watch.follow")
            try:
                if once or not console.is_terminal:
                    await _settle(feed, stop)
                else:
                    await _show(console, feed, stop, duration_s=duration_s)
            finally:
                stop.set()
                reader.cancel()
    if feed.info is None:
        Console(stderr=True).print(feed.problem, style="red", highlight=False)
        return 2 if feed.refused else 1
    if once or not console.is_terminal:
        console.print(render(feed.picture(now_ns=time.time_ns()), columns=console.width, rows=10_000))
    if svg is not None:
        await asyncio.to_thread(svg.write_text, export_svg(feed, now_ns=time.time_ns()), "utf-8")
    return 2 if feed.refused else 0


def export_svg(feed: Feed, *, now_ns: int) -> str:
    """A frame as an SVG that loads nothing from elsewhere."""
    console = Console(
        record=True,
        width=SVG_COLUMNS,
        height=SVG_ROWS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    console.print(render(feed.picture(now_ns=now_ns), columns=SVG_COLUMNS, rows=SVG_ROWS))
    text = console.export_svg(title="edge watch", theme=MONOKAI, unique_id="watch")
    text = re.sub(r"@font-face\s*\{[^}]*\}", "", text)
    return text.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas").replace(
        "<!-- Generated with Rich https://www.textualize.io -->", ""
    )


async def follow(
    address: str, feed: Feed, stop: asyncio.Event, credentials: Credentials | None = None
) -> None:
    """Keep a feed supplied for ever; a refusal sets `stop`."""
    with _losses_shown(feed):
        async with EdgeClient(address, credentials=credentials) as client:
            await _read(client, feed, stop)


async def _read(client: EdgeClient, feed: Feed, stop: asyncio.Event) -> None:
    """Fetch the geometry, then follow the updates; the client comes back after a loss by itself."""
    try:
        while not await _fetch(client, feed):
            await _sleep(stop, RETRY_S)
        async with contextlib.aclosing(client.watch()) as updates:
            async for update in updates:
                feed.take(update, now_ns=time.time_ns())
                feed.reconnects = client.counters.reconnects
                if feed.map_is_old:
                    await _fetch(client, feed)
    except RefusedError as error:
        feed.lost(str(error))
        feed.refused = True
        stop.set()


async def _fetch(client: EdgeClient, feed: Feed) -> bool:
    try:
        feed.info = await client.intersection()
    except NotReachableError as error:
        feed.lost(str(error))
        return False
    return True


class _Losses(logging.Handler):
    """Takes the client's words about a lost connection into the view instead of across it."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(logging.WARNING)
        self._feed = feed

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        self._feed.lost(record.getMessage())


@contextlib.contextmanager
def _losses_shown(feed: Feed) -> Iterator[None]:
    log, handler = logging.getLogger("edge.sdk"), _Losses(feed)
    before, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before


async def _show(console: Console, feed: Feed, stop: asyncio.Event, *, duration_s: float | None) -> None:
    with (
        contextlib.suppress(TimeoutError),
        Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live,
    ):
        async with asyncio.timeout(duration_s):
            while not stop.is_set():
                picture = feed.picture(now_ns=time.time_ns())
                live.update(render(picture, columns=console.width, rows=console.height), refresh=True)
                await _sleep(stop, FRAME_PERIOD_S)


async def _settle(feed: Feed, stop: asyncio.Event) -> None:
    """Wait until every layer has come, or long enough that what is missing is worth saying."""
    loop = asyncio.get_running_loop()
    give_up, settled = loop.time() + ONCE_TIMEOUT_S, None
    while not stop.is_set() and not feed.complete:
        if feed.info is not None and settled is None:
            settled = loop.time() + ONCE_SETTLE_S
        if loop.time() > (give_up if settled is None else settled):
            return
        await _sleep(stop, 0.05)


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the view in good order."""
    loop = asyncio.get_running_loop()
    handled: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in handled:
            loop.add_signal_handler(number, stop.set)
    except (ValueError, RuntimeError, NotImplementedError):
        handled = ()  # not the main thread: whoever runs us handles signals
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
