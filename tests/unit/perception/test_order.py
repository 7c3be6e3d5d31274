"""Values are put in order as numpy does it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.perception.order import descending


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 300, 3549])
def test_greatest_comes_first_and_equal_ones_stay_in_order(count: int) -> None:
    value = np.random.default_rng(count).integers(0, 20, count).astype(float)
    np.testing.assert_array_equal(descending(value), np.argsort(-value, kind="stable"))


def test_values_that_are_no_numbers_lose_nobody() -> None:
    value = np.array([np.nan, 1.0, np.nan, 3.0, 2.0])
    assert sorted(descending(value).tolist()) == [0, 1, 2, 3, 4]
