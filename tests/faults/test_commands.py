"""Commands on the whole way: signed by a person, handed on by the centre, judged by a node, answered."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.access.audit import AuditLog
from edge.app.demo_site import free_ports, write_site
from edge.app.front_centre import CentreLink, CentreWants
from edge.app.staging import load_map
from edge.centre import command_service
from edge.config import load_site
from edge.flow.board import HealthBoard
from edge.publish.hub import Hub
from edge.v1 import centre_pb2, centre_pb2_grpc
from edge.v1.command_pb2 import (
    COMMAND_OUTCOME_APPLIED,
    COMMAND_OUTCOME_REFUSED,
    COMMAND_OUTCOME_STAGED,
    COMMAND_REFUSAL_NODE,
    COMMAND_REFUSAL_REPLAYED,
    COMMAND_REFUSAL_SIGNATURE,
    Command,
    CommandResult,
    Configuration,
    PlanAdvice,
    SignedCommand,
)
from edge.wire.command import sign_command
from edge.wire.intersection import to_intersection
from tests.faults.command_keys import write_public_key
from tests.history_reader import history_of
from tests.unit.centre.feed import HandNode, hand_node
from tests.unit.publish.feed import signals
from tests.unit.publish.test_history_uplink import centre_at

KEY = Ed25519PrivateKey.generate()
MINUTE_NS = 60 * 10**9


@contextlib.asynccontextmanager
async def linked_node(directory: Path, port: int) -> AsyncIterator[None]:
    """The centre's link of the demo's site, without the rest of the node."""
    path = write_site(directory, free_ports())
    write_public_key(KEY, directory / "centre.pub")
    text = path.read_text().split("\n[[camera]]")[0]
    own = f'[centre]\naddress = "127.0.0.1:{port}"\ncommand_keys = ["centre.pub"]\n'
    path.write_text(text.replace("[centre]\n", own + "# ", 1))
    site = load_site(path)
    assert site.centre is not None
    intersection = load_map(site, site.site.map)
    board = HealthBoard(now_ns=time.time_ns)
    audit = AuditLog(site.state_directory / "audit.jsonl", board=board)
    hub = Hub()
    link = CentreLink(
        CentreWants(site, site.centre, intersection, lambda: True, audit),
        hub=hub,
        hello=to_intersection(intersection, node_id="demo"),
        epoch=time.time_ns(),
        board=board,
    )
    board.on_event = link.event
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in (*link.tasks(), publishing(hub))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await link.close()


async def publishing(hub: Hub) -> None:
    """What a node does, so that its batches do not wait for the heartbeat."""
    while True:
        hub.publish(signals())
        await asyncio.sleep(0.05)


def advice(counter: int, *, node_id: str = "demo", life_ns: int = MINUTE_NS) -> Command:
    now_ns = time.time_ns()
    return Command(
        command_id=f"c{counter}",
        node_id=node_id,
        counter=counter,
        issued_ns=now_ns,
        expires_ns=now_ns + life_ns,
        plan_advice=PlanAdvice(cycle_s=90.0, valid_from_ns=now_ns, valid_until_ns=now_ns + MINUTE_NS),
    )


async def send(port: int, signed: SignedCommand, *, node_id: str = "demo") -> CommandResult:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = centre_pb2_grpc.CommandServiceStub(channel)
        request = centre_pb2.SendCommandRequest(node_id=node_id, command=signed)
        answer: CommandResult = await stub.SendCommand(request, timeout=20, wait_for_ready=True)
        return answer


async def connected(port: int) -> None:
    """Wait until the centre knows the node."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = centre_pb2_grpc.QueryServiceStub(channel)
        async for state in stub.WatchIntersections(centre_pb2.WatchIntersectionsRequest(), timeout=10):
            if state.summary.node_id == "demo":
                return


