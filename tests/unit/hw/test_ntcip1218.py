"""The NTCIP 1218 radio against the simulated unit, over SNMPv3 on loopback."""

from __future__ import annotations

import asyncio

import pytest

from edge.core.errors import CodecError, ConfigError, DeviceError
from edge.ports import RadioMessage
from hw.rsu.ntcip1218 import Ntcip1218Radio
from hw.rsu.ntcip1218_link import Auth, Privacy, SnmpUser
from hw.rsu.ntcip1218_rows import IfmRow, Pace, psid_octets
from hw.rsu.ntcip1218_snmp import snmp_v3
from hw.sim.rsu_1218 import FakeRsu1218, IfmTable
from tests.waiting import until

NOW = 1_000
QUICK = Pace(answer_s=2.0, attempts=2, poll_s=0.001, polls=5)
USER = SnmpUser("edge", "sha512", "auth secret", "aes256-blumenthal", "privacy secret")
ROWS = {
    "SPAT": IfmRow(1, psid=0x8002, channel=183, priority=7, rsu_signs=True),
    "MAP": IfmRow(2, psid=0xE0000017, channel=183, priority=5, rsu_signs=False),
}


def radio_for(fake: FakeRsu1218, user: SnmpUser = USER, **changes: object) -> Ntcip1218Radio:
    options = {"rows": ROWS, "pace": QUICK, "now_ns": lambda: NOW} | changes
    return Ntcip1218Radio(
        lambda: snmp_v3(*fake.address, user=user, device="radio"),
        name="radio",
        **options,  # type: ignore[arg-type]
    )


def message(kind: str = "SPAT", payload: bytes = b"\x00\x13", *, expires_ns: int = NOW) -> RadioMessage:
    return RadioMessage(kind, payload, expires_ns)


async def test_unit_is_commissioned_in_order_and_sends_each_kind_by_its_row() -> None:
    async with FakeRsu1218(USER, unit=IfmTable(max_rows=3)) as fake:
        fake.unit.standby_looks = 2
        radio = radio_for(fake)
        async with radio.connected():
            await radio.send(message("SPAT", b"\x00\x13\x01"))
            await radio.send(message("MAP", b"\x00\x12\x02"))
            await until(lambda: len(fake.unit.heard()) == 2)
    assert list(fake.unit.log) == [
        "mode 2", "destroy 1", "destroy 2", "destroy 3", "create 1", "create 2", "mode 3",
    ]  # fmt: skip
    spat, map_ = fake.unit.heard()
    assert (spat.psid, spat.channel, spat.priority, spat.signed) == (b"\x80\x02", 183, 7, True)
    assert (map_.psid, map_.priority, map_.signed) == (b"\xe0\x00\x00\x17", 5, False)
    assert (spat.payload, map_.payload) == (b"\x00\x13\x01", b"\x00\x12\x02")
    assert radio.counters == {"sent": 2}


@pytest.mark.parametrize(
    ("auth", "privacy"),
    [
        ("sha1", "aes128"),
        ("sha1", "aes256-blumenthal"),
        ("sha1", "aes256-reeder"),
        ("sha256", "aes256-blumenthal"),
        ("sha512", "aes256-reeder"),
    ],
)
async def test_authentication_and_privacy_of_every_kind(auth: Auth, privacy: Privacy) -> None:
    user = SnmpUser("edge", auth, "auth secret", privacy, "privacy secret")
    async with FakeRsu1218(user) as fake:
        radio = radio_for(fake, user)
        async with radio.connected():
            await radio.send(message())
            await until(fake.unit.heard)
    assert radio.counters == {"sent": 1}


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (SnmpUser("nobody", "sha512", "auth secret", "aes256-blumenthal", "privacy secret"), "user"),
        (SnmpUser("edge", "sha512", "other secret", "aes256-blumenthal", "privacy secret"), "digest"),
        (SnmpUser("edge", "sha1", "auth secret", "aes128", "privacy secret"), "digest"),
    ],
)
async def test_wrong_user_or_secret_is_named_with_a_remedy(user: SnmpUser, words: str) -> None:
    async with FakeRsu1218(USER) as fake:
        with pytest.raises(DeviceError, match=f"(?i)radio: .*{words}.*compare user"):
            async with radio_for(fake, user).connected():
                pass


async def test_rows_of_others_are_left_alone_on_a_shared_unit() -> None:
    async with FakeRsu1218(USER) as fake:
        async with radio_for(fake).connected():
            pass
        own = {"SPAT": IfmRow(3, psid=0x8002, channel=183, priority=7, rsu_signs=True)}
        async with radio_for(fake, rows=own, shared=True).connected():
            pass
    assert sorted(fake.unit.rows) == [1, 2, 3]


