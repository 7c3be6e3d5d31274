"""The doctor finds what is wrong with a site and says what to do."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

import pytest

from edge.app.demo_site import SCENE, DemoPorts, write_site
from edge.app.doctor import _checks, run_doctor
from edge.app.front_publish import Publisher
from edge.app.verdict import Verdict
from edge.config import SiteConfig, load_site
from edge.config.controller import GroupConfig
from edge.config.ntcip import Ntcip1202Config, NtcipControlConfig
from edge.config.priority import PriorityConfig
from edge.config.radios import Ntcip1218Config
from edge.core.geodesy import LocalFrame
from edge.core.health import HealthState
from edge.core.stamp import Stamp, TimeSource
from edge.flow.board import HealthBoard
from edge.ports import Frame
from edge.road import load_intersection
from hw.rsu.ntcip1218_link import SnmpUser
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import load_lamp_cameras, scene_directory
from hw.sim.lockstep import open_world
from hw.sim.render import Renderer
from hw.sim.rsu_1218 import FakeRsu1218
from hw.sim.rtsp_script import ForgedClock, Reports, RtspScript
from hw.sim.rtsp_server import RtspServer
from tests.mosquitto import find_mosquitto
from tests.ntcip_street import street
from tests.unit.hw.camera_clips import write_clip


@pytest.fixture
def site(tmp_path: Path) -> SiteConfig:
    """The demo's site with nothing running: every other side is absent."""
    return load_site(write_site(tmp_path, DemoPorts(*([_unused()] * 9))))


def _unused() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def only(site: SiteConfig, **changes: object) -> SiteConfig:
    """The site without cameras, controller, links, radios, centre, page and feeds, with changes."""
    bare = {"camera": (), "controller": None, "v2x": (), "rsu": (), "centre": None, "metrics": None}
    bare |= {"web": None, "mqtt_feed": ()}
    return site.model_copy(update=bare | changes)


