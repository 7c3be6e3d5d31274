"""Least-cost assignment, from SciPy, which the node itself does without."""

from __future__ import annotations

import contextlib
import importlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError


def needed(module: str) -> Any:
    """A module of the extra `evaluate`.

    Raises:
        ConfigError: the extra is not installed.
    """
    try:
        with contextlib.redirect_stdout(
            io.StringIO()
        ):  # trackeval prints which of its data sets it cannot read
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "",
            f"{module.partition('.')[0]} is not installed",
            remedy="install roadside-edge[evaluate] in an environment of its own, see edge/evaluation/README.md",
        ) from error


def least_cost(cost: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of row and column of least total cost."""
    rows, columns = needed("scipy.optimize").linear_sum_assignment(cost)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