async def test_unit_with_too_few_rows_is_refused_in_words() -> None:
    async with FakeRsu1218(USER, unit=IfmTable(max_rows=1)) as fake:
        with pytest.raises(DeviceError, match="it has 1 rows, 2 are needed"):
            async with radio_for(fake).connected():
                pass


async def test_unit_that_never_stands_by_is_given_up() -> None:
    async with FakeRsu1218(USER) as fake:
        fake.unit.standby_looks = 1_000
        with pytest.raises(DeviceError, match="stays in mode other, wanted standby"):
            async with radio_for(fake).connected():
                pass


async def test_one_lost_request_of_the_commissioning_is_repeated() -> None:
    async with FakeRsu1218(USER) as fake:
        fake.unit.silent = 1
        async with radio_for(fake, pace=Pace(answer_s=0.5, attempts=2, poll_s=0.001)).connected():
            assert sorted(fake.unit.rows) == [1, 2]
    assert fake.unit.counters["swallowed"] == 1


async def test_unit_that_restarted_is_lost_and_works_again_when_opened_anew() -> None:
    async with FakeRsu1218(USER) as fake:
        radio = radio_for(fake)
        async with radio.connected():
            await radio.send(message())
            await until(fake.unit.heard)
            fake.unit.reboot()
            with pytest.raises(DeviceError, match=r"row 1 is gone .*did it restart"):
                await _send_until_lost(radio)
        async with radio.connected():
            await radio.send(message(payload=b"again"))
            await until(lambda: fake.unit.heard()[-1].payload == b"again")
    assert radio.counters["lost"] == 1


async def test_unit_that_leaves_operate_is_lost() -> None:
    async with FakeRsu1218(USER) as fake:
        radio = radio_for(fake, watch_period_s=0.01)
        async with radio.connected():
            fake.unit.mode = 2
            with pytest.raises(DeviceError, match="it went into mode standby"):
                await _send_until_lost(radio)


async def test_silent_unit_is_lost_after_three_messages() -> None:
    async with FakeRsu1218(USER) as fake:
        radio = radio_for(fake)
        async with radio.connected():
            fake.unit.silent = 1_000
            with pytest.raises(DeviceError, match="it does not answer"):
                await _send_until_lost(radio)
    assert radio.counters["unanswered"] == 3
    assert fake.unit.heard() == ()


async def test_messages_that_cannot_go_are_dropped_and_counted() -> None:
    async with FakeRsu1218(USER) as fake:
        radio = radio_for(fake)
        await radio.send(message())
        async with radio.connected():
            await radio.send(message("RSM"))
            await radio.send(message(payload=bytes(2303)))
            await radio.send(message(expires_ns=NOW - 1))
            await radio.send(message(payload=b"fresh"))
            await until(fake.unit.heard)
    assert [sent.payload for sent in fake.unit.heard()] == [b"fresh"]
    assert radio.counters == {"not_connected": 1, "no_row": 1, "too_long": 1, "expired": 1, "sent": 1}


async def test_host_that_does_not_resolve_is_a_device_error() -> None:
    radio = Ntcip1218Radio(
        lambda: snmp_v3("radio.invalid", 161, user=USER, device="radio"), name="radio", rows=ROWS
    )
    with pytest.raises(DeviceError, match=r"radio: SNMP: cannot send to radio\.invalid"):
        async with radio.connected():
            pass


@pytest.mark.parametrize(
    ("psid", "octets"),
    [
        (0x20, b"\x20"),
        (0x8002, b"\x80\x02"),
        (0xBFEE, b"\xbf\xee"),
        (0xC00001, b"\xc0\x00\x01"),
        (0xE0000016, b"\xe0\x00\x00\x16"),
    ],
)
def test_psid_in_octets(psid: int, octets: bytes) -> None:
    assert psid_octets(psid) == octets


@pytest.mark.parametrize("psid", [-1, 0x80, 0x2000, 0xC000, 0x8000_00, 0xF000_0000, 0xE0_0000_0000])
def test_number_that_is_no_psid_is_refused(psid: int) -> None:
    with pytest.raises(CodecError, match="PSID"):
        psid_octets(psid)


def test_short_passphrase_is_refused() -> None:
    with pytest.raises(ConfigError, match="privacy_file: its passphrase is shorter than 8"):
        SnmpUser("edge", "sha512", "auth secret", "aes128", "short")


async def _send_until_lost(radio: Ntcip1218Radio) -> None:
    async with asyncio.timeout(20):
        while True:
            await radio.send(message())
            await asyncio.sleep(0.005)
