"""Bad input is counted and dropped row by row; good rows beside it are used."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.core.detections import Detections
from edge.core.kinds import ObjectClass
from edge.core.tracks import Tracks
from edge.fusion import SensorModel, Tracker
from tests.unit.fusion.worlds import at_ns, detections, report

GOOD = np.array([0.0, 0.0])
BAD = np.array([20.0, 0.0])


def feed(spoil: Callable[[Detections], None]) -> tuple[Tracker, Tracks]:
    """Six scans with a good row and one that `spoil` breaks."""
    tracker = Tracker((SensorModel("cam", "camera"),))
    for k in range(6):
        scan = detections(
            "cam", 0.1 * k, k, [GOOD, BAD], [np.eye(2) * 0.2, np.eye(2) * 0.2], [ObjectClass.CAR] * 2
        )
        spoil(scan)
        tracker.ingest(scan)
        tracks = tracker.advance(at_ns(0.1 * k))
    return tracker, tracks


def nan_position(scan: Detections) -> None:
    scan.position_m[1] = np.nan


def infinite_position(scan: Detections) -> None:
    scan.position_m[1, 0] = np.inf


def negative_covariance(scan: Detections) -> None:
    scan.covariance_m2[1] = -np.eye(2)


def singular_covariance(scan: Detections) -> None:
    scan.covariance_m2[1] = np.ones((2, 2))


def nan_covariance(scan: Detections) -> None:
    scan.covariance_m2[1, 0, 1] = np.nan


def huge_covariance(scan: Detections) -> None:
    scan.covariance_m2[1] = np.eye(2) * 1e6


def nan_confidence(scan: Detections) -> None:
    scan.confidence[1] = np.nan


@pytest.mark.parametrize(
    "spoil",
    [
        nan_position,
        infinite_position,
        negative_covariance,
        singular_covariance,
        nan_covariance,
        huge_covariance,
        nan_confidence,
    ],
)
def test_bad_row_is_dropped_and_its_neighbour_used(spoil: Callable[[Detections], None]) -> None:
    tracker, tracks = feed(spoil)
    assert tracker.counters["bad_rows"] == 6
    assert len(tracks) == 1
    assert np.hypot(*tracks.state[0, :2]) < 1.0


def test_unknown_velocity_size_and_class_are_no_fault() -> None:
    def blank(scan: Detections) -> None:
        scan.class_log_odds[:] = np.nan
        scan.size_m[:] = np.nan
        scan.velocity_mps[0] = [500.0, np.nan]

    tracker, tracks = feed(blank)
    assert tracker.counters["bad_rows"] == 0
    assert len(tracks) == 2
    assert np.isnan(tracks.size_m).all()
    assert np.isfinite(tracks.state).all()
    assert not tracks.class_log_odds.any()


def test_low_scores_still_tell_the_class() -> None:
    def faint(scan: Detections) -> None:
        scan.class_log_odds[:] = -7.0
        scan.class_log_odds[:, ObjectClass.TRUCK] = -1.5

    _tracker, tracks = feed(faint)
    assert (tracks.class_log_odds.argmax(axis=1) == ObjectClass.TRUCK).all()
    assert (tracks.class_log_odds.max(axis=1) > 2.0).all()


def test_capture_time_in_the_future_is_dropped() -> None:
    tracker = Tracker((SensorModel("cam", "camera"), SensorModel("radio", "v2x")))
    tracker.advance(at_ns(0))
    tracker.ingest(detections("cam", 5.0, 0, [GOOD], [np.eye(2)], [ObjectClass.CAR], arrival_ns=at_ns(0)))
    tracker.ingest((report("a1", 5.0, np.zeros(4), latency_s=-5.0),))
    assert tracker.counters["future_rows"] == 2
    assert tracker.counters["scans"] == 0


def test_unknown_sensor_is_counted() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    tracker.ingest(detections("other", 0.0, 0, [GOOD], [np.eye(2)], [ObjectClass.CAR]))
    tracker.ingest((report("a1", 0.0, np.zeros(4), link="other"),))
    assert tracker.counters["unknown_sensor"] == 2


def test_report_with_nan_is_dropped() -> None:
    tracker = Tracker((SensorModel("radio", "v2x"),))
    tracker.ingest((report("a1", 0.0, np.array([np.nan, 0.0, 1.0, 0.0])),))
    assert tracker.counters["bad_rows"] == 1


def test_thousand_tracks_are_the_most() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    grid = [np.array([20.0 * (k % 50), 20.0 * (k // 50)]) for k in range(1100)]
    for part in range(3):
        rows = grid[part * 400 : (part + 1) * 400]
        tracker.ingest(
            detections(
                "cam", 0.001 * part, part, rows, [np.eye(2) * 0.2] * len(rows), [ObjectClass.CAR] * len(rows)
            )
        )
    tracker.advance(at_ns(0.1))
    assert tracker.track_count == 1000
    assert tracker.counters["births_refused"] == 100


def test_rows_beyond_the_bound_of_a_scan_are_counted() -> None:
    tracker = Tracker((SensorModel("cam", "camera"),))
    rows = [np.array([5.0 * k, 0.0]) for k in range(520)]
    tracker.ingest(detections("cam", 0.0, 0, rows, [np.eye(2)] * 520, [ObjectClass.CAR] * 520))
    assert tracker.counters["rows_dropped"] == 8


def test_calibration_error_shows_in_the_innovations() -> None:
    quiet, biased = (Tracker((SensorModel("cam", "camera"),), learn=False) for _ in range(2))
    rng = np.random.default_rng(2)
    for k in range(100):
        for tracker, spread in ((quiet, 0.4), (biased, 1.2)):
            spot = rng.normal(0, spread, 2)
            tracker.ingest(detections("cam", 0.1 * k, k, [spot], [np.eye(2) * 0.16], [ObjectClass.CAR]))
            tracker.advance(at_ns(0.1 * k))
    assert 1.5 < quiet.innovation_consistency()["cam"] < 2.7 < biased.innovation_consistency()["cam"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("detection_probability", 1.0), ("clutter_per_m2", 0.0), ("visible_polygon", np.zeros((2, 2)))],
)
def test_sensor_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        SensorModel("cam", "camera", **{field: value})  # type: ignore[arg-type]


def test_two_sensors_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="not unique"):
        Tracker((SensorModel("cam", "camera"), SensorModel("cam", "v2x")))
