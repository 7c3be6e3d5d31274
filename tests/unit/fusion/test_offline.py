"""Recorded scans of any origin: read as far as they can be true, fused as they arrived, never a reason to stop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.app.fuse import run_fuse
from edge.core.errors import CodecError, ConfigError
from edge.fusion import SensorModel
from edge.fusion.offline import fuse
from edge.fusion.recorded import read_scan

START_NS, STEP_NS = 1_700_000_000_000_000_000, 100_000_000
Line = dict[str, Any]


def scan(
    k: int, objects: list[Line], *, sensor: str = "cam", kind: str = "camera", late_ns: int = 80_000_000
) -> Line:
    return {
        "t_meas_ns": START_NS + k * STEP_NS,
        "t_arrival_ns": START_NS + k * STEP_NS + late_ns,
        "sensor": sensor,
        "kind": kind,
        "objects": objects,
    }


def drive(count: int = 40, **more: Any) -> list[Line]:
    """A car at 10 m/s along x."""
    return [
        scan(k, [{"x": -20.0 + k, "y": 1.0, "cov": [0.1, 0.0, 0.1], "class": "car", **more}])
        for k in range(count)
    ]


def run(lines: list[Line], *sensors: SensorModel) -> tuple[list[Line], Counter[str]]:
    counters: Counter[str] = Counter()
    return list(fuse(lines, sensors or (SensorModel("cam", "camera"),), counters=counters)), counters


def test_a_line_at_every_tenth_of_a_second_from_what_had_arrived() -> None:
    lines, _ = run(drive())
    times = [line["t_ns"] for line in lines]
    assert times == [START_NS + k * STEP_NS for k in range(1, 41)]
    last = lines[-1]["tracks"]
    assert len(last) == 1
    assert set(last[0]) == {"id", "x", "y", "vx", "vy", "cov", "class", "existence"}
    assert last[0]["x"] == pytest.approx(20.0, abs=0.4), "predicted to the time of the line"
    assert (last[0]["class"], last[0]["id"]) == ("car", 1)


def test_origin_of_the_frame_may_be_anywhere() -> None:
    near, _ = run(drive())
    far_lines = drive()
    for line in far_lines:
        line["objects"][0]["x"] += 448_260.0
        line["objects"][0]["y"] += 4_417_350.0
    far, counters = run(far_lines)
    assert counters["bad_rows"] == 0
    one, other = near[-1]["tracks"][0], far[-1]["tracks"][0]
    assert other["x"] - 448_260.0 == pytest.approx(one["x"], abs=0.01)
    assert other["y"] - 4_417_350.0 == pytest.approx(one["y"], abs=0.01)


def test_only_x_and_y_are_needed() -> None:
    bare = [scan(k, [{"x": -20.0 + k, "y": 1.0}]) for k in range(40)]
    lines, _ = run(bare)
    assert len(lines[-1]["tracks"]) == 1
    assert lines[-1]["tracks"][0]["class"] == "unknown"


def test_what_cannot_be_true_is_counted_and_the_rest_is_fused() -> None:
    lines = drive()
    lines[3]["objects"] += [{"x": "far", "y": 1.0}, {"y": 2.0}, {"x": float("nan"), "y": 0.0}, 7]
    lines[4]["kind"] = "sonar"
    del lines[5]["t_meas_ns"]
    lines[6]["sensor"] = "nobody"
    lines[7]["objects"][0]["cov"] = [1.0, 5.0, 1.0]
    found, counters = run(lines)
    assert len(found[-1]["tracks"]) == 1
    assert (counters["bad_lines"], counters["unknown_sensor"], counters["bad_rows"]) == (2, 1, 5)


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"sensor": "a", "kind": "camera", "objects": [], "t_meas_ns": "x", "t_arrival_ns": 1},
        scan(0, [], kind="sonar"),
    ],
)
def test_line_that_is_no_scan_says_why(line: Line) -> None:
    with pytest.raises(CodecError, match="scan"):
        read_scan(line)


def test_late_scans_are_used_in_order_of_capture() -> None:
    rng = np.random.default_rng(4)
    lines = drive()
    for line in lines:
        line["t_arrival_ns"] += int(rng.uniform(0, 200_000_000))
    late = sorted(lines, key=lambda line: line["t_arrival_ns"])
    assert late != lines
    found, counters = run(late)
    assert counters["scans_late"] == 0
    assert len({track["id"] for line in found for track in line["tracks"]}) == 1


def test_reports_carry_identity_and_come_once() -> None:
    lines = []
    for k in range(40):
        said = {
            "x": -20.0 + k,
            "y": 1.0,
            "cov": [0.1, 0, 0.1],
            "vx": 10.0,
            "vy": 0.0,
            "vcov": [0.1, 0, 0.1],
            "id": "a1",
        }
        lines += [scan(k, [said], sensor="radio", kind="v2x")] * 2
    found, counters = run(lines, SensorModel("radio", "v2x"))
    assert counters["reports_repeated"] == 40
    assert len(found[-1]["tracks"]) == 1


def test_clock_that_is_set_back_loses_no_track() -> None:
    lines = drive(60)
    for line in lines[30:]:
        line["t_meas_ns"] -= 5_000_000_000
        line["t_arrival_ns"] -= 5_000_000_000
    found, counters = run(lines)
    assert counters["clock_steps"] == 1
    assert {track["id"] for line in found[5:] for track in line["tracks"]} == {1}
    assert found[-1]["tracks"][0]["x"] == pytest.approx(40.0, abs=0.5)


@pytest.mark.parametrize("wrong_ns", [1, START_NS - 10**15, START_NS + 10**15, 2**63, 10**40, -5])
def test_one_arrival_that_cannot_be_loses_one_line(wrong_ns: int) -> None:
    lines = drive(60)
    lines[30]["t_arrival_ns"] = wrong_ns
    found, counters = run(lines)
    assert counters["bad_lines"] + counters["arrivals_out_of_order"] == 1
    assert {track["id"] for line in found[5:] for track in line["tracks"]} == {1}
    assert found[-1]["tracks"][0]["x"] == pytest.approx(40.0, abs=0.5)


def test_a_pause_of_hours_is_not_filled() -> None:
    lines = drive(20)
    for line in lines[10:]:
        line["t_meas_ns"] += 3_600_000_000_000
        line["t_arrival_ns"] += 3_600_000_000_000
    assert len(run(lines)[0]) < 30


def write(path: Path, lines: list[Line]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_command_writes_tracks_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scans = write(tmp_path / "scans.jsonl", drive())
    scans.write_text(scans.read_text() + "{\n[]\n", encoding="utf-8")
    run_fuse(scans, out=tmp_path / "tracks.jsonl", sensors=None, replay_ms=400)
    summary = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (summary["lines"], summary["bad_lines"]) == (40, 2)
    sensors = tmp_path / "sensors.toml"
    sensors.write_text('[[sensor]]\nname = "cam"\nkind = "camera"\nposition_m = [0, -20]\n', encoding="utf-8")
    run_fuse(scans, out=None, sensors=sensors, replay_ms=400)
    assert len(capsys.readouterr().out.splitlines()) == 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[sensor]]\nname = "cam"\nbias_m = 0.1\n', "kind"),
        ('[[sensor]]\nname = "cam"\nkind = "sonar"\n', "kind"),
        ('[[sensor]]\nname = "cam"\nkind = "camera"\nvisable_polygon_m = []\n', "visible_polygon_m"),
        ('[[sensor]]\nname = "a"\nkind = "radar"\n[[sensor]]\nname = "a"\nkind = "radar"\n', "twice"),
        ('[[sensor]]\nname = "a"\nkind = "radar"\nvisible_polygon_m = [[0, 0], [1, 1]]\n', "three corners"),
    ],
)
def test_sensor_file_that_is_wrong_is_one_clear_message(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "sensors.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        run_fuse(write(tmp_path / "s.jsonl", drive(2)), out=None, sensors=path, replay_ms=400)


def test_file_without_scans_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no line is a scan"):
        run_fuse(write(tmp_path / "s.jsonl", [{"a": 1}]), out=None, sensors=None, replay_ms=400)
    with pytest.raises(ConfigError, match="cannot be read"):
        run_fuse(tmp_path / "none.jsonl", out=None, sensors=None, replay_ms=400)


def test_fusion_needs_no_scipy() -> None:
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from edge.fusion import SensorModel\nfrom edge.fusion.offline import fuse\n"
        f"lines = {drive(10)!r}\n"
        "print(len(list(fuse(lines, (SensorModel('cam', 'camera'),)))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=200
    )
    assert done.stdout.strip() == "10"


def test_output_replaces_an_old_one_only_when_it_is_complete(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans.jsonl", tmp_path / "tracks.jsonl"
    scans.write_text("".join(json.dumps(line) + "\n" for line in drive()))
    kept = scans.read_text()
    with pytest.raises(ConfigError, match="scans itself"):
        run_fuse(scans, out=scans, sensors=None, replay_ms=400)
    assert scans.read_text() == kept
    out.write_text("old\n")
    (tmp_path / "wrong.jsonl").write_text("no scan\n")
    with pytest.raises(ConfigError, match="no line is a scan"):
        run_fuse(tmp_path / "wrong.jsonl", out=out, sensors=None, replay_ms=400)
    assert out.read_text() == "old\n"
    run_fuse(scans, out=out, sensors=None, replay_ms=400)
    assert len(out.read_text().splitlines()) == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scans.jsonl", "tracks.jsonl", "wrong.jsonl"]


def test_sensors_are_found_by_their_good_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [{"sensor": "cam", "kind": ["camera"]}, {"sensor": "cam"}, {"sensor": "", "kind": "camera"}]
    scans = tmp_path / "scans.jsonl"
    scans.write_text("".join(json.dumps(line) + "\n" for line in [*bad, *drive()]))
    run_fuse(scans, out=tmp_path / "out.jsonl", sensors=None, replay_ms=400)
    assert "line 1: " in capsys.readouterr().err
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[-1])["tracks"]