async def report(site: SiteConfig, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = await run_doctor(site)
    return status, " ".join(capsys.readouterr().out.split())


async def test_bare_site_passes(site: SiteConfig, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = await report(only(site), capsys)
    assert status == 0
    assert "all passed" in text
    assert "36 lanes" in text


async def test_port_in_use_is_named_with_a_remedy(
    site: SiteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        taken = only(site, grpc=site.grpc.model_copy(update={"listen": address}))
        status, text = await report(taken, capsys)
    assert status == 1
    assert f"{address}: Address already in use; stop the other program or change the port" in text


@pytest.mark.parametrize(
    ("offset_s", "clock", "words"),
    [
        (0.0, "auto", "ok camera north 160x96, time from rtcp"),
        (2.0, "auto", "note camera north 160x96, time from arrival"),
        (2.0, "trust", "ok camera north 160x96, time from rtcp"),
    ],
)
async def test_time_of_a_camera_is_waited_for_and_judged(
    site: SiteConfig, capsys: pytest.CaptureFixture[str], offset_s: float, clock: str, words: str
) -> None:
    script = RtspScript(
        size=(160, 96),
        reports=Reports(first_s=0.3, period_s=0.3),
        clock=ForgedClock(offset_s=offset_s),
    )
    with RtspServer(script) as server:
        changes = {"name": "north", "source": server.url, "clock": clock, "model": "background"}
        status, text = await report(only(site, camera=(site.camera[0].model_copy(update=changes),)), capsys)
    assert status == 0
    assert words in text
    assert ("s ahead of this machine's" in text) == words.startswith("note")


@pytest.mark.parametrize(
    ("providers", "verdict", "words"),
    [(("cpu",), "ok", "on cpu"), (("acl", "cpu"), "note", "on cpu; not on acl: ")],
)
async def test_provider_that_runs_the_model_is_told_and_why_the_wanted_one_does_not(
    site: SiteConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    providers: tuple[str, ...],
    verdict: str,
    words: str,
) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=3, size=(80, 48))
    changes = {"name": "north", "source": f"file:{clip}", "providers": providers}
    status, text = await report(only(site, camera=(site.camera[0].model_copy(update=changes),)), capsys)
    assert status == 0
    assert f"{verdict} camera north 80x48" in text
    assert words in text


async def test_points_of_another_shape_of_picture_are_told(
    site: SiteConfig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=3, size=(64, 96))
    changes = {"name": "north", "source": f"file:{clip}"}
    _, text = await report(only(site, camera=(site.camera[0].model_copy(update=changes),)), capsys)
    assert "note camera north 64x96" in text
    assert "another shape" in text


async def test_map_and_controller_that_disagree_are_told(
    site: SiteConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.doctor.CONTROLLER_TIMEOUT_S", 0.05)
    assert site.controller is not None
    fewer = site.controller.model_copy(update={"group": site.controller.group[1:]})
    status, text = await report(only(site, controller=fewer), capsys)
    assert status == 1
    assert "map and controller.group disagree on 1: signals would be withdrawn" in text
    assert "switch the controller's SPaT output on" in text


async def test_polled_controller_is_asked_and_a_silent_one_is_told(
    site: SiteConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert site.controller is not None
    async with street() as s:
        address = f"{s.address[0]}:{s.address[1]}"
        values = {"type": "ntcip1202", "address": address, "group": site.controller.group}
        values["require_synchronised_clock"] = False
        polled = only(site, controller=Ntcip1202Config.model_validate(values))
        status, text = await report(polled, capsys)
        assert "good ntcip1202, 34 lamp groups" in text
        assert status == 0
        monkeypatch.setattr("edge.app.doctor.CONTROLLER_TIMEOUT_S", 0.3)
        s.agent.faults.silent = True
        status, text = await report(polled, capsys)
        assert status == 1
        assert "are address, community and version those of its SNMP agent" in text


@pytest.mark.parametrize(("words", "verdict"), [("secret", "ok"), ("other secret", "FAIL")])
async def test_radio_over_snmp_is_asked(
    site: SiteConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, verdict: str
) -> None:
    (tmp_path / "auth").write_text(f"auth {words}")
    (tmp_path / "privacy").write_text("privacy secret")
    user = SnmpUser("edge", "sha512", "auth secret", "aes256-blumenthal", "privacy secret")
    async with FakeRsu1218(user) as fake:
        values = {"type": "ntcip1218", "name": "mast", "dialect": "j2735", "user": "edge"}
        values |= {"address": f"127.0.0.1:{fake.address[1]}"}
        values |= {"auth_file": str(tmp_path / "auth"), "privacy_file": str(tmp_path / "privacy")}
        radio = Ntcip1218Config.model_validate(values)
        status, text = await report(only(site, rsu=(radio,)), capsys)
    assert status == (verdict == "FAIL")
    assert f"{verdict} radio mast" in text
    assert ("mode operate" in text) == (verdict == "ok")
    assert ("compare user, auth, privacy and both passphrases" in text) == (verdict == "FAIL")


async def test_broker_that_asks_for_a_password_is_told(
    site: SiteConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = find_mosquitto(tmp_path)
    if broker is None:
        pytest.skip("mosquitto is not installed")
    configuration = tmp_path / "mosquitto.conf"
    link = site.v2x[1].model_copy(update={"broker": f"127.0.0.1:{broker.port}"})
    for anonymous, words in (
        (True, "ok v2x rsu-csae broker"),
        (False, "FAIL v2x rsu-csae rsu-csae: MQTT broker"),
    ):
        if not anonymous:
            configuration.write_text(configuration.read_text().replace("anonymous true", "anonymous false"))
        broker.start()
        try:
            _status, text = await report(only(site, v2x=(link,), rsu=site.rsu[:1]), capsys)
        finally:
            broker.stop()
        assert words in text
    assert "are username and password_file as the broker wants them?" in text
    assert "ok radio radio-j2735 127.0.0.1" in text


async def test_secret_that_everybody_may_read_is_told(
    site: SiteConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "password"
    secret.write_text("secret")
    link = site.v2x[1].model_copy(update={"password_file": secret})
    secret.chmod(0o640)
    assert (
        "ok secrets closed to others: v2x.rsu-csae.password_file"
        in (await report(only(site, v2x=(link,)), capsys))[1]
    )
    secret.chmod(0o644)
    _status, text = await report(only(site, v2x=(link,)), capsys)
    assert "note secrets v2x.rsu-csae.password_file can be read by everybody on this machine: chown" in text
    assert f"chmod 640 {secret}" in text


async def test_beside_the_running_node_it_asks_it_for_what_it_holds(
    site: SiteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = only(site, controller=site.controller, v2x=site.v2x[:1], rsu=site.rsu[:1])
    board = HealthBoard(now_ns=time.time_ns)
    board.counters("controller")["received"] = 263
    board.set("controller", HealthState.DOWN, "silent for 1 s")
    board.set("signals", HealthState.DOWN, "withdrawn: controller is silent")
    board.set("link.rsu-j2735", HealthState.OK)
    board.set("clock", HealthState.DEGRADED, "holdover: for 12 s")
    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg)
    publisher = Publisher(taken, load_intersection(site.site.map, frame=frame), board=board)
    async with publisher.serving():
        publisher.health(board)
        status, text = await report(taken, capsys)
        other = taken.model_copy(update={"site": site.site.model_copy(update={"id": "another"})})
        _, of_another = await report(only(other, grpc=site.grpc), capsys)
    assert status == 1
    said = "the running node says:"
    assert (
        f"FAIL controller {said} silent for 1 s (counted: received 263); switch the controller's SPaT" in text
    )
    assert f"FAIL signals {said} withdrawn: controller is silent" in text
    assert f"ok v2x rsu-j2735 {said} ok" in text
    assert "note radio radio-j2735 the running node does not know it: restart the node" in text
    assert f"note node clock {said} holdover: for 12 s" in text
    assert "Address already in use" not in text
    assert "Address already in use; stop the other program" in of_another


async def test_absent_broker_centre_and_camera_are_told(
    site: SiteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = await report(only(site, camera=site.camera[:1], rsu=site.rsu, centre=site.centre), capsys)
    assert status == 1
    assert "cannot connect" in text
    assert "is it running, is the address right?" in text
    assert "start hw.sim.world" in text


async def test_state_directory_that_cannot_be_written_is_told(
    site: SiteConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a directory")
    status, text = await report(only(site, state_dir=tmp_path / "file" / "state"), capsys)
    assert status == 1
    assert "set state_dir or $STATE_DIRECTORY" in text


class StillCamera:
    """Shows the rendered lamp camera's first instants."""

    def __init__(self) -> None:
        scene = scene_directory(SCENE)
        self.counters: dict[str, int] = {}
        self._renderer = Renderer(load_lamp_cameras(scene)["south_west_lamps"], read_geometry(scene), seed=3)
        self._world = open_world(SCENE, source="recorded", rate_hz=5.0, start_ns=10**18)

    def open(self) -> None:
        """Nothing to connect to."""

    def read(self, *, timeout_s: float) -> Frame:
        state = self._world.step()
        stamp = Stamp(state.stamp_ns, TimeSource.SENSOR)
        return Frame(self._renderer.render(state, at_ns=state.stamp_ns), stamp, stamp.capture_ns, 0)

    def close(self) -> None:
        """Nothing to release."""


async def test_each_lamp_is_told_as_it_is_read_now(
    site: SiteConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.camera_parts.open_camera", lambda _config: StillCamera())
    status, text = await report(only(site, camera=site.camera[-1:]), capsys)
    assert status == 0
    assert "looks for no road users" in text
    assert re.search(r"lamps south-west-lamps signal group 4 (red|green|yellow), 7 \w+, 14 \w+", text), text


async def test_priority_that_cannot_be_given_is_told(
    site: SiteConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = PriorityConfig(public_transport=("bus-*",))
    status, text = await report(only(site, priority=asked, controller=site.controller), capsys)
    assert status == 1
    assert "type tscbm only tells its lamps: add it, or leave [priority] out" in text


@pytest.mark.parametrize(
    ("phases", "verdict", "words"),
    [
        ((2,), Verdict.GOOD, "1 signal groups can be served"),
        ((6,), Verdict.BAD, "phase 2 is not among controller.control.phases"),
    ],
)
def test_priority_is_judged_by_what_may_be_commanded(
    site: SiteConfig, phases: tuple[int, ...], verdict: Verdict, words: str
) -> None:
    controller = Ntcip1202Config(
        type="ntcip1202",
        address="127.0.0.1:161",
        control=NtcipControlConfig(commands=("hold", "vehicle_call"), phases=phases),
        group=(GroupConfig(kind="vehicle", number=2, signal_group=2),),
    )
    asked = only(site, priority=PriorityConfig(public_transport=("bus-*",)), controller=controller)
    checks = dict(_checks(asked))
    found, text = checks["priority"]()
    assert found is verdict
    assert words in text
