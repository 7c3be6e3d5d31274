"""The demo as a person starts it: one command in an empty directory, one JSON object as its last line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

SECONDS = 15
LIMIT_S = 150.0
"""Kernels may have to be compiled first."""


@pytest.mark.timeout(LIMIT_S + 30.0)
async def test_demo_runs_in_an_empty_directory_and_prints_sane_figures(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge.app", "demo", "--seconds", str(SECONDS), "--web-port", "0"),
        cwd=tmp_path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    figures = json.loads(output.decode().strip().splitlines()[-1])
    assert figures["updates_per_s"] > 0
    assert figures["spat_missed_in_a_row"] >= 0
    latency_ms = figures["capture_to_client_ms"]
    assert 0 < latency_ms["p50"] <= latency_ms["p99"]
    assert 0.6 <= figures["match_recall"] <= 1.0
    assert 0.6 <= figures["match_precision"] <= 1.0
    assert figures["camera_only"].keys() == {"recall", "precision"}
    assert 0.0 < figures["camera_only"]["recall"] <= 1.0
    assert 0.0 < figures["both_share"] <= 1.0
    assert figures["centre_updates"] > 0
    assert os.listdir(tmp_path) == [], "the demo left something behind"
