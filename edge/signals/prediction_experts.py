"""How long a spell still lasts: past spells, looked at in several ways, each trusted as far as it was right before.

A view of the past turns every past spell into a possible remaining time with a weight. There are three anchors: as
long as before (`elapsed`), until the same reported cycle second (`position`), and a whole number of the cycles that
greens end by after an earlier end (`rhythm`). Each is taken plain and with the context: past spells weigh more where
the calls and the greens elsewhere were then what they are now. `rhythm` is taken with a short memory as well.
The views are mixed by their error so far (exponential weights), and the mixture is a distribution: its median is
the likely end, its outer quantiles the interval. How far out is learned too, so that nine of ten ends lie inside
(adaptive conformal inference, I. Gibbs and E. Candes, NeurIPS 2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.signals.prediction_cycle import CycleClock
from edge.signals.prediction_memory import SECONDS, Floats, SpellMemory

VIEWS = 7
HALF_LIFE, SHORT_HALF_LIFE = 40.0, 4.0
"""Spells after which a memory counts half."""
CONTEXT_WEIGHT = 1.5
"""A past spell counts exp(-this) less for each call or green that differs."""
LATE_S, LATE_SHARE = 8.0, 0.25
"""A past spell that began later in the cycle than now counts exp(-lateness / LATE_S), up to a share of the cycle."""
OTHER_PLAN = 0.5
"""Weight of a spell of another plan."""
TRUST, ERROR_DECAY, ERROR_FLOOR_S = 2.0, 0.9, 0.3
"""Weight of a view: exp(-TRUST * (its error / the smallest - 1)); errors of earlier spells fade by ERROR_DECAY."""
OUTSIDE, LEVEL_STEP, LEVEL_FIRST = 0.1, 0.05, 0.05
LEVEL_LEAST, LEVEL_MOST = 0.005, 0.25
RESOLUTION_S = 0.5
"""The interval is widened by half the second in which contexts are kept."""
SURE_S = 1.0
"""Confidence is the probability of an end within this of the likely one."""
LEAST_SPELLS = 3


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is thought of the rest of a spell.

    Attributes:
        likely_s, early_s, late_s: median and interval, seconds from now.
        confidence: 0..1 that it ends within `SURE_S` of the median.
    """

    likely_s: float
    early_s: float
    late_s: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Instant:
    """The present of an open spell.

    Attributes:
        now_s: UTC seconds.
        elapsed_s: since the spell began.
        mask: context now.
        plan: -1 unknown.
    """

    now_s: float
    elapsed_s: float
    mask: int
    plan: int


class Mixture:
    """The views of one lamp of one group and how right each was.

    Attributes:
        errors_s, weight: (VIEWS,) fading sums of absolute errors and of the seconds in which they were made.
        level: probability below, and above, the interval that is asked of the mixture.
    """

    def __init__(self) -> None:
        self.errors_s: Floats = np.zeros(VIEWS)
        self.weight: Floats = np.zeros(VIEWS)
        self.level = LEVEL_FIRST
        self._medians = np.full((SECONDS, VIEWS), np.nan)
        self._told = np.full((SECONDS, 3), np.nan)
        self._asked = 0

    def predict(self, memory: SpellMemory, clock: CycleClock, instant: Instant) -> Remaining | None:
        """The rest of the open spell; None while too little is known."""
        if memory.count < LEAST_SPELLS:
            return None
        rests, weights = _views(memory, clock, instant)
        order = np.argsort(rests, axis=1)
        rests = np.take_along_axis(rests, order, axis=1)
        weights = np.take_along_axis(weights, order, axis=1)
        mass = np.cumsum(weights, axis=1)
        total = mass[:, -1]
        known = total > 1e-6
        if not known.any():
            return None
        medians = np.full(VIEWS, np.nan)
        middle = (mass[known] < 0.5 * total[known, None]).sum(axis=1)
        medians[known] = rests[known, middle]
        share = np.zeros(VIEWS)
        share[known] = self._trust()[known] * np.minimum(total[known], 1.0) / total[known]
        told = _summary(rests.ravel(), (weights * share[:, None]).ravel(), self.level)
        self._note(instant, medians, told)
        return told

    def ended(self, length_s: float) -> None:
        """The spell ended after `length_s`: compare what was said in it with what came."""
        asked = np.flatnonzero(~np.isnan(self._told[: self._asked, 0]))
        self._asked = 0
        if len(asked) and length_s < SECONDS:
            self._learn(asked, length_s)
        self._told[asked] = np.nan
        self._medians[asked] = np.nan

    def abandoned(self) -> None:
        """The end of the spell was not seen: nothing can be learned from it."""
        self._told[: self._asked] = np.nan
        self._medians[: self._asked] = np.nan
        self._asked = 0

    def _learn(self, asked: NDArray[np.int64], length_s: float) -> None:
        errors = np.abs(self._medians[asked] - length_s)
        spoke = ~np.isnan(errors)
        self.errors_s *= ERROR_DECAY
        self.weight *= ERROR_DECAY
        self.errors_s += np.where(spoke, errors, 0.0).sum(axis=0)
        self.weight += spoke.sum(axis=0)
        early, late = self._told[asked, 1], self._told[asked, 2]
        missed = 1.0 - float(((early <= length_s) & (length_s <= late)).mean())
        step = LEVEL_STEP * min(len(asked) / 60.0, 1.0)
        self.level = min(max(self.level + step * (OUTSIDE - missed), LEVEL_LEAST), LEVEL_MOST)

    def _note(self, instant: Instant, medians: Floats, told: Remaining) -> None:
        """Keep what was said in each second, as lengths of the spell."""
        second = int(instant.elapsed_s)
        if not 0 <= second < SECONDS or not math.isnan(self._told[second, 0]):
            return
        self._medians[second] = medians + instant.elapsed_s
        self._told[second] = (told.likely_s, told.early_s, told.late_s)
        self._told[second] += instant.elapsed_s
        self._asked = max(self._asked, second + 1)

    def _trust(self) -> Floats:
        """(VIEWS,) weights of the views; a view that never spoke has that of the mean of the others."""
        spoke = self.weight > 0.0
        if not spoke.any():
            return np.ones(VIEWS)
        mean = np.full(VIEWS, self.errors_s.sum() / self.weight.sum())
        mean[spoke] = self.errors_s[spoke] / self.weight[spoke]
        least = mean.min()
        return np.asarray(np.exp(-TRUST * (mean - least) / max(least, ERROR_FLOOR_S)))


