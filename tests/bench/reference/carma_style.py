"""A tracker in the style of USDOT's CARMA multiple_object_tracking, written anew from its documentation.

Every 100 ms: detections are brought to now, scored by their distance to the predicted tracks, gated, matched by global
nearest neighbour, and fused by covariance intersection with the weight of the determinants; a track counts up with a
match and down without, is published from one threshold on and ends at zero.
https://github.com/usdot-fhwa-stol/multiple_object_tracking

What differs is in its favour: the scans of a cycle are matched one after the other (one match per track and cycle would
leave the detections of the other sensors to start duplicates), process noise is added, and what nothing fits does not
start a track right beside one. Detections have no yaw rate, so motion is of constant velocity. Those without velocity
are compared with where the track was at capture, and by regression tell of its velocity.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tests.bench.reference.cycles import PERIOD_NS, Line, cycles

FloatArray = NDArray[np.float64]
FAR_M = 20.0
START_SPEED_SIGMA_MPS = 8.0


@dataclass(frozen=True, slots=True)
class Setup:
    """How the reference is set up.

    Attributes:
        gate, gate_m: Mahalanobis distance, and distance, within which a detection may belong to a track.
        promotion: cycles with a match that make a track published.
        removal: cycles in a row without one that end a published track.
        apart_m: detections closer than this start one track.
        bias_share: share of the variance of a sensor's constant error that is added to what it states.
    """

    gate: float = 4.0
    gate_m: float = 6.0
    promotion: int = 4
    removal: int = 10
    apart_m: float = 2.0
    bias_share: float = 1.0


@dataclass(slots=True)
class Track:
    """One road user.

    Attributes:
        identity: number.
        state: (4,) x, y, vx, vy.
        covariance: (4, 4).
        occurrences: matches so far, less misses.
        confirmed: published.
        matched: in this cycle.
    """

    identity: int
    state: FloatArray
    covariance: FloatArray
    occurrences: int = 1
    confirmed: bool = False
    matched: bool = True


@dataclass(frozen=True, slots=True)
class Detection:
    """One detection: with velocity at the time of the cycle, without it at its time of capture.

    Attributes:
        state: (4,) x, y, vx, vy; velocity 0 where it is unknown.
        covariance: (4, 4), or (2, 2) where velocity is unknown.
        late_s: from capture to now.
        moving: velocity is known.
    """

    state: FloatArray
    covariance: FloatArray
    late_s: float
    moving: bool


class CarmaStyleTracker:
    """Takes scans as they arrive, gives published tracks at cycle times.

    Args:
        sensors: tables of the sensor file.
        process_noise: spectral density of acceleration per axis, m2/s3.
        setup: all else.
    """

    def __init__(self, sensors: Sequence[Line], *, process_noise: float, setup: Setup) -> None:
        self._setup, self._process_noise = setup, process_noise
        self._sensors = {sensor["name"]: sensor for sensor in sensors}
        self._tracks: list[Track] = []
        self._born = 0

    def cycle(self, lines: Sequence[Line], now_ns: int) -> Line:
        """One run of the pipeline."""
        for track in self._tracks:
            step = _transition(PERIOD_NS * 1e-9)
            track.state = step @ track.state
            track.covariance = step @ track.covariance @ step.T + self._noise(PERIOD_NS * 1e-9)
            track.matched = False
        left: list[Detection] = []
        for scan in _scans(lines):
            detections = [self._detection(line, entry, now_ns) for line, entry in scan]
            left += self._match(detections)
        self._count()
        for detection in left:
            self._start(detection)
        return {"t_ns": now_ns, "tracks": [_line(track) for track in self._tracks if track.confirmed]}

    def _noise(self, seconds: float) -> FloatArray:
        cube, square = seconds**3 / 3, seconds**2 / 2
        return self._process_noise * np.kron([[cube, square], [square, seconds]], np.eye(2))

    def _detection(self, line: Line, entry: Line, now_ns: int) -> Detection:
        sensor = self._sensors.get(line["sensor"], {})
        late_s = max(0.0, (now_ns - line["t_meas_ns"]) * 1e-9)
        position = _matrix(entry.get("cov"), sensor.get("position_sigma_m", 1.0))
        position += self._setup.bias_share * sensor.get("bias_m", 0.0) ** 2 * np.eye(2)
        if entry.get("vx") is None:
            return Detection(np.array([entry["x"], entry["y"], 0.0, 0.0]), position, late_s, False)
        covariance = np.zeros((4, 4))
        covariance[:2, :2], covariance[2:, 2:] = position, _matrix(entry.get("vcov"), 1.0)
        step = _transition(late_s)
        state = step @ np.array([entry["x"], entry["y"], entry["vx"], entry["vy"]])
        return Detection(state, step @ covariance @ step.T + self._noise(late_s), late_s, True)

    def _match(self, detections: list[Detection]) -> list[Detection]:
        """Fuse a scan into the tracks; the detections that fit none."""
        if not self._tracks or not detections:
            return detections
        scores = np.array([[self._score(track, found) for found in detections] for track in self._tracks])
        rows, columns = linear_sum_assignment(scores)
        used = set()
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if scores[row, column] < self._setup.gate_m:
                _intersect(self._tracks[row], detections[column])
                used.add(column)
        return [found for column, found in enumerate(detections) if column not in used]

    def _score(self, track: Track, found: Detection) -> float:
        if np.abs(found.state[:2] - track.state[:2]).sum() > FAR_M:
            return self._setup.gate_m
        mean, spread = _as_seen(track, found)
        gap, spread = (found.state[: len(mean)] - mean)[:2], (spread + found.covariance)[:2, :2]
        squared = float(gap @ np.linalg.solve(spread, gap))
        return (
            min(float(np.hypot(*gap)), self._setup.gate_m)
            if squared < self._setup.gate**2
            else self._setup.gate_m
        )

    def _count(self) -> None:
        for track in self._tracks:
            if not track.matched:
                track.occurrences -= 1
            elif track.confirmed:
                track.occurrences = self._setup.removal
            else:
                track.occurrences += 1
            if not track.confirmed and track.occurrences >= self._setup.promotion:
                track.confirmed, track.occurrences = True, self._setup.removal
        self._tracks = [track for track in self._tracks if track.occurrences > 0]

    def _start(self, found: Detection) -> None:
        gaps = [
            np.hypot(*(found.state[:2] - _as_seen(track, found)[0][:2]))
            for track in self._tracks
            if track.matched
        ]
        if min(gaps, default=np.inf) < self._setup.apart_m:
            return
        covariance = found.covariance
        if not found.moving:
            covariance = np.diag([0.0, 0.0, START_SPEED_SIGMA_MPS**2, START_SPEED_SIGMA_MPS**2])
            covariance[:2, :2] = found.covariance
            step = _transition(found.late_s)
            covariance = step @ covariance @ step.T
        self._born += 1
        self._tracks.append(Track(self._born, found.state.copy(), covariance))


def _intersect(track: Track, found: Detection) -> None:
    """Fuse by covariance intersection; what a detection does not measure follows by regression on what it does."""
    mean, before = _as_seen(track, found)
    own, other = np.linalg.inv(before), np.linalg.inv(found.covariance)
    whole, ours, theirs = (np.linalg.det(part) for part in (own + other, own, other))
    weight = (whole - theirs + ours) / (2 * whole)
    after = np.linalg.inv(weight * own + (1 - weight) * other)
    fused = after @ (weight * own @ mean + (1 - weight) * other @ found.state[: len(mean)])
    slope = track.covariance @ _view(found).T @ own
    track.state = track.state + slope @ (fused - mean)
    covariance = track.covariance + slope @ (after - before) @ slope.T
    track.covariance = (covariance + covariance.T) / 2
    track.matched = True


def _view(found: Detection) -> FloatArray:
    """Matrix that makes of a state now what the detection measures: all of it, or the position at its capture."""
    return np.eye(4) if found.moving else _transition(-found.late_s)[:2]


def _as_seen(track: Track, found: Detection) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of what the detection measures of a track."""
    view = _view(found)
    return view @ track.state, view @ track.covariance @ view.T


