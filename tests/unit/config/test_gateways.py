"""Site configuration of the gateways, and what the doctor says of them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge.app.demo_site import DemoPorts, write_site
from edge.app.doctor import run_doctor
from edge.app.doctor_gateways import gateway_checks
from edge.app.front_sharing import kinds_through
from edge.app.verdict import Verdict
from edge.config import load_site
from edge.config.apollo import ApolloConfig
from edge.core.errors import ConfigError
from tests.unit.config.test_load import GOOD, write


def test_an_empty_section_is_a_gateway_for_cars_on_this_machine(tmp_path: Path) -> None:
    assert load_site(write(tmp_path, GOOD)).apollo is None
    config = load_site(write(tmp_path, GOOD + "\n[apollo]\n")).apollo
    assert config is not None
    assert (config.listen, config.car_port, config.allow) == (
        "127.0.0.1:50100",
        50101,
        ("127.0.0.0/8", "::1/128"),
    )


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        ('listen = "192.168.10.21:50100"', "apollo", "knows no TLS"),
        ('cars = ["192.168.10.6:50101"]', "apollo", "allow_plaintext"),
        ('allow = ["192.168.10.1/24"]', "apollo.allow", "192.168.10.0/24"),
        ("utm_zone = 61", "apollo.utm_zone", "60"),
        ('cars = ["127.0.0.1:1", "127.0.0.1:2"]\nmax_cars = 1', "apollo", "max_cars"),
        ('junction = "7"', "apollo.junction", "junction_id"),
        ('name = "rsu1"', "", "used twice"),
    ],
    ids=["listen", "cars", "network", "zone", "too many", "key", "name"],
)
def test_what_is_wrong_is_named_with_its_remedy(tmp_path: Path, lines: str, key: str, words: str) -> None:
    name = load_site(write(tmp_path, GOOD)).v2x[0].name
    text = GOOD + "\n[apollo]\n" + lines.replace("rsu1", name)
    with pytest.raises(ConfigError) as failed:
        load_site(write(tmp_path, text))
    assert failed.value.key.startswith(key)
    assert words in str(failed.value)


RADIO = '[[rsu]]\ntype = "mqtt"\nname = "mast"\ndialect = "csae-a"\nbroker = "127.0.0.1:1883"\nesn = "E1"\n'
OPENV2X = '\n[openv2x]\nbroker = "127.0.0.1:1883"\n'


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        ('\n[sharing]\nradios = ["tower"]\n', "", "use some of radio"),
        ("\n[sharing]\nrate_hz = 20\n", "sharing.rate_hz", "10"),
        ('\n[sharing]\nstation_id = "12"\n', "sharing.station_id", "12"),
        (OPENV2X, "openv2x.esn", "missing"),
        (OPENV2X + 'esn = "a/b"\n', "openv2x.esn", "a/b"),
        (OPENV2X + 'esn = "E1"\nlisten_to = ["E1"]\n', "openv2x", "leave it out"),
        (OPENV2X + 'esn = "E1"\nheartbeat_s = 20\n', "openv2x.heartbeat_s", "14"),
        (OPENV2X + 'esn = "E1"\nname = "radio"\n', "", "used twice"),
    ],
    ids=["radio", "rate", "station", "no esn", "esn", "itself", "heartbeat", "name"],
)
def test_sharing_and_openv2x_are_checked(tmp_path: Path, lines: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as failed:
        load_site(write(tmp_path, GOOD + lines))
    assert failed.value.key.startswith(key)
    assert words in str(failed.value)


def test_a_site_that_shares_sends_its_kind_through_the_radios_that_it_names(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, GOOD + "\n" + RADIO + '\n[sharing]\nradios = ["mast"]\n'))
    kinds = {radio.name: kinds_through(site, radio) for radio in site.rsu}
    assert kinds == {"radio": ("SPAT", "MAP"), "mast": ("SPAT", "MAP", "RSM")}
    bare = load_site(write(tmp_path, GOOD))
    assert kinds_through(bare, bare.rsu[0]) == ("SPAT", "MAP")


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ((), "SDSM through radio-j2735"),
        (("camera",), "no camera looks for road users"),
        (("camera", "controller"), "radios are opened with a controller only"),
        (("camera", "controller", "rsu"), "the site has no rsu"),
    ],
    ids=["good", "no camera", "no controller", "no radio"],
)
def test_the_doctor_tells_what_is_shared_and_why_nothing_is(
    tmp_path: Path, without: tuple[str, ...], words: str
) -> None:
    path = write_site(tmp_path, DemoPorts(*range(50001, 50010)))
    path.write_text(path.read_text() + "\n[sharing]\n")
    gone = {key: None if key == "controller" else () for key in without}
    site = load_site(path).model_copy(update=gone)
    ((subject, check),) = gateway_checks(site, port=lambda _address, _kind: (Verdict.GOOD, ""))
    verdict, text = check()
    assert subject == "sharing"
    assert words in text
    assert (verdict is Verdict.GOOD) is (not without)


async def test_the_doctor_tells_where_the_site_is_on_the_cars_map(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = load_site(write_site(tmp_path, DemoPorts(*range(50001, 50010))))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        bare = {"camera": (), "controller": None, "v2x": (), "rsu": (), "centre": None, "metrics": None}
        apollo = ApolloConfig(listen=f"127.0.0.1:{port}", cars=(f"127.0.0.1:{port}",))
        free = site.grpc.model_copy(update={"listen": "127.0.0.1:0"})
        status = await run_doctor(site.model_copy(update={**bare, "apollo": apollo, "grpc": free}))
    text = " ".join(capsys.readouterr().out.split())
    assert "lights; the site is at" in text
    assert "junction id as each car says" in text
    assert "stop the other program" in text
    assert "is the car here, and its v2x module started?" in text
    assert status == 1
