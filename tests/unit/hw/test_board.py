"""The board's readers on a fake tree, and what their readings mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from edge.core.health import HealthState
from hw.board.heat import HeatReader, ThrottleReader, Zone
from hw.board.judge import (
    BoardLimits,
    judge_accelerator,
    judge_disk,
    judge_heat,
    judge_throttle,
    judge_wear,
)
from hw.board.storage import Disk, Wear, read_disk, read_nvme, read_wear
from hw.compute.presence import accelerators, provider_hardware
from tests.board_tree import BoardTree

LIMITS = BoardLimits()
GB = 10**9


@pytest.fixture
def tree(tmp_path: Path) -> BoardTree:
    return BoardTree(tmp_path)


def test_zones_are_read_with_their_critical_point(tree: BoardTree) -> None:
    tree.zone(0, 61_500, critical=110_000)
    tree.zone(1, 40_000, name="gpu")
    assert HeatReader(tree.root).read() == (Zone("cpu-thermal", 61.5, 110.0), Zone("gpu", 40.0, None))


@pytest.mark.parametrize("text", ["-274000", "200000", "", "hot", "\x00"])
def test_sensor_that_is_not_there_is_left_out(tree: BoardTree, text: str) -> None:
    tree.zone(0, text)
    tree.zone(1, 50_000)
    assert [zone.temperature_c for zone in HeatReader(tree.root).read()] == [50.0]


def test_machine_that_tells_nothing_is_well(tree: BoardTree) -> None:
    assert HeatReader(tree.root).read() == ()
    assert ThrottleReader(tree.root).read() == ""
    assert read_wear(tree.root) == ()
    assert judge_heat((), LIMITS).state is HealthState.OK
    assert judge_wear((), LIMITS).state is HealthState.OK


@pytest.mark.parametrize(
    ("temperature_c", "critical_c", "state"),
    [
        (84.9, None, HealthState.OK),
        (85.0, None, HealthState.DEGRADED),
        (95.0, None, HealthState.DOWN),
        (95.0, 125.0, HealthState.DOWN),
        (81.0, 85.0, HealthState.DOWN),  # the kernel switches off at 85
        (78.0, 85.0, HealthState.DEGRADED),
        (76.0, 85.0, HealthState.OK),
    ],
)
def test_heat_is_judged_by_the_site_and_by_the_kernels_own_limit(
    temperature_c: float, critical_c: float | None, state: HealthState
) -> None:
    found = judge_heat((Zone("cpu", temperature_c, critical_c), Zone("cool", 20.0, None)), LIMITS)
    assert found.state is state
    assert found.text.startswith("cpu") or state is HealthState.OK


@pytest.mark.parametrize(
    ("before", "temperature_c", "state"),
    [
        (HealthState.DOWN, 93.0, HealthState.DOWN),
        (HealthState.DOWN, 91.9, HealthState.DEGRADED),
        (HealthState.DEGRADED, 83.0, HealthState.DEGRADED),
        (HealthState.DEGRADED, 81.9, HealthState.OK),
    ],
)
def test_heat_must_fall_by_three_degrees_before_it_is_better(
    before: HealthState, temperature_c: float, state: HealthState
) -> None:
    assert judge_heat((Zone("cpu", temperature_c, None),), LIMITS, before=before).state is state


def test_throttling_is_told_with_its_cause(tree: BoardTree) -> None:
    tree.policy(1_000_000, 1_800_000)
    tree.write("sys/class/thermal/cooling_device0/type", "thermal-cpufreq-0")
    tree.write("sys/class/thermal/cooling_device0/cur_state", 2)
    tree.write("sys/class/thermal/cooling_device1/type", "pwm-fan")
    tree.write("sys/class/thermal/cooling_device1/cur_state", 3)
    reason = ThrottleReader(tree.root).read()
    assert reason == "processor capped at 1000 of 1800 MHz; cooled by slowing the processor"
    assert judge_throttle(reason).state is HealthState.DEGRADED
    assert "cool the box" in judge_throttle(reason).text


def test_fan_alone_is_no_throttling(tree: BoardTree) -> None:
    tree.policy(1_800_000, 1_800_000)
    tree.write("sys/class/thermal/cooling_device1/type", "pwm-fan")
    tree.write("sys/class/thermal/cooling_device1/cur_state", 3)
    assert ThrottleReader(tree.root).read() == ""


@pytest.mark.parametrize(
    ("word", "reason"),
    [("50005", "under-voltage, throttled"), ("50000", ""), ("x", ""), ("8", "soft temperature limit")],
)
def test_word_of_the_raspberry_pi_tells_the_present_and_not_the_past(
    tree: BoardTree, word: str, reason: str
) -> None:
    tree.write("sys/devices/platform/soc/soc:firmware/get_throttled", word)
    assert ThrottleReader(tree.root).read() == reason


def test_weak_supply_is_named() -> None:
    assert "use a stronger supply" in judge_throttle("under-voltage").text


def test_space_of_the_nearest_parent_is_read(tmp_path: Path) -> None:
    found = read_disk(tmp_path / "not" / "made" / "yet")
    assert found is not None
    assert 0 <= found.free_bytes <= found.total_bytes
    assert found.total_bytes == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize


def test_disk_that_does_not_answer_is_unknown(tmp_path: Path) -> None:
    def broken(_path: Path) -> Any:
        raise OSError(5, "Input/output error")

    assert read_disk(tmp_path, statvfs=broken) is None
    assert judge_disk(None, LIMITS).state is HealthState.DOWN


@pytest.mark.parametrize(
    ("free", "files", "state", "words"),
    [
        (50 * GB, (0, 0), HealthState.OK, "50.0 % free"),
        (10 * GB, (0, 0), HealthState.DEGRADED, "disk nearly full"),
        (2 * GB, (0, 0), HealthState.DOWN, "disk full"),
        (0, (0, 0), HealthState.DOWN, "disk full"),
        (50 * GB, (10, 1000), HealthState.DOWN, "disk full"),  # out of inodes
    ],
)
def test_free_space_is_judged_by_the_scarcer_of_bytes_and_files(
    free: int, files: tuple[int, int], state: HealthState, words: str
) -> None:
    found = judge_disk(Disk(Path("/var/lib/edge"), free, 100 * GB, *files), LIMITS)
    assert found.state is state
    assert words in found.text


@pytest.mark.parametrize(
    ("life", "pre_eol", "worn"),
    [
        ("0x01 0x03", "0x01", (Wear("mmc0:0001", 30),)),
        ("0x0b 0x01", "0x01", (Wear("mmc0:0001", 110),)),
        ("0x02 0x01", "0x03", (Wear("mmc0:0001", 20, "almost all of its spare blocks are used"),)),
        ("0x00 0x00", "0x00", ()),
        ("what", "0x01", ()),
        (None, None, ()),
    ],
)
def test_wear_of_an_emmc(
    tree: BoardTree, life: str | None, pre_eol: str | None, worn: tuple[Wear, ...]
) -> None:
    tree.card(life, pre_eol)
    assert read_wear(tree.root) == worn


def test_wear_of_an_emmc_that_only_debugfs_tells(tree: BoardTree) -> None:
    tree.card(None, None)
    register = bytearray(512)
    register[267], register[268], register[269] = 2, 9, 4
    tree.write("sys/kernel/debug/mmc0/mmc0:0001/ext_csd", register.hex())
    (found,) = read_wear(tree.root)
    assert (found.used_percent, found.trouble) == (90, "most of its spare blocks are used")
    assert judge_wear((found,), LIMITS).state is HealthState.DEGRADED
    assert "replace it" in judge_wear((found,), LIMITS).text


def test_wear_of_an_nvme_is_asked_with_the_health_log(tmp_path: Path) -> None:
    import ctypes

    def ioctl(_handle: int, request: int, command: Any) -> int:
        assert request == 0xC0484E41
        assert (command.opcode, command.cdw10, command.data_len) == (2, 0x007F0002, 512)
        assert ctypes.sizeof(command) == 72
        ctypes.memmove(command.addr, bytes((1, 0, 0, 100, 10, 87)), 6)
        return 0

    (tmp_path / "nvme0").write_text("")
    assert read_nvme(tmp_path / "nvme0", ioctl=ioctl) == Wear("nvme0", 87, "its spare blocks run out")


def test_nvme_that_we_may_not_ask_tells_nothing(tree: BoardTree) -> None:
    tree.write("sys/class/nvme/nvme0/model", "x")
    assert read_wear(tree.root) == ()  # no node
    tree.write("dev/nvme0", "")
    assert read_wear(tree.root) == ()  # no such ioctl


def test_accelerators_are_found_by_their_nodes(tree: BoardTree) -> None:
    assert accelerators(tree.root) == ()
    tree.write("dev/nvhost-gpu", "")
    tree.write("sys/class/devfreq/fdab0000.npu/load", "0")
    assert accelerators(tree.root) == ("cuda", "tensorrt", "rknn")
    assert provider_hardware("qnn", tree.root) is False
    assert provider_hardware("cpu", tree.root) is True


def test_missing_accelerator_is_told_and_an_unknown_one_is_not() -> None:
    missing = judge_accelerator("rknn", False)
    assert missing.state is HealthState.DEGRADED
    assert "no hardware for provider rknn: load its driver" in missing.text
    assert judge_accelerator("other", None).state is HealthState.OK
