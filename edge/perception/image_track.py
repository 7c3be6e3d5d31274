"""Image-plane tracking of one camera: stable ids, and a class that is voted on over pictures; compiled.

Boxes are matched greedily by overlap with boxes that moved on as before, the surest first; what is left over is matched
by distance, so that a fast or small road user keeps its id (two rounds as in Zhang et al., ByteTrack, ECCV 2022, and a
constant-velocity box as in Bewley et al., SORT, ICIP 2016).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.perception.compiled import kernel
from edge.perception.order import descending

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CAPACITY = 256
"""Tracks of one camera at most; of further boxes the least sure stay without id."""
# Columns of a track: box, its velocity in pixels a second, votes of the classes.
X1, Y1, X2, Y2, VX, VY, VOTES = 0, 1, 2, 3, 4, 5, 6
COLUMNS = VOTES + CLASS_COUNT
# Columns of whole numbers.
ID, SEEN_NS, HITS = 0, 1, 2
LEAST_OVERLAP = 0.2
REACH = 1.2
"""Farthest step, beyond the prediction, as a share of the mean side of the box."""
LOST_NS = 1_200_000_000
"""A track that was not seen for so long ends."""
VELOCITY_GAIN, VOTE_KEPT, MOST_VOTE = 0.5, 0.9, 8.0
FOUR_WHEELS, TWO_WHEELS = 2, 4
"""Last class column of four-wheelers and of two-wheelers."""


@kernel
def family(log_odds: Floats) -> int:
    """0 four wheels, 1 two wheels, 2 on foot."""
    best = 0
    for c in range(1, CLASS_COUNT):
        if log_odds[c] > log_odds[best]:
            best = c
    if best <= FOUR_WHEELS:
        return 0
    return 1 if best <= TWO_WHEELS else 2


@kernel
def overlap(a: Floats, b: Floats) -> float:
    """Intersection over union of two boxes x1 y1 x2 y2."""
    across = min(a[X2], b[X2]) - max(a[X1], b[X1])
    down = min(a[Y2], b[Y2]) - max(a[Y1], b[Y1])
    if across <= 0.0 or down <= 0.0:
        return 0.0
    shared = across * down
    return float(shared / ((a[X2] - a[X1]) * (a[Y2] - a[Y1]) + (b[X2] - b[X1]) * (b[Y2] - b[Y1]) - shared))


@kernel
def nearness(track: Floats, box: Floats) -> float:
    """1 where the middles fall together, 0 at the farthest step and beyond."""
    side = 0.25 * (box[X2] - box[X1] + box[Y2] - box[Y1] + track[X2] - track[X1] + track[Y2] - track[Y1])
    dx = 0.5 * (box[X1] + box[X2] - track[X1] - track[X2])
    dy = 0.5 * (box[Y1] + box[Y2] - track[Y1] - track[Y2])
    return float(1.0 - math.hypot(dx, dy) / max(REACH * side, 1e-6))


@kernel
def match(
    tracks: Floats,
    count: int,
    box: Floats,
    odds: Floats,
    order: Ints,
    track_of: Ints,
    taken: Ints,
    near: bool,
) -> None:
    """Give boxes without a track the best free one, the surest box first."""
    for k in range(len(order)):
        i = order[k]
        if track_of[i] >= 0:
            continue
        best, value = -1, 0.0 if near else LEAST_OVERLAP
        for j in range(count):
            if taken[j] != 0:
                continue
            fit = nearness(tracks[j], box[i]) if near else overlap(tracks[j], box[i])
            if fit > value and family(tracks[j, VOTES:]) == family(odds[i]):
                best, value = j, fit
        if best >= 0:
            track_of[i] = best
            taken[best] = 1


@kernel
def update(track: Floats, box: Floats, odds: Floats, seconds: float) -> None:
    """Move a track to its box and count the votes of its class."""
    if seconds > 0.0:
        # The track lies where it was predicted: the difference corrects its velocity.
        dx = 0.5 * (box[X1] + box[X2] - track[X1] - track[X2]) / seconds
        dy = 0.5 * (box[Y1] + box[Y2] - track[Y1] - track[Y2]) / seconds
        track[VX] += VELOCITY_GAIN * dx
        track[VY] += VELOCITY_GAIN * dy
    for k in range(4):
        track[k] = box[k]
    for c in range(CLASS_COUNT):
        vote = VOTE_KEPT * track[VOTES + c] + odds[c]
        track[VOTES + c] = min(MOST_VOTE, max(-MOST_VOTE, vote))


@kernel
def advance(tracks: Floats, whole: Ints, count: int, now_ns: int, seconds: float) -> int:
    """Predict every track and drop those that were not seen for long; returns how many are left."""
    kept = 0
    for j in range(count):
        if now_ns - whole[j, SEEN_NS] > LOST_NS:
            continue
        if kept != j:
            tracks[kept], whole[kept] = tracks[j], whole[j]
        tracks[kept, X1] += tracks[kept, VX] * seconds
        tracks[kept, X2] += tracks[kept, VX] * seconds
        tracks[kept, Y1] += tracks[kept, VY] * seconds
        tracks[kept, Y2] += tracks[kept, VY] * seconds
        kept += 1
    return kept


@kernel
def step(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    tracks: Floats,
    whole: Ints,
    count: int,
    box_px: NDArray[np.float32],
    odds: Floats,
    sure: Floats,
    now_ns: int,
    before_ns: int,
    next_id: int,
    ids: Ints,
    votes: Floats,
) -> tuple[int, int]:
    """Take the boxes of one picture; `ids` (n,) and `votes` (n, 6) are written. Returns tracks and the next id."""
    seconds = (now_ns - before_ns) * 1e-9
    box, order = box_px.astype(np.float64), descending(sure)
    count = advance(tracks, whole, count, now_ns, seconds)
    track_of, taken = np.full(len(box), -1), np.zeros(count, dtype=np.int64)
    match(tracks, count, box, odds, order, track_of, taken, False)
    match(tracks, count, box, odds, order, track_of, taken, True)
    for k in range(len(order)):
        i = order[k]
        j = track_of[i]
        if j < 0 and count >= CAPACITY:
            ids[i] = -1
            votes[i] = odds[i]
            continue
        if j < 0:
            j, count = count, count + 1
            tracks[j] = 0.0
            for c in range(4):
                tracks[j, c] = box[i, c]
            whole[j, ID], whole[j, HITS] = next_id, 0
            next_id += 1
        update(tracks[j], box[i], odds[i], (now_ns - whole[j, SEEN_NS]) * 1e-9 if whole[j, HITS] > 0 else 0.0)
        whole[j, SEEN_NS] = now_ns
        whole[j, HITS] += 1
        ids[i] = whole[j, ID]
        votes[i] = tracks[j, VOTES:]
    return count, next_id


class ImageTracker:
    """Ids and voted classes for one camera; ids are never used twice."""

    def __init__(self) -> None:
        self._tracks, self._whole = np.zeros((CAPACITY, COLUMNS)), np.zeros((CAPACITY, 3), dtype=np.int64)
        self._count, self._next_id, self._time_ns = 0, 1, 0

    @property
    def count(self) -> int:
        """Tracks that are alive."""
        return self._count

    def track(
        self, box_px: NDArray[np.float32], class_log_odds: Floats, confidence: Floats, *, capture_ns: int
    ) -> tuple[Ints, Floats]:
        """Take the boxes of a picture.

        Args:
            box_px: (n, 4) x1 y1 x2 y2.
            class_log_odds: (n, 6).
            confidence: (n,).
            capture_ns: UTC ns; a picture that is not newer than the last one begins anew.

        Returns:
            (n,) ids, -1 none, and (n, 6) class log odds voted on over the pictures of the track.
        """
        if capture_ns <= self._time_ns:
            self._count = 0
        ids, votes = np.empty(len(box_px), dtype=np.int64), np.empty((len(box_px), CLASS_COUNT))
        self._count, self._next_id = step(
            self._tracks, self._whole, self._count, np.ascontiguousarray(box_px, dtype=np.float32).reshape(-1, 4),
            np.ascontiguousarray(class_log_odds, dtype=np.float64),
            np.ascontiguousarray(confidence, dtype=np.float64),
            capture_ns, self._time_ns or capture_ns, self._next_id, ids, votes,
        )  # fmt: skip
        self._time_ns = capture_ns
        return ids, votes
