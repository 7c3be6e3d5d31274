"""Requests by radio: verified ones are arbitrated, all are answered, and none displaces another."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from edge.app.front_priority import VERIFIED_RADIO, priority_rules
from edge.app.front_priority_radio import MOST_OTHERS, MOST_VERIFIED, RadioRequests, answers, build_answers
from edge.app.front_sharing import kinds_through
from edge.config.load import load_site
from edge.core.errors import CodecError, ConfigError
from edge.core.health import HealthState
from edge.core.priority import Access, HeardRequest, PriorityRequest, RequesterRole, RequestKind, RequestState
from edge.core.stamp import NS_PER_S
from edge.core.v2x import RadioFrame
from edge.flow.pack import pack, unpack
from edge.ports import RadioMessage
from edge.publish.answers import AnswerBroadcaster
from edge.signals.priority_rules import Level, PriorityRules
from edge.v2x.decoder import ReportDecoder
from edge.v2x.etsi_srem import encode_srem
from edge.v2x.etsi_ssem import decode_ssem
from edge.v2x.frame import OtherMessageError
from edge.v2x.j2735_srm import encode_srm
from edge.v2x.j2735_ssm import decode_ssm, encode_ssm
from tests.unit.app.priority_corner import RULES, Corner
from tests.unit.config.test_load import GOOD, write
from tests.unit.publish.feed import FRAME, corner
from tests.waiting import until

ANY_LINK = f"{VERIFIED_RADIO}*"
BY_RADIO = dataclasses.replace(RULES, allowed={Level.PUBLIC_TRANSPORT: (ANY_LINK,)})
HEAD = GOOD[: GOOD.index("[controller]")]
NTCIP = '[controller]\ntype = "ntcip1202"\naddress = "127.0.0.1:161"\n'
CONTROL = '[controller.control]\ncommands = ["hold", "vehicle_call"]\nphases = [2]\n'
GROUP = '[[controller.group]]\nkind = "vehicle"\nnumber = 2\nsignal_group = 2\n'
LINK = '[[v2x]]\ntype = "udp"\nname = "north"\ndialect = "j2735"\nlisten = "127.0.0.1:0"\n'
VERIFY = 'verify = "require"\ntrust = ["authority.oer"]\n'


class Air:
    """A corner whose link hears requests, and its radio."""

    def __init__(self, rules: PriorityRules = BY_RADIO) -> None:
        self.corner = Corner(rules)
        self.requests = RadioRequests(
            self.corner.desk, corner(), board=self.corner.board, now_ns=lambda: self.corner.now_ns
        )

    def request(self, requester: str = "0a0b0c0d", **change: object) -> PriorityRequest:
        request = PriorityRequest(
            requester=requester,
            request=1,
            sequence=3,
            kind=RequestKind.REQUEST,
            intersection=5,
            region=None,
            entry=Access(lane=3),
            role=RequesterRole.PUBLIC_TRANSPORT,
            sent_ns=self.corner.now_ns,
            leave=Access(lane=7),
            arrival_ns=self.corner.now_ns + 4 * NS_PER_S,
            duration_ms=2000,
            verified="ieee1609",
        )
        return dataclasses.replace(request, **change)  # type: ignore[arg-type]

    def hear(self, requester: str = "0a0b0c0d", **change: object) -> None:
        self.requests.hear(HeardRequest("north", self.request(requester, **change)))

    def step(self) -> dict[str, RequestState]:
        """Two steps: told, then confirmed; the answers by requester."""
        for _ in range(2):
            self.corner.show()
            self.corner.desk.step()
        return {status.requester: status.state for status in self.requests.statuses()}


def test_a_verified_request_is_served_and_one_that_is_not_is_only_answered() -> None:
    air = Air()
    air.hear()
    air.hear("0000aaaa", verified=None, role=RequesterRole.FIRE)
    assert air.step() == {"0a0b0c0d": RequestState.GRANTED, "0000aaaa": RequestState.REJECTED}
    assert air.requests.counters["unverified"] == 1
    air.hear(kind=RequestKind.CANCEL)
    assert air.corner.commander.wishes == {}


def test_a_forged_cancellation_ends_nothing() -> None:
    air = Air()
    air.hear()
    air.step()
    air.hear(kind=RequestKind.CANCEL, verified=None)
    assert air.step()["0a0b0c0d"] is not None
    assert air.corner.commander.wishes


def test_a_level_that_the_site_does_not_give_by_radio_is_rejected() -> None:
    air = Air()
    air.hear(role=RequesterRole.AMBULANCE)
    assert air.step() == {"0a0b0c0d": RequestState.REJECTED}


@pytest.mark.parametrize(
    ("change", "counter"),
    [({"intersection": 6}, "elsewhere"), ({"sent_ns": 1}, "stale")],
)
def test_requests_for_others_and_of_another_time_are_counted_and_not_answered(
    change: dict[str, object], counter: str
) -> None:
    air = Air()
    air.hear(**change)
    assert air.step() == {}
    assert air.requests.counters[counter] == 1


def test_a_flood_displaces_nobody_who_was_verified() -> None:
    air = Air()
    air.hear()
    for number in range(100):
        air.hear(f"{number:08x}", verified=None)
        air.hear(f"{0xF000 + number:08x}")
    states = air.step()
    assert states["0a0b0c0d"] is RequestState.GRANTED
    assert len(states) == MOST_OTHERS + MOST_VERIFIED == 32
    assert air.requests.counters["too_many"] == 100 - MOST_VERIFIED + 1
    assert encode_ssm(air.requests.statuses(), message_count=1, now_ns=air.corner.now_ns)


def test_whose_level_is_given_takes_the_place_of_who_is_given_none() -> None:
    air = Air()
    for number in range(MOST_VERIFIED):
        air.hear(f"{number:08x}", role=RequesterRole.FIRE)  # signed, and not given by radio
    air.hear("0000f00d", role=RequesterRole.FIRE)
    air.hear()
    states = air.step()
    assert states["0a0b0c0d"] is RequestState.GRANTED
    assert (len(states), "0000f00d" in states) == (MOST_VERIFIED, False)


def test_a_fire_engine_takes_the_place_of_a_bus() -> None:
    both = {Level.PUBLIC_TRANSPORT: (ANY_LINK,), Level.EMERGENCY: (ANY_LINK,)}
    air = Air(dataclasses.replace(RULES, allowed=both))
    for number in range(MOST_VERIFIED):
        air.hear(f"{number:08x}")
    air.hear(role=RequesterRole.FIRE)
    states = air.step()
    assert states["0a0b0c0d"] is RequestState.GRANTED
    assert len(states) == MOST_VERIFIED


@pytest.mark.parametrize("pattern", ["r*", "radio*", "radio:*"])
def test_no_names_of_certificates_are_those_of_who_signs_by_radio(pattern: str) -> None:
    air = Air(dataclasses.replace(RULES, allowed={Level.EMERGENCY: (pattern,)}))
    air.hear(role=RequesterRole.FIRE)
    assert air.step() == {"0a0b0c0d": RequestState.REJECTED}


def test_who_speaks_in_anothers_name_does_not_speak_over_its_answer() -> None:
    air = Air()
    air.hear()
    air.hear(verified=None)
    air.step()
    assert [status.state for status in air.requests.statuses()] == [RequestState.GRANTED]


def test_who_is_verified_at_last_is_answered_once() -> None:
    air = Air()
    air.hear(verified=None)
    air.hear()
    air.step()
    assert [status.state for status in air.requests.statuses()] == [RequestState.GRANTED]


def test_a_request_that_was_overtaken_changes_nothing() -> None:
    air = Air()
    air.hear()
    air.hear(sent_ns=air.corner.now_ns - NS_PER_S, arrival_ns=None)
    assert air.step() == {"0a0b0c0d": RequestState.GRANTED}
    assert air.requests.counters["stale"] == 1


def test_silence_ends_the_service_and_then_the_answers() -> None:
    air = Air()
    air.hear()
    air.hear("0000aaaa", verified=None)
    air.step()
    air.corner.now_ns += 4 * NS_PER_S
    air.step()
    assert air.corner.commander.wishes == {}
    air.corner.now_ns += 2 * NS_PER_S
    assert air.step() == {}


def test_a_request_crosses_between_processes_as_it_is() -> None:
    heard = HeardRequest("north", Air().request(leave=None, x_m=1.5))
    assert unpack(pack(heard), HeardRequest) == heard


@pytest.mark.parametrize("dialect", ["j2735", "etsi", "auto"])
def test_a_request_is_handed_over_and_still_tells_of_no_road_user(dialect: str) -> None:
    air, found = Air(), list[PriorityRequest]()
    decoder = ReportDecoder(FRAME, dialect=dialect, framing="plain")
    asked = [air.request(verified=None)]
    srem = dialect == "etsi"
    octets = encode_srem(asked, station_id=9, frame=FRAME) if srem else encode_srm(asked, frame=FRAME)
    frame = RadioFrame("north", air.corner.now_ns, "host", octets)
    with pytest.raises(OtherMessageError):
        decoder.decode(frame)
    decoder.on_requests = found.extend
    decoder.prepare()
    for _ in range(2):  # the second goes the short way
        with pytest.raises(OtherMessageError):
            decoder.decode(frame)
    assert [(request.requester, request.verified) for request in found] == [("0a0b0c0d", None)] * 2
    with pytest.raises(CodecError):
        decoder.decode(dataclasses.replace(frame, payload=frame.payload[:9]))
    assert len(found) == 2


class Radio:
    """Takes messages, or is too slow for them."""

    def __init__(self) -> None:
        self.counters: dict[str, int] = {}
        self.sent: list[RadioMessage] = []
        self.slow = False

    def connected(self) -> AbstractAsyncContextManager[None]:
        raise AssertionError

    async def send(self, message: RadioMessage) -> None:
        if self.slow:
            await asyncio.Event().wait()
        self.sent.append(message)


async def test_answers_go_out_when_they_change_and_once_a_second() -> None:
    air, radio = Air(), Radio()
    broadcaster = AnswerBroadcaster(
        radio,
        statuses=air.requests.statuses,
        encode=encode_ssm,
        kind="SSM",
        component="answers.radio",
        board=air.corner.board,
    )
    now_ns = air.corner.now_ns
    await broadcaster.answer(now_ns)
    assert radio.sent == []
    air.hear()
    await broadcaster.answer(now_ns)
    await broadcaster.answer(now_ns + NS_PER_S // 2)
    assert len(radio.sent) == 1, "nothing has changed"
    air.step()
    await broadcaster.answer(now_ns + NS_PER_S // 2)
    await broadcaster.answer(now_ns + 2 * NS_PER_S)
    answered = [decode_ssm(message.payload, arrival_ns=now_ns)[0] for message in radio.sent]
    assert [answer.state for answer in answered] == [
        RequestState.REQUESTED,
        RequestState.GRANTED,
        RequestState.GRANTED,
    ]
    assert (answered[0].requester, answered[0].intersection, answered[0].entry) == (
        "0a0b0c0d",
        5,
        Access(lane=3),
    )
    radio.slow = True
    await broadcaster.answer(now_ns + 4 * NS_PER_S)
    air.hear("not hexadecimal")
    await broadcaster.answer(now_ns + 4 * NS_PER_S)
    counters = air.corner.board.counters("answers.radio")
    assert (counters["sent"], counters["send_timeouts"], counters["encode_errors"]) == (3, 1, 1)
    assert air.corner.board.state("answers.radio") is HealthState.DEGRADED


async def test_a_radio_of_etsi_answers_as_its_station(tmp_path: Path) -> None:
    radio = '[[rsu]]\ntype = "mqtt"\nname = "radio"\ndialect = "etsi"\nstation_id = 77\nesn = "E1"\n'
    radio += 'broker = "127.0.0.1:1"\n'
    text = HEAD + NTCIP + CONTROL + GROUP + '[priority]\nfreight = ["t-1"]\n' + radio
    site, air, sender = load_site(write(tmp_path, text)), Air(), Radio()
    assert kinds_through(site, site.rsu[0]) == ("SPAT", "MAP", "SSM")
    [(name, run)] = build_answers(
        site, site.rsu[0], sender, requests=air.requests, board=air.corner.board
    ).items()
    air.hear()
    task = asyncio.ensure_future(run())
    await until(lambda: sender.sent)
    task.cancel()
    [answer] = decode_ssem(sender.sent[0].payload, arrival_ns=air.corner.now_ns)
    assert (name, answer.requester, sender.sent[0].kind) == ("answers.radio", "0a0b0c0d", "SSM")
    assert int.from_bytes(sender.sent[0].payload[2:6], "big") == 77


def test_a_site_gives_levels_by_radio_only_where_a_link_verifies(tmp_path: Path) -> None:
    (tmp_path / "authority.oer").write_bytes(b"")
    radio = '[[rsu]]\ntype = "ifm41"\nname = "radio"\ndialect = "j2735"\naddress = "127.0.0.1:1516"\n'
    text = HEAD + NTCIP + CONTROL + GROUP + '[priority]\nradio = ["freight"]\n' + radio + LINK
    with pytest.raises(ConfigError, match="verifies who asks"):
        load_site(write(tmp_path, text))
    site = load_site(write(tmp_path, text + VERIFY))
    allowed = priority_rules(site, frozenset()).allowed
    assert allowed == {Level.EMERGENCY: (), Level.PUBLIC_TRANSPORT: (), Level.FREIGHT: (ANY_LINK,)}
    assert answers(site, site.rsu[0])
