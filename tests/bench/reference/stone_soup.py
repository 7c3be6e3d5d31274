"""Stone Soup's global nearest neighbour tracker on our scans, set up as well as we know how to.

It has the information that our tracker has: process noise, the covariance that each measurement states, the constant
error of each sensor, velocities of V2X and radar. It has no replay of late scans: those wait for `hold_ms`, and what is
later still is taken at the time of the tracker. Settings were tuned on scenes and seeds that are not reported.
Stone Soup 1.9.1, https://stonesoup.readthedocs.io
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stonesoup.dataassociator.neighbour import GNNWith2DAssignment
from stonesoup.deleter.error import CovarianceBasedDeleter
from stonesoup.deleter.multi import CompositeDeleter
from stonesoup.deleter.time import UpdateTimeDeleter
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.initiator.simple import MultiMeasurementInitiator
from stonesoup.measures import Mahalanobis
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import KalmanPredictor
from stonesoup.types.detection import Detection
from stonesoup.types.state import GaussianState
from stonesoup.updater.kalman import KalmanUpdater

from tests.bench.reference.cycles import Line, cycles

EPOCH = datetime.datetime(1970, 1, 1)
POSITION, MOTION = (0, 2), (0, 2, 1, 3)
"""Places of x, y and of x, y, vx, vy in the state x, vx, y, vy."""
KEPT_STATES = 400
"""History of a track; the deleter looks back for less."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How the peer is set up.

    Attributes:
        gate: Mahalanobis distance within which a detection may belong to a track.
        points: detections that a track needs before it is published.
        coast_s: a track without update for longer ends.
        lost_m2: a track with a larger position variance (sum of both axes) ends.
        bias_share: factor of the variance of a sensor's constant error, which is added to what it states.
        hold_ms: scans wait for so long after capture, so that they are taken in order.
        speed_sigma_mps: one-sigma speed per axis of a road user that was seen once.
        near_m: detections further from the predicted track are not tried; None: all are, as Stone Soup does.
    """

    gate: float = 5.0
    points: int = 6
    coast_s: float = 1.5
    lost_m2: float = 40.0
    bias_share: float = 2.0
    hold_ms: float = 100.0
    speed_sigma_mps: float = 8.0
    near_m: float | None = None


class NearHypothesiser(DistanceHypothesiser):
    """Tries only detections within `near_m` of the track; what is further is outside the gate anyway."""

    near_m: float = 20.0

    def hypothesise(self, track: Any, detections: Any, timestamp: Any, **arguments: Any) -> Any:
        mean = self.predictor.predict(track, timestamp=timestamp).state_vector
        x, y, reach = float(mean[0, 0]), float(mean[2, 0]), self.near_m
        near = [
            d for d in detections if abs(d.metadata["x"] - x) < reach and abs(d.metadata["y"] - y) < reach
        ]
        return super().hypothesise(track, near, timestamp, **arguments)


class StoneSoupTracker:
    """Takes scans as they arrive, gives tracks at cycle times.

    Args:
        sensors: tables of the sensor file.
        process_noise: spectral density of acceleration per axis, m2/s3.
        setup: all else.
    """

    def __init__(self, sensors: Sequence[Line], *, process_noise: float, setup: Setup) -> None:
        self._setup = setup
        self._sensors = {sensor["name"]: sensor for sensor in sensors}
        motion = CombinedLinearGaussianTransitionModel([ConstantVelocity(process_noise)] * 2)
        self._predictor = KalmanPredictor(motion)
        self._updater = KalmanUpdater(None)
        kind = DistanceHypothesiser if setup.near_m is None else NearHypothesiser
        chooser = kind(self._predictor, self._updater, Mahalanobis(), missed_distance=setup.gate)
        if setup.near_m is not None:
            chooser.near_m = setup.near_m
        self._associator = GNNWith2DAssignment(chooser)
        unseen = UpdateTimeDeleter(datetime.timedelta(seconds=setup.coast_s))
        lost = CovarianceBasedDeleter(setup.lost_m2, mapping=list(POSITION))
        self._deleter = CompositeDeleter([unseen, lost], intersect=False)
        prior = GaussianState(np.zeros((4, 1)), np.diag([0.0, setup.speed_sigma_mps**2] * 2), EPOCH)
        self._initiator = MultiMeasurementInitiator(
            prior_state=prior,
            deleter=self._deleter,
            data_associator=self._associator,
            updater=self._updater,
            measurement_model=None,
            min_points=setup.points,
        )
        self._tracks: set[Any] = set()
        self._waiting: list[Line] = []
        self._newest_ns = 0
        self._ids: dict[str, int] = {}

    def cycle(self, lines: Sequence[Line], now_ns: int) -> Line:
        """Take what arrived since the last cycle; the tracks predicted to now."""
        self._waiting += lines
        due_ns = now_ns - round(self._setup.hold_ms * 1e6)
        due = [line for line in self._waiting if line["t_meas_ns"] <= due_ns or self._setup.hold_ms == 0]
        self._waiting = [] if len(due) == len(self._waiting) else [w for w in self._waiting if w not in due]
        for time_ns, sightings in _batches(due):
            self._newest_ns = max(self._newest_ns, min(time_ns, now_ns))
            self._scan(sightings, late_ns=self._newest_ns - time_ns)
        self._tracks -= self._deleter.delete_tracks(self._tracks)
        return {"t_ns": now_ns, "tracks": [self._line(track, now_ns) for track in self._tracks]}

    def _scan(self, sightings: list[tuple[Line, Line, int]], *, late_ns: int) -> None:
        when = _when(self._newest_ns)
        detections = {
            self._detection(line, entry, behind_ns + late_ns, when) for line, entry, behind_ns in sightings
        }
        hypotheses = self._associator.associate(self._tracks, detections, when)
        used = set()
        for track in self._tracks:
            hypothesis = hypotheses[track]
            if hypothesis:
                track.append(self._updater.update(hypothesis))
                used.add(hypothesis.measurement)
            else:
                track.append(hypothesis.prediction)
            if len(track) > KEPT_STATES:
                del track.states[: KEPT_STATES // 4], track.metadatas[: KEPT_STATES // 4]
        self._tracks |= self._initiator.initiate(detections - used, when)

    def _detection(self, line: Line, entry: Line, behind_ns: int, when: datetime.datetime) -> Detection:
        """A detection with a measurement model of its own; one with velocity is moved on by what it is behind."""
        sensor = self._sensors.get(line["sensor"], {})
        position = _matrix(entry.get("cov"), sensor.get("position_sigma_m", 1.0))
        position += self._setup.bias_share * sensor.get("bias_m", 0.0) ** 2 * np.eye(2)
        x, y = entry["x"], entry["y"]
        if entry.get("vx") is None:
            model, state = LinearGaussian(4, POSITION, position), [[x], [y]]
        else:
            seconds = behind_ns * 1e-9
            x, y = x + entry["vx"] * seconds, y + entry["vy"] * seconds
            noise = np.zeros((4, 4))
            noise[:2, :2], noise[2:, 2:] = position, _matrix(entry.get("vcov"), 1.0)
            model, state = LinearGaussian(4, MOTION, noise), [[x], [y], [entry["vx"]], [entry["vy"]]]
        return Detection(np.array(state), when, measurement_model=model, metadata={"x": x, "y": y})

    def _line(self, track: Any, now_ns: int) -> Line:
        state = self._predictor.predict(track.state, timestamp=_when(now_ns))
        x, vx, y, vy = (float(value) for value in np.asarray(state.mean).ravel())
        covariance = np.asarray(state.covar, dtype=float)
        return {
            "id": self._ids.setdefault(track.id, len(self._ids) + 1),
            "x": x,
            "y": y,
            "vx": vx,
            "vy": vy,
            "cov": [float(covariance[0, 0]), float(covariance[0, 2]), float(covariance[2, 2])],
            "class": "unknown",
            "existence": 1.0,
        }


def _batches(lines: Sequence[Line]) -> list[tuple[int, list[tuple[Line, Line, int]]]]:
    """Scans in order of capture: time, and per detection its line, its entry and by what it is older than the batch.

    The V2X reports of a cycle are one scan, of each road user one; an older one of the same makes a scan before.
    """
    batches = [
        (line["t_meas_ns"], [(line, e, 0) for e in line["objects"]])
        for line in lines
        if line["kind"] != "v2x"
    ]
    reports: list[dict[Any, tuple[int, Line, Line]]] = []
    spoken = sorted((line for line in lines if line["kind"] == "v2x"), key=lambda line: -line["t_meas_ns"])
    for line in spoken:
        for entry in line["objects"]:
            name = entry.get("id", id(entry))
            batch = next((found for found in reports if name not in found), None)
            if batch is None:
                reports.append(batch := {})
            batch[name] = (line["t_meas_ns"], line, entry)
    for batch in reports:
        newest_ns = max(time_ns for time_ns, _, _ in batch.values())
        batches.append((newest_ns, [(line, e, newest_ns - t_ns) for t_ns, line, e in batch.values()]))
    return sorted(batches, key=lambda batch: batch[0])


def _matrix(triple: Sequence[float] | None, sigma: float) -> NDArray[np.float64]:
    if triple is None:
        return sigma**2 * np.eye(2)
    xx, xy, yy = triple
    return np.array([[xx, xy], [xy, yy]])


def _when(time_ns: int) -> datetime.datetime:
    return EPOCH + datetime.timedelta(microseconds=time_ns // 1000)


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
    tracker = StoneSoupTracker(sensors, process_noise=process_noise, setup=setup or Setup())
    yield from cycles(scans, tracker.cycle, spent_s=spent_s)