def _scans(lines: Sequence[Line]) -> list[list[tuple[Line, Line]]]:
    """Detections with their lines, in order of capture; V2X reports of a cycle together, the newest of each."""
    scans, heard = [], {}
    for line in sorted(lines, key=lambda line: line["t_meas_ns"]):
        if line["kind"] == "v2x":
            heard |= {entry.get("id", id(entry)): (line, entry) for entry in line["objects"]}
        else:
            scans.append([(line, entry) for entry in line["objects"]])
    return [*scans, list(heard.values())]


def _transition(seconds: float) -> FloatArray:
    return np.eye(4) + seconds * np.eye(4, k=2)


def _matrix(triple: Sequence[float] | None, sigma: float) -> FloatArray:
    if triple is None:
        return sigma**2 * np.eye(2)
    xx, xy, yy = triple
    return np.array([[xx, xy], [xy, yy]])


def _line(track: Track) -> Line:
    x, y, vx, vy = track.state.tolist()
    cov = [float(track.covariance[0, 0]), float(track.covariance[0, 1]), float(track.covariance[1, 1])]
    return {
        "id": track.identity,
        "x": x,
        "y": y,
        "vx": vx,
        "vy": vy,
        "cov": cov,
        "class": "unknown",
        "existence": 1.0,
    }


def run(
    scans: Sequence[Line],
    sensors: Sequence[Line],
    *,
    process_noise: float,
    setup: Setup | None = None,
    spent_s: list[float] | None = None,
) -> Iterator[Line]:
    """Lines of tracks at every multiple of 100 ms, from what had arrived by then.

    Args:
        scans: lines in order of arrival.
        sensors: tables of the sensor file.
        process_noise: spectral density of acceleration per axis, m2/s3.
        setup: None: the one that was tuned.
        spent_s: takes the CPU time of each cycle.
    """
    tracker = CarmaStyleTracker(sensors, process_noise=process_noise, setup=setup or Setup())
    yield from cycles(scans, tracker.cycle, spent_s=spent_s)
