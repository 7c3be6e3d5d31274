"""RSMP and TLC-FI from the site file to the first snapshot, and what the loader and the doctor say of mistakes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.app.controller_parts import build_controller, first_snapshot
from edge.app.doctor import run_doctor
from edge.config import load_site
from edge.config.rsmp import RsmpConfig
from edge.config.tlcfi import TlcfiConfig
from edge.core.errors import ConfigError, DeviceError
from edge.core.signals import GroupKind
from hw.sim.rsmp_site import RsmpSite, SiteFaults, component_of
from hw.sim.tlcfi_server import TlcFaults, TlcfiServer
from tests.unit.config.test_load import GOOD, write

SITE = GOOD.split("[controller]", maxsplit=1)[0]
RSMP = {
    "type": "rsmp",
    "listen": "127.0.0.1:0",
    "yellow_ms": 3000,
    "red_yellow_ms": 0,
    "group": [
        {"kind": "group", "number": number, "signal_group": number, "id": component_of(number)}
        for number in (1, 2)
    ],
}
TLCFI = {
    "type": "tlcfi",
    "address": "127.0.0.1:1",
    "group": [
        {"kind": "group", "number": 1, "signal_group": 1},
        {"kind": "pedestrian", "number": 7, "signal_group": 2, "id": "02"},
    ],
}


def unused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@contextlib.asynccontextmanager
async def playing(site: RsmpSite) -> AsyncIterator[None]:
    """A site that plays the plan and connects as soon as somebody listens."""

    async def connect() -> None:
        while True:
            with contextlib.suppress(OSError):
                await site.run()
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(connect()), asyncio.create_task(site.play())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_rsmp_site_file_to_the_first_snapshot() -> None:
    listen = unused()
    host, port = listen.split(":")
    controller = build_controller(RsmpConfig.model_validate(RSMP | {"listen": listen}))
    async with playing(RsmpSite((host, int(port)))):
        snapshot = await first_snapshot(controller, timeout_s=10)
    assert [(group.kind, group.number) for group in snapshot.groups][:2] == [
        (GroupKind.GROUP, 1),
        (GroupKind.GROUP, 2),
    ]


async def test_tlcfi_site_file_to_the_first_snapshot(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hidden\n")
    tlc = TlcfiServer()
    async with tlc.serving():
        assert tlc.address is not None
        config = TLCFI | {
            "address": ":".join(map(str, tlc.address)),
            "username": "us",
            "password_file": secret,
        }
        snapshot = await first_snapshot(build_controller(TlcfiConfig.model_validate(config)), timeout_s=10)
    assert [(group.kind, group.number) for group in snapshot.groups] == [
        (GroupKind.GROUP, 1),
        (GroupKind.PEDESTRIAN, 7),
    ]
    register = next(rpc for way, rpc in tlc.log if way == "in" and rpc["method"] == "Register")
    assert (register["params"]["username"], register["params"]["password"]) == ("us", "hidden")


def test_password_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = TlcfiConfig.model_validate(TLCFI | {"password_file": tmp_path / "gone"})
    with pytest.raises(ConfigError, match=r"controller.password_file: cannot read .*gone"):
        build_controller(config)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('type = "rsmp"\nlisten = "nowhere"', "'nowhere' is not an address"),
        ('type = "rsmp"\nlisten = ":12111"\nwatchdog_ms = 1500', "write at least 3000"),
        ('type = "tlcfi"\naddress = "h:1"\nalive_ms = 1500', "or less than 1000 in alive_ms"),
        ('type = "tlcfi"\naddress = "h:1"\npassword = "x"', "did you mean password_file?"),
        ('type = "tlcfi"\naddress = "h:1"\npassword_file = "gone"', "gone"),
        ('type = "smoke"\nlisten = ":1"', "no type is called 'smoke'"),
    ],
)
def test_mistakes_of_the_section_name_key_and_remedy(tmp_path: Path, section: str, words: str) -> None:
    group = '\n[[controller.group]]\nkind = "group"\nnumber = 1\nsignal_group = 1\n'
    with pytest.raises(ConfigError, match=r"site.toml:\d+: controller") as caught:
        load_site(write(tmp_path, f"{SITE}[controller]\n{section}\n{group}"))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ('number = 1\nid = "a"', 'number = 2\nid = "a"', "group id a is listed twice"),
        ("number = 1", 'number = 1\nkind = "pedestrian"', "group number 1 is listed twice"),
    ],
)
def test_groups_of_named_controllers_are_one_each(
    tmp_path: Path, first: str, second: str, words: str
) -> None:
    text = f'{SITE}[controller]\ntype = "tlcfi"\naddress = "h:1"\n'
    for number, group in enumerate((first, second), start=1):
        kind = "" if "kind" in group else 'kind = "group"\n'
        text += f"[[controller.group]]\n{kind}{group}\nsignal_group = {number}\n"
    with pytest.raises(ConfigError) as caught:
        load_site(write(tmp_path, text))
    assert words in str(caught.value)


def test_id_where_the_protocol_has_none_is_refused(tmp_path: Path) -> None:
    text = GOOD.replace("signal_group = 12", 'signal_group = 12\nid = "02"')
    with pytest.raises(ConfigError, match="groups of this controller have no id, remove it"):
        load_site(write(tmp_path, text))


async def test_doctor_finds_a_good_rsmp_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = await doctor(tmp_path, capsys, SiteFaults())
    assert "good rsmp, 12 lamp groups" in text
    assert status == 1  # its map has no signal groups


async def test_doctor_says_why_an_rsmp_site_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.controller_parts.PATIENCE_S", {"rsmp": 0.5})
    _status, text = await doctor(tmp_path, capsys, SiteFaults(sxl="1.0.15"))
    assert "nothing came from the rsmp controller" in text
    assert "refused" in text
    assert "enter this address and port 12111 as a supervisor" in text


async def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str], faults: SiteFaults) -> tuple[int, str]:
    listen = unused()
    host, port = listen.split(":")
    text = f'{SITE}[controller]\ntype = "rsmp"\nlisten = "{listen}"\nrequire_synchronised_clock = false\n'
    text += '[[controller.group]]\nkind = "group"\nnumber = 1\nsignal_group = 1\n'
    site = load_site(write(tmp_path, text))
    async with playing(RsmpSite((host, int(port)), faults=faults)):
        status = await run_doctor(site)
    return status, " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("faults", "words"),
    [(TlcFaults(refuse=1), "see controller.username"), (TlcFaults(major=3), "the TLC speaks version 3")],
)
async def test_a_tlc_that_refuses_says_why(faults: TlcFaults, words: str) -> None:
    tlc = TlcfiServer(faults=faults)
    async with tlc.serving():
        assert tlc.address is not None
        config = TlcfiConfig.model_validate(TLCFI | {"address": ":".join(map(str, tlc.address))})
        with pytest.raises(DeviceError, match=words):
            await first_snapshot(build_controller(config), timeout_s=10)


async def test_an_absent_tlc_is_a_device_error_that_names_the_address() -> None:
    config = TlcfiConfig.model_validate(TLCFI | {"address": unused()})
    with pytest.raises(DeviceError, match=r"cannot connect to 127.0.0.1:\d+"):
        await first_snapshot(build_controller(config), timeout_s=10)
