"""The exit status of the command line: what a service manager and scripts go by."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge.app import commands, doctor
from edge.config import SiteConfig

SITE = Path(__file__).resolve().parents[3] / "deploy" / "site" / "site.toml"


@pytest.mark.parametrize("status", [0, 1, 3])
def test_status_of_a_command_is_that_of_the_process(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check(site: SiteConfig) -> int:
        assert site.site.id == "crossing-0001"
        return status

    monkeypatch.setattr(doctor, "run_doctor", check)
    monkeypatch.setattr(sys, "argv", ["edge", "doctor", str(SITE)])
    assert commands.run() == status


def test_wrong_site_file_ends_with_2_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edge", "run", str(tmp_path / "absent.toml")])
    assert commands.run() == 2
    assert "absent.toml" in capsys.readouterr().err


def test_unknown_command_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["edge", "fly"])
    assert commands.run() == 2


def test_version_ends_with_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["edge", "version"])
    assert commands.run() == 0
    assert capsys.readouterr().out.strip()
