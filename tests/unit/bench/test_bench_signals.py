"""The measurements of pushed controllers measure."""

from __future__ import annotations

import pytest

from tests.bench import signals_rsmp, signals_tlcfi


@pytest.mark.parametrize("module", [signals_rsmp, signals_tlcfi], ids=["rsmp", "tlcfi"])
async def test_every_change_is_timed(module: object) -> None:
    found = await module.latencies_ms(5, pause_s=0.0)  # type: ignore[attr-defined]
    assert len(found) == 5
    assert all(0 < latency < 5000 for latency in found)
