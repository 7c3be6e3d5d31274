"""Signers and gates of a site file, from certificates on disk."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge.app.demo_site import DemoPorts, write_site
from edge.app.security_parts import build_gates, build_signer, check_trust_files
from edge.config import SiteConfig, load_site
from edge.config.security import SignConfig
from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.stamp import NS_PER_MS
from edge.road import load_intersection
from edge.v2x.security.certificate import Permission
from edge.v2x.security.pki import create_pki, write_pki
from edge.v2x.security.signer import Ieee1609Signer
from tests.unit.app.test_fusion_process import LINK, Fusion

BSM_PSID, SPAT_PSID = 0x20, 0x82
NOW_NS = time.time_ns()
PKI = create_pki([Permission(BSM_PSID), Permission(SPAT_PSID)], now_ns=NOW_NS, tickets=2)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_pki(PKI, tmp_path / "pki")
    return tmp_path / "pki"


def site_that_verifies(tmp_path: Path, *, mode: str, trust: str = "pki/authority.oer") -> SiteConfig:
    path = write_site(tmp_path, DemoPorts(*range(50001, 50010)))
    link = f'name = "{LINK}"\n'
    text = path.read_text()
    assert text.count(link) == 1
    path.write_text(text.replace(link, f'{link}verify = "{mode}"\ntrust = ["{trust}"]\n'))
    return load_site(path)


def fusion_of(site: SiteConfig) -> Fusion:
    section = site.site
    frame = LocalFrame(section.latitude_deg, section.longitude_deg, section.elevation_m)
    return Fusion(site, load_intersection(section.map, frame=frame))


def test_a_signer_from_its_files(files: Path) -> None:
    signer = build_signer(
        SignConfig(certificate=files / "ticket-0.oer", key=files / "ticket-0.pem"), dialect="j2735"
    )
    assert signer.sign(b"\x00\x13\x00", kind="SPAT", now_ns=NOW_NS)


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        ("ticket-0.oer", "ticket-1.pem", "private key is not that of the certificate"),
        ("ticket-0.pem", "ticket-0.pem", "is no certificate"),
        ("ticket-0.oer", "ticket-0.oer", "can be read by others"),
        ("none.oer", "ticket-0.pem", "cannot read"),
        ("root.oer", "root.pem", "is not for SPAT"),
    ],
)
def test_files_that_do_not_fit_are_told(files: Path, certificate: str, key: str, words: str) -> None:
    config = SignConfig(certificate=files / certificate, key=files / key)
    with pytest.raises(ConfigError, match=words):
        build_signer(config, dialect="j2735")


def test_a_trusted_file_that_is_no_certificate_is_told_before_the_start(tmp_path: Path, files: Path) -> None:
    site = site_that_verifies(tmp_path, mode="require", trust="pki/root.pem")
    with pytest.raises(ConfigError, match="is no certificate"):
        check_trust_files(site)


def test_links_without_verify_have_no_gate(tmp_path: Path, files: Path) -> None:
    assert list(build_gates(site_that_verifies(tmp_path, mode="require"))) == [LINK]
    assert build_gates(load_site(write_site(tmp_path, DemoPorts(*range(50001, 50010))))) == {}


@pytest.mark.parametrize(("mode", "decoded", "unverified"), [("require", 2, 1), ("mark", 3, 0)])
def test_fusion_takes_what_is_verified(
    tmp_path: Path, files: Path, mode: str, decoded: int, unverified: int
) -> None:
    """Two signed BSMs, the first with the certificate, and a bare one."""
    fusion = fusion_of(site_that_verifies(tmp_path, mode=mode))
    signer = Ieee1609Signer(PKI.tickets[0], profile="ieee1609")
    for number in range(2):
        at_ns = NOW_NS + number * 100 * NS_PER_MS
        signed = signer.sign(fusion.bsm(at_ns=at_ns), kind="BSM", now_ns=at_ns)
        fusion.hear(signed, at_ns=at_ns + NS_PER_MS)
    fusion.hear(fusion.bsm(at_ns=NOW_NS), at_ns=NOW_NS + NS_PER_MS)
    fusion.process.cycle(NOW_NS + 200 * NS_PER_MS)
    component = f"fusion.v2x.{LINK}"
    assert fusion.counter(component, "decoded") == decoded
    assert fusion.counter(component, "unverified") == unverified
    assert fusion.counter(f"fusion.security.{LINK}", "not_secured") == 1
