"""The doctor of the box says what is wrong with clock, antenna and board, and how to mend it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.app.demo_site import DemoPorts, write_site
from edge.app.doctor_box import board_checks, box_checks, check_clock, check_gnss, check_power
from edge.app.front_clock import ClockReaders
from edge.app.verdict import Verdict
from edge.config import SiteConfig, load_site
from edge.config.box import ClockConfig, GnssConfig
from edge.core.clock import ClockReading
from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.clock.system import ClockState
from hw.sim.gpsd import FakeGpsd
from tests.board_tree import BoardTree
from tests.unit.hw.test_clock_daemons import free_udp_port

HOME = (39.9042, 116.4074)
UNMARKED = ClockState(False, 16 * NS_PER_S)
LOST = ClockReading("chrony", False, 0, None, "has no reference")


@pytest.fixture
def site(tmp_path: Path) -> SiteConfig:
    """The demo's site on an empty tree, with a controller that needs a clock."""
    found = load_site(write_site(tmp_path, DemoPorts(*range(20_001, 20_010))))
    assert found.controller is not None
    controller = found.controller.model_copy(update={"require_synchronised_clock": True})
    board = found.board.model_copy(update={"root": tmp_path / "root"})
    return found.model_copy(update={"board": board, "controller": controller, "state_dir": tmp_path})


def readers(
    kernel: ClockState = UNMARKED,
    chrony: ClockReading | DeviceError | None = None,
    ptp: ClockReading | DeviceError | None = None,
    source: str = "auto",
) -> ClockReaders:
    def ask(answer: ClockReading | DeviceError | None):  # type: ignore[no-untyped-def]
        async def asked() -> ClockReading | None:
            if isinstance(answer, DeviceError):
                raise answer
            return answer

        return asked

    config = ClockConfig.model_validate({"source": source})
    return ClockReaders(config, kernel=lambda: kernel, chrony=ask(chrony), ptp=ask(ptp))


@pytest.mark.parametrize(
    ("asked", "verdict", "words"),
    [
        (readers(ClockState(True, 2 * NS_PER_MS)), Verdict.GOOD, "kernel, error below 2 ms"),
        (readers(), Verdict.BAD, "apt-get install chrony"),
        (readers(chrony=DeviceError("chrony", "506")), Verdict.BAD, "systemctl enable --now chrony"),
        (readers(chrony=LOST), Verdict.BAD, "reaches no time server: look at chronyc sources"),
        (readers(ClockState(True, 80 * NS_PER_MS)), Verdict.BAD, "use a nearer time server"),
        (readers(ptp=DeviceError("ptp", "silent")), Verdict.BAD, "apt-get install chrony"),
        (
            readers(ptp=ClockReading("ptp", False, 0, None, "no grandmaster")),
            Verdict.BAD,
            "start ptp4l and phc2sys",
        ),
    ],
)
def test_clock_is_told_with_its_remedy(
    site: SiteConfig, asked: ClockReaders, verdict: Verdict, words: str
) -> None:
    found, text = check_clock(site, readers=asked)
    assert found is verdict
    assert words in text
    assert ("stay withdrawn" in text) is (verdict is Verdict.BAD)


@pytest.mark.parametrize(("source", "words"), [("kernel", "with rtcsync"), ("ptp", "clock.ptp_socket")])
def test_remedy_fits_the_source_that_the_site_wants(site: SiteConfig, source: str, words: str) -> None:
    chosen = site.model_copy(update={"clock": ClockConfig.model_validate({"source": source})})
    assert words in check_clock(chosen, readers=readers(source=source))[1]


def test_unsynchronised_clock_is_a_note_where_no_signals_need_it(site: SiteConfig) -> None:
    free = site.model_copy(update={"controller": None})
    assert check_clock(free, readers=readers())[0] is Verdict.ODD


def test_clock_beyond_the_controllers_bound_is_told(site: SiteConfig) -> None:
    assert site.controller is not None
    strict = site.controller.model_copy(update={"clock_error_bound_ms": 1})
    found = check_clock(
        site.model_copy(update={"controller": strict}), readers=readers(ClockState(True, 2 * NS_PER_MS))
    )
    assert found[0] is Verdict.BAD
    assert "controller.clock_error_bound_ms = 1" in found[1]


