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


def test_lost_message_is_a_missed_slot_and_one_that_a_newer_overtook_is_not() -> None:
    due_s = {1000: 0.0, 1100: 0.1, 1200: 0.2, 1300: 0.3}
    lost = bench_signals.waits_s(due_s, {1000: 0.01, 1200: 0.21, 1300: 0.31})
    assert [wait_s > bench_signals.SLOT_S for wait_s in lost] == [False, True, False, False]
    together = bench_signals.waits_s(due_s, {1000: 0.01, 1200: 0.195, 1300: 0.31})
    assert not any(wait_s > bench_signals.SLOT_S for wait_s in together)
    assert bench_signals.waits_s(due_s, {1000: 0.01})[-1] == float("inf")