def _summary(rests: Floats, weights: Floats, level: float) -> Remaining:
    """Median, interval and confidence of a weighted sample."""
    used = weights > 0.0
    rests, weights = rests[used], weights[used]
    order = np.argsort(rests)
    rests, weights = rests[order], weights[order]
    mass = np.cumsum(weights) / weights.sum()
    points = np.searchsorted(mass, (0.5, level, 1.0 - level)).clip(max=len(rests) - 1)
    likely, early, late = (float(value) for value in rests[points])
    near = np.abs(rests - likely) <= SURE_S
    confidence = float(weights[near].sum() / weights.sum())
    return Remaining(
        likely, max(min(early, likely) - RESOLUTION_S, 0.0), max(late, likely) + RESOLUTION_S, confidence
    )


def _views(memory: SpellMemory, clock: CycleClock, instant: Instant) -> tuple[Floats, Floats]:
    """(VIEWS, n) remaining times and their weights."""
    recent, short = _recency(memory, instant.plan)
    elapsed = memory.length_s - instant.elapsed_s
    position = _until(memory.position_s, clock.position_s(instant.now_s), clock.reported_s)
    rhythm = _until(memory.end_s, instant.now_s, clock.rhythm_s)
    anchors = (
        (elapsed, np.where(elapsed > 0.0, 1.0, 0.0)),
        (position, _lateness(position, memory.length_s, clock.reported_s)),
        (rhythm, _lateness(rhythm, memory.length_s, clock.rhythm_s)),
    )
    rests, weights = [], []
    for rest, weight in anchors:
        alike = _alike(memory, rest, instant.mask) if weight.any() else weight
        rests += [rest, rest]
        weights += [weight * recent, weight * recent * alike]
    rests.append(rhythm)
    weights.append(anchors[2][1] * short)
    return np.array(rests), np.array(weights)


def _recency(memory: SpellMemory, plan: int) -> tuple[Floats, Floats]:
    """(n,) weights by age, within the plan for those of the present plan; and with the short memory."""
    age = np.arange(memory.count - 1.0, -1.0, -1.0)
    same = memory.plan == plan
    within = np.cumsum(same[::-1])[::-1] - 1.0
    recent = np.where(same, 0.5 ** (within / HALF_LIFE), OTHER_PLAN * 0.5 ** (age / HALF_LIFE))
    return recent, 0.5 ** (age / SHORT_HALF_LIFE)


def _until(then_s: Floats, now_s: float, cycle_s: float | None) -> Floats:
    """(n,) time until the cycle is again where it was at `then_s`; a whole cycle where it is there now."""
    if cycle_s is None or math.isnan(now_s):
        return np.full(len(then_s), np.nan)
    rest = np.mod(then_s - now_s, cycle_s)
    return np.where(rest < 0.05, cycle_s, rest)


def _lateness(rest: Floats, length_s: Floats, cycle_s: float | None) -> Floats:
    """(n,) weight of spells by how much later in the cycle than now they began; 0 for those that had ended by now."""
    if cycle_s is None:
        return np.zeros(len(rest))
    late = np.maximum(rest - length_s, 0.0)
    good = late < cycle_s * LATE_SHARE
    return np.where(good, np.exp(-np.where(good, late, 0.0) / LATE_S), 0.0)


def _alike(memory: SpellMemory, rest: Floats, mask: int) -> Floats:
    """(n,) how much the context of past spells, that long before their end, was the present one."""
    then = memory.context_at(np.where(np.isnan(rest), 0.0, memory.length_s - rest))
    differing = np.bitwise_count(then ^ np.uint64(mask))
    return np.asarray(np.exp(-CONTEXT_WEIGHT * differing))
