"""A disturbed camera is found again from connected cars; what cannot be told is not accepted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from edge.perception import homography
from edge.perception.car_calibration import calibrate_from_cars
from edge.perception.car_data import CarData, hidden_edges
from edge.perception.car_match import tightened
from edge.perception.ground import GroundProjection
from edge.perception.pose import CameraPose, boxes_of, pose_of_view, projection_of_pose

SIZE = (480, 288)
TRUE = CameraPose(-14.0, -14.0, 9.5, math.radians(45), math.radians(-22), 0.0, 302.0)
LATE_S = 0.1
CAR = np.array([4.5, 1.8, 1.5])


def _present(pose: CameraPose) -> GroundProjection:
    pixels = np.stack(np.meshgrid([40.0, 240.0, 440.0], [70.0, 100.0, 150.0, 270.0]), axis=-1).reshape(-1, 2)
    plane = projection_of_pose(pose, image_size=SIZE)[:, [0, 1, 3]]
    ground = homography.apply(np.linalg.inv(plane), pixels)
    return GroundProjection.from_points(np.column_stack([pixels, ground]), image_size=SIZE)


def _street(*, cars: int, seed: int = 3, lanes: tuple[float, ...] = (-5.0, -1.7, 1.7, 5.0)) -> CarData:
    """Cars that cross the view along x or along y, each with its own GNSS error."""
    rng = np.random.default_rng(seed)
    projection = projection_of_pose(TRUE, image_size=SIZE)
    boxes, reports = [], []
    for car in range(cars):
        yaw = float(rng.choice([0.0, math.pi, 0.5 * math.pi, -0.5 * math.pi])) if len(lanes) > 1 else 0.0
        speed, lane, begin = rng.uniform(5.0, 12.0), rng.choice(lanes), 4.0 * car
        error = rng.normal(0.0, 0.5, 2)
        for t in np.arange(begin, begin + 8.0, 0.1):
            along = speed * (t - begin - 4.0)
            place = np.array([along, lane]) if abs(math.cos(yaw)) > 0.5 else np.array([lane, along])
            if math.cos(yaw) < -0.5 or math.sin(yaw) < -0.5:
                place = -place
            said = place + error + rng.normal(0.0, 0.2, 2)
            reports.append([t, car, *said, yaw, speed, 4.5, 1.8, 0.0, np.nan])
            box = boxes_of(projection, place[None], np.array([yaw]), CAR[None])[0]
            if np.isfinite(box).all() and box.min() > 0 and box[2] < SIZE[0] and box[3] < SIZE[1]:
                boxes.append([t + LATE_S, 100 + car, *(box + rng.normal(0.0, 0.7, 4)), 0.0, 0.0])
    return CarData(np.array(boxes), np.array(reports))


def _error_m(pose: CameraPose) -> float:
    pixels = np.stack(np.meshgrid(np.linspace(20, 460, 12), np.linspace(80, 280, 12)), axis=-1).reshape(-1, 2)
    found, true = (
        homography.apply(np.linalg.inv(projection_of_pose(p, image_size=SIZE)[:, [0, 1, 3]]), pixels)
        for p in (pose, TRUE)
    )
    return float(np.nanmedian(np.hypot(*(found - true).T)))


DISTURBED = {
    "yaw": replace(TRUE, yaw_rad=TRUE.yaw_rad + math.radians(2), x_m=TRUE.x_m + 0.5),
    "pitch": replace(TRUE, pitch_rad=TRUE.pitch_rad - math.radians(2), y_m=TRUE.y_m - 0.5),
    "roll": replace(TRUE, roll_rad=math.radians(2), z_m=TRUE.z_m + 0.5),
}


@pytest.mark.parametrize("pose", DISTURBED.values(), ids=DISTURBED.keys())
def test_disturbed_pose_and_time_offset_are_found_again(pose: CameraPose) -> None:
    found = calibrate_from_cars(_street(cars=45), _present(pose), range_m=70.0)
    assert found.pose is not None
    assert found.offset_s is not None
    assert _error_m(found.pose) < 0.4 < _error_m(pose)
    assert found.offset_s == pytest.approx(-LATE_S, abs=0.04)
    assert found.verdict == "accepted", found.reason
    assert _error_m(pose_of_view(_present_of(found.points).view, image_size=SIZE)) < 0.4


def _present_of(points: tuple[tuple[float, float, float, float], ...]) -> GroundProjection:
    return GroundProjection.from_points(points, image_size=SIZE)


def test_good_calibration_is_left_alone() -> None:
    assert calibrate_from_cars(_street(cars=45), _present(TRUE), range_m=70.0).verdict == "agrees"


@pytest.mark.parametrize("shift_m", [(1.0, 0.0), (0.6, 0.5)])
def test_error_that_all_receivers_share_does_not_move_a_good_camera(shift_m: tuple[float, float]) -> None:
    """Of the ionosphere, of a map that lies off, or of one vehicle that changes its identity again and again."""
    street = _street(cars=45)
    reports = street.reports.copy()
    reports[:, 2:4] += shift_m
    found = calibrate_from_cars(CarData(street.boxes, reports), _present(TRUE), range_m=70.0)
    assert found.verdict == "refused"
    assert "has not turned" in found.reason
    assert found.points == ()


def test_detector_that_draws_tight_does_not_push_the_camera_away() -> None:
    street = _street(cars=45)
    boxes = street.boxes.copy()
    boxes[:, 2:6] = tightened(boxes[:, 2:6], 0.04)
    found = calibrate_from_cars(CarData(boxes, street.reports), _present(DISTURBED["yaw"]), range_m=70.0)
    assert found.verdict == "accepted", found.reason
    assert found.pose is not None
    assert _error_m(found.pose) < 0.4


@pytest.mark.parametrize("length_m", [4.5, 10.0], ids=["car", "bus"])
def test_body_fills_the_width_of_its_cuboid_but_no_more(length_m: float) -> None:
    size = np.array([[length_m, 2.0, 1.5]])
    projection = projection_of_pose(TRUE, image_size=SIZE)
    shares = np.stack(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [0.0, 1.0]), axis=-1).reshape(-1, 3)
    corners = np.column_stack([shares * size, np.ones(8)]) @ projection.T
    pixels = corners[:, :2] / corners[:, 2:]
    cuboid = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
    box = boxes_of(projection, np.zeros((1, 2)), np.zeros(1), size)[0]
    assert (box[:2] >= cuboid[:2] - 1e-9).all()
    assert (box[2:] <= cuboid[2:] + 1e-9).all()
    assert box[2] - box[0] > 0.93 * (cuboid[2] - cuboid[0])
    assert box[3] - box[1] > 0.75 * (cuboid[3] - cuboid[1])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_street(cars=5), "only 5 connected vehicles"),
        (_street(cars=10), "more vehicles are needed"),
        (_street(cars=20, lanes=(1.7,)), "one line"),
        (CarData(np.empty((0, 8)), _street(cars=8).reports), "no image track follows"),
    ],
    ids=["few", "not enough", "one line", "blind camera"],
)
def test_what_cannot_be_told_is_refused(data: CarData, reason: str) -> None:
    found = calibrate_from_cars(data, _present(DISTURBED["pitch"]), range_m=70.0)
    assert found.verdict == "refused"
    assert reason in found.reason
    assert found.points == ()


def test_reports_of_other_cars_are_refused() -> None:
    good = _street(cars=40)
    reports = good.reports.copy()
    reports[:, 0] = (reports[:, 0] + 61.3) % 160.0
    found = calibrate_from_cars(CarData(good.boxes, reports), _present(DISTURBED["pitch"]), range_m=70.0)
    assert found.verdict == "refused"


def test_pose_survives_its_projection() -> None:
    pose = replace(TRUE, roll_rad=0.03)
    found = pose_of_view(_present(pose).view, image_size=SIZE)
    assert found.vector() == pytest.approx(pose.vector(), abs=1e-3)


def test_edges_behind_a_nearer_box_are_known() -> None:
    far, near = [100.0, 100.0, 140.0, 130.0], [90.0, 115.0, 150.0, 170.0]
    assert hidden_edges(np.array([far, near])).tolist() == [8, 0]
