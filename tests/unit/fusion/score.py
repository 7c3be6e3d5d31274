"""Scores published tracks against the simulated truth."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from tests.unit.fusion.worlds import World

MATCH_M = 2.5


@dataclass(frozen=True)
class Score:
    """Means over all cycles after the first `skip_s`."""

    recall: float
    precision: float
    rmse_m: float
    speed_rmse_mps: float
    switches: int
    nees: float


def match(distance: np.ndarray) -> list[tuple[int, int]]:
    """Greedy nearest pairs below MATCH_M."""
    pairs, used_rows, used_columns = [], set(), set()
    order = np.argsort(distance, axis=None)
    for flat in order:
        row, column = divmod(int(flat), distance.shape[1])
        if distance[row, column] > MATCH_M:
            break
        if row in used_rows or column in used_columns:
            continue
        used_rows.add(row)
        used_columns.add(column)
        pairs.append((row, column))
    return pairs


def score(world: World, *, skip_s: float = 1.0, settle_s: float = 1.0) -> Score:
    """A road user counts from `settle_s` after it came."""
    hits = misses = extra = switches = 0
    squares, speeds, nees = [], [], []
    last: dict[int, int] = {}
    for t, tracks in zip(world.times, world.published, strict=True):
        if t < skip_s:
            continue
        present, truth = world.truth(t)
        distance = np.hypot(*np.moveaxis(truth[:, None, :2] - tracks.state[None, :, :2], -1, 0))
        pairs = match(distance) if distance.size else []
        for row, column in pairs:
            user, identity = present[row], int(tracks.track_id[column])
            switches += last.get(user, identity) != identity
            last[user] = identity
            error = tracks.state[column] - truth[row]
            squares.append(float(error[:2] @ error[:2]))
            speeds.append(float(error[2:] @ error[2:]))
            nees.append(float(error[:2] @ np.linalg.solve(tracks.covariance[column, :2, :2], error[:2])))
        matched = {row for row, _column in pairs}
        due = [r for r, k in enumerate(present) if t - max(world.users[k].begin_s, 0.0) >= settle_s]
        hits += sum(r in matched for r in due)
        misses += sum(r not in matched for r in due)
        extra += len(tracks) - len(pairs)
    return Score(
        recall=hits / max(1, hits + misses),
        precision=len(squares) / max(1, len(squares) + extra),
        rmse_m=float(np.sqrt(np.mean(squares))) if squares else float("nan"),
        speed_rmse_mps=float(np.sqrt(np.mean(speeds))) if speeds else float("nan"),
        switches=switches,
        nees=float(np.mean(nees)) if nees else float("nan"),
    )


def ids_of(world: World, user: int, *, from_s: float = 1.0) -> list[int]:
    """Track ids that stood for one road user, without repeats in a row."""
    found = []
    for t, tracks in zip(world.times, world.published, strict=True):
        present, truth = world.truth(t)
        if t < from_s or user not in present or not len(tracks):
            continue
        distance = np.hypot(*np.moveaxis(truth[:, None, :2] - tracks.state[None, :, :2], -1, 0))
        found += [int(tracks.track_id[c]) for r, c in match(distance) if present[r] == user]
    return [key for key, _group in itertools.groupby(found)]
