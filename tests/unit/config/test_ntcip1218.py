"""Site configuration of NTCIP 1218 radios, their builder, and what the doctor says of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge.app import radio_parts
from edge.app.front_parts import build_encoders
from edge.app.radio_parts import build_radio
from edge.config import load_site
from edge.config.radios import Ntcip1218Config
from edge.core.errors import ConfigError
from hw.rsu.ntcip1218 import Ntcip1218Radio
from hw.rsu.ntcip1218_link import SnmpUser
from hw.sim.rsu_1218 import FakeRsu1218
from tests.unit.config.test_load import GOOD, write
from tests.unit.signals.corner import corner

RADIO = """
[[rsu]]
type = "ntcip1218"
name = "mast"
dialect = "j2735"
address = "127.0.0.1:161"
user = "edge"
auth_file = "auth"
privacy_file = "privacy"
"""


def site_with(tmp_path: Path, more: str = "", *, auth: str = "auth secret\n") -> Path:
    (tmp_path / "auth").write_text(auth)
    (tmp_path / "privacy").write_text("privacy secret\n")
    return write(tmp_path, GOOD + RADIO + more)


def radio_of(path: Path, **changes: object) -> Ntcip1218Config:
    config = load_site(path).rsu[-1]
    assert isinstance(config, Ntcip1218Config)
    return config.model_copy(update=changes)


def test_secrets_lie_beside_the_site_file_and_defaults_are_those_of_the_field(tmp_path: Path) -> None:
    config = radio_of(site_with(tmp_path, "psid = { MAP = 0xE0000017 }\n"))
    assert (config.auth_file, config.privacy_file) == (tmp_path / "auth", tmp_path / "privacy")
    assert (config.auth, config.privacy, config.channel) == ("sha512", "aes256-blumenthal", 183)
    assert (config.priority, config.rsu_signs, config.psid) == (6, True, {"MAP": 0xE0000017})
    assert isinstance(build_radio(config), Ntcip1218Radio)
    assert build_encoders(config, corner()).map(1_700_000_000_000_000_000)[:2] == b"\x00\x12"


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ('auth = "md5"', "rsu[1].auth", "sha1"),
        ('privacy = "des"', "rsu[1].privacy", "aes256-reeder"),
        ("psid = { SPAT = 0x2000 }", "rsu[1].psid.SPAT", "0x2000 is no PSID"),
        ("psid = { BSM = 0x20 }", "rsu[1].psid.BSM", "SPAT"),
        ("priority = 64", "rsu[1].priority", "63"),
        ("first_row = 0", "rsu[1].first_row", "1"),
        ('password = "x"', "rsu[1].password", "unknown key"),
        ('sign = { certificate = "auth", key = "auth" }', "rsu[1]", "write rsu_signs = false"),
    ],
)
def test_mistake_is_named_with_key_and_remedy(tmp_path: Path, line: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(site_with(tmp_path, line + "\n"))
    assert key in caught.value.key
    assert words in str(caught.value)


def test_absent_secret_is_named(tmp_path: Path) -> None:
    path = site_with(tmp_path)
    (tmp_path / "privacy").unlink()
    with pytest.raises(ConfigError, match=r"rsu\[1\]\.privacy_file: no such file"):
        load_site(path)


def test_short_secret_is_named_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="auth_file: its passphrase is shorter than 8") as caught:
        build_radio(radio_of(site_with(tmp_path, auth="hush\n")))
    assert "hush" not in str(caught.value)


def test_missing_package_is_named_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = radio_of(site_with(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"install the extra: roadside-edge\[snmpv3\]"):
        build_radio(config)


def test_node_without_such_a_radio_does_not_load_the_package() -> None:
    code = (
        "import sys, edge.app.front, edge.app.radio_parts, edge.app.doctor; sys.exit('pysnmp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=100).returncode == 0


async def test_doctor_tells_mode_and_firmware(tmp_path: Path) -> None:
    user = SnmpUser("edge", "sha512", "auth secret", "aes256-blumenthal", "privacy secret")
    async with FakeRsu1218(user) as fake:
        address = f"{fake.address[0]}:{fake.address[1]}"
        mode, firmware = await radio_parts.ask_radio(radio_of(site_with(tmp_path), address=address))
        assert (mode, firmware) == ("operate", "simulated")
        assert list(fake.unit.log) == []
