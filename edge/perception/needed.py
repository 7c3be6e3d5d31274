"""Which outputs of a file a layout can be found in: exports carry feature maps, embeddings and numbers along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Chosen = tuple[int, ...]
_INDICES = ("anchor", "indices")
"""In the names of whole numbers that are no labels, in the TensorFlow 2 detection API."""


def is_count(output: Array) -> bool:
    """Whether an output is the number of boxes of one picture."""
    return np.size(output) == 1 and np.ndim(output) <= 2


def squeezed(output: Array, rank: int) -> Array:
    """Without leading axes of one, down to `rank`."""
    array = np.asarray(output)
    while array.ndim > rank and array.shape[0] == 1:
        array = array[0]
    return array


def choices(outputs: Sequence[Array]) -> Iterator[Chosen]:
    """Sets of outputs to look for a layout in, in order: maps, numbers, lists and other tables are left out in turn."""
    flat = tuple(k for k, output in enumerate(outputs) if np.ndim(output) <= 3)
    yield from ((k,) for k, output in enumerate(outputs) if np.ndim(output) == 4 and _is_seven(output))
    yield flat
    yield tuple(k for k in flat if not is_count(outputs[k]))
    tables = tuple(
        k for k in flat if squeezed(outputs[k], 2).ndim == 2 and min(np.shape(outputs[k])[-2:]) != 1
    )
    yield tables
    yield from ((k,) for k in tables)


def _is_seven(output: Array) -> bool:
    return np.shape(output)[:2] == (1, 1) and np.shape(output)[3] == 7


def lists(outputs: Sequence[Array], names: Sequence[str]) -> tuple[Chosen, int | None] | None:
    """Boxes (n, 4) with two lists of n, labels and scores; and the number of boxes, where there is one.

    None: there are none, or more lists than anybody could tell apart.
    """
    for box, output in enumerate(outputs):
        shape = np.shape(output)
        if len(shape) < 2 or shape[-1] != 4:
            continue
        rows = np.size(output) // 4
        beside = [k for k in range(len(outputs)) if k != box and _is_list(outputs[k], rows)]
        pair = _labels_and_scores(beside, outputs, names, rank=len(shape) - 1)
        if pair is not None:
            numbers = [k for k in range(len(outputs)) if k not in pair and is_count(outputs[k])]
            return (box, *pair), numbers[0] if numbers else None
    return None


def _is_list(output: Array, rows: int) -> bool:
    return np.size(output) == rows and np.shape(output)[-1:] == (rows,)


def _labels_and_scores(
    beside: list[int], outputs: Sequence[Array], names: Sequence[str], *, rank: int
) -> tuple[int, int] | None:
    if len(beside) > 2:
        beside = [k for k in beside if np.ndim(outputs[k]) == rank]
    if len(beside) > 2:
        beside = [k for k in beside if k >= len(names) or not any(w in names[k].lower() for w in _INDICES)]
    return (beside[0], beside[1]) if len(beside) == 2 else None
