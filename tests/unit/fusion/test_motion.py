"""The written-out Kalman filter equals the matrix form."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.kinds import ObjectClass
from edge.fusion.motion import acceleration_noise, predict, update_position, update_velocity
from edge.fusion.settings import TrackerSettings
from edge.fusion.table import CLASSES, RESIDUALS, SURPRISE, VX, VYY, XX, X, full_covariance

SETTINGS = TrackerSettings()


def random_row(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    row = np.zeros((1, RESIDUALS))
    row[0, :4] = rng.normal(0, 10, 4)
    root = rng.normal(0, 1, (4, 4))
    covariance = root @ root.T + 0.1 * np.eye(4)
    row[0, XX : VYY + 1] = covariance[[0, 0, 1, 0, 0, 1, 1, 2, 2, 3], [0, 1, 1, 2, 3, 2, 3, 2, 3, 3]]
    row[0, SURPRISE] = 5.0
    return row


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 2.0))
def test_prediction_is_the_matrix_form(seed: int, seconds: float) -> None:
    row = random_row(seed)
    move = np.eye(4)
    move[0, 2] = move[1, 3] = seconds
    qx, qxy, qy = acceleration_noise(row, 0, SETTINGS)
    noise = np.kron(
        [[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]], np.array([[qx, qxy], [qxy, qy]])
    )
    state = move @ row[0, :4]
    covariance = move @ full_covariance(row)[0] @ move.T + noise
    predict(row, 1, seconds, SETTINGS)
    np.testing.assert_allclose(row[0, :4], state, rtol=1e-10)
    np.testing.assert_allclose(full_covariance(row)[0], covariance, rtol=1e-9, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0, 2]))
def test_update_is_the_matrix_form(seed: int, at: int) -> None:
    row, rng = random_row(seed), np.random.default_rng(seed + 1)
    root = rng.normal(0, 1, (2, 2))
    noise, measured = root @ root.T + 0.05 * np.eye(2), rng.normal(0, 10, 2)
    pick = np.zeros((2, 4))
    pick[0, at] = pick[1, at + 1] = 1.0
    p = full_covariance(row)[0]
    innovation = measured - pick @ row[0, :4]
    s = pick @ p @ pick.T + noise
    gain = p @ pick.T @ np.linalg.inv(s)
    state, covariance = row[0, :4] + gain @ innovation, (np.eye(4) - gain @ pick) @ p
    update = update_position if at == 0 else update_velocity
    squared = update(row[0], measured[0], measured[1], noise[0, 0], noise[0, 1], noise[1, 1])
    after = full_covariance(row)[0]
    np.testing.assert_allclose(row[0, :4], state, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(after, covariance, rtol=1e-7, atol=1e-8)
    assert np.linalg.eigvalsh(after).min() > 0
    assert squared == np.float64(squared)
    np.testing.assert_allclose(squared, innovation @ np.linalg.inv(s) @ innovation, rtol=1e-8)


def test_backward_prediction_is_refused() -> None:
    row = random_row(1)
    before = row.copy()
    predict(row, 1, -0.1, SETTINGS)
    np.testing.assert_array_equal(row, before)


def test_noise_follows_kind_heading_and_rest() -> None:
    row = random_row(1)
    row[0, SURPRISE] = 1.0
    row[0, VX : VX + 2] = 0.1
    assert acceleration_noise(row, 0, SETTINGS) == (SETTINGS.standing_noise, 0.0, SETTINGS.standing_noise)
    row[0, VX : VX + 2] = 0.0, 8.0
    assert acceleration_noise(row, 0, SETTINGS) == (SETTINGS.across_noise, 0.0, SETTINGS.vehicle_noise)
    row[0, SURPRISE] = 9.0
    assert acceleration_noise(row, 0, SETTINGS) == (SETTINGS.surprised_noise, 0.0, SETTINGS.surprised_noise)
    row[0, CLASSES + ObjectClass.PEDESTRIAN] = 3.0
    assert acceleration_noise(row, 0, SETTINGS) == (SETTINGS.walker_noise, 0.0, SETTINGS.walker_noise)
    assert X == 0
