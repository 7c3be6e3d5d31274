"""Which image track is which connected vehicle.

A camera that has turned by some degrees shows every road user moved by nearly the same step. So at first the pairs
vote: of all steps in the picture and all time offsets, the one under which most moving tracks follow a vehicle wins.
Later, with a pose at hand, a track is the vehicle that it follows on the ground, unless a second one fits as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.perception import homography
from edge.perception.car_data import Track, Vehicle
from edge.perception.pose import LONG_M, boxes_of

Floats = NDArray[np.float64]
VOTE_OFFSETS_S = np.arange(-1.0, 1.01, 0.25)
VOTE_SIGMA_PX = 0.02
"""Width of a vote, as a share of the picture's width."""
MOVED_PX = 0.05
"""A track that moves less, as a share of the picture's width, has no vote: queues look alike at all times."""
LEAST_SHARED = 4
NEAR_M = 9.0
GATE_M, SECOND_BEST, WANDER_M = 3.0, 1.6, 1.5
EDGE_NOISE_PX, EDGE_NOISE_SHARE, TOP_NOISE_SHARE = 1.5, 0.04, 0.12
LONG_LOWER_SHARE = 0.1
"""Trucks and buses have much air below them: the lower edge of their box is that of the wheels, or of the body."""
_FIRST_GUESS = 1.0 / 8.0**2


@dataclass(frozen=True, slots=True)
class Pair:
    """A track, the vehicle that it shows, and the rows of the track at whose times the vehicle's place is known."""

    track: int
    vehicle: int
    rows: NDArray[np.int64]


def edge_sigma(track_box: Floats, size_m: Floats) -> Floats:
    """(n, 4) one-sigma noise of each edge; size_m: (3,) of the vehicle."""
    width, height = track_box[:, 2] - track_box[:, 0], track_box[:, 3] - track_box[:, 1]
    lower = LONG_LOWER_SHARE if size_m[0] > LONG_M else EDGE_NOISE_SHARE
    share = np.stack(
        [
            EDGE_NOISE_SHARE * width,
            TOP_NOISE_SHARE * height,
            EDGE_NOISE_SHARE * width,
            lower * height,
        ],
        axis=1,
    )
    return np.hypot(EDGE_NOISE_PX, share)


def tightened(box: Floats, share: float) -> Floats:
    """(n, 4) boxes with both sides moved inwards by a share of the width."""
    inwards = share * (box[:, 2] - box[:, 0])
    return np.stack([box[:, 0] + inwards, box[:, 1], box[:, 2] - inwards, box[:, 3]], axis=1)


def ground_offset(
    projection: Floats,
    track: Track,
    rows: NDArray[np.int64],
    state: Floats,
    size: Floats,
    *,
    tight: float = 0.0,
) -> Floats:
    """(k, 2) how far from where a vehicle says it is the camera sees it, metres; NaN where its box tells nothing.

    Gauss-Newton on the edges of the box, with heading and size as the vehicle tells them.

    Args:
        projection: (3, 4).
        track: the image track; rows: (k,) of it.
        state: (k, 3) x, y, yaw of the vehicle then.
        size: (3,).
        tight: see `tightened`.
    """
    box, usable = track.box[rows], track.usable[rows]
    weight = usable / edge_sigma(box, size) ** 2
    sizes = np.broadcast_to(size, (len(rows), 3))
    place = state[:, :2].copy()
    for _ in range(3):
        found = tightened(boxes_of(projection, place, state[:, 2], sizes), tight)
        slope = np.stack(
            [
                (tightened(boxes_of(projection, place + step, state[:, 2], sizes), tight) - found) / 0.05
                for step in (np.array([0.05, 0.0]), np.array([0.0, 0.05]))
            ],
            axis=2,
        )
        error = box - found
        info = np.einsum("ne,nei,nej->nij", weight, slope, slope) + _FIRST_GUESS * np.eye(2)
        pull = np.einsum("ne,nei,ne->ni", weight, slope, error) - _FIRST_GUESS * (place - state[:, :2])
        good = np.isfinite(info).all(axis=(1, 2)) & np.isfinite(pull).all(axis=1)
        move = np.full_like(place, np.nan)
        move[good] = np.linalg.solve(info[good], pull[good][..., None])[..., 0]
        length = np.hypot(*move.T)
        place = place + move * np.minimum(1.0, 8.0 / np.maximum(length, 1e-9))[:, None]
    # Without one side and the lower edge a box says little about where it stands.
    enough = usable[:, 3] & (usable[:, 0] | usable[:, 2])
    return np.where(enough[:, None], place - state[:, :2], np.nan)


def vote(
    projection: Floats, tracks: list[Track], vehicles: list[Vehicle], *, width: int
) -> list[tuple[float, list[Pair]]]:
    """The best guesses of the time offset and of who is who, best first; at most three."""
    moving = [i for i, track in enumerate(tracks) if _travel(track) > MOVED_PX * width]
    guesses = []
    for offset in VOTE_OFFSETS_S:
        pairs, steps, spread = _steps(projection, tracks, vehicles, moving, float(offset))
        if pairs:
            score, chosen = _best_step(pairs, steps, spread, VOTE_SIGMA_PX * width)
            guesses.append((score, float(offset), chosen))
    guesses.sort(key=lambda guess: -guess[0])
    return [(offset, chosen) for _, offset, chosen in guesses[:3]]


