"""A wrong site file gives one message that names file, line, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import load_site
from edge.core.errors import ConfigError

GOOD = """schema_version = 1

[site]
id = "demo"
latitude_deg = 39.9
longitude_deg = 116.4
map = "map.json"

[grpc]
listen = "127.0.0.1:0"

[controller]
type = "tscbm"
listen = "127.0.0.1:6053"

[[controller.group]]
kind = "vehicle"
number = 2
signal_group = 2

[[controller.group]]
kind = "pedestrian"
number = 2
signal_group = 12

[[camera]]
name = "north"
source = "file:clip.mp4"
points = [[0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 1, 0, 1]]

[[v2x]]
type = "udp"
name = "rsu"
dialect = "j2735"
listen = "127.0.0.1:26789"

[[rsu]]
type = "ifm41"
name = "radio"
dialect = "csae-a"
address = "127.0.0.1:1516"
"""


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "map.json").write_text("{}")
    path = tmp_path / "site.toml"
    path.write_text(text)
    return path


def test_good_file_loads_with_absolute_paths(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, GOOD))
    assert site.site.map == tmp_path / "map.json"
    assert site.state_dir == tmp_path / "state"
    assert [g.signal_group for g in site.controller.group] == [2, 12] if site.controller else False
    assert site.rsu[0].type == "ifm41"


CASES = {
    "unknown key": ('source = "file:clip.mp4"', 'sorce = "x"', "camera[0].sorce", 28, "did you mean source?"),
    "wrong type": (
        "number = 2\nsignal_group = 2",
        'number = "two"\nsignal_group = 2',
        "controller.group[0].number",
        18,
        "valid integer",
    ),
    "wrong unit": ("latitude_deg = 39.9", "latitude_deg = 399000000", "site.latitude_deg", 5, "less than 90"),
    "missing": ('dialect = "j2735"\n', "", "v2x[0].dialect", 31, "add it"),
    "bad address": ('listen = "127.0.0.1:26789"', 'listen = "rsu"', "v2x[0].listen", 35, "write host:port"),
    "map file absent": ('map = "map.json"', 'map = "other.json"', "site.map", 7, "no such file"),
    "model file absent": (
        'name = "north"',
        'name = "north"\nmodel = "x.onnx"',
        "camera[0].model",
        28,
        "no such file",
    ),
    "unknown clock": (
        'name = "north"',
        'name = "north"\nclock = "ntp"',
        "camera[0].clock",
        28,
        "'auto', 'trust' or 'arrival'",
    ),
    "unknown transport": (
        'name = "north"',
        'name = "north"\ntransport = "rtp"',
        "camera[0].transport",
        28,
        "'tcp' or 'udp'",
    ),
    "plaintext off loopback": (
        'listen = "127.0.0.1:0"',
        'listen = "0.0.0.0:50051"',
        "grpc",
        9,
        "allow_plaintext",
    ),
    "too few points": (", [0, 1, 0, 1]]", "]", "camera[0]", 26, "at least 4 point pairs"),
    "unknown controller": (
        'type = "tscbm"',
        'type = "ntcip"',
        "controller.type",
        13,
        "'ntcip1202'",
    ),
    "unknown link": ('type = "udp"', 'type = "tcp"', "v2x[0].type", 32, "one of 'udp', 'mqtt'"),
    "controller's unknown key": (
        'listen = "127.0.0.1:6053"',
        'listem = "127.0.0.1:6053"',
        "controller.listem",
        14,
        "did you mean listen?",
    ),
    "group twice": ('kind = "pedestrian"', 'kind = "vehicle"', "controller", 12, "listed twice"),
    "name twice": ('name = "radio"', 'name = "rsu"', "", None, "used twice"),
    "wrong version": ("schema_version = 1", "schema_version = 9", "schema_version", 1, "should be 1"),
    "no TOML": ("[site]", "[site", "", None, "not valid TOML"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_mistake_names_key_line_and_remedy(
    tmp_path: Path, case: tuple[str, str, str, int | None, str]
) -> None:
    old, new, key, line, words = case
    assert GOOD.count(old) == 1
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert caught.value.key == key
    assert caught.value.line == line
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_absent_site_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the site file"):
        load_site(tmp_path / "none.toml")


def test_state_directory_of_systemd_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = load_site(write(tmp_path, GOOD))
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/edge")
    assert site.state_directory == Path("/var/lib/edge")
