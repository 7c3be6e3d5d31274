"""How well the demo's published picture agrees with the simulated truth.

Definitions. An instant is the publication time of one scene that the subscriber received. Published objects are
compared with the truth at that instant, one to one, nearest pairs first, within 2 m. Truth counts a road user that
one of the cameras sees at least half, at least 12 px high, within 60 m of that camera, and has done so for at
least 1 s. A published object that matches a road user which does not count (occluded, farther, just arrived) is
neither right nor wrong. `recall` = matched / counted truth; `precision` = matched / (matched + wrong).
`camera_only` leaves out road users and tracks with V2X; `both_share` is the share of counted equipped road users
whose matched track has been seen by a camera and heard by V2X.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

MATCH_M = 2.0
MIN_VISIBLE = 0.5
MIN_HEIGHT_PX = 12.0
MAX_RANGE_M = 60.0
MIN_PRESENT_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PublishedObject:
    """One object as the subscriber received it.

    Attributes:
        x_m, y_m: ENU.
        camera, v2x: whether a camera, or V2X, is among its sources.
    """

    x_m: float
    y_m: float
    camera: bool
    v2x: bool


@dataclass(frozen=True, slots=True)
class TruthObject:
    """One road user at the instant.

    Attributes:
        name: stable name.
        x_m, y_m: ENU centre.
        kind: class name, lower case.
        equipped: it sends V2X.
        counts: the definition of the module holds (but for the duration).
    """

    name: str
    x_m: float
    y_m: float
    kind: str
    equipped: bool
    counts: bool


@dataclass(slots=True)
class Tally:
    """Matched, missed and wrong objects."""

    matched: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def recall(self) -> float | None:
        total = self.matched + self.missed
        return round(self.matched / total, 4) if total else None

    @property
    def precision(self) -> float | None:
        total = self.matched + self.wrong
        return round(self.matched / total, 4) if total else None


def match(published: Sequence[PublishedObject], truth: Sequence[TruthObject]) -> dict[int, int]:
    """Pairs published -> truth, nearest first, one to one, within `MATCH_M`."""
    if not published or not truth:
        return {}
    seen = np.array([(p.x_m, p.y_m) for p in published])
    real = np.array([(t.x_m, t.y_m) for t in truth])
    distance = np.hypot(*(seen[:, None, :] - real[None, :, :]).transpose(2, 0, 1))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for flat in np.argsort(distance, axis=None, kind="stable"):
        i, j = divmod(int(flat), len(truth))
        if distance[i, j] > MATCH_M:
            break
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


@dataclass(slots=True)
class Scorer:
    """Adds up instants."""

    everything: Tally = field(default_factory=Tally)
    camera_only: Tally = field(default_factory=Tally)
    per_class: dict[str, Tally] = field(default_factory=dict)
    errors_m: list[float] = field(default_factory=list)
    both: int = 0
    equipped_counted: int = 0
    instants: int = 0
    _since: dict[str, int] = field(default_factory=dict)
    missed_names: Counter[str] = field(default_factory=Counter)

    def add(self, at_ns: int, published: Sequence[PublishedObject], truth: Sequence[TruthObject]) -> None:
        """Score one instant."""
        counted = self._counted(at_ns, truth)
        main = [t for t in truth if t.name in counted]
        rest = [t for t in truth if t.name not in counted]
        self.instants += 1
        pairs = match(published, main)
        left = [p for i, p in enumerate(published) if i not in pairs]
        ignored = match(left, rest)
        self._tally(self.everything, pairs, main, wrong=len(left) - len(ignored))
        self._classes(published, pairs, main)
        self._camera_only(published, main, rest)

    def _counted(self, at_ns: int, truth: Iterable[TruthObject]) -> set[str]:
        counting = {t.name for t in truth if t.counts}
        self._since = {name: self._since.get(name, at_ns) for name in counting}
        return {name for name, since in self._since.items() if at_ns - since >= MIN_PRESENT_NS}

    @staticmethod
    def _tally(tally: Tally, pairs: Mapping[int, int], main: Sequence[TruthObject], *, wrong: int) -> None:
        tally.matched += len(pairs)
        tally.missed += len(main) - len(pairs)
        tally.wrong += wrong

    def _classes(
        self, published: Sequence[PublishedObject], pairs: Mapping[int, int], main: Sequence[TruthObject]
    ) -> None:
        found = {j: published[i] for i, j in pairs.items()}
        for j, road_user in enumerate(main):
            tally = self.per_class.setdefault(road_user.kind, Tally())
            tally.matched += j in found
            tally.missed += j not in found
            if j in found:
                self.errors_m.append(math.hypot(found[j].x_m - road_user.x_m, found[j].y_m - road_user.y_m))
            else:
                self.missed_names[road_user.name] += 1
            if road_user.equipped:
                self.equipped_counted += 1
                self.both += j in found and found[j].camera and found[j].v2x

    def _camera_only(
        self, published: Sequence[PublishedObject], main: Sequence[TruthObject], rest: Sequence[TruthObject]
    ) -> None:
        own = [p for p in published if not p.v2x]
        silent = [t for t in main if not t.equipped]
        pairs = match(own, silent)
        left = [p for i, p in enumerate(own) if i not in pairs]
        ignored = match(left, [*rest, *(t for t in main if t.equipped)])
        self._tally(self.camera_only, pairs, silent, wrong=len(left) - len(ignored))

    def figures(self) -> dict[str, object]:
        """The figures of the run."""
        errors = np.array(self.errors_m)
        return {
            "match_recall": self.everything.recall,
            "match_precision": self.everything.precision,
            "camera_only": {"recall": self.camera_only.recall, "precision": self.camera_only.precision},
            "recall_per_class": {kind: tally.recall for kind, tally in sorted(self.per_class.items())},
            "counted_per_class": {k: t.matched + t.missed for k, t in sorted(self.per_class.items())},
            "position_rmse_m": round(float(np.sqrt(np.mean(errors**2))), 3) if len(errors) else None,
            "both_share": round(self.both / self.equipped_counted, 4) if self.equipped_counted else None,
            "instants": self.instants,
        }


def percentile_ms(values_ns: Sequence[int], percent: float) -> float | None:
    """Percentile of nanosecond values in milliseconds; None without values."""
    return round(float(np.percentile(np.array(values_ns), percent)) / 1e6, 1) if values_ns else None