def _travel(track: Track) -> float:
    foot = np.stack([0.5 * (track.box[:, 0] + track.box[:, 2]), track.box[:, 3]], axis=1)
    return float(np.ptp(foot, axis=0).max())


def _steps(
    projection: Floats, tracks: list[Track], vehicles: list[Vehicle], chosen: list[int], offset_s: float
) -> tuple[list[Pair], Floats, Floats]:
    """Pairs that share time, the mean step in the picture from where each vehicle should be, and its spread."""
    pairs: list[Pair] = []
    steps, spreads = [], []
    if not chosen:
        return pairs, np.empty((0, 2)), np.empty(0)
    time = np.concatenate([tracks[i].time_s for i in chosen]) + offset_s
    box = np.concatenate([tracks[i].box for i in chosen])
    usable = np.concatenate([tracks[i].usable[:, [0, 2, 3]].all(axis=1) for i in chosen])
    seen = 0.5 * (box[:, :2] + box[:, 2:])
    ends = np.cumsum([len(tracks[i].time_s) for i in chosen])
    for j, vehicle in enumerate(vehicles):
        state = vehicle.at(time)
        known = np.flatnonzero(np.isfinite(state[:, 0]) & usable)
        sizes = np.broadcast_to(vehicle.size_m, (len(known), 3))
        box = boxes_of(projection, state[known, :2], state[known, 2], sizes)
        step = np.full((len(time), 2), np.nan)
        step[known] = seen[known] - 0.5 * (box[:, :2] + box[:, 2:])
        for i, own in zip(chosen, np.split(step, ends[:-1]), strict=True):
            rows = np.flatnonzero(np.isfinite(own).all(axis=1))
            if len(rows) < LEAST_SHARED:
                continue
            pairs.append(Pair(i, j, rows))
            steps.append(np.median(own[rows], axis=0))
            spreads.append(float(np.hypot(*own[rows].std(axis=0))))
    return pairs, np.array(steps).reshape(-1, 2), np.array(spreads)


def _best_step(pairs: list[Pair], steps: Floats, spread: Floats, sigma: float) -> tuple[float, list[Pair]]:
    """Score and pairs of the step that most tracks agree on; a pair that wanders counts less."""
    value = np.exp(-0.5 * (spread / sigma) ** 2)
    gap = np.linalg.norm(steps[:, None] - steps[None], axis=2)
    near = np.exp(-0.5 * (gap / sigma) ** 2) * value
    track = np.array([pair.track for pair in pairs])
    score = np.zeros(len(pairs))
    for one in np.unique(track):
        score += near[:, track == one].max(axis=1)
    best = int(np.argmax(score))
    chosen = []
    for one in np.unique(track):
        mine = np.flatnonzero(track == one)
        row = mine[np.argmax(near[best, mine])]
        if near[best, row] > 0.1:
            chosen.append(pairs[row])
    return float(score[best]), chosen


def _is_near(foot: Floats, state: Floats, gate_m: float) -> bool:
    """Whether a vehicle may be the one above these points of the ground; a long one reaches far from its middle."""
    gap = np.hypot(*(foot - state[:, :2]).T)
    return bool(np.nanmedian(np.where(np.isfinite(gap), gap, np.inf)) < gate_m + NEAR_M)


def match(
    projection: Floats,
    tracks: list[Track],
    vehicles: list[Vehicle],
    *,
    offset_s: float,
    gate_m: float = GATE_M,
    tight: float = 0.0,
) -> list[Pair]:
    """Who is who under a pose."""
    pairs = []
    to_ground: Floats = np.asarray(np.linalg.inv(projection[:, [0, 1, 3]]), dtype=np.float64)
    for i, track in enumerate(tracks):
        time = track.time_s + offset_s
        foot = homography.apply(
            to_ground, np.stack([0.5 * (track.box[:, 0] + track.box[:, 2]), track.box[:, 3]], 1)
        )
        cost, found = [], []
        for j, vehicle in enumerate(vehicles):
            if vehicle.time_s[-1] < time[0] or vehicle.time_s[0] > time[-1]:
                continue
            state = vehicle.at(time)
            rows = np.flatnonzero(np.isfinite(state[:, 0]))
            if len(rows) < LEAST_SHARED or not _is_near(foot[rows], state[rows], gate_m):
                continue
            offset = ground_offset(projection, track, rows, state[rows], vehicle.size_m, tight=tight)
            good = np.isfinite(offset).all(axis=1)
            if good.sum() < LEAST_SHARED:
                continue
            middle = np.median(offset[good], axis=0)
            wander = float(np.median(np.hypot(*(offset[good] - middle).T)))
            cost.append(float(np.hypot(*middle)) + wander)
            found.append(Pair(i, j, rows[good]) if wander < WANDER_M else None)
        if not cost:
            continue
        order = np.argsort(cost)
        best = found[order[0]]
        clear = len(order) == 1 or cost[order[1]] > max(SECOND_BEST * cost[order[0]], gate_m)
        if best is not None and cost[order[0]] < gate_m and clear:
            pairs.append(best)
    return pairs