def every_kind() -> list[tuple[SignedCommand, int, int]]:
    """Commands in the order in which they are sent, and what becomes of each."""
    good = sign_command(advice(10), KEY)
    tampered = SignedCommand(payload=good.payload[:-1] + b"\x00", signature=good.signature)
    order = advice(20)
    order.configuration.CopyFrom(Configuration(values={"centre.rate_hz": "5"}))
    return [
        (good, COMMAND_OUTCOME_APPLIED, 0),
        (good, COMMAND_OUTCOME_REFUSED, COMMAND_REFUSAL_REPLAYED),
        (tampered, COMMAND_OUTCOME_REFUSED, COMMAND_REFUSAL_SIGNATURE),
        (sign_command(advice(12, node_id="x"), KEY), COMMAND_OUTCOME_REFUSED, COMMAND_REFUSAL_NODE),
        (
            sign_command(advice(13), Ed25519PrivateKey.generate()),
            COMMAND_OUTCOME_REFUSED,
            COMMAND_REFUSAL_SIGNATURE,
        ),
        (sign_command(order, KEY), COMMAND_OUTCOME_STAGED, 0),
    ]


async def kept_results(port: int, count: int) -> list[CommandResult]:
    """What the centre's history says of commands, once it has so many."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                history = await history_of(port, "demo")
                kept = [record.command for _epoch, record in history if record.HasField("command")]
                if len(kept) >= count:
                    return kept
            await asyncio.sleep(0.05)


async def test_commands_are_answered_and_what_became_of_each_is_history(tmp_path: Path) -> None:
    async with centre_at(tmp_path / "centre") as port, linked_node(tmp_path, port):
        await connected(port)
        sent = every_kind()
        for signed, outcome, refusal in sent:
            answer = await send(port, signed)
            assert (answer.outcome, answer.refusal) == (outcome, refusal), answer
        kept = await kept_results(port, len(sent))
    assert [(result.outcome, result.refusal) for result in kept] == [entry[1:] for entry in sent]
    audit = (tmp_path / "state" / "audit.jsonl").read_text().splitlines()
    assert len(audit) == len(sent) - 1, "of two forged ones the second is counted"


async def test_the_centre_says_when_a_node_is_not_there_or_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_service, "ANSWER_TIMEOUT_S", 0.3)
    async with centre_at(None) as port:
        with pytest.raises(grpc.aio.AioRpcError, match="'demo' is not connected"):
            await send(port, sign_command(advice(1), KEY))
        async with hand_node(port, "demo") as node:
            with pytest.raises(grpc.aio.AioRpcError, match="it was not handed on, and will not be"):
                await send(port, sign_command(advice(1), KEY))
            reply = await node.send(empty=True)
            assert not reply.commands  # nobody waits for it any more
            monkeypatch.setattr(command_service, "ANSWER_TIMEOUT_S", 3.0)
            expired = asyncio.ensure_future(send(port, sign_command(advice(3, life_ns=-1), KEY)))
            waiting = asyncio.ensure_future(send(port, sign_command(advice(2), KEY)))
            taken = await taken_by(node, 1)
            while not expired.done():
                taken += (await node.send(empty=True)).commands
            assert len(taken) == 1
            with pytest.raises(grpc.aio.AioRpcError, match="it expired before the node could take it"):
                await expired
            with pytest.raises(grpc.aio.AioRpcError, match="the node's history tells"):
                await waiting


async def taken_by(node: HandNode, count: int) -> list[SignedCommand]:
    """Commands that the node gets, until it has so many."""
    taken: list[SignedCommand] = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            taken += (await node.send(empty=True)).commands
    return taken


async def test_a_centre_that_stops_answers_who_waits_and_a_node_that_goes_is_told_of() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with centre_at(None) as port:
            node = await stack.enter_async_context(hand_node(port, "demo"))
            async with hand_node(port, "gone") as other:
                waiting = asyncio.ensure_future(send(port, sign_command(advice(1), KEY), node_id="gone"))
                await taken_by(other, 1)
            with pytest.raises(grpc.aio.AioRpcError, match="'gone' has gone; it was handed on"):
                await waiting
            waiting = asyncio.ensure_future(send(port, sign_command(advice(2), KEY)))
            await taken_by(node, 1)
        with pytest.raises(grpc.aio.AioRpcError, match="the centre is stopping; it was handed on"):
            await waiting


async def test_too_many_commands_without_an_answer_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_service, "ANSWER_TIMEOUT_S", 2.0)
    async with centre_at(None) as port, hand_node(port, "demo") as node:
        waiting = [asyncio.ensure_future(send(port, sign_command(advice(n), KEY))) for n in range(1, 9)]
        await taken_by(node, 8)
        with pytest.raises(grpc.aio.AioRpcError, match="8 commands without an answer"):
            await send(port, sign_command(advice(9), KEY))
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
