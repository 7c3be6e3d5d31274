"""The measure of prediction: in time order, against the baseline, on a log made here."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from edge.signals.prediction_figures import figures_of
from edge.signals.prediction_replay import WARM_GREENS, Events, Replay, Sample

CYCLE_S = 80


def made_log(cycles: int = 40, *, seed: int = 3) -> Events:
    """Phase 2 ends at cycle second 50 or, without a call of phase 4, at 60; it begins between 5 and 25."""
    chance = np.random.default_rng(seed)
    rows: list[tuple[float, int, int]] = []
    for cycle in range(cycles):
        zero = 1000.0 + cycle * CYCLE_S
        start, called = zero + int(chance.integers(5, 25)), bool(chance.integers(0, 2))
        end = zero + (50 if called else 60)
        rows += [(zero, 150, 5), (start, 1, 2), (end, 6, 2), (end, 7, 2), (end, 8, 2), (end + 4, 9, 2)]
        if called:
            rows += [(zero + 3, 43, 4), (end + 5, 44, 4)]
    rows.sort()
    columns = np.array(rows)
    return Events(columns[:, 0], columns[:, 1].astype(int), columns[:, 2].astype(int))


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return list(Replay(7).samples(made_log()))


def test_every_second_of_every_green_from_the_21st_on_is_asked(samples: list[Sample]) -> None:
    assert {sample.green for sample in samples} == set(range(WARM_GREENS, 40))
    for number in {sample.green for sample in samples}:
        rests = [sample.rest_s for sample in samples if sample.green == number]
        assert rests == [max(rests) - second for second in range(len(rests))]
        assert min(rests) == 1.0
    assert {sample.cause for sample in samples} == {"force-off"}


def test_learned_ends_are_better_than_the_mean_of_the_last_ten(samples: list[Sample]) -> None:
    found = figures_of(samples)
    assert found is not None
    assert found.mae_ratio < 0.3
    assert found.ratio_low <= found.mae_ratio <= found.ratio_high
    assert not any(sample.promise_broken for sample in samples)


def test_what_comes_later_changes_nothing_before(samples: list[Sample]) -> None:
    log, other = made_log(), made_log(seed=4)
    cut = 1000.0 + 30 * CYCLE_S
    early, late = log.time_s < cut, other.time_s >= cut
    mixed = Events(
        *(
            np.concatenate([getattr(log, name)[early], getattr(other, name)[late]])
            for name in ("time_s", "code", "parameter")
        )
    )
    again = list(Replay(7).samples(mixed))
    before = [sample for sample in samples if sample.green < 30]
    assert before
    assert [sample for sample in again if sample.green < 30] == before


def test_the_baseline_is_the_mean_of_the_last_ten_less_the_elapsed(samples: list[Sample]) -> None:
    log = made_log()
    starts, ends = log.time_s[log.code == 1], log.time_s[log.code == 7]
    lengths = ends - starts
    first = samples[0]
    assert first.baseline_s == pytest.approx(lengths[WARM_GREENS - 10 : WARM_GREENS].mean())


def test_figures_of_known_errors() -> None:
    base = Sample(1, 2, 20, "gap-out", 10.0, 11.0, 8.0, 12.0, 14.0, 0.5, 0, promise_broken=False)
    missed = dataclasses.replace(base, rest_s=20.0, likely_s=17.0, cycle=1)
    found = figures_of([base, missed])
    assert found is not None
    assert (found.mae_s, found.baseline_mae_s) == (2.0, 5.0)
    assert found.mae_ratio == pytest.approx(0.4)
    assert found.coverage_90 == 0.5
    assert found.interval_s == 4.0
    assert figures_of([]) is None


def test_events_that_mean_nothing_here_are_passed_over() -> None:
    log = made_log(5)
    noise = Events(
        np.concatenate([log.time_s, log.time_s]),
        np.concatenate([log.code, np.full(len(log.code), 9999)]),
        np.concatenate([log.parameter, np.full(len(log.code), -7)]),
    )
    order = np.argsort(noise.time_s, kind="stable")
    sorted_noise = Events(noise.time_s[order], noise.code[order], noise.parameter[order])
    assert list(Replay(7).samples(sorted_noise)) == []


@pytest.mark.parametrize("gap_s", [2 * 3600.0, 1e9], ids=["two hours", "a wrong date"])
def test_a_green_across_a_gap_of_the_log_is_none(gap_s: float) -> None:
    log = made_log(60)
    cut = int(np.flatnonzero(log.code == 1)[29]) + 1
    time_s = log.time_s + np.where(np.arange(len(log.code)) >= cut, gap_s, 0.0)
    found = list(Replay(7).samples(Events(time_s, log.code, log.parameter)))
    assert max(sample.rest_s for sample in found) < CYCLE_S
    assert {sample.green for sample in found} == set(range(WARM_GREENS, 59))


def test_a_green_whose_end_is_missing_is_not_measured() -> None:
    log = made_log(40)
    ends = log.time_s == log.time_s[log.code == 7][25]
    kept = ~(ends & np.isin(log.code, (7, 8)))
    found = list(
        Replay(7).samples(Events(*(column[kept] for column in (log.time_s, log.code, log.parameter))))
    )
    assert {sample.green for sample in found} == set(range(WARM_GREENS, 39))
    assert max(sample.rest_s for sample in found) < CYCLE_S
