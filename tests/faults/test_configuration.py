"""Wrong site files: `edge run` ends with one line that names file, line, key and remedy, or runs what it safely can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.rig import (
    START_TIMEOUT_S,
    followed,
    free_ports,
    run_to_the_end,
    surroundings,
    write_test_site,
)

pytestmark = pytest.mark.timeout(180)
CAMERA = "camera.south_west"
MODEL = 'model = "roadside-nano"'


def spoil(site: Path, good: str, bad: str) -> int:
    """Replace the first `good` of a site file; returns the 1-based line where it stood."""
    text = site.read_text(encoding="utf-8")
    at = text.index(good)
    site.write_text(text[:at] + bad + text[at + len(good) :], encoding="utf-8")
    return text.count("\n", 0, at) + 1


WRONG = {
    "unknown key": ("fps = 2.0", "fbs = 2.0", "camera[0].fbs", "did you mean fps?"),
    "wrong type": ("fps = 2.0", 'fps = "two"', "camera[0].fps", "not 'two'"),
    "seconds instead of milliseconds": ("replay_ms = 400", "replay_ms = 0.4", "fusion.replay_ms", "not 0.4"),
    "degrees in ten millionths": (
        "latitude_deg = ",
        "latitude_deg = 48",
        "site.latitude_deg",
        "less than 90",
    ),
    "no such map": ("map.json", "mop.json", "site.map", "no such file"),
    "no such model": (MODEL, 'model = "gone.onnx"', "camera[0].model", "no such file"),
    "no such secret": (
        'broker = "127.0.0.1',
        'password_file = "gone"\nbroker = "127.0.0.1',
        "v2x[1].password_file",
        "no such file",
    ),
    "other message set": ('dialect = "j2735"', 'dialect = "dsrc"', "v2x[0].dialect", "j2735"),
    "other controller": ('type = "tscbm"', 'type = "ntcip"', "controller.type", "tscbm"),
    "name used twice": ('name = "rsu-csae"', 'name = "rsu-j2735"', "", "'rsu-j2735' is used twice"),
}


@pytest.mark.parametrize(("good", "bad", "key", "words"), WRONG.values(), ids=WRONG)
async def test_wrong_site_file_ends_with_one_line(
    tmp_path: Path, good: str, bad: str, key: str, words: str
) -> None:
    site = write_test_site(tmp_path, free_ports(), cameras=True)
    with site.open("a", encoding="utf-8") as file:
        file.write("\n[fusion]\nreplay_ms = 400\n")
    line = spoil(site, good, bad)
    status, errors = await run_to_the_end(site)
    assert status == 2
    assert errors.count("\n") == 1
    where = f"error: {site}:{line}: {key}: " if key else f"error: {site}: "
    assert errors.startswith(where)
    assert words in errors


async def test_broken_toml_names_line_and_column(tmp_path: Path) -> None:
    site = write_test_site(tmp_path, free_ports(), cameras=False)
    line = spoil(site, "[grpc]", "[grpc")
    status, errors = await run_to_the_end(site)
    assert (status, errors.count("\n")) == (2, 1)
    assert f"at line {line}, column 6" in errors


async def test_map_that_is_no_map_ends_with_one_line(tmp_path: Path) -> None:
    site = write_test_site(tmp_path, free_ports(), cameras=False)
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"laneSet": []}', encoding="utf-8")
    text = site.read_text(encoding="utf-8")
    found = next(line for line in text.splitlines() if line.startswith("map = "))
    spoil(site, found, 'map = "wrong.json"')
    status, errors = await run_to_the_end(site)
    assert (status, errors.count("\n")) == (2, 1)
    assert errors.startswith(f"error: {wrong}: ")


async def test_no_site_file_ends_with_one_line(tmp_path: Path) -> None:
    status, errors = await run_to_the_end(tmp_path / "none.toml")
    assert (status, errors.count("\n")) == (2, 1)
    assert "cannot read the site file" in errors


async def test_file_that_is_no_model_takes_down_its_camera_alone(tmp_path: Path, kernels: Path) -> None:
    (tmp_path / "broken.onnx").write_text("not a network", encoding="utf-8")
    async with surroundings(tmp_path, broker=False, state=kernels) as rig, followed(rig):
        spoil(rig.site, MODEL, 'model = "broken.onnx"')
        await rig.start_node()
        source = f"{CAMERA}.source"
        await rig.until(
            lambda: rig.state(source) == "down", timeout_s=START_TIMEOUT_S, what="the camera is down"
        )
        assert str(tmp_path / "broken.onnx") in rig.message(source)
        await rig.until(
            lambda: rig.shows_signals() and rig.state("camera.north_east.source") == "ok",
            timeout_s=START_TIMEOUT_S,
            what="signals and the other camera",
        )
        assert rig.counter(CAMERA, "restarts") == 0


async def test_model_that_nobody_ships_takes_down_its_camera_and_names_those_shipped(
    tmp_path: Path, kernels: Path
) -> None:
    async with surroundings(tmp_path, broker=False, state=kernels) as rig, followed(rig):
        spoil(rig.site, MODEL, 'model = "roadside-giant"')
        await rig.start_node()
        source = f"{CAMERA}.source"
        await rig.until(
            lambda: rig.state(source) == "down", timeout_s=START_TIMEOUT_S, what="the camera is down"
        )
        assert "roadside-giant" in rig.message(source)
        assert "roadside-nano" in rig.message(source)
        await rig.until(rig.shows_signals, timeout_s=START_TIMEOUT_S, what="signals")


async def test_controller_that_does_not_fit_the_map_is_never_shown(tmp_path: Path, kernels: Path) -> None:
    async with surroundings(tmp_path, cameras=False, broker=False, state=kernels) as rig, followed(rig):
        spoil(rig.site, "signal_group = 1\n", "signal_group = 99\n")
        await rig.start_node()
        await rig.until(lambda: len(rig.signals) >= 10, timeout_s=START_TIMEOUT_S, what="ten signal updates")
        assert all(update.withdrawn for _at, update in rig.signals)
        reasons = rig.signals[-1][1].reasons
        assert "signal group 99 is not on the MAP" in reasons
        assert "signal group 1 of the MAP has no controller group" in reasons
        await rig.until(lambda: rig.state("signals") == "down", timeout_s=10, what="health says so")
