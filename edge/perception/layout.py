"""Which of the known detector layouts an ONNX file has: by the shapes and values of one answer and by its metadata.

Output names are not trusted: files exist whose names are wrong. They break ties only.
"""

from __future__ import annotations

import ast
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.perception.classes import USUAL_CLASSES
from edge.perception.model_card import Layout
from edge.perception.needed import choices, lists, squeezed

Array = NDArray[Any]
STRIDES: tuple[tuple[int, ...], ...] = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32), (8, 16))
_ANCHORS = 3
_DISTRIBUTIONS = (32, 64, 68)
"""Columns of box distributions: four sides of 8, 16 or 17 bins."""
_LONGEST_TEXT, _MOST_CLASSES = 1_000_000, 100_000
_SHARES = 1.6
"""Boxes whose values all lie below are shares of the input."""
REMEDY = (
    "bring a detector of a known layout (YOLOX, YOLOv5 to v12, RT-DETR, D-FINE, DEIM, RF-DETR, NanoDet, SSD), "
    "or set layout, input_size, strides and classes in model.toml beside it"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a network to a plain picture, and what the file says of itself.

    Attributes:
        outputs: as the runtime gave them.
        names: of the outputs.
        inputs: names of the inputs besides the picture.
        metadata: of the file.
        width, height: of the input.
        classes: names on the card, which go before those in the metadata.
    """

    outputs: Sequence[Array]
    names: Sequence[str]
    inputs: Sequence[str]
    metadata: Mapping[str, str]
    width: int
    height: int
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What was recognised.

    Attributes:
        layout: of the outputs.
        columns: number of classes; None where the outputs hold labels.
        strides: of the grids, where there are any.
        why: in words, for people.
        reads: which outputs the decoder is given, in its order; None: all.
    """

    layout: Layout
    columns: int | None
    strides: tuple[int, ...] | None
    why: str
    reads: tuple[int, ...] | None = None


def cells_of(width: int, height: int, strides: tuple[int, ...]) -> int:
    """Cells of all grids; a rest of the input has a cell of its own."""
    return sum(math.ceil(width / s) * math.ceil(height / s) for s in strides)


def literal(text: str) -> Any:
    """A Python or JSON literal in a file's metadata; None: it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def names_in(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Class names in a file's metadata: a Python or JSON dictionary or list under `names` or `classes`."""
    for key in ("names", "classes", "class_names", "labels"):
        text = metadata.get(key, "")[:_LONGEST_TEXT]
        found = literal(text)
        if found is None and text.strip() and text[0] not in "[{(":
            found = [part.strip() for part in text.split(",")]
        if isinstance(found, dict):
            named = {k: str(v) for k, v in _numbered(found).items() if 0 <= k < _MOST_CLASSES}
            if named:
                return tuple(named.get(i, f"class_{i}") for i in range(max(named) + 1))
        elif isinstance(found, list | tuple) and found:
            return tuple(str(v) for v in found)
    return None


def _numbered(names: dict[Any, Any]) -> dict[int, Any]:
    """With its keys as numbers; empty where one is none."""
    try:
        return {int(key): name for key, name in names.items()}
    except (TypeError, ValueError, OverflowError):
        return {}


def recognise(answer: Answer, *, name: str) -> Finding:
    """The layout of a file.

    Raises:
        ModelError: none of the known ones.
    """
    task = answer.metadata.get("task", "detect")
    if task not in {"detect", "segment", "pose", ""}:
        raise ModelError(name, f"the file is made to {task}, not to detect", remedy=REMEDY)
    found = _lists(answer) or _in_choices(answer)
    if found is None:
        shapes = ", ".join(str(tuple(np.shape(output))) for output in answer.outputs)
        shown = f"outputs {shapes} for {answer.width}x{answer.height} are of no known layout"
        raise ModelError(name, shown + _other_task(answer), remedy=REMEDY)
    return found


def _other_task(answer: Answer) -> str:
    """What a file does instead of detecting, where its one output shows it."""
    if len(answer.outputs) != 1:
        return ""
    shape = tuple(side for side in np.shape(answer.outputs[0]) if side != 1)
    if len(shape) <= 1:
        return ": one list of numbers for the whole picture, a classifier finds no boxes"
    around = 1.0 / 8.0 <= shape[-2] / answer.height <= 4.0
    if around and abs(shape[-2] * answer.width - shape[-1] * answer.height) <= answer.width:
        return ": maps of the shape of the picture, segmentation, depth or keypoints are no boxes"
    return ""


def _in_choices(answer: Answer) -> Finding | None:
    """The layout of the first outputs that show one."""
    for chosen in choices(answer.outputs):
        found = _of([answer.outputs[k] for k in chosen], answer) if chosen else None
        if found is not None:
            reads = chosen if found.reads is None else tuple(chosen[k] for k in found.reads)
            return dataclasses.replace(found, reads=reads)
    return None


def _of(outputs: list[Array], answer: Answer) -> Finding | None:
    """The layout of outputs all of which are needed."""
    if "scale_factor" in answer.inputs:
        rows = [output for output in outputs if np.ndim(output) == 2 and np.shape(output)[1] == 6]
        return Finding("paddle", None, None, "a list [n, 6] and scale_factor") if rows else None
    if len(outputs) == 1:
        return _rows_of_seven(outputs[0]) or _one(answer, outputs[0])
    boxes = any(np.ndim(output) >= 2 and np.shape(output)[-1] == 4 for output in outputs)
    if len(outputs) == 2 and boxes:
        return _boxes_and_scores(answer, outputs)
    if len(outputs) % 2 == 0 and len(outputs) >= 4 and not boxes:
        return _nanodet_parts(outputs)
    return None


def _rows_of_seven(output: Array) -> Finding | None:
    if np.shape(output)[-1:] != (7,):
        return None
    if np.ndim(output) == 4:
        return Finding("ssd_rows", None, None, "one list [1, 1, n, 7]: picture, label, score, box")
    if np.ndim(output) == 2:
        return Finding("yolov7_rows", None, None, "one list [n, 7]: picture, box, label, score")
    return None


def _lists(answer: Answer) -> Finding | None:
    found = None if "scale_factor" in answer.inputs else lists(answer.outputs, answer.names)
    if found is None:
        return None
    reads, number = found
    if answer.inputs:
        why = "labels, boxes, scores, and the size of the picture as input"
        return Finding("detr", None, None, why, reads)
    if number is not None:
        return Finding("ssd", None, None, "boxes, labels, scores and their number", (*reads, number))
    return Finding("labels", None, None, "labels, boxes and scores", reads)


def _one(answer: Answer, output: Array) -> Finding | None:
    rows = squeezed(output, 2)
    if rows.ndim != 2:
        return None
    names = answer.classes or names_in(answer.metadata)
    long, wide = rows.shape
    for strides in STRIDES:
        cells = cells_of(answer.width, answer.height, strides)
        if wide == cells and long > 4:
            classes = len(names) if names and 4 + len(names) <= long else long - 4
            return Finding("yolov8", classes, strides, f"[4 + {classes}, {cells} cells]")
        if long == cells and wide == 5:
            return Finding("yolov8", 1, strides, f"[{cells} cells, 4 + 1]")
        if long == cells and wide > 5:
            return _cells_by_columns(rows, strides, names, min(answer.width, answer.height))
        if long == _ANCHORS * cells and wide > 5:
            return Finding(
                "yolov5", wide - 5, strides, f"[{_ANCHORS} anchors x {cells} cells, 5 + {wide - 5}]"
            )
    if wide == 6:
        return Finding("end2end", None, None, "one list [n, 6]: box, score, label")
    return None


def _cells_by_columns(
    rows: Array, strides: tuple[int, ...], names: tuple[str, ...] | None, side: int
) -> Finding:
    cells, wide = rows.shape
    known = {len(names)} if names else set(USUAL_CLASSES)
    if wide - 4 in known and wide - 5 not in known:
        return Finding("yolov8", wide - 4, strides, f"[{cells} cells, 4 + {wide - 4}]")
    for bins in _DISTRIBUTIONS:
        if wide - bins in known and wide - 5 not in known:
            return Finding("nanodet", wide - bins, strides, f"[{cells} cells, {wide - bins} + {bins}]")
    why = f"[{cells} cells, 5 + {wide - 5}]"
    if float(rows[:, 4].min()) == 1.0:
        return Finding("yolov5", wide - 5, strides, f"{why}, every objectness 1")
    # Decoded centres lie all over the input, raw ones within a cell.
    if float(np.median(np.abs(rows[:, :2]))) > 0.05 * side:
        return Finding("yolox_decoded", wide - 5, strides, f"{why}, centres in pixels")
    return Finding("yolox_raw", wide - 5, strides, f"{why}, centres in cells")


def _nanodet_parts(flat: Sequence[Array]) -> Finding | None:
    """Pairs of (cells, classes) and (cells, 4 x bins), one pair a grid."""
    shapes = [squeezed(output, 2).shape for output in flat]
    if any(len(shape) != 2 for shape in shapes):
        return None
    for bins in _DISTRIBUTIONS:
        boxes = sorted(rows for rows, wide in shapes if wide == bins)
        classes = [(rows, wide) for rows, wide in shapes if wide != bins]
        widths = {wide for _, wide in classes}
        if len(widths) == 1 and boxes == sorted(rows for rows, _ in classes) and len(boxes) * 2 == len(flat):
            return Finding("nanodet", widths.pop(), None, f"{len(boxes)} grids of scores and of {bins} bins")
    return None


def _boxes_and_scores(answer: Answer, outputs: Sequence[Array]) -> Finding | None:
    """Boxes (n, 4) and scores (n, classes) or (classes, n)."""
    pair = [squeezed(output, 2) for output in outputs]
    if any(part.ndim != 2 for part in pair):
        return None
    reads = (0, 1) if _is_boxes(pair[0], beside=pair[1]) else (1, 0)
    boxes, scores = pair[reads[0]], pair[reads[1]]
    count = len(boxes)
    if count not in scores.shape:
        return None
    classes = scores.shape[1] if scores.shape[0] == count else scores.shape[0]
    grids = [strides for strides in STRIDES if cells_of(answer.width, answer.height, strides) == count]
    if not grids and float(np.abs(boxes).max(initial=0.0)) < _SHARES:
        why = f"{count} boxes as shares of the picture, {classes} scores each"
        return Finding("queries", classes, None, why, reads)
    return Finding("boxes_scores", classes, None, f"{count} boxes in pixels, {classes} scores each", reads)


def _is_boxes(first: Array, *, beside: Array) -> bool:
    """Whether the first of two tables holds boxes: of two that are four wide, the one of the greater values.

    Most scores are close to zero, most logits far below.
    """
    if first.shape[1] != 4 or beside.shape[1] != 4:
        return bool(first.shape[1] == 4)
    return not first.size or float(np.median(first)) >= float(np.median(beside))
