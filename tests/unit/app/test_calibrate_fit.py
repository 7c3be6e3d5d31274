"""What the calibration page says about points: numbers where they fit, words where they do not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.app.calibrate_fit import Fit, FitTerms, fit_points
from tests.unit.app.calibration_site import pinhole, true_points

Floats = NDArray[np.float64]


def rows() -> Floats:
    return np.array([[p["u"], p["v"], p["x"], p["y"]] for p in true_points()])


def fit(points: Floats) -> Fit:
    return fit_points(points, FitTerms((pinhole().width, pinhole().height), 70.0))


@pytest.mark.parametrize(
    ("count", "words"), [(0, "Mark 4 more points"), (1, "3 more points"), (3, "one more point")]
)
def test_too_few_points_are_counted(count: int, words: str) -> None:
    found = fit(rows()[:count])
    assert found.state == "few"
    assert words in found.message
    assert found.answer["error_m"] == [None] * count


def test_true_points_fit_and_tell_where_the_camera_stands() -> None:
    found = fit(rows())
    camera = found.answer["camera"]
    assert found.state == "fitted"
    assert found.message == ""
    assert (camera["x"], camera["y"], camera["height_m"]) == pytest.approx(pinhole().position_m, abs=0.05)
    assert camera["heading_deg"] == pytest.approx(45.0, abs=0.5)
    assert found.answer["worst_error_m"] < 0.05
    assert found.answer["suspect"] is None
    sigmas = [entry["sigma_m"] for entry in found.answer["expected"]]
    assert sigmas == sorted(sigmas), "farther is less certain"


def test_four_points_fit_and_ask_for_more() -> None:
    found = fit(rows()[[0, 2, 9, 11]])
    assert found.state == "fitted"
    assert found.message.startswith("2 more")
    assert found.answer["error_m"] == [None] * 4
    assert found.answer["worst_error_m"] is None


def test_map_from_ground_to_pixels_puts_every_point_where_it_was_clicked() -> None:
    points = rows()
    matrix = np.array(fit(points).answer["to_pixels"]).reshape(3, 3)
    mapped = np.column_stack([points[:, 2:], np.ones(len(points))]) @ matrix.T
    assert (mapped[:, 2] > 0).all()
    assert mapped[:, :2] / mapped[:, 2:] == pytest.approx(points[:, :2], abs=0.05)


@pytest.mark.parametrize("shift_px", [12.0, 60.0, 300.0])
@pytest.mark.parametrize("wrong", [0, 5, 11])
def test_the_one_wrong_point_is_named(shift_px: float, wrong: int) -> None:
    points = rows()
    points[wrong, :2] += [shift_px, 0.6 * shift_px]
    found = fit(points)
    assert found.answer["suspect"]["point"] == wrong
    assert found.answer["suspect"]["rest_px"] < 0.5


def test_points_that_all_disagree_blame_no_single_one() -> None:
    points = rows()
    points[:, :2] += np.random.default_rng(1).normal(0.0, 6.0, (len(points), 2))
    assert fit(points).answer["suspect"] is None


def test_mirrored_points_are_refused_in_words() -> None:
    points = rows()
    points[:, [2, 3]] = points[:, [3, 2]]
    found = fit(points)
    assert found.state == "refused"
    assert "seen from below" in found.message
    assert "swapped" in found.message


def test_mirrored_points_with_one_wrong_are_said_to_be_mirrored() -> None:
    points = rows()
    points[:, [2, 3]] = points[:, [3, 2]]
    points[2, :2] += 40.0
    found = fit(points)
    assert "seen from below" in found.message
    assert found.answer["suspect"] is None


@pytest.mark.parametrize("pair", [(0, 1), (2, 9), (10, 11)])
def test_two_points_with_each_others_place_are_named(pair: tuple[int, int]) -> None:
    points = rows()
    points[list(pair), 2:] = points[list(reversed(pair)), 2:]
    found = fit(points)
    assert found.state == "refused"
    assert f"Points {pair[0] + 1} and {pair[1] + 1} have each other's place" in found.message


def test_points_on_a_line_are_refused_in_words() -> None:
    steps = np.arange(6.0)
    found = fit(np.column_stack([10 * steps, 20 * steps, steps, 2 * steps]))
    assert found.state == "refused"
    assert "line" in found.message


def test_points_that_disagree_are_refused_with_their_errors() -> None:
    points = rows()
    points[:, 2:] += np.random.default_rng(4).normal(0.0, 6.0, (len(points), 2))
    found = fit(points)
    assert found.state == "refused"
    assert any(error is None or error > 3.0 for error in found.answer["error_m"])


number = st.floats(-1e5, 1e5) | st.sampled_from([0.0, 1.0, 1e-9, 480.0])


@given(st.lists(st.tuples(number, number, number, number), max_size=9))
def test_whatever_is_clicked_the_answer_is_words_and_finite_numbers(points: list[tuple[float, ...]]) -> None:
    found = fit(np.array(points, dtype=float).reshape(-1, 4))
    assert found.state in {"few", "refused", "fitted"}
    json.dumps(found.answer, allow_nan=False)
    assert found.state == "fitted" or found.message
