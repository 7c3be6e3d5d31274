"""Which rows of the table go out, and in what form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT
from edge.core.tracks import Tracks
from edge.fusion.settings import TrackerSettings
from edge.fusion.speakers import Speakers
from edge.fusion.table import (
    BIAS,
    BORN,
    CAPTURE,
    CLASSES,
    CONFIRMED,
    EXISTENCE,
    LATE,
    LENGTH,
    SEEN,
    SENSED,
    SPEAKER,
    STILL,
    TRUST,
    VX,
    XX,
    YAW,
    YY,
    X,
    full_covariance,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SHADOW_M = 2.0
SHADOW_NS = 1_500_000_000


def publishable(
    floats: FloatArray, integers: IntArray, *, now_ns: int, settings: TrackerSettings
) -> NDArray[np.bool_]:
    """(n,) rows that are confirmed, still believed in, and known well enough to be of use."""
    variance = floats[:, XX] + floats[:, YY]
    stands = integers[:, SENSED] - integers[:, STILL] > settings.stand_s * 1e9
    coast_ns = np.where(stands, settings.parked_coast_s, settings.coast_s) * 1e9
    fresh = (integers[:, SENSED] > 0) & (now_ns - integers[:, SENSED] <= coast_ns)
    publish: NDArray[np.bool_] = (
        (integers[:, CONFIRMED] == 1) & (floats[:, EXISTENCE] > settings.hold) & fresh
    )
    publish &= variance < settings.publish_variance_m2
    young = (integers[:, SPEAKER] != 0) & (now_ns - integers[:, BORN] < SHADOW_NS)
    rows: list[int] = np.flatnonzero(publish & young).tolist()
    for row in rows:
        publish[row] = not _shadows(floats, integers, publish, row)
    return publish


def _shadows(floats: FloatArray, integers: IntArray, publish: NDArray[np.bool_], row: int) -> bool:
    """Whether a young speaking row lies on an older one: a road user that has just changed its temporary id."""
    near = np.hypot(*(floats[:, X : X + 2] - floats[row, X : X + 2]).T) < SHADOW_M
    slow = np.hypot(*(floats[:, VX : VX + 2] - floats[row, VX : VX + 2]).T) < 4.0
    older = (integers[:, BORN] < integers[row, BORN]) & (integers[:, SPEAKER] != 0)
    return bool((publish & near & slow & older).any())


def tracks_of(
    floats: FloatArray,
    integers: IntArray,
    ids: IntArray,
    *,
    stamp_ns: int,
    newest_ns: int,
    sensors: tuple[str, ...],
    speakers: Speakers,
) -> Tracks:
    """Rows as `Tracks`; the part of the error that does not average out is added to the covariance."""
    covariance = full_covariance(floats)
    velocity, late = floats[:, VX : VX + 2], floats[:, LATE, None, None]
    covariance[:, :2, :2] += late * velocity[:, :, None] * velocity[:, None, :]
    covariance[:, [0, 1], [0, 1]] += floats[:, BIAS, None]
    return Tracks(
        stamp_ns=stamp_ns,
        newest_capture_ns=newest_ns,
        track_id=ids,
        state=floats[:, X : X + 4].copy(),
        covariance=covariance,
        existence=floats[:, EXISTENCE].copy(),
        class_log_odds=floats[:, CLASSES : CLASSES + CLASS_COUNT].copy(),
        size_m=floats[:, LENGTH : LENGTH + 3].copy(),
        yaw_rad=floats[:, YAW].copy(),
        trust=floats[:, TRUST].copy(),
        capture_ns=integers[:, CAPTURE].copy(),
        still_ns=np.maximum(stamp_ns - integers[:, STILL], 0),
        sensors=sensors,
        last_seen_ns=integers[:, SEEN:].copy(),
        v2x_id=tuple(speakers.name(int(number)) for number in integers[:, SPEAKER]),
    )
