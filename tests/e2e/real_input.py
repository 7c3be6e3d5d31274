"""A node as processes on recorded input, with a radio that hears it and a client in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import string
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from edge.app.demo_processes import Processes, free_port
from hw.sim.rsu import FakeRsu

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).parent / "real_site"
MAX_LINE_BYTES = 1 << 20
Update = dict[str, Any]


class Client:
    """What the client process saw.

    Attributes:
        signals, scenes: updates, oldest first.
        health: components of the newest health by name.
    """

    def __init__(self) -> None:
        self.signals: list[Update] = []
        self.scenes: list[Update] = []
        self.health: dict[str, Update] = {}
        self._news = asyncio.Event()

    def take(self, line: bytes) -> None:
        """Read one line of the client's output."""
        update: Update = json.loads(line)
        if update["type"] == "SignalsUpdate":
            self.signals.append(update)
        elif update["type"] == "SceneUpdate":
            self.scenes.append(update)
        else:
            self.health = {component["component"]: component for component in update["components"]}
        self._news.set()

    def counter(self, component: str, kind: str) -> int:
        """A counter of the newest health; 0 when it is not in it."""
        return int(self.health.get(component, {}).get("counters", {}).get(kind, 0))

    async def until(self, condition: Callable[[], object], *, timeout_s: float, what: str) -> None:
        """Look at the condition whenever the client sees something.

        Raises:
            AssertionError: it did not come in time.
        """
        deadline = time.monotonic() + timeout_s
        while not condition():
            self._news.clear()
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await self._news.wait()
            except TimeoutError:
                raise AssertionError(f"{what}: not within {timeout_s:.0f} s; {self.summary()}") from None

    def summary(self) -> str:
        """What is known, for a failed test."""
        states = {name: (c["state"], c["message"], c["counters"]) for name, c in self.health.items()}
        newest = self.scenes[-1]["road_users"] if self.scenes else None
        kinds = Counter(update["withdrawn"] for update in self.signals)
        return f"signals withdrawn {dict(kinds)}, road users {newest}, health {states}"


@contextlib.asynccontextmanager
async def client_of(address: str) -> AsyncIterator[Client]:
    """A client process that watches the node while inside."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.e2e.real_input_client", address),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        limit=MAX_LINE_BYTES,
    )
    client = Client()
    assert process.stdout is not None
    reader = asyncio.create_task(_read(process.stdout, client), name="client's output")
    try:
        yield client
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def _read(output: asyncio.StreamReader, client: Client) -> None:
    while line := await output.readline():
        client.take(line)


class RealInput:
    """The node's ports and what is around it."""

    def __init__(self, client: Client, radio: FakeRsu, controller: tuple[str, int], log: Path) -> None:
        self.client, self.radio, self.controller, self._log = client, radio, controller, log

    def log(self) -> str:
        """What the node has logged."""
        return self._log.read_text(errors="replace")


@contextlib.asynccontextmanager
async def running_node(
    directory: Path, *, data: Path, broker_port: int, state: Path
) -> AsyncIterator[RealInput]:
    """A node on the recorded clip, the broker's frames and a controller's packets; all ends on leaving."""
    grpc, controller = free_port(), free_port(socket.SOCK_DGRAM)
    async with FakeRsu() as radio, Processes(directory / "logs") as processes:
        text = string.Template((SITE / "site.toml").read_text(encoding="utf-8")).substitute(
            state=state,
            map=SITE / "map.json",
            grpc=grpc,
            controller=controller,
            clip=data / "media" / "cvtrafficcam.mp4",
            model=data / "models" / "yolox_nano.onnx",
            broker=broker_port,
            radio=radio.address[1],
        )
        site = directory / "site.toml"
        site.write_text(text, encoding="utf-8")
        await processes.start("node", "-m", "edge.app", "run", str(site))
        async with client_of(f"127.0.0.1:{grpc}") as client:
            yield RealInput(client, radio, ("127.0.0.1", controller), directory / "logs" / "node.log")
