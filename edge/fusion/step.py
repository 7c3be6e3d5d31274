"""One scan through the tracker: predict, gate, associate, update, initiate, delete."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.fusion.absorb import absorb, begin
from edge.fusion.alignment import SETTLED_HITS, STANDING_MPS, change, compare, forget
from edge.fusion.assignment import assign
from edge.fusion.compiled import kernel
from edge.fusion.duplicates import inside_another, merge, note_together, prune
from edge.fusion.existence import fill_horizon, inside, learned_share, missed, occluded
from edge.fusion.gate import find_pairs, place
from edge.fusion.motion import predict
from edge.fusion.sensors import SensorTerms
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import (
    BIRTHS,
    CAPACITY,
    CHANGE_COUNT,
    CHANGE_SUM,
    CONFIRMED,
    EXISTENCE,
    HITS,
    MERGED,
    NIS_COUNT,
    NIS_SUM,
    OWN_ROOM,
    REFUSED,
    SPEAKER,
    TRUST,
    VX,
    VY,
    X,
    Y,
)
from edge.fusion.workspace import Workspace

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
TRUST_LOSS = 0.05
LARGEST_NIS = 12.0


@kernel
def update_all(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    floats: FloatArray,
    integers: IntArray,
    measured: FloatArray,
    speakers: IntArray,
    track_of: IntArray,
    time_ns: int,
    sensor: SensorTerms,
    settings: TrackerSettings,
    statistics: FloatArray,
    pairs: FloatArray,
) -> None:
    """Update every track that has a measurement."""
    column = int(sensor.column)
    for j in range(len(track_of)):
        i = track_of[j]
        if i < 0:
            continue
        if sensor.shared == 0.0:
            changed = change(floats, integers, i, measured, j, time_ns, sensor)
            if math.isfinite(changed):
                statistics[column, CHANGE_SUM] += min(changed, LARGEST_NIS)
                statistics[column, CHANGE_COUNT] += 1.0
            compare(floats, integers, i, measured, j, time_ns, sensor, pairs)
        distance = absorb(floats, integers, i, measured, j, speakers[j], time_ns, sensor, settings)
        if integers[i, HITS] >= SETTLED_HITS:
            statistics[column, NIS_SUM] += min(distance, LARGEST_NIS)
            statistics[column, NIS_COUNT] += 1.0


@kernel
def miss_all(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    floats: FloatArray,
    integers: IntArray,
    count: int,
    track_of: IntArray,
    sensor: SensorTerms,
    polygon: FloatArray,
    coverage: FloatArray,
    settings: TrackerSettings,
    work: Workspace,
) -> None:
    """Lower the existence of tracks that the sensor should have seen and did not."""
    seen = np.zeros(count, dtype=np.bool_)
    for j in range(len(track_of)):
        if track_of[j] >= 0:
            seen[track_of[j]] = True
    looked, learns = False, len(polygon) == 0 and sensor.sight == 1.0
    for i in range(count):
        share = 1.0
        if learns and integers[i, CONFIRMED] != 0:
            share = learned_share(coverage, floats[i, X], floats[i, Y], seen[i])
        if seen[i] or not inside(polygon, floats[i, X], floats[i, Y]):
            continue
        if not looked:
            fill_horizon(floats, count, sensor, work.horizon)
            looked = True
        hidden = occluded(floats, i, sensor, work.horizon)
        weight = settings.occluded_weight if hidden else settings.miss_weight
        if sensor.moving_only != 0.0 and floats[i, VX] ** 2 + floats[i, VY] ** 2 < STANDING_MPS**2:
            weight *= settings.overlooked_weight
        floats[i, EXISTENCE] = missed(floats[i, EXISTENCE], sensor.detection * sensor.sight * weight * share)
        if integers[i, SPEAKER] != 0 and not hidden:
            floats[i, TRUST] *= 1.0 - TRUST_LOSS * sensor.sight


@kernel
def begin_all(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    floats: FloatArray,
    integers: IntArray,
    count: int,
    measured: FloatArray,
    speakers: IntArray,
    track_of: IntArray,
    first_key: int,
    time_ns: int,
    sensor: SensorTerms,
    settings: TrackerSettings,
    statistics: FloatArray,
) -> int:
    """Begin a track at every measurement that belongs to none; returns the rows in use."""
    old, column = count, int(sensor.column)
    own = sensor.speaks == 0.0 and sensor.shared == 0.0
    room = CAPACITY if own else CAPACITY - OWN_ROOM
    for j in range(len(track_of)):
        if track_of[j] >= 0:
            continue
        if sensor.speaks == 0.0 and inside_another(floats, integers, old, measured, j, time_ns, sensor):
            continue
        if count >= room:
            statistics[column, REFUSED] += 1.0
            continue
        begin(floats, integers, count, measured, j, speakers[j], first_key + j, time_ns, sensor, settings)
        statistics[column, BIRTHS] += 1.0
        count += 1
    return count


@kernel
def step(  # noqa: PLR0913, PLR0917 - kernels take arrays, not objects
    floats: FloatArray,
    integers: IntArray,
    count: int,
    seconds: float,
    measured: FloatArray,
    speakers: IntArray,
    first_key: int,
    time_ns: int,
    sensor: SensorTerms,
    polygon: FloatArray,
    coverage: FloatArray,
    owned: IntArray,
    settings: TrackerSettings,
    statistics: FloatArray,
    pairs: FloatArray,
    work: Workspace,
) -> int:
    """Take one scan.

    Args:
        floats, integers, count: the track table.
        seconds: since the table's time.
        measured: (m, M_COLUMNS) float64 measurements; covariance without bias.
        speakers: (m,) int64 number of the temporary id; 0 none.
        first_key: key of a track that begins at measurement 0; measurement j takes `first_key + j`.
        time_ns: capture time.
        sensor: who measured; polygon: (k, 2) where it looks, empty unknown.
        coverage: (COVERAGE_CELLS, COVERAGE_CELLS, 2) what it saw and missed, where the polygon is unknown.
        owned: (sensors,) int64, 1 for sensors of our own, 0 for V2X links.
        settings: see `TrackerSettings`.
        statistics: (sensors, STATISTICS) float64 running sums.
        pairs: (sensors, sensors, PAIR) float64 sums of disagreement.
        work: scratch.

    Returns:
        Rows in use afterwards.
    """
    predict(floats, count, seconds, settings)
    forget(pairs, seconds)
    count = prune(floats, integers, count, time_ns, settings)
    place(floats, count, sensor, work)
    find_pairs(floats, integers, count, measured, speakers, time_ns, sensor, settings, work)
    track_of = assign(work, len(measured), count, settings.unassigned_cost)
    update_all(floats, integers, measured, speakers, track_of, time_ns, sensor, settings, statistics, pairs)
    if sensor.speaks == 0.0 and sensor.shared == 0.0:
        miss_all(floats, integers, count, track_of, sensor, polygon, coverage, settings, work)
    count = begin_all(
        floats, integers, count, measured, speakers, track_of, first_key, time_ns, sensor, settings, statistics
    )  # fmt: skip
    if sensor.speaks == 0.0 and sensor.shared == 0.0:
        note_together(floats, integers, count, time_ns, work)
    merged = merge(floats, integers, count, time_ns, owned, settings, work)
    statistics[int(sensor.column), MERGED] += merged
    return prune(floats, integers, count, time_ns, settings)
