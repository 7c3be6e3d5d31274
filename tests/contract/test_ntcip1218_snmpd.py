"""The NTCIP 1218 radio against an agent that others wrote: Debian's snmpd with the objects of a roadside unit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from edge.core.errors import DeviceError
from edge.ports import RadioMessage
from hw.rsu.ntcip1218 import Ntcip1218Radio
from hw.rsu.ntcip1218_link import Auth, Privacy, SnmpLink, SnmpRefused, SnmpUser, Value
from hw.rsu.ntcip1218_rows import (
    CHANNEL,
    CREATE_AND_GO,
    DESTROY,
    ENABLE,
    MAX_ROWS,
    OPERATE,
    OPTIONS,
    PAYLOAD,
    PRIORITY,
    PSID,
    ROW_STATUS,
    RSU_ID,
    RSU_MODE,
    IfmRow,
    Pace,
    cell,
)
from hw.rsu.ntcip1218_snmp import snmp_v3
from tests.snmpd import HOST, Snmpd, start_snmpd

KINDS: list[tuple[Auth, str, Privacy, str]] = [
    ("sha1", "SHA", "aes128", "AES"),
    ("sha1", "SHA", "aes256-blumenthal", "AES-256"),
    ("sha1", "SHA", "aes256-reeder", "AES-256-C"),
    ("sha256", "SHA-256", "aes256-blumenthal", "AES-256"),
    ("sha512", "SHA-512", "aes128", "AES"),
    ("sha512", "SHA-512", "aes256-blumenthal", "AES-256"),
    ("sha512", "SHA-512", "aes256-reeder", "AES-256-C"),
]
"""Authentication and privacy in our words and in those of net-snmp."""
ROW_COUNT = 4
ROWS = {
    "SPAT": IfmRow(1, psid=0x8002, channel=183, priority=6, rsu_signs=True),
    "MAP": IfmRow(2, psid=0xE0000017, channel=172, priority=5, rsu_signs=False),
}
PACE = Pace(poll_s=0.01)


def user_of(auth: Auth, privacy: Privacy) -> SnmpUser:
    return SnmpUser(f"{auth}-{privacy}", auth, "auth secret", privacy, "privacy secret")


USER = user_of("sha512", "aes256-blumenthal")


def configuration() -> list[str]:
    lines = []
    for auth, net_auth, privacy, net_privacy in KINDS:
        user = user_of(auth, privacy)
        secrets = f'{net_auth} "{user.auth_secret}" {net_privacy} "{user.privacy_secret}"'
        lines += [f"createUser {user.name} {secrets}", f"rwuser {user.name} authpriv"]
    objects: dict[str, Value] = {RSU_MODE: OPERATE, MAX_ROWS: ROW_COUNT}
    octets = (PSID, OPTIONS, PAYLOAD)
    for row in range(1, ROW_COUNT + 1):
        objects |= {cell(column, row): b"x" if column in octets else 0 for column in range(PSID, PAYLOAD + 1)}
    for name, value in objects.items():
        typed = f"integer {value}" if isinstance(value, int) else 'octet_str "x"'
        lines.append(f"override -rw .{name} {typed}")
    return lines


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    daemon = start_snmpd(tmp_path_factory.mktemp("snmpd"), {}, configuration())
    yield daemon
    daemon.stop()


def radio_at(snmpd: Snmpd, user: SnmpUser = USER) -> Ntcip1218Radio:
    return Ntcip1218Radio(
        lambda: snmp_v3(HOST, snmpd.port, user=user, device="radio"), name="radio", rows=ROWS, pace=PACE
    )


async def cells(link: SnmpLink, row: int, *columns: int) -> list[Value | None]:
    return [await link.get(cell(column, row), timeout_s=5) for column in columns]


async def test_rows_and_messages_are_written_with_the_types_of_the_objects(snmpd: Snmpd) -> None:
    radio = radio_at(snmpd)
    async with radio.connected(), snmp_v3(HOST, snmpd.port, user=USER, device="reader") as link:
        assert await link.get(RSU_MODE, timeout_s=5) == OPERATE
        assert await cells(link, 1, PSID, CHANNEL, ENABLE, PRIORITY, OPTIONS, PAYLOAD, ROW_STATUS) == [
            b"\x80\x02", 183, 0, 6, b"\x80", b"\xff\xff", CREATE_AND_GO,
        ]  # fmt: skip
        assert await cells(link, 2, PSID, CHANNEL, PRIORITY, OPTIONS) == [b"\xe0\0\0\x17", 172, 5, b"\0"]
        assert await cells(link, ROW_COUNT, ROW_STATUS) == [DESTROY]
        payload = bytes(range(256)) * 5
        await radio.send(RadioMessage("SPAT", payload, time.time_ns() + 10**10))
    async with snmp_v3(HOST, snmpd.port, user=USER, device="reader") as link:
        assert await cells(link, 1, PAYLOAD, ENABLE) == [payload, 1]
        assert await cells(link, 2, PAYLOAD, ENABLE) == [b"\xff\xff", 0]
    assert radio.counters == {"sent": 1}


@pytest.mark.parametrize(("auth", "privacy"), [(auth, privacy) for auth, _, privacy, _ in KINDS])
async def test_authentication_and_privacy_agree_with_net_snmp(
    snmpd: Snmpd, auth: Auth, privacy: Privacy
) -> None:
    async with snmp_v3(HOST, snmpd.port, user=user_of(auth, privacy), device="radio") as link:
        await link.set((cell(CHANNEL, 3), 180), timeout_s=5)
        assert await cells(link, 3, CHANNEL) == [180]


async def test_wrong_key_extension_is_not_answered(snmpd: Snmpd) -> None:
    """The agent cannot read it and says nothing; the radio says what to compare."""
    wrong = SnmpUser("sha1-aes256-reeder", "sha1", "auth secret", "aes256-blumenthal", "privacy secret")
    radio = Ntcip1218Radio(
        lambda: snmp_v3(HOST, snmpd.port, user=wrong, device="radio"),
        name="radio",
        rows=ROWS,
        pace=Pace(answer_s=0.5, attempts=1),
    )
    with pytest.raises(DeviceError, match=r"radio: no answer over SNMP .check address"):
        async with radio.connected():
            pass


async def test_objects_that_are_not_there(snmpd: Snmpd) -> None:
    async with snmp_v3(HOST, snmpd.port, user=USER, device="radio") as link:
        assert await link.get(RSU_ID, timeout_s=5) is None
        with pytest.raises(SnmpRefused, match="notWritable"):
            await link.set((cell(PAYLOAD, ROW_COUNT + 1), b"x"), timeout_s=5)


async def test_user_that_the_agent_does_not_know_is_a_device_error(snmpd: Snmpd) -> None:
    stranger = SnmpUser("stranger", "sha512", "auth secret", "aes128", "privacy secret")
    async with asyncio.timeout(20):
        with pytest.raises(DeviceError, match=r"(?i)radio: SNMP: unknown USM user .compare user"):
            async with radio_at(snmpd, stranger).connected():
                pass


async def test_agent_that_restarted_is_lost_and_answers_when_opened_anew(snmpd: Snmpd) -> None:
    radio = radio_at(snmpd)

    async def send() -> None:
        await radio.send(RadioMessage("SPAT", bytes(300), time.time_ns() + 10**9))
        await asyncio.sleep(0.05)

    async def send_until_lost() -> None:
        while True:
            await send()

    async with asyncio.timeout(60):
        async with radio.connected():
            await send()
            await asyncio.to_thread(snmpd.restart)
            with pytest.raises(DeviceError, match="radio: "):
                await send_until_lost()
        before = radio.counters["sent"]
        async with radio.connected():
            await send()
    assert radio.counters["sent"] == before + 1
