"""Commands that are good, expired, replayed, forged or for another: what the node does, and what it writes down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.access.audit import COMPONENT as AUDIT
from edge.access.audit import AuditLog
from edge.core.errors import ConfigError
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.publish import commands
from edge.publish.command_judge import AHEAD_NS, CommandJudge, CommandRules, CounterMemory
from edge.publish.commands import COMPONENT, CommandDesk
from edge.v1.command_pb2 import (
    COMMAND_OUTCOME_APPLIED,
    COMMAND_OUTCOME_REFUSED,
    COMMAND_REFUSAL_EXPIRED,
    COMMAND_REFUSAL_INVALID,
    COMMAND_REFUSAL_MALFORMED,
    COMMAND_REFUSAL_NODE,
    COMMAND_REFUSAL_NOT_ALLOWED,
    COMMAND_REFUSAL_REPLAYED,
    COMMAND_REFUSAL_SIGNATURE,
    COMMAND_REFUSAL_UNABLE,
    Command,
    CommandRefusal,
    CommandResult,
    PlanAdvice,
    SignedCommand,
)
from edge.wire.command import key_name, sign_command, signer_of
from tests.waiting import until

NOW_NS = 1_800_000_000 * 10**9
MINUTE_NS = 60 * 10**9
KEY, OTHER, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))


def command(counter: int = 1, **changes: object) -> Command:
    found = Command(
        command_id=f"c{counter}",
        node_id="n1",
        counter=counter,
        issued_ns=NOW_NS,
        expires_ns=NOW_NS + MINUTE_NS,
        plan_advice=PlanAdvice(cycle_s=90.0),
    )
    for field, value in changes.items():
        setattr(found, field, value)
    return found


def signed(counter: int = 1, *, key: Ed25519PrivateKey = KEY, **changes: object) -> SignedCommand:
    return sign_command(command(counter, **changes), key)


class Bench:
    """A desk in a directory, and what it did."""

    def __init__(
        self,
        directory: Path,
        *,
        now_ns: int = NOW_NS,
        kinds: tuple[str, ...] = ("plan_advice",),
        keys: tuple[Ed25519PrivateKey, ...] = (KEY,),
    ) -> None:
        self.steady_s = 0.0
        self.directory = directory
        self.board = HealthBoard(now_ns=lambda: NOW_NS)
        self.taken: list[str] = []
        self.answers: list[CommandResult] = []
        self.clock_is_good = True
        self.now_ns = now_ns
        self.handle: Callable[[Command], object] = lambda order: self.taken.append(order.command_id)
        known = [key.public_key() for key in keys]
        memory = CounterMemory(directory / "counters.json", steady_s=lambda: self.steady_s)
        judge = CommandJudge(CommandRules("n1", kinds), lambda s: signer_of(s, known), memory)
        self.desk = CommandDesk(
            judge,
            {"plan_advice": self._plan_advice},
            audit=AuditLog(directory / "audit.jsonl", board=self.board),
            board=self.board,
            clock_is_good=lambda: self.clock_is_good,
            answered=self.answers.append,
            now_ns=lambda: self.now_ns,
        )

    def _plan_advice(self, order: Command) -> tuple[int, str]:
        self.handle(order)
        return COMMAND_OUTCOME_APPLIED, "published"

    def audit(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.directory / "audit.jsonl").read_text().splitlines()]


async def test_a_good_command_is_taken_once_answered_and_audited(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    result = await bench.desk.handle(signed())
    assert (result.command_id, result.outcome, result.message) == ("c1", COMMAND_OUTCOME_APPLIED, "published")
    assert bench.taken == ["c1"]
    assert bench.desk.take_results() == [result] == bench.answers
    assert bench.desk.take_results() == []
    [entry] = bench.audit()
    assert (entry["command_id"], entry["order"], entry["outcome"]) == ("c1", "plan_advice", "applied")
    assert [event.kind for event in bench.board.events] == ["command_applied"]


def tampered(change: Callable[[bytearray], None]) -> SignedCommand:
    found = signed()
    payload = bytearray(found.payload)
    change(payload)
    return SignedCommand(payload=bytes(payload), signature=found.signature)


def flipped(payload: bytearray) -> None:
    payload[-1] ^= 1


REFUSED = {
    "expired": (signed(expires_ns=NOW_NS - 1), COMMAND_REFUSAL_EXPIRED, "expired"),
    "of the future": (signed(issued_ns=NOW_NS + AHEAD_NS + 1), COMMAND_REFUSAL_EXPIRED, "of the future"),
    "for ever": (
        signed(expires_ns=NOW_NS + 2 * 1440 * MINUTE_NS),
        COMMAND_REFUSAL_EXPIRED,
        "more than a day",
    ),
    "a bit flipped": (tampered(flipped), COMMAND_REFUSAL_SIGNATURE, "no key"),
    "octets added": (tampered(lambda p: p.extend(b"\x18\x02")), COMMAND_REFUSAL_SIGNATURE, "no key"),
    "cut short": (tampered(lambda p: p.clear()), COMMAND_REFUSAL_SIGNATURE, "no key"),
    "unsigned": (SignedCommand(payload=command().SerializeToString()), COMMAND_REFUSAL_SIGNATURE, "no key"),
    "signed by a stranger": (signed(key=STRANGER), COMMAND_REFUSAL_SIGNATURE, "no key"),
    "signed without the word in front": (
        SignedCommand(payload=signed().payload, signature=KEY.sign(signed().payload)),
        COMMAND_REFUSAL_SIGNATURE,
        "no key",
    ),
    "for another node": (signed(node_id="n2"), COMMAND_REFUSAL_NODE, "'n2'"),
    "no counter": (signed(counter=0), COMMAND_REFUSAL_REPLAYED, "not beyond 0"),
    "before the memory": (signed(issued_ns=NOW_NS - 1), COMMAND_REFUSAL_REPLAYED, "before this node started"),
    "no id": (signed(command_id=""), COMMAND_REFUSAL_MALFORMED, "printable"),
    "a long id": (signed(command_id="x" * 65), COMMAND_REFUSAL_MALFORMED, "printable"),
    "no order": (
        sign_command(Command(command_id="c", node_id="n1"), KEY),
        COMMAND_REFUSAL_MALFORMED,
        "orders nothing",
    ),
    "no command": (
        SignedCommand(payload=b"\xff", signature=KEY.sign(b"edge.v1.Command\0\xff")),
        COMMAND_REFUSAL_MALFORMED,
        "no command",
    ),
    "too large": (SignedCommand(payload=bytes(500_001)), COMMAND_REFUSAL_MALFORMED, "at most 500000"),
}


@pytest.mark.parametrize(("octets", "refusal", "words"), REFUSED.values(), ids=REFUSED)
async def test_a_bad_command_is_refused_with_words_and_audited(
    octets: SignedCommand, refusal: CommandRefusal, words: str, tmp_path: Path
) -> None:
    bench = Bench(tmp_path)
    result = await bench.desk.handle(octets)
    assert (result.outcome, result.refusal) == (COMMAND_OUTCOME_REFUSED, refusal)
    assert words in result.message
    assert bench.taken == []
    name = CommandRefusal.Name(refusal).removeprefix("COMMAND_REFUSAL_").lower()
    assert [entry["kind"] for entry in bench.audit()] == [name]
    assert bench.board.counters(COMPONENT)["refused"] == 1
    assert (await bench.desk.handle(signed())).outcome == COMMAND_OUTCOME_APPLIED


async def test_a_command_that_comes_again_is_refused_and_what_became_of_it_is_said(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.desk.handle(signed(5))
    for again in (signed(5), signed(4), signed(5, command_id="another")):
        result = await bench.desk.handle(again)
        assert (result.outcome, result.refusal) == (COMMAND_OUTCOME_REFUSED, COMMAND_REFUSAL_REPLAYED)
    assert "before: COMMAND_OUTCOME_APPLIED published" in bench.answers[1].message
    assert bench.taken == ["c5"]
    assert (await bench.desk.handle(signed(6))).outcome == COMMAND_OUTCOME_APPLIED


async def test_a_command_that_comes_again_after_a_restart_is_refused(tmp_path: Path) -> None:
    await Bench(tmp_path).desk.handle(signed(5))
    bench = Bench(tmp_path)
    assert (await bench.desk.handle(signed(5))).refusal == COMMAND_REFUSAL_REPLAYED
    assert (await bench.desk.handle(signed(6))).outcome == COMMAND_OUTCOME_APPLIED


@pytest.mark.parametrize("content", ["[torn", "{}}", '{"a": null}', '{"a": 1e999}', "[" * 9000])
async def test_where_the_memory_is_broken_only_what_was_signed_since_the_start_counts(
    tmp_path: Path, content: str
) -> None:
    await Bench(tmp_path).desk.handle(signed(5))
    (tmp_path / "counters.json").write_text(content)
    bench = Bench(tmp_path)
    assert (await bench.desk.handle(signed(5, issued_ns=NOW_NS - 1))).refusal == COMMAND_REFUSAL_REPLAYED
    assert (await bench.desk.handle(signed(6, issued_ns=NOW_NS))).outcome == COMMAND_OUTCOME_APPLIED


async def test_a_clock_that_was_wrong_at_the_start_lets_no_old_command_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path, now_ns=0)
    bench.clock_is_good = False
    assert (await bench.desk.handle(signed(5))).refusal == COMMAND_REFUSAL_UNABLE
    bench.now_ns, bench.steady_s, bench.clock_is_good = NOW_NS, 30.0, True
    start_ns = NOW_NS - 30 * 10**9
    assert (await bench.desk.handle(signed(5, issued_ns=start_ns - 1))).refusal == COMMAND_REFUSAL_REPLAYED
    assert (await bench.desk.handle(signed(6, issued_ns=start_ns))).outcome == COMMAND_OUTCOME_APPLIED


async def test_what_was_not_known_is_not_forgotten_with_the_next_start(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert (await bench.desk.handle(signed(9))).outcome == COMMAND_OUTCOME_APPLIED
    bench = Bench(tmp_path, keys=(KEY, OTHER))
    old = signed(5, key=OTHER, issued_ns=NOW_NS - 1)
    assert (await bench.desk.handle(old)).refusal == COMMAND_REFUSAL_REPLAYED
    assert (await bench.desk.handle(signed(5, key=OTHER))).outcome == COMMAND_OUTCOME_APPLIED


async def test_a_counter_is_on_disk_before_anything_is_done(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    seen: list[object] = []
    bench.handle = lambda _order: seen.append(
        json.loads((tmp_path / "counters.json").read_text())[key_name(KEY.public_key())]
    )
    await bench.desk.handle(signed(7))
    assert seen == [7]


async def test_a_counter_that_cannot_be_kept_refuses_the_command(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / ".counters.json.half").mkdir()
    result = await bench.desk.handle(signed())
    assert (result.refusal, bench.taken) == (COMMAND_REFUSAL_UNABLE, [])
    assert "cannot be kept" in result.message


async def test_a_clock_that_is_not_synchronised_refuses_all(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock_is_good = False
    assert (await bench.desk.handle(signed())).refusal == COMMAND_REFUSAL_UNABLE
    bench.clock_is_good = True
    assert (await bench.desk.handle(signed())).outcome == COMMAND_OUTCOME_APPLIED


async def test_a_kind_that_the_site_does_not_take_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, kinds=("map",))
    assert (await bench.desk.handle(signed())).refusal == COMMAND_REFUSAL_NOT_ALLOWED


async def test_an_order_that_does_not_fit_the_site_is_refused_under_its_id(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def unfit(_order: Command) -> None:
        raise ConfigError("site.map", "holds no lane")

    bench.handle = unfit
    result = await bench.desk.handle(signed())
    assert (result.command_id, result.refusal) == ("c1", COMMAND_REFUSAL_INVALID)
    assert "holds no lane" in result.message
    assert (await bench.desk.handle(signed())).refusal == COMMAND_REFUSAL_REPLAYED


async def test_without_a_key_every_command_is_refused(tmp_path: Path) -> None:
    memory = CounterMemory(tmp_path / "counters.json")
    judge = CommandJudge(CommandRules("n1", keys_known=False), lambda _signed: "anyone", memory)
    board = HealthBoard(now_ns=lambda: NOW_NS)
    audit = AuditLog(tmp_path / "audit.jsonl", board=board)
    desk = CommandDesk(judge, {}, audit=audit, board=board, clock_is_good=lambda: True, now_ns=lambda: NOW_NS)
    result = await desk.handle(signed())
    assert result.refusal == COMMAND_REFUSAL_SIGNATURE
    assert "centre.command_keys is empty" in result.message


async def test_a_flood_is_answered_at_once_and_the_queue_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "REFUSED_PAUSE_S", 0.0)
    bench = Bench(tmp_path)
    for number in range(1, 41):
        bench.desk.offer(signed(number))
    assert bench.board.counters(COMPONENT)["overflow"] == 24
    refused = bench.desk.take_results()
    assert [r.refusal for r in refused] == [COMMAND_REFUSAL_UNABLE] * 24
    async with asyncio.TaskGroup() as group:
        task = group.create_task(bench.desk.run())
        await until(lambda: len(bench.answers) == 16)
        task.cancel()
    assert bench.taken == [f"c{number}" for number in range(1, 17)]


async def test_a_flood_of_forged_commands_is_one_line_that_counts(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for number in range(1, 30):
        await bench.desk.handle(signed(number, key=STRANGER))
    await bench.desk.handle(signed(30))
    forged, taken = bench.audit()
    assert (forged["outcome"], forged["kind"]) == ("refused", "signature")
    assert taken["outcome"] == "applied"
    assert bench.board.counters(AUDIT)["repeated"] == 28


async def test_a_flood_of_one_old_command_is_one_line_that_counts(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for _ in range(30):
        await bench.desk.handle(signed(5))
    await bench.desk.handle(signed(4))
    found = [(entry["outcome"], entry["command_id"]) for entry in bench.audit()]
    assert found == [("applied", "c5"), ("refused", "c5"), ("refused", "c4")]
    assert bench.board.counters(AUDIT)["repeated"] == 28


async def test_an_audit_that_cannot_be_written_is_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "audit.jsonl").mkdir()
    assert (await bench.desk.handle(signed())).outcome == COMMAND_OUTCOME_APPLIED
    assert bench.board.counters(AUDIT)["lost"] == 1
    assert bench.board.state(AUDIT) is HealthState.DEGRADED
