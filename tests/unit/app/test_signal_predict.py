"""`edge signal predict` on files that are right, wrong and absent."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edge.app.commands import run
from tests.unit.signals.test_prediction_replay import made_log


def write(path: Path, *, cycles: int, last_column: str = "Parameter", device: str = "7") -> Path:
    """The made log as a Parquet file of one controller."""
    import duckdb

    log = made_log(cycles)
    connection = duckdb.connect()
    connection.execute(
        f'CREATE TABLE log ("TimeStamp" TIMESTAMP, "DeviceId" VARCHAR, "EventId" INT, "{last_column}" INT)'
    )
    rows = [
        [round(time_s * 1e6), device, int(code), int(parameter)]
        for time_s, code, parameter in zip(log.time_s, log.code, log.parameter, strict=True)
    ]
    connection.executemany("INSERT INTO log VALUES (make_timestamp(?), ?, ?, ?)", rows)
    connection.execute(f"COPY log TO '{path}' (FORMAT parquet)")
    return path


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["edge", "signal", "predict", *arguments])
    return run()


def test_the_last_line_is_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, str(write(tmp_path / "log.parquet", cycles=30))) == 0
    lines = capsys.readouterr().out.splitlines()
    said = json.loads(lines[-1])
    assert said["bench"] == "prediction"
    assert said["figures"]["mae_ratio"] < 0.5
    assert said["figures"]["early_end_violations"] == 0
    assert any(line.startswith("force-off") for line in lines)


def test_a_log_with_too_few_greens_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, str(write(tmp_path / "log.parquet", cycles=10))) == 1
    assert "more than 20 whole greens" in capsys.readouterr().err


def test_controllers_may_have_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "log.parquet", cycles=30, device="SIG-07A")
    assert command(monkeypatch, str(path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("controller SIG-07A") for line in lines)
    assert json.loads(lines[-1])["figures"]["mae_ratio"] < 0.5


@pytest.mark.parametrize("content", [None, b"no parquet", b""], ids=["absent", "text", "empty"])
def test_a_file_that_is_none_is_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
) -> None:
    path = tmp_path / "log.parquet"
    if content is not None:
        path.write_bytes(content)
    assert command(monkeypatch, str(path)) == 2
    said = capsys.readouterr().err
    assert "log.parquet" in said.replace("\n", "")
    assert "Parquet file" in said


def test_other_columns_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "log.parquet", cycles=3, last_column="Other")
    assert command(monkeypatch, str(path)) == 2
    assert "TimeStamp, DeviceId, EventId, Parameter" in capsys.readouterr().err


def test_without_a_reader_of_parquet_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert command(monkeypatch, str(tmp_path / "log.parquet")) == 2
    assert "roadside-edge[events]" in capsys.readouterr().err.replace("\n", "")
