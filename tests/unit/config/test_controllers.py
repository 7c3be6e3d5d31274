"""Sections of the controllers in a site file, and the drivers that come of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.app.controller_parts import REMEDIES, build_controller
from edge.config import load_site
from edge.core.errors import ConfigError
from hw.signal.gb20999_controller import Gb20999Controller
from hw.signal.replay import ReplayController
from hw.signal.spat_text import SpatTextController

SITE = """schema_version = 1
[site]
id = "demo"
latitude_deg = 39.9
longitude_deg = 116.4
map = "map.json"

[controller]
{}

[[controller.group]]
kind = "vehicle"
number = 2
signal_group = 2
"""
GB = """type = "gb20999"
address = "192.0.2.9:4050"
"""


def site_with(tmp_path: Path, section: str) -> Path:
    (tmp_path / "map.json").write_text("{}", encoding="utf-8")
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(section), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("section", "driver"),
    [
        (GB, Gb20999Controller),
        (GB + 'transport = "tcp"\ntime_zone = "Asia/Shanghai"\nversion = "1.02"\n', Gb20999Controller),
        (
            GB + 'transport = "tcp-server"\nlisten = ":5051"\npoll_ms = 0\nliveness_ms = 3000\n',
            Gb20999Controller,
        ),
        ('type = "spat"\nlisten = "127.0.0.1:0"\nintersection = 7\n', SpatTextController),
        ('type = "replay"\nfile = "map.json"\n', ReplayController),
    ],
    ids=["gb20999 udp", "gb20999 tcp", "gb20999 reports", "spat", "replay"],
)
def test_section_makes_its_driver_and_has_a_remedy(tmp_path: Path, section: str, driver: type) -> None:
    config = load_site(site_with(tmp_path, section)).controller
    assert config is not None
    assert isinstance(build_controller(config), driver)
    assert REMEDIES[config.type]


def test_recording_is_found_beside_the_site_file(tmp_path: Path) -> None:
    config = load_site(site_with(tmp_path, 'type = "replay"\nfile = "map.json"\n')).controller
    assert config is not None
    assert config.type == "replay"
    assert config.file == tmp_path / "map.json"


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        ('type = "morse"', "controller.type", "gb20999"),
        ('listen = "127.0.0.1:0"', "controller", "needs a type"),
        (GB.replace("192.0.2.9:4050", "there"), "controller.address", "write host:port"),
        (GB + 'transport = "tcp-server"', "controller", "needs listen"),
        (GB + "poll_ms = 20", "controller", "50 or more"),
        (GB + "poll_ms = 1000", "controller", "2500 or more, 2.5 times poll_ms"),
        (GB + "poll_ms = 0", "controller", "2500 or more, 2.5 times heartbeat_ms"),
        (GB + 'time_zone = "Peking"', "controller.time_zone", "Asia/Shanghai"),
        (GB + "crosing = 2", "controller.crosing", "did you mean crossing"),
        ('type = "replay"\nfile = "none.jsonl"', "controller.file", "no such file"),
        ('type = "replay"\nfile = "map.json"\npace = "slow"', "controller.pace", "'real' or 'fast'"),
        ('type = "spat"', "controller.listen", "add it"),
    ],
)
def test_mistake_names_its_key_and_the_remedy(tmp_path: Path, section: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(site_with(tmp_path, section))
    assert caught.value.key == key
    assert words in str(caught.value)
