"""The priority desk: what a site allows, requests that cannot be, and a controller that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.access.roles import Identity, Peer, Role
from edge.app.front_priority import priority_rules
from edge.config.load import load_site
from edge.core.errors import CodecError
from edge.core.health import HealthState
from edge.core.priority import PhaseCommand, RequestState
from edge.v1 import priority_pb2
from tests.unit.app.priority_corner import BUS, Corner, wire
from tests.unit.config.test_load import GOOD, write
from tests.waiting import until

TSCBM = '[controller]\ntype = "tscbm"\nlisten = "127.0.0.1:6053"\n'
NTCIP = '[controller]\ntype = "ntcip1202"\naddress = "127.0.0.1:161"\n'
CONTROL = '[controller.control]\ncommands = ["hold", "vehicle_call"]\nphases = [2, 6]\n'
PRIORITY = '[priority]\npublic_transport = ["bus-*"]\n'


def test_a_request_becomes_commands_and_its_end_takes_them_back() -> None:
    here = Corner()
    here.ask()
    here.step()
    assert here.step() is RequestState.GRANTED
    assert list(here.commander.wishes.values()) == [(PhaseCommand.HOLD, frozenset({2}))]
    status = here.desk.status("bus")
    assert (status.request_id, status.signal.signal_group) == (1, 2)
    assert status.published_ns < status.valid_until_ns
    here.desk.drop("bus")
    assert here.commander.wishes == {}
    assert here.desk.status("bus").status == priority_pb2.PRIORITIZATION_RESPONSE_STATUS_UNSPECIFIED


def test_no_name_without_a_certificate_counts() -> None:
    here = Corner()
    plain = Peer("127.0.0.1", frozenset(Role), BUS.identities)
    other = Peer("h", frozenset({Role.OBSERVER}), (Identity(Role.OBSERVER, "bus-17"),), fingerprint="cd")
    here.ask("plain", plain)
    here.ask("other", other)
    assert (here.step("plain"), here.step("other")) == (RequestState.REJECTED, RequestState.REJECTED)
    assert "nobody has verified" in here.desk.status("plain").reason
    assert here.commander.wishes == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vehicle_id": ""}, "vehicle_id must be"),
        ({"vehicle_id": "x" * 33}, "vehicle_id must be"),
        ({"vehicle_id": "a\nb"}, "vehicle_id must be"),
        ({"request_id": 256}, "request_id must be"),
        ({"type": 9}, "type must be"),
        ({"inbound_lane": 0}, "inbound_lane must be"),
        ({"outbound_lane": 300}, "outbound_lane must be"),
        ({"arrival_ns": 0}, "arrival_ns must be"),
        ({"duration_s": float("nan")}, "duration_s must be"),
        ({"duration_s": 61.0}, "duration_s must be"),
        ({"stamp_ns": 0}, "stamp_ns must be"),
    ],
)
def test_what_cannot_be_is_named(change: dict[str, object], words: str) -> None:
    here = Corner()
    with pytest.raises(CodecError, match=words):
        here.ask(**change)


def test_a_request_of_another_time_and_noise_are_refused() -> None:
    here = Corner()
    with pytest.raises(CodecError, match=r"5.0 s old by this node's clock"):
        here.desk.take("bus", wire(here.now_ns - 5_000_000_000), BUS)
    with pytest.raises(CodecError, match="is no PriorityRequest"):
        here.desk.take("bus", b"\xff\xff", BUS)


def test_a_role_of_a_later_version_gets_no_priority() -> None:
    here = Corner()
    here.ask(role=77)
    assert here.step() is RequestState.REJECTED
    assert "role other" in here.desk.status("bus").reason


def test_a_controller_that_refuses_is_told_in_health_until_it_takes_a_command() -> None:
    here = Corner()
    here.commander.refusal = "its lamps are not seen"
    here.ask()
    assert here.step() is RequestState.REJECTED
    assert here.board.state("priority") is HealthState.DEGRADED
    here.commander.refusal = None
    here.now_ns += 2_500_000_000
    here.ask()
    here.step()
    assert here.step() is RequestState.GRANTED
    assert here.board.state("priority") is HealthState.OK


def test_a_controller_that_does_not_confirm_is_told_in_health() -> None:
    here = Corner()
    here.commander.confirms = False
    for _ in range(25):
        here.ask()
        here.step()
        here.now_ns += 100_000_000
    assert here.board.state("priority") is HealthState.DEGRADED
    assert here.commander.wishes == {}


def test_withdrawn_signals_and_a_missing_controller_take_everything_back() -> None:
    here = Corner()
    here.ask()
    here.step()
    here.show("lamps disagree")
    here.desk.step()
    assert (here.desk.state("bus"), here.commander.wishes) == (RequestState.REJECTED, {})
    here.desk.control = None
    here.now_ns += 70_000_000_000
    here.ask("next")
    assert here.step("next") is RequestState.REJECTED
    assert "it is not connected" in here.desk.status("next").reason


async def test_a_desk_that_ends_takes_everything_back() -> None:
    here = Corner()
    here.ask()
    here.show()
    task = asyncio.create_task(here.desk.run())
    await until(lambda: here.commander.wishes)
    task.cancel()
    await asyncio.wait((task,))
    assert here.commander.wishes == {}


async def test_a_desk_that_fails_takes_everything_back_and_grants_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Corner()
    here.ask()
    here.step()
    assert here.step() is RequestState.GRANTED

    def fail(_command: PhaseCommand, _phase: int) -> bool:
        raise KeyError("a bug")

    monkeypatch.setattr(here.commander, "stands", fail)
    with pytest.raises(KeyError, match="a bug"):
        await here.desk.run()
    assert (here.commander.wishes, here.desk.state("bus")) == ({}, None)


async def test_a_desk_whose_signals_stop_takes_everything_back() -> None:
    here = Corner()
    here.ask()
    here.show()
    task = asyncio.create_task(here.desk.run())
    try:
        await until(lambda: here.commander.wishes)
        here.now_ns += 1_100_000_000  # the state that was shown is not valid any more, and none comes
        await until(lambda: not here.commander.wishes)
    finally:
        task.cancel()
        await asyncio.wait((task,))


HEAD = GOOD[: GOOD.index("[controller]")]
GROUPS = GOOD[GOOD.index("[[controller.group]]") : GOOD.index("[[camera]]")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + TSCBM + GROUPS, "it has no [priority]"),
        (HEAD + TSCBM + GROUPS + PRIORITY, "type tscbm only tells its lamps"),
        (HEAD + NTCIP + GROUPS + PRIORITY, "there is no [controller.control]"),
        (HEAD + PRIORITY, "this site has no controller"),
        (HEAD + NTCIP + CONTROL + GROUPS + PRIORITY, ""),
    ],
    ids=["off", "tscbm", "read only", "no controller", "on"],
)
def test_what_cannot_be_given_is_rejected_with_its_reason(tmp_path: Path, text: str, words: str) -> None:
    site = load_site(write(tmp_path, text))
    rules = priority_rules(site, frozenset())
    assert words in rules.off
    assert bool(rules.off) is bool(words)
    here = Corner(rules, meant=site.priority is not None)
    here.ask()
    here.step()
    assert here.step() is (RequestState.REJECTED if words else RequestState.GRANTED)
    wrong = bool(words) and site.priority is not None
    assert here.board.state("priority") is (HealthState.DEGRADED if wrong else HealthState.OK)


def test_groups_of_the_site_become_phases_and_their_pedestrians(tmp_path: Path) -> None:
    reach = priority_rules(
        load_site(write(tmp_path, HEAD + NTCIP + CONTROL + GROUPS + PRIORITY)), frozenset()
    ).reach
    assert (dict(reach.phases), {phase: list(found) for phase, found in reach.walkers.items()}) == (
        {2: 2},
        {2: [12]},
    )
    assert reach.commands == {PhaseCommand.HOLD, PhaseCommand.VEHICLE_CALL}
    assert reach.commandable == {2, 6}
