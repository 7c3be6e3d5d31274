"""The simulated actuated controller keeps its promises and never shows what a light cannot."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.signals import IntersectionStatus, LampState
from hw.sim.actuated_plan import ActuatedController, Disturbance, Pattern

PATTERNS = {
    "free": Pattern(),
    "busy": Pattern(arrivals_per_s=0.6),
    "night": Pattern(arrivals_per_s=0.01),
    "fixed": Pattern(least_ds=(100, 200, 100, 200), most_ds=(100, 200, 100, 200)),
    "red and yellow": Pattern(red_yellow_ds=10),
    "flashing green": Pattern(flashing_green_ds=30),
}


@pytest.mark.parametrize("name", PATTERNS)
@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_promises_are_kept(name: str, seed: int) -> None:
    controller = ActuatedController(((0, PATTERNS[name]),), (), seed)
    held: dict[tuple[str, int], tuple[LampState, int, int | None]] = {}
    changes = 0
    for _ in range(1500):
        controller.step()
        for group, now in controller.now().items():
            lamp, least_ds, latest_ds = held.get(group, (now.lamp, 0, None))
            if lamp is not now.lamp:
                assert controller.time_ds >= least_ds, (group, lamp)
                least_ds, latest_ds, changes = 0, None, changes + 1
            assert latest_ds is None or controller.time_ds <= latest_ds, (group, lamp)
            assert now.least_ds is None or now.least_ds >= least_ds
            assert latest_ds is None or now.latest_ds is None or now.latest_ds <= latest_ds
            held[group] = (now.lamp, now.least_ds or least_ds, now.latest_ds or latest_ds)
    assert changes > 3


def test_unserved_groups_wait_and_called_ones_are_served() -> None:
    controller = ActuatedController(((0, PATTERNS["busy"]),), (), 3)
    seen = set()
    for _ in range(2000):
        controller.step()
        seen |= {group for group, now in controller.now().items() if now.lamp is LampState.GREEN}
    assert seen == set(controller.groups)


def test_disturbances_come_and_go() -> None:
    kinds = (IntersectionStatus.PREEMPT, IntersectionStatus.PROGRAMMED_FLASH, IntersectionStatus.STOP_TIME)
    wanted = tuple(Disturbance(200 + 600 * k, 200, kind) for k, kind in enumerate(kinds))
    controller, seen = ActuatedController(disturbances=wanted), list[IntersectionStatus]()
    for _ in range(3000):
        controller.step()
        if not seen or seen[-1] != controller.status:
            seen.append(controller.status)
    none = IntersectionStatus.NONE
    assert seen == [none, kinds[0], none, kinds[1], none, kinds[2], none]
