"""Commands at the centre: handed on once or never, and whoever waits is told which."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from edge.centre.relay import NoAnswerError, Relay, RelayFullError
from edge.v1.command_pb2 import COMMAND_OUTCOME_APPLIED, Command, CommandResult, SignedCommand
from tests.waiting import until

NOW_NS = 1_800_000_000 * 10**9
LIFE_NS = 10 * 10**9
PATIENCE_S = 30.0


class Bench:
    """A relay with a clock."""

    def __init__(self) -> None:
        self.now_ns = NOW_NS
        self.relay = Relay(now_ns=lambda: self.now_ns)

    def send(self, signed: SignedCommand, *, timeout_s: float = PATIENCE_S) -> asyncio.Task[CommandResult]:
        return asyncio.create_task(self.relay.send("n1", signed, timeout_s=timeout_s))

    async def waiting(self, count: int = 1) -> None:
        await until(lambda: len(self.relay._waiting.get("n1", {})) == count)


def signed(number: int = 1) -> SignedCommand:
    command = Command(command_id=f"c{number}", counter=number, expires_ns=NOW_NS + LIFE_NS)
    return SignedCommand(payload=command.SerializeToString(), signature=b"s")


async def test_a_command_goes_out_once_and_its_answer_comes_back() -> None:
    bench = Bench()
    task = bench.send(signed())
    await bench.waiting()
    assert bench.relay.due("n2") == []
    assert bench.relay.due("n1") == [signed()]
    assert bench.relay.due("n1") == [], "never twice, whatever became of the first"
    result = CommandResult(digest=hashlib.sha256(signed().payload).digest(), outcome=COMMAND_OUTCOME_APPLIED)
    bench.relay.answered("n1", [CommandResult(digest=b"of another"), result, result])
    assert await task == result
    bench.relay.answered("n1", [result])


async def test_a_command_that_has_expired_is_not_handed_on() -> None:
    bench = Bench()
    late, good = bench.send(signed(1)), bench.send(SignedCommand(payload=b"\xff no command"))
    await bench.waiting(2)
    bench.now_ns += LIFE_NS + 1
    assert bench.relay.due("n1") == [SignedCommand(payload=b"\xff no command")], (
        "that one is for the node to refuse"
    )
    with pytest.raises(NoAnswerError, match="expired before the node could take it; it was not handed on"):
        await late
    good.cancel()


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("end", ["patience", "node", "centre"])
async def test_whoever_waits_is_told_whether_the_node_may_have_it(end: str, sent: bool) -> None:
    bench = Bench()
    task = bench.send(signed(), timeout_s=0.2 if end == "patience" else PATIENCE_S)
    await bench.waiting()
    assert len(bench.relay.due("n1") if sent else []) == sent
    if end == "node":
        bench.relay.lost("n2")
        bench.relay.lost("n1")
    elif end == "centre":
        bench.relay.close()
    words = "was handed on, and the node's history tells" if sent else "was not handed on, and will not be"
    with pytest.raises(NoAnswerError, match=words) as told:
        await task
    assert told.value.handed_on is sent
    assert bench.relay.due("n1") == [], "not when the node comes back either"


async def test_a_centre_that_stops_takes_no_more() -> None:
    bench = Bench()
    bench.relay.close()
    with pytest.raises(NoAnswerError, match="stopping; it was not handed on"):
        await bench.relay.send("n1", signed(), timeout_s=PATIENCE_S)


async def test_the_same_command_does_not_wait_twice() -> None:
    bench = Bench()
    task = bench.send(signed())
    await bench.waiting()
    with pytest.raises(RelayFullError, match="this very one"):
        await bench.relay.send("n1", signed(), timeout_s=PATIENCE_S)
    task.cancel()
