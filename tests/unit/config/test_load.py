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
        "must be a whole number, not 'two' (write the number alone, without quotes and unit)",
    ),
    "number with its unit": (
        'name = "north"',
        'name = "north"\nlatency_ms = "120 ms"',
        "camera[0].latency_ms",
        28,
        "a whole number of milliseconds, not '120 ms'",
    ),
    "another unit": (
        'name = "north"',
        'name = "north"\nlatency_ms = 0.12',
        "camera[0].latency_ms",
        28,
        "a whole number of milliseconds, not 0.12",
    ),
    "one instead of a list": (
        'name = "north"',
        'name = "north"\nproviders = "cpu"',
        "camera[0].providers",
        28,
        "a list, not 'cpu' (write it in [ ])",
    ),
    "name with a space": (
        'name = "north"',
        'name = "north east"',
        "camera[0].name",
        27,
        "small letters, digits, - and _",
    ),
    "key of another section": (
        'name = "north"',
        'name = "north"\nallow_unblurred = true',
        "camera[0].allow_unblurred",
        28,
        "it belongs under [privacy]",
    ),
    "key of a list's section": (
        'id = "demo"',
        'id = "demo"\nmotion_gate = true',
        "site.motion_gate",
        5,
        "it belongs under [[camera]]",
    ),
    "unknown provider": (
        'name = "north"',
        'name = "north"\nprovider_options = { tensort = { a = 1 } }',
        "camera[0].provider_options.tensort",
        28,
        "'tensort' is no provider: use some of cpu",
    ),
    "latitude and longitude swapped": (
        "latitude_deg = 39.9\nlongitude_deg = 116.4",
        "latitude_deg = 116.4\nlongitude_deg = 39.9",
        "site.latitude_deg",
        5,
        "is it the longitude?",
    ),
    "mark of three numbers": (
        "[1, 0, 1, 0]",
        "[1, 0, 1]",
        "camera[0].points[1][3]",
        29,
        "[u px, v px, x m, y m]",
    ),
    "mark in other units": (
        "[1, 0, 1, 0]",
        "[1, 0, 440000, 4420000]",
        "",
        None,
        "'north': point 2 of points lies 4441846 m from the site's origin",
    ),
    "degrees in the wrong order": (
        "points = [[0, 0, 0, 0], [1, 0, 1, 0]",
        "points_wgs84 = [[0, 0, 39.9, 116.4], [1, 0, 116.4, 39.9]",
        "",
        None,
        "point 2 of points_wgs84 is not near the site's origin: write [u px, v px, latitude, longitude]",
    ),
    "focal length in millimetres": (
        'name = "north"',
        'name = "north"\nimage_size = [1280, 720]\nlens = { fx = 4.0 }',
        "camera[0]",
        26,
        "give millimetres x picture width / sensor width",
    ),
    "lamp outside the picture": (
        'name = "north"',
        'name = "north"\nimage_size = [640, 360]\nlamp = [{ signal_group = 2, box = [700, 10, 720, 40] }]',
        "camera[0]",
        26,
        "lamp of signal group 2: 710, 15 px is outside image_size 640 x 360",
    ),
    "no version": ("schema_version = 1\n", "", "schema_version", None, "add schema_version = 1"),
    "one bracket": ("[[camera]]\n", "[camera]\n", "camera", 26, "write [[camera]]"),
    "section twice": ('id = "demo"', 'id = "demo"\nid = "x"', "", None, "there twice"),
    "text without quotes": ('id = "demo"', "id = demo", "", None, 'text stands in " "'),
    "wrong unit": ("latitude_deg = 39.9", "latitude_deg = 399000000", "site.latitude_deg", 5, "less than 90"),
    "missing": ('dialect = "j2735"\n', "", "v2x[0].dialect", 31, "add it"),
    "bad address": ('listen = "127.0.0.1:26789"', 'listen = "rsu"', "v2x[0].listen", 35, "write host:port"),
    "key of commands absent": (
        "[grpc]\n",
        '[centre]\naddress = "127.0.0.1:1"\ncommand_keys = ["no.pub"]\n\n[grpc]\n',
        "centre.command_keys[0]",
        11,
        "no such file",
    ),
    "little history": (
        "[grpc]\n",
        '[centre]\naddress = "127.0.0.1:1"\nhistory_mb = 1\n\n[grpc]\n',
        "centre.history_mb",
        11,
        "greater than or equal to 16",
    ),
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
        'listen = "0.0.0.0:50051"\nallow_plaintext = true',
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


def test_own_model_may_be_named_by_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "north"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"x")
    path = write(tmp_path, GOOD.replace('name = "north"', 'name = "north"\nmodel = "models/north"'))
    assert load_site(path).camera[0].model == str(folder)
