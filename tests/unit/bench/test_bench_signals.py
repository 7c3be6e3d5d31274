"""The measurements of signal controllers measure."""

from __future__ import annotations

import random

import pytest

from tests.bench import bench_signals, signals_rsmp, signals_tlcfi


@pytest.mark.parametrize("module", [signals_rsmp, signals_tlcfi], ids=["rsmp", "tlcfi"])
async def test_every_change_is_timed(module: object) -> None:
    found = await module.latencies_ms(5, pause_s=0.0)  # type: ignore[attr-defined]
    assert len(found) == 5
    assert all(0 < latency < 5000 for latency in found)


@pytest.mark.parametrize("name", bench_signals.STREETS)
async def test_every_controller_is_heard_through_a_whole_node(name: str) -> None:
    found = await bench_signals.latencies_ms(name, changes=2, chance=random.Random(1))
    assert len(found) == 2
    assert all(latency > 0 for latency in found)


async def test_slots_are_counted() -> None:
    found = await bench_signals.slot_figures(0.3)
    assert found["slots"] >= found["slots_missed"] >= 0
    assert found["slots"] > 0
