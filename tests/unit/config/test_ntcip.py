"""Site configuration of NTCIP 1202 controllers, and the drivers that are built of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.app.controller_parts import REMEDIES, build_controller
from edge.config.load import load_site
from edge.config.ntcip import Ntcip1202Config
from edge.core.errors import ConfigError
from hw.signal.ntcip1202.controller import Ntcip1202Controller
from hw.signal.ntcip1202.objects import PUSH_LONG, PUSH_SHORT, Command
from hw.signal.ntcip1202.push import NtcipPushController
from hw.snmp.client import Agent
from hw.snmp.message import V1, V2C
from tests.unit.config.test_load import GOOD, write

TSCBM = '[controller]\ntype = "tscbm"\nlisten = "127.0.0.1:6053"\n'
NTCIP = '[controller]\ntype = "ntcip1202"\naddress = "127.0.0.1:161"\n'
PUSH = '[controller.push]\nlisten = "127.0.0.1:6053"\n'
CONTROL = '[controller.control]\ncommands = ["hold", "vehicle_call"]\nphases = [2, 6]\n'


def site(tmp_path: Path, controller: str) -> Ntcip1202Config:
    assert TSCBM in GOOD
    loaded = load_site(write(tmp_path, GOOD.replace(TSCBM, controller)))
    assert isinstance(loaded.controller, Ntcip1202Config)
    return loaded.controller


def agent_of(driver: object) -> Agent:
    assert isinstance(driver, Ntcip1202Controller | NtcipPushController)
    return driver._client.agent


def test_the_least_section_polls_ten_times_a_second_and_only_reads(tmp_path: Path) -> None:
    config = site(tmp_path, NTCIP)
    assert (config.poll_ms, config.liveness_ms) == (100, 250)
    driver = build_controller(config)
    assert isinstance(driver, Ntcip1202Controller)
    assert driver.control is None
    assert agent_of(driver) == Agent("127.0.0.1", 161, b"public", None, V1)


@pytest.mark.parametrize(("poll_ms", "liveness_ms"), [(50, 150), (200, 500), (1000, 2500)])
def test_liveness_follows_the_polls(tmp_path: Path, poll_ms: int, liveness_ms: int) -> None:
    assert site(tmp_path, NTCIP + f"poll_ms = {poll_ms}\n").liveness_ms == liveness_ms


def test_communities_come_from_files_beside_the_site(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("street\n")
    (tmp_path / "write").write_text("secret\n")
    more = 'version = "2c"\ncommunity_file = "read"\nwrite_community_file = "write"\n'
    agent = agent_of(build_controller(site(tmp_path, NTCIP + more)))
    assert (agent.community, agent.write_community, agent.version) == (b"street", b"secret", V2C)


@pytest.mark.parametrize("content", [b"\n", b"x" * 300, b"\xff\xfe"])
def test_a_file_that_holds_no_community_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "read").write_bytes(content)
    with pytest.raises(ConfigError, match=r"characters|cannot read"):
        build_controller(site(tmp_path, NTCIP + 'community_file = "read"\n'))


@pytest.mark.parametrize(("calls", "value"), [("true", PUSH_LONG), ("false", PUSH_SHORT)])
def test_push_is_read_by_the_tscbm_driver(tmp_path: Path, calls: str, value: int) -> None:
    config = site(tmp_path, NTCIP + PUSH + f"pedestrian_calls = {calls}\n")
    assert config.liveness_ms == 300
    driver = build_controller(config)
    assert isinstance(driver, NtcipPushController)
    assert driver._value == value


def test_control_is_granted_as_it_stands(tmp_path: Path) -> None:
    driver = build_controller(site(tmp_path, NTCIP + CONTROL))
    assert isinstance(driver, Ntcip1202Controller)
    assert driver.control is not None
    grant = driver.control._grant
    assert grant.commands == {Command.HOLD, Command.VEHICLE_CALL}
    assert grant.phases == {2, 6}
    assert grant.lease_s == 2.0


@pytest.mark.parametrize(
    ("section", "key", "words"),
    [
        (NTCIP + PUSH + CONTROL, "controller", "leave push out"),
        (NTCIP + "poll_ms = 200\nliveness_ms = 300\n", "controller", "write 500 or more"),
        (NTCIP + 'community_file = "gone"\n', "controller.community_file", "no such file"),
        (NTCIP + CONTROL.replace("hold", "preempt"), "controller.control.commands[0]", "'hold'"),
        (NTCIP + PUSH + 'switch = "44.1"\n', "controller.push.switch", "no object identifier"),
        (NTCIP.replace("127.0.0.1:161", ":161"), "controller.address", "nowhere to send to"),
        (NTCIP + 'version = "3"\n', "controller.version", "'2c'"),
        (NTCIP + 'comunity = "x"\n', "controller.comunity", "did you mean community?"),
    ],
)
def test_mistakes_name_key_and_remedy(tmp_path: Path, section: str, key: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        site(tmp_path, section)
    assert caught.value.key == key
    assert words in str(caught.value)


def test_the_doctor_has_a_remedy() -> None:
    assert "community" in REMEDIES["ntcip1202"]
