"""`edge certs` and what the doctor says of certificates."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.access.certificates import load_material
from edge.access.pki import Pki
from edge.access.roles import Role
from edge.access.tls_files import TlsFiles
from edge.app.certificate_commands import app
from edge.app.certificate_folder import files_of
from edge.app.doctor_tls import check_certificate, check_revoked, tls_checks
from edge.app.verdict import Verdict
from edge.config import load_site
from edge.core.errors import ConfigError
from tests.certificates import Authority
from tests.unit.config.test_load import GOOD, write

DAY_NS = 86_400 * 10**9


def certs(*arguments: str, pki: Path) -> str:
    """What a command prints."""
    given = [*arguments, str(pki)] if arguments[0] == "init" else [*arguments, "--pki", str(pki)]
    result = CliRunner().invoke(app, given, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_commands_lead_from_nothing_to_a_node_and_a_revoked_vehicle(tmp_path: Path) -> None:
    pki = tmp_path / "certs"
    assert "edge certs issue" in certs("init", pki=pki)
    said = certs("issue", "crossing-12", "--role", "rsu", "--host", "127.0.0.1", pki=pki)
    assert "[tls]" in said
    assert "edge doctor" in said
    certs("issue", "bus-17", "--role", "vehicle", pki=pki)
    before = (pki / "bus-17" / "certificate.pem").read_bytes()
    certs("rotate", "bus-17", pki=pki)
    assert (pki / "bus-17" / "certificate.pem").read_bytes() != before
    assert "2 of bus-17 revoked" in certs("revoke", "bus-17", pki=pki)
    assert certs("show", pki=pki).count("revoked") == 2
    assert len(load_material(files_of(pki / "crossing-12")).trust.revoked) == 2
    for key in (pki / "ca" / "ca.key", pki / "bus-17" / "key.pem", pki / "ca" / "issued.json"):
        assert key.stat().st_mode & 0o777 == 0o600
    assert not list(pki.rglob("*.new"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"roles": [Role.RSU]}, "names its host"),
        ({}, "a client has a role"),
        ({"roles": [Role.VEHICLE], "name": "node-1"}, "edge certs rotate node-1"),
        ({"roles": [Role.RSU], "hosts": ["\u00e4.example"]}, "is no name of a host"),
    ],
    ids=["server without host", "client without role", "name twice", "host is none"],
)
def test_wrong_order_is_told_with_its_remedy(
    tmp_path: Path, arguments: dict[str, object], words: str
) -> None:
    Authority(tmp_path / "pki", node="node-1")
    given = {"name": "n", "roles": [], "hosts": [], "server": False, "days": None} | arguments
    name = str(given.pop("name"))
    with pytest.raises(ConfigError, match=words):
        Pki(tmp_path / "pki").issue(name, **given)  # type: ignore[arg-type]


def test_second_authority_in_a_folder_and_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="edge certs init"):
        Pki(tmp_path)
    Pki.create(tmp_path)
    with pytest.raises(ConfigError, match="is there already"):
        Pki.create(tmp_path)


@pytest.mark.parametrize("name", ["", "BUS", "../bus", "ca", "revoked.pem", "a b"])
def test_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    Pki.create(tmp_path / "pki")
    result = CliRunner().invoke(app, ["issue", name, "--role", "vehicle", "--pki", str(tmp_path / "pki")])
    assert isinstance(result.exception, ConfigError)


class Box:
    """The certificates of a node, to spoil."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory / "pki", node="crossing-12")
        self.files: TlsFiles = self.authority.files
        self.node, self.after_ns = "crossing-12", 0

    def check(self) -> tuple[Verdict, str]:
        return check_certificate(self.files, node=self.node, now_ns=time.time_ns() + self.after_ns)


def test_doctor_finds_good_certificates_good(tmp_path: Path) -> None:
    box = Box(tmp_path)
    assert box.check()[0] is Verdict.GOOD
    assert check_revoked(box.files, now_ns=time.time_ns()) == (Verdict.GOOD, "0 certificates revoked")


def _open_key(box: Box) -> None:
    box.files.key.chmod(0o644)


def _other_key(box: Box) -> None:
    box.files.key.write_bytes((box.authority.issue("bus", Role.VEHICLE) / "key.pem").read_bytes())


def _other_authority(box: Box) -> None:
    Pki.create(box.authority.folder / "other")
    foreign = (box.authority.folder / "other" / "ca" / "ca.pem").read_bytes()
    box.files.authority.write_bytes(foreign)
    box.files.revoked.write_bytes((box.authority.folder / "other" / "revoked.pem").read_bytes())  # type: ignore[union-attr]


def _other_node(box: Box) -> None:
    box.node = "crossing-13"


def _later(days: float) -> object:
    def spoil(box: Box) -> None:
        box.after_ns = int(days * DAY_NS)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "verdict", "words"),
    [
        (_open_key, Verdict.BAD, "chmod 600"),
        (_other_key, Verdict.BAD, "is not the key of"),
        (_other_authority, Verdict.BAD, "add its issuer"),
        (_other_node, Verdict.ODD, "a centre will refuse this node"),
        (_later(-1), Verdict.BAD, "set this clock right"),
        (_later(80), Verdict.ODD, "soon; edge certs rotate crossing-12"),
        (_later(91), Verdict.BAD, "edge certs rotate crossing-12"),
    ],
    ids=["open key", "other key", "other authority", "other node", "clock before", "ends soon", "ended"],
)
def test_doctor_says_how_to_mend_certificates(
    tmp_path: Path, spoil: object, verdict: Verdict, words: str
) -> None:
    box = Box(tmp_path)
    spoil(box)  # type: ignore[operator]
    found = box.check()
    assert (found[0], words in found[1]) == (verdict, True), found


def test_doctor_tells_a_stale_and_a_broken_revocation_list(tmp_path: Path) -> None:
    box = Box(tmp_path)
    verdict, words = check_revoked(
        box.files, now_ns=time.time_ns() + int(timedelta(days=91).total_seconds()) * 10**9
    )
    assert (verdict, "a newer list was due" in words) == (Verdict.BAD, True)
    assert box.files.revoked is not None
    box.files.revoked.write_bytes(b"nothing")
    assert check_revoked(box.files, now_ns=0)[0] is Verdict.BAD


@pytest.mark.parametrize(
    ("plaintext", "verdict", "words"),
    [("true", Verdict.ODD, "plain although there is [tls]"), ("false", Verdict.GOOD, "has TLS")],
)
def test_doctor_tells_of_plaintext_beside_certificates_and_looks_at_those_of_feeds(
    tmp_path: Path, plaintext: str, verdict: Verdict, words: str
) -> None:
    folder = Authority(tmp_path / "pki", node="crossing-12").folder / "crossing-12"
    names = {"authority": "ca", "certificate": "certificate", "key": "key"}
    files = [f'{key} = "{folder / name}.pem"' for key, name in names.items()]
    feed = f'[[mqtt_feed]]\nname = "json"\nbroker = "localhost:8883"\ntls = {{ {", ".join(files)} }}\n'
    site = GOOD.replace("[grpc]\n", f"[grpc]\nallow_plaintext = {plaintext}\n")
    text = "\n".join((site, "[tls]", *files, feed))
    checks = dict(tls_checks(load_site(write(tmp_path, text))))
    found = checks["transport"]()
    assert (found[0], words in found[1]) == (verdict, True), found
    assert "tls json" in checks
