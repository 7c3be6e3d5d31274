"""The RSU 4.1 immediate-forward radio against the simulated radio."""

from __future__ import annotations

import socket

import pytest

from edge.core.errors import DeviceError
from edge.ports import RadioMessage
from hw.rsu.ifm41 import Ifm41Radio
from hw.sim.rsu import FakeRsu
from tests.waiting import until

NOW = 1_000


def radio_for(address: tuple[str, int], **changes: object) -> Ifm41Radio:
    return Ifm41Radio(*address, name="radio", now_ns=lambda: NOW, **changes)  # type: ignore[arg-type]


def message(
    kind: str = "SPAT", payload: bytes = b"\x00\x13\x02\xab\xcd", *, expires_ns: int = NOW
) -> RadioMessage:
    return RadioMessage(kind, payload, expires_ns)


@pytest.mark.parametrize(
    ("changes", "kind", "psid", "channel", "signature"),
    [
        pytest.param({}, "SPAT", 0x8002, "183", True, id="C-V2X SPAT"),
        pytest.param({"channel": 172, "signature": False}, "MAP", 0x8002, "172", False, id="DSRC MAP"),
        pytest.param({"psids": {"MAP": 0xE0000017}}, "MAP", 0xE0000017, "183", True, id="PSID of this radio"),
        pytest.param({}, "RSM", 0x8003, "183", True, id="RSM"),
    ],
)
async def test_message_arrives_with_its_service_and_channel(
    changes: dict[str, object], kind: str, psid: int, channel: str, signature: bool
) -> None:
    async with FakeRsu() as fake:
        radio = radio_for(fake.address, **changes)
        async with radio.connected():
            await radio.send(message(kind))
            await until(lambda: fake.heard(kind))
    (heard,) = fake.heard(kind)
    found = heard.message
    assert (found.kind, found.payload) == (kind, b"\x00\x13\x02\xab\xcd")
    assert (found.psid, found.channel, found.signature) == (psid, channel, signature)
    assert radio.counters == {"sent": 1}
    assert fake.counts() == {kind: 1}


@pytest.mark.parametrize(
    ("kind", "psid"),
    [
        ("SPAT", 0x8002), ("MAP", 0x8002), ("SSM", 0x8002), ("SRM", 0xE0000016), ("BSM", 0x20), ("PSM", 0x27),
        ("TIM", 0x8003), ("RSM", 0x8003), ("TMSG03", 0xBFEE), ("SDSM", 0x8010),
    ],
)  # fmt: skip
async def test_each_kind_goes_under_the_service_that_units_expect(kind: str, psid: int) -> None:
    async with FakeRsu() as fake:
        radio = radio_for(fake.address, priority=3)
        async with radio.connected():
            await radio.send(message(kind))
            await until(fake.heard)
    assert [(heard.message.psid, heard.message.priority) for heard in fake.heard()] == [(psid, 3)]


async def test_text_of_one_message_fills_one_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unit:
        unit.bind(("127.0.0.1", 0))
        unit.settimeout(5)
        radio = radio_for(unit.getsockname(), signature=False, priority=5)
        async with radio.connected():
            await radio.send(message(payload=b"\xab"))
            await radio.send(message("MAP", payload=bytes(1_400)))
        first, second = unit.recv(65_536), unit.recv(65_536)
    assert first == (
        b"Version=0.7\nType=SPAT\nPSID=0x8002\nPriority=5\nTxMode=CONT\nTxChannel=183\nTxInterval=0\n"
        b"DeliveryStart=\nDeliveryStop=\nSignature=False\nEncryption=False\nPayload=AB\n"
    )
    assert second.endswith(b"Payload=" + b"00" * 1_400 + b"\n")
    assert second.count(b"Type=") == 1


async def test_expired_and_unknown_messages_are_dropped_and_counted() -> None:
    async with FakeRsu() as fake:
        radio = radio_for(fake.address)
        async with radio.connected():
            await radio.send(message(expires_ns=NOW - 1))
            await radio.send(message("XYZ"))
            await radio.send(message(payload=b"\x01"))
            await until(fake.heard)
    assert [heard.message.payload for heard in fake.heard()] == [b"\x01"]
    assert radio.counters == {"expired": 1, "no_psid": 1, "sent": 1}


async def test_send_without_a_connection_drops_and_counts() -> None:
    radio = radio_for(("127.0.0.1", 9))
    await radio.send(message())
    assert radio.counters == {"not_connected": 1}


async def test_radio_that_is_off_is_counted_and_sending_goes_on() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    radio = radio_for(address)
    async with radio.connected():
        await radio.send(message())
        await until(lambda: radio.counters.get("refused"))
        await radio.send(message())
    assert radio.counters["sent"] == 2


async def test_name_that_does_not_resolve_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="radio: cannot send to"):
        async with radio_for(("radio.invalid", 1516)).connected():
            pass


async def test_simulated_radio_counts_what_is_no_immediate_forward() -> None:
    async with FakeRsu() as fake, FakeRsu(kept=2) as small:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"Version=0.7\nPayload=zz\n", fake.address)
        radio = radio_for(small.address)
        async with radio.connected():
            for number in range(5):
                await radio.send(message(payload=bytes([number])))
            await until(lambda: small.counts().get("SPAT") == 5)
        await until(lambda: fake.counters["bad"] == 1)
    assert fake.heard() == ()
    assert [heard.message.payload for heard in small.heard()] == [b"\x03", b"\x04"]


async def test_simulated_radio_on_a_busy_port_is_a_device_error() -> None:
    async with FakeRsu() as fake:
        with pytest.raises(DeviceError, match="cannot listen"):
            async with FakeRsu(port=fake.address[1]):
                pass
