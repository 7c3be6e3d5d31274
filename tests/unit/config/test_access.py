"""Certificates in the site file, and plaintext that is asked for or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import load_site
from edge.core.errors import ConfigError
from tests.unit.config.test_load import GOOD, write

TLS = '\n[tls]\ncertificate = "c/certificate.pem"\nkey = "c/key.pem"\nauthority = "c/ca.pem"\n'
CENTRE = '\n[centre]\naddress = "192.0.2.1:50060"\n'
MQTT = """
[[v2x]]
type = "mqtt"
name = "platform"
dialect = "csae-a"
broker = "broker.example.org:8883"
tls = { authority = "c/ca.pem", certificate = "c/certificate.pem", key = "c/key.pem" }
"""


def folder(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    for name in ("certificate.pem", "key.pem", "ca.pem"):
        (tmp_path / "c" / name).write_text("")


def test_paths_of_certificates_are_relative_to_the_file(tmp_path: Path) -> None:
    folder(tmp_path)
    site = load_site(write(tmp_path, GOOD + TLS + MQTT))
    assert site.tls is not None
    assert site.tls.files.certificate == tmp_path / "c" / "certificate.pem"
    assert site.tls.files.revoked is None
    tls = next(link.tls for link in site.v2x if link.type == "mqtt")
    assert tls is not None
    assert tls.key == tmp_path / "c" / "key.pem"
    site.check_transport()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + TLS, r"site.toml:\d+: tls.certificate: no such file"),
        (GOOD + MQTT, r"site.toml:\d+: v2x\[1\].tls.authority: no such file"),
        (
            GOOD + MQTT.replace(', key = "c/key.pem"', ""),
            r"certificate and key go together",
        ),
        (GOOD + CENTRE + "allow_plaintext = true\n", "allow_plaintext is for loopback"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_site(write(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "", "grpc.allow_plaintext: there is no .tls., and plaintext is not asked for"),
        ('"127.0.0.1:0"', '"127.0.0.1:0"\nallow_plaintext = true', ""),
        ('"127.0.0.1:0"', '"127.0.0.1:0"\nallow_plaintext = true\n' + CENTRE, "centre.allow_plaintext"),
    ],
)
def test_node_talks_in_the_clear_only_where_it_is_asked_to(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    site = load_site(write(tmp_path, GOOD.replace(old, new, 1)))
    if not words:
        site.check_transport()
        return
    with pytest.raises(ConfigError, match=words):
        site.check_transport()
