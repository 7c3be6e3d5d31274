"""Mistakes in what a site signs and checks: one message with key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import load_site
from edge.core.errors import ConfigError
from tests.unit.config.test_load import GOOD, write

LINK = 'dialect = "j2735"\nlisten = "127.0.0.1:26789"'
RADIO = 'dialect = "csae-a"\naddress = "127.0.0.1:1516"'
SIGNING = 'dialect = "j2735"\naddress = "127.0.0.1:1516"\nrsu_signs = false\n'
SIGN = 'sign = { certificate = "c.oer", key = "k.pem" }'


def site_with(tmp_path: Path, *, link: str = LINK, radio: str = RADIO) -> Path:
    assert GOOD.count(LINK) == GOOD.count(RADIO) == 1
    for name in ("root.oer", "c.oer", "k.pem"):
        (tmp_path / name).write_bytes(b"x")
    return write(tmp_path, GOOD.replace(LINK, link).replace(RADIO, radio))


def test_paths_are_those_beside_the_site_file(tmp_path: Path) -> None:
    link = f'{LINK}\nverify = "require"\ntrust = ["root.oer"]'
    site = load_site(site_with(tmp_path, link=link, radio=SIGNING + SIGN))
    assert site.v2x[0].trust == (tmp_path / "root.oer",)
    sign = site.rsu[0].sign
    assert sign is not None
    assert (sign.certificate, sign.key) == (tmp_path / "c.oer", tmp_path / "k.pem")


@pytest.mark.parametrize(
    ("link", "key", "words"),
    [
        (f'{LINK}\nverify = "require"', "v2x[0]", "needs trust"),
        (f'{LINK}\nverify = "always"\ntrust = ["root.oer"]', "v2x[0].verify", "off"),
        (f'{LINK}\nverify = "mark"\ntrust = ["none.oer"]', "v2x[0].trust[0]", "no such file"),
        (
            LINK.replace("j2735", "csae-a") + '\nverify = "mark"\ntrust = ["root.oer"]',
            "v2x[0]",
            "SM2 signatures are not read",
        ),
    ],
)
def test_a_link_that_cannot_verify(tmp_path: Path, link: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(site_with(tmp_path, link=link))
    assert key in caught.value.key
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("radio", "key", "words"),
    [
        (SIGNING.replace("rsu_signs = false", "") + SIGN, "rsu[0]", "write rsu_signs = false"),
        (SIGNING.replace("j2735", "csae-a") + SIGN, "rsu[0]", "SM2 signatures are not written"),
        (SIGNING + SIGN.replace("k.pem", "none.pem"), "rsu[0].sign.key", "no such file"),
        (SIGNING + SIGN.replace(', key = "k.pem"', ""), "rsu[0].sign.key", "add it"),
    ],
)
def test_a_radio_that_cannot_be_signed_for(tmp_path: Path, radio: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(site_with(tmp_path, radio=radio))
    assert key in caught.value.key
    assert words in str(caught.value)
