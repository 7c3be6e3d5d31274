"""Fuses recorded scans of any origin: JSON lines in, JSON lines out, as `edge fuse` does; README.md has the format."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.core.tracks import Tracks
from edge.fusion.complaints import Complaints
from edge.fusion.motion import class_name
from edge.fusion.recorded import RecordedScan, read_scan
from edge.fusion.sensors import SensorModel
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import M_X, M_Y
from edge.fusion.tracker import Tracker

PERIOD_NS = 100 * NS_PER_MS
CLOCK_STEP_NS = 200 * NS_PER_MS
"""Lines are in order of arrival: an arrival this much before the last one means that the clock was set back."""
LONGEST_GAP_NS = 60 * NS_PER_S
"""No lines are written over a longer pause of all sensors."""
FIRST_LINES = 50
"""So many lines tell where the scene is."""


def fuse(
    scans: Iterable[dict[str, Any]],
    sensors: Sequence[SensorModel],
    *,
    replay_ns: int = 400 * NS_PER_MS,
    settings: TrackerSettings | None = None,
    learn: bool = True,
    counters: Counter[str] | None = None,
    complaints: Complaints | None = None,
) -> Iterator[dict[str, Any]]:
    """Lines of tracks, one at every multiple of 100 ms UTC, each from the scans that had arrived by then.

    Args:
        scans: lines in order of arrival.
        sensors: a scan of any other sensor is counted and left out.
        replay_ns, settings, learn: see `Tracker`.
        counters: takes what was counted, the tracker's counts included, when the last line is out.
        complaints: takes what is wrong with the lines, in words.
    """
    if counters is None:
        counters = Counter()
    rest = iter(scans)
    read = _first(rest)
    if read is None:
        return
    begun, centre = read
    models = tuple(moved(sensor, -centre) for sensor in sensors)
    tracker = Tracker(models, replay_ns=replay_ns, settings=settings, learn=learn)
    due_ns = newest_ns = 0
    complaints = complaints or Complaints(tuple(sensor.name for sensor in sensors))
    good = _good(itertools.chain(begun, rest), tracker.counters, complaints, centre)
    for scan in _in_order(good, tracker.counters):
        if newest_ns - scan.arrival_ns > CLOCK_STEP_NS:
            tracker.shift_clock(scan.arrival_ns - newest_ns)
            due_ns, newest_ns = _next_period(scan.arrival_ns), scan.arrival_ns
        if due_ns == 0 or scan.arrival_ns - due_ns > LONGEST_GAP_NS:
            due_ns = _next_period(scan.arrival_ns)
        while scan.arrival_ns > due_ns:
            yield tracks_line(tracker.advance(due_ns), centre)
            due_ns += PERIOD_NS
        newest_ns = max(newest_ns, scan.arrival_ns)
        scan.rows[:, M_X : M_Y + 1] -= centre
        tracker.ingest_recorded(scan)
    if due_ns:
        yield tracks_line(tracker.advance(due_ns), centre)
    counters.update(tracker.counters)


def _first(
    lines: Iterator[dict[str, Any]],
) -> tuple[list[dict[str, Any]], NDArray[np.float64]] | None:
    """The first lines, and the middle of what they show in tens of metres; None: there is no line.

    The tracker works round the middle, because frames of others may have their origin anywhere. One false place does
    not move it.
    """
    begun: list[dict[str, Any]] = []
    places: list[NDArray[np.float64]] = []
    for line in lines:
        begun.append(line)
        try:
            shown = read_scan(line).rows[:, M_X : M_Y + 1]
        except CodecError:
            continue
        places.append(shown[np.isfinite(shown).all(axis=1)])
        if len(places) >= FIRST_LINES:
            break
    if not begun:
        return None
    known = np.concatenate(places) if places else np.empty((0, 2))
    return begun, np.round(np.median(known, axis=0), -1) if len(known) else np.zeros(2)


def _good(
    lines: Iterable[dict[str, Any]],
    counters: Counter[str],
    complaints: Complaints,
    centre: NDArray[np.float64],
) -> Iterator[RecordedScan]:
    for line in lines:
        try:
            scan = read_scan(line)
        except CodecError as error:
            counters["bad_lines"] += 1
            complaints.bad_line(line, error.problem)
            continue
        complaints.scan(line, scan, centre)
        yield scan


def _in_order(scans: Iterable[RecordedScan], counters: Counter[str]) -> Iterator[RecordedScan]:
    """Leave out a scan whose arrival leaps, unless the next one leaps likewise: then the clock or the day has."""
    newest_ns: int | None = None
    leapt_ns: int | None = None
    for scan in scans:
        ahead_ns = 0 if newest_ns is None else scan.arrival_ns - newest_ns
        leaps = ahead_ns > LONGEST_GAP_NS or ahead_ns < -CLOCK_STEP_NS
        if leaps and (leapt_ns is None or abs(scan.arrival_ns - leapt_ns) > LONGEST_GAP_NS):
            leapt_ns = scan.arrival_ns
            counters["arrivals_out_of_order"] += 1
            continue
        leapt_ns = None
        newest_ns = scan.arrival_ns if leaps or newest_ns is None else max(newest_ns, scan.arrival_ns)
        yield scan


def moved(sensor: SensorModel, by_m: NDArray[np.float64]) -> SensorModel:
    """A sensor in a frame whose origin lies elsewhere."""
    position, polygon = sensor.position_m, sensor.visible_polygon
    return replace(
        sensor,
        position_m=None if position is None else position + by_m,
        visible_polygon=None if polygon is None else polygon + by_m,
    )


def _next_period(time_ns: int) -> int:
    return -(-time_ns // PERIOD_NS) * PERIOD_NS


def tracks_line(tracks: Tracks, centre_m: NDArray[np.float64] | None = None) -> dict[str, Any]:
    """A line of the output; `centre_m` is where the tracker's origin lies in the frame of the lines."""
    shifted = tracks.state.copy()
    if centre_m is not None:
        shifted[:, :2] += centre_m
    state, covariance = shifted.round(3).tolist(), tracks.covariance
    return {
        "t_ns": tracks.stamp_ns,
        "tracks": [
            {
                "id": int(tracks.track_id[k]),
                "x": state[k][0],
                "y": state[k][1],
                "vx": state[k][2],
                "vy": state[k][3],
                "cov": [
                    round(float(covariance[k, 0, 0]), 5),
                    round(float(covariance[k, 0, 1]), 5),
                    round(float(covariance[k, 1, 1]), 5),
                ],
                "class": class_name(tracks.class_log_odds[k]),
                "existence": round(float(tracks.existence[k]), 4),
            }
            for k in range(len(tracks))
        ],
    }
