"""Fuses recorded scans of any origin: JSON lines in, JSON lines out, as `edge fuse` does; README.md has the format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.core.tracks import Tracks
from edge.fusion.motion import class_name
from edge.fusion.recorded import read_scan
from edge.fusion.sensors import SensorModel
from edge.fusion.settings import TrackerSettings
from edge.fusion.tracker import Tracker

PERIOD_NS = 100 * NS_PER_MS
CLOCK_STEP_NS = 200 * NS_PER_MS
"""Lines are in order of arrival: an arrival this much before the last one means that the clock was set back."""
LONGEST_GAP_NS = 60 * NS_PER_S
"""No lines are written over a longer pause of all sensors."""


def fuse(
    scans: Iterable[dict[str, Any]],
    sensors: Sequence[SensorModel],
    *,
    replay_ns: int = 400 * NS_PER_MS,
    settings: TrackerSettings | None = None,
    learn: bool = True,
    counters: Counter[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Lines of tracks, one at every multiple of 100 ms UTC, each from the scans that had arrived by then.

    Args:
        scans: lines in order of arrival.
        sensors: a scan of any other sensor is counted and left out.
        replay_ns, settings, learn: see `Tracker`.
        counters: takes what was counted, the tracker's counts included, when the last line is out.
    """
    tracker = Tracker(tuple(sensors), replay_ns=replay_ns, settings=settings, learn=learn)
    due_ns, newest_ns = 0, 0
    for line in scans:
        try:
            scan = read_scan(line)
        except CodecError:
            tracker.counters["bad_lines"] += 1
            continue
        if newest_ns - scan.arrival_ns > CLOCK_STEP_NS:
            tracker.shift_clock(scan.arrival_ns - newest_ns)
            due_ns, newest_ns = _next_period(scan.arrival_ns), scan.arrival_ns
        if due_ns == 0 or scan.arrival_ns - due_ns > LONGEST_GAP_NS:
            due_ns = _next_period(scan.arrival_ns)
        while scan.arrival_ns > due_ns:
            yield tracks_line(tracker.advance(due_ns))
            due_ns += PERIOD_NS
        newest_ns = max(newest_ns, scan.arrival_ns)
        tracker.ingest_recorded(scan)
    if due_ns:
        yield tracks_line(tracker.advance(due_ns))
    if counters is not None:
        counters.update(tracker.counters)


def _next_period(time_ns: int) -> int:
    return -(-time_ns // PERIOD_NS) * PERIOD_NS


def tracks_line(tracks: Tracks) -> dict[str, Any]:
    """A line of the output."""
    state, covariance = tracks.state.round(3).tolist(), tracks.covariance
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
