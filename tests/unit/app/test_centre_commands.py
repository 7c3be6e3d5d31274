"""`edge history` and `edge command` against a centre."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from edge.app.commands import app
from edge.centre.archive import Row, SqliteArchive
from edge.centre.picture import CentreRegistry
from edge.centre.server import CentreServer
from edge.centre.state import Registry
from edge.core.errors import ConfigError, DeviceError
from edge.v1 import common_pb2, history_pb2
from tests.faults.command_keys import operator_guard, write_private_key


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[str]:
    """Address of a centre that has three records of node n1; it runs on a thread of its own."""
    ready, stop = threading.Event(), asyncio.Event()
    found: list[str] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        registry: CentreRegistry = Registry()
        archive = SqliteArchive(tmp_path / "centre")
        records = [
            history_pb2.HistoryRecord(sequence=n, event=common_pb2.HealthEvent(kind=f"event {n}"))
            for n in (1, 2, 3)
        ]
        await archive.append(
            "n1", 5, [Row(r.sequence, r.sequence, 0, 0, r.SerializeToString()) for r in records]
        )
        server = CentreServer("127.0.0.1:0", registry, archive=archive, guard=operator_guard())
        await server.start()
        found.append(f"127.0.0.1:{server.port}")
        ready.set()
        await stop.wait()
        await server.stop()
        await archive.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(20)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(20)
    loop.close()


def run(*arguments: str) -> tuple[int, list[dict[str, object]], BaseException | None]:
    result = CliRunner().invoke(app, list(arguments))
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return result.exit_code, lines, result.exception


def test_history_is_printed_a_record_a_line(centre: str) -> None:
    status, lines, _error = run("history", "n1", "--centre", centre)
    assert status == 0
    assert [(line["epoch"], line["sequence"], line["event"]) for line in lines] == [
        (5, str(n), {"kind": f"event {n}"}) for n in (1, 2, 3)
    ]
    assert [line["sequence"] for line in run("history", "n1", "--centre", centre, "--after", "5:1")[1]] == [
        "2",
        "3",
    ]
    assert len(run("history", "n1", "--centre", centre, "--limit", "2")[1]) == 2


def test_a_node_without_history_is_said_in_words(centre: str) -> None:
    _status, _lines, error = run("history", "n2", "--centre", centre)
    assert isinstance(error, DeviceError)
    assert "no history of a node 'n2'" in str(error)


def test_a_command_to_a_node_that_is_not_there_is_said_in_words(centre: str, tmp_path: Path) -> None:
    key = tmp_path / "centre.pem"
    write_private_key(Ed25519PrivateKey.generate(), key)
    arguments = ("command", "n1", "--key", str(key), "--centre", centre, "--cycle", "90", "--green", "2=30")
    _status, _lines, error = run(*arguments)
    assert isinstance(error, DeviceError)
    assert "node 'n1' is not connected" in str(error)
    assert "edge history n1 tells of command" in str(error)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give --set, --map or --cycle"),
        (("--set", "centre.rate_hz=5", "--cycle", "90"), "one order"),
        (("--set", "centre.rate_hz"), "has no ="),
        (("--cycle", "90", "--green", "two=30"), "GROUP=SECONDS"),
        (("--map", "absent.json"), "cannot read absent.json"),
    ],
)
def test_options_that_are_no_order_are_refused(arguments: tuple[str, ...], words: str) -> None:
    _status, _lines, error = run("command", "n1", "--key", "k.pem", *arguments)
    assert isinstance(error, ConfigError)
    assert words in str(error)


def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("no key")
    _status, _lines, error = run("command", "n1", "--key", str(tmp_path / "k.pem"), "--cycle", "90")
    assert isinstance(error, ConfigError)
    assert "openssl genpkey" in str(error)
