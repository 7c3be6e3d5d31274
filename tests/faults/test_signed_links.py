"""Signed messages over UDP: what a vehicle signs is heard, what others make of it is not; a radio gets signed ones."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from edge.app.front_parts import build_receiver
from edge.app.radio_parts import build_radio
from edge.app.security_parts import build_gates
from edge.config import SiteConfig, load_site
from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_S
from edge.ports import RadioMessage
from edge.v2x import j2735
from edge.v2x.decoder import ReportDecoder
from edge.v2x.security.certificate import Permission
from edge.v2x.security.gate import UnverifiedError
from edge.v2x.security.pki import create_authority, create_pki, create_root, issue_ticket, write_pki
from edge.v2x.security.region import Place, Region
from edge.v2x.security.signer import Credential, Ieee1609Signer
from edge.v2x.security.trust import TrustStore
from edge.v2x.security.verifier import Ieee1609Verifier
from hw.sim.rsu import FakeRsu
from tests.unit.config.test_load import GOOD, write
from tests.unit.v2x.samples import FRAME, GREEN, report, signal_state
from tests.waiting import until

PERMISSIONS = [Permission(0x20), Permission(0x82)]
HOUR_NS = 3600 * NS_PER_S
LINK = 'dialect = "j2735"\nlisten = "127.0.0.1:26789"'
RADIO = 'dialect = "csae-a"\naddress = "127.0.0.1:1516"'
"""Sections of the site file of the configuration tests."""


def site_of(tmp_path: Path, *, radio: tuple[str, int] = ("127.0.0.1", 1516)) -> SiteConfig:
    """A site that hears only what is verified, and signs for its radio."""
    link = 'dialect = "j2735"\nlisten = "127.0.0.1:0"\nverify = "require"\ntrust = ["pki/authority.oer"]'
    sign = 'sign = { certificate = "pki/ticket-1.oer", key = "pki/ticket-1.pem" }'
    sends = f'dialect = "j2735"\naddress = "{radio[0]}:{radio[1]}"\nrsu_signs = false\n{sign}'
    return load_site(write(tmp_path, GOOD.replace(LINK, link).replace(RADIO, sends)))


def bsm() -> bytes:
    return j2735.encode_bsm(report(), frame=FRAME, message_count=1)


def signed_by(credential: Credential, *, now_ns: int) -> bytes:
    return Ieee1609Signer(credential, profile="ieee1609").sign(bsm(), kind="BSM", now_ns=now_ns)


def hostile(now_ns: int, tickets: tuple[Credential, ...], authority: Credential) -> dict[str, bytes]:
    """Datagrams that must not become reports, by the reason for which they are refused."""
    stranger = create_authority(create_root(PERMISSIONS, now_ns=now_ns), PERMISSIONS, now_ns=now_ns)
    elsewhere = Region(circle=(Place(450_000_000, 100_000_000), 500))
    sound = signed_by(tickets[0], now_ns=now_ns - 1)
    at = sound.index(bsm()[10:20])
    return {
        "not_secured": bsm(),
        "unknown_issuer": signed_by(issue_ticket(stranger, PERMISSIONS, now_ns=now_ns), now_ns=now_ns),
        "bad_signature": sound[:at] + bytes([sound[at] ^ 4]) + sound[at + 1 :],
        "too_old": signed_by(tickets[0], now_ns=now_ns - HOUR_NS // 2 + 1),
        "wrong_place": signed_by(
            issue_ticket(authority, PERMISSIONS, now_ns=now_ns, region=elsewhere), now_ns=now_ns
        ),
        "wrong_application": Ieee1609Signer(tickets[0], profile="ieee1609").sign(
            bsm(), kind="SPAT", now_ns=now_ns
        ),
    }


async def test_only_verified_messages_become_reports(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    pki = create_pki(PERMISSIONS, now_ns=now_ns - HOUR_NS, tickets=2)
    write_pki(pki, tmp_path / "pki")
    site = site_of(tmp_path)
    gate = build_gates(site)["rsu"]
    receiver = build_receiver(site.v2x[0])
    decoder = ReportDecoder(FRAME, dialect="j2735", framing="plain", gate=gate)
    attacks = hostile(now_ns, pki.tickets, pki.authority)
    async with asyncio.timeout(20), receiver.frames() as frames:
        assert receiver.address is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for octets in (*attacks.values(), signed_by(pki.tickets[0], now_ns=now_ns)):
                sender.sendto(octets, receiver.address)
        for reason in attacks:
            with pytest.raises(UnverifiedError, match=reason):
                decoder.decode(await anext(frames))
        heard = await anext(frames)
        found = decoder.decode(heard)
        assert (found.temporary_id, bool(found.verified)) == (report().temporary_id, True)
        with pytest.raises(UnverifiedError, match="replayed"):
            decoder.decode(heard)
    assert gate.counters["verified"] == 1
    assert gate.counters["unverified_refused"] == len(attacks) + 1
    assert {reason: gate.counters[reason] for reason in attacks} == dict.fromkeys(attacks, 1)


async def test_the_radio_gets_signed_messages_until_the_certificate_runs_out(tmp_path: Path) -> None:
    now_ns = time.time_ns()
    pki = create_pki(PERMISSIONS, now_ns=now_ns, tickets=2)
    write_pki(pki, tmp_path / "pki")
    spat = j2735.encode_spat(signal_state(GREEN), now_ns=now_ns)
    message = RadioMessage("SPAT", spat, now_ns + HOUR_NS)
    async with FakeRsu() as fake:
        radio = build_radio(site_of(tmp_path, radio=fake.address).rsu[0])
        async with radio.connected():
            await radio.send(message)
            await until(lambda: fake.heard("SPAT"))
    [heard] = fake.heard("SPAT")
    verifier = Ieee1609Verifier(TrustStore([pki.authority.certificate]))
    found = verifier.verify(heard.message.payload, now_ns=time.time_ns())
    assert (found.payload, found.refusal) == (spat, None)


async def test_a_radio_with_a_certificate_of_yesterday_sends_nothing(tmp_path: Path) -> None:
    old_ns = time.time_ns() - 48 * HOUR_NS
    write_pki(create_pki(PERMISSIONS, now_ns=old_ns, tickets=2, hours=24), tmp_path / "pki")
    async with FakeRsu() as fake:
        radio = build_radio(site_of(tmp_path, radio=fake.address).rsu[0])
        async with radio.connected():
            with pytest.raises(DeviceError, match="cannot sign"):
                await radio.send(RadioMessage("SPAT", b"\x00\x13\x01\x00", time.time_ns() + HOUR_NS))
    assert not fake.heard("SPAT")
    assert radio.counters["unsigned_dropped"] == 1