async def test_antenna_that_moved_is_told() -> None:
    async with FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1], period_s=0.01) as gpsd:
        config = GnssConfig(gpsd=f"127.0.0.1:{gpsd.port}", antenna=HOME)
        assert await asyncio.to_thread(check_gnss, config) == (
            Verdict.GOOD,
            "fix, 0.0 m from the surveyed antenna",
        )
        gpsd.move(east_m=100)
        verdict, text = await asyncio.to_thread(check_gnss, config)
        assert verdict is Verdict.BAD
        assert "moved: the antenna is 100 m from where it was surveyed, limit 10 m" in text
        assert "mend gnss.antenna" in text
        gpsd.error_m = 80.0
        assert "too vague to judge" in (await asyncio.to_thread(check_gnss, config))[1]


async def test_surveyed_place_that_is_missing_is_offered() -> None:
    async with FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1], period_s=0.01) as gpsd:
        verdict, text = await asyncio.to_thread(check_gnss, GnssConfig(gpsd=f"127.0.0.1:{gpsd.port}"))
    assert verdict is Verdict.ODD
    assert "write gnss.antenna = [39.9042000, 116.4074000]" in text


async def test_antenna_without_sky_and_gpsd_that_is_gone_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.app.doctor_box.GNSS_TIMEOUT_S", 0.3)
    async with FakeGpsd(latitude_deg=HOME[0], longitude_deg=HOME[1], period_s=0.01) as gpsd:
        gpsd.mode = 1
        config = GnssConfig(gpsd=f"127.0.0.1:{gpsd.port}", antenna=HOME)
        assert "does the antenna see the sky" in (await asyncio.to_thread(check_gnss, config))[1]
    gone = GnssConfig(gpsd=f"127.0.0.1:{free_udp_port()}")
    verdict, text = await asyncio.to_thread(check_gnss, gone)
    assert verdict is Verdict.BAD
    assert "cannot reach gpsd" in text
    assert "systemctl enable --now gpsd" in text


def part(site: SiteConfig, name: str) -> tuple[Verdict, str]:
    return dict(board_checks(site))[name]()


def test_hot_throttled_and_worn_board_is_told(site: SiteConfig) -> None:
    tree = BoardTree(site.board.root)
    tree.zone(0, 95_000)
    tree.policy(600_000, 1_800_000)
    tree.card("0x0a 0x01")
    verdict, text = part(site, "board.heat")
    assert verdict is Verdict.BAD
    assert "95 degrees C" in text
    assert "look at fan, filter and sun" in text
    assert part(site, "board.speed") == (
        Verdict.ODD,
        "throttled: processor capped at 600 of 1800 MHz: cool the box, or undo the limit",
    )
    assert "replace it" in part(site, "board.flash")[1]


@pytest.mark.parametrize(
    ("low", "full", "verdict", "words"),
    [(100, 0, Verdict.ODD, "nearly full"), (100, 100, Verdict.BAD, "disk full")],
)
def test_full_disk_is_told(site: SiteConfig, low: float, full: float, verdict: Verdict, words: str) -> None:
    limits = {"disk_low_percent": low, "disk_full_percent": full}
    small = site.model_copy(update={"board": site.board.model_copy(update=limits)})
    found, text = part(small, "board.disk")
    assert found is verdict
    assert words in text
    assert "delete old records" in text


def test_provider_without_hardware_is_told(site: SiteConfig) -> None:
    camera = site.camera[0].model_copy(update={"providers": ("rknn", "cpu"), "model": "roadside-nano"})
    verdict, text = part(site.model_copy(update={"camera": (camera,)}), "board.rknn")
    assert verdict is Verdict.ODD
    assert text == "no hardware for provider rknn: load its driver, or leave rknn out of camera.providers"


def test_power_line_that_cannot_be_read_is_told(site: SiteConfig) -> None:
    power = {"chip": "/dev/gpiochip99", "line": 3}
    board = type(site.board).model_validate(site.board.model_dump() | {"power_fail": power})
    wired = site.model_copy(update={"board": board})
    with pytest.raises(DeviceError, match="gpiod"):
        check_power(wired)
    assert "board.power" in dict(box_checks(wired))


def test_every_check_of_the_box_has_its_subject(site: SiteConfig) -> None:
    surveyed = site.model_copy(update={"gnss": GnssConfig(antenna=HOME)})
    subjects = [subject for subject, _check in box_checks(surveyed)]
    assert subjects == ["clock", "gnss", "board.heat", "board.speed", "board.disk", "board.flash"]
