"""Whatever stands in the site file, there is one clear message or a site whose devices can be built."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.app.controller_parts import build_controller
from edge.app.front_parts import build_receiver
from edge.app.radio_parts import build_radio
from edge.config import SiteConfig, load_site
from edge.core.errors import ConfigError
from tests.conftest import ROOT

SITE = (ROOT / "deploy" / "site" / "site.toml").read_text(encoding="utf-8")
RADIO = '\n[[rsu]]\ntype = "mqtt"\nname = "platform-radio"\ndialect = "j2735"\n'
Load = Callable[[str | bytes], SiteConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a text as the site file of a directory that has its map, and builds what it names."""
    shutil.copy(ROOT / "deploy" / "site" / "map.json", tmp_path)

    def loaded(text: str | bytes) -> SiteConfig:
        path = tmp_path / "site.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        site = load_site(path)
        assert site.controller is not None
        build_controller(site.controller)
        for link in site.v2x:
            build_receiver(link)
        for radio in site.rsu:
            build_radio(radio)
        return site

    return loaded


def changed(old: str, new: str) -> str:
    """The example site with one text replaced."""
    assert old in SITE
    return SITE.replace(old, new, 1)


def with_radio(*, broker: str = "127.0.0.1:1883", esn: str = "R1", **more: str) -> str:
    """The example site with a radio behind a broker."""
    keys = {"broker": broker, "esn": esn, **more}
    return SITE + RADIO + "".join(f'{key} = "{value}"\n' for key, value in keys.items())


def controller(line: str) -> str:
    """The example site with one more key of its controller."""
    return changed("liveness_ms = 300 ", f"{line}\nliveness_ms = 300 ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("x = " + "[" * 100_000, "not valid TOML", id="nested too deep"),
        pytest.param("x = " + "9" * 5_000, "not valid TOML", id="number too long"),
        pytest.param(changed('"map.json"', f'"{"a" * 5_000}"'), "site.map", id="file name too long"),
        pytest.param(changed("127.0.0.1:9464", "a..b:1"), "no name of a host", id="empty label"),
        pytest.param(changed("127.0.0.1:9464", "a b:1"), "no name of a host", id="blank in a host"),
        pytest.param(changed("127.0.0.1:9464", "x:²"), "host:port", id="digit that is none"),
        pytest.param(changed("192.168.10.40:1516", ":1516"), "nowhere to send to", id="radio without a host"),
        pytest.param(
            changed("127.0.0.1:1883", "127.0.0.1:0"), "nowhere to send to", id="broker without a port"
        ),
        pytest.param(changed('"V2X/RSU/+/BSM/UP"', '"a/#/b"'), "topic filter", id="hash in the middle"),
        pytest.param(changed('"V2X/RSU/+/BSM/UP"', '"a/b+"'), "topic filter", id="plus in a level"),
        pytest.param(with_radio(topic="{esn.foo}/{kind}"), "placeholder", id="attribute in a topic"),
        pytest.param(with_radio(topic="{esn:>9}/{kind}"), "placeholder", id="width in a topic"),
        pytest.param(with_radio(esn="a+b"), "esn", id="wildcard in a serial number"),
        pytest.param(changed("longitude_deg", "elevation_m = nan\nlongitude_deg"), "elevation_m", id="nan"),
        pytest.param(controller("conflict = [[2, 2]]"), "two different", id="conflict with itself"),
        pytest.param(controller("conflict = [[2, 99]]"), "two different", id="conflict with nobody"),
        pytest.param(controller("yellow_s = [7, 3]"), "must rise", id="yellow that falls"),
        pytest.param(controller("yellow_s = [3, nan]"), "finite", id="yellow without an end"),
        pytest.param(
            controller("clock_error_limit_ms = 100000"), "clock_error_limit_ms", id="a clock of minutes"
        ),
    ],
)
def test_hostile_value_is_refused_with_words(load: Load, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(text)


def test_password_that_is_no_text_is_refused(load: Load, tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="no UTF-8"):
        load(with_radio(password_file="password"))  # noqa: S106 - a file name


def test_file_in_a_folder_that_is_closed_to_us_is_refused(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")  # what a stat of it raises for all but root

    monkeypatch.setattr(Path, "is_file", closed)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        load(SITE)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, len(SITE) - 1), st.integers(0, 30), st.binary(max_size=6)),
        min_size=1,
        max_size=3,
    )
)
def test_torn_file_is_refused_or_loads(load: Load, tears: list[tuple[int, int, bytes]]) -> None:
    text = bytearray(SITE.encode())
    for at, gone, new in tears:
        text[at : at + gone] = new
    with contextlib.suppress(ConfigError):
        load(bytes(text))
