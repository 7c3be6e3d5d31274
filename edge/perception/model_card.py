"""What a detector file wants to be fed and what it answers: `model.toml` beside the .onnx, or what is usual."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from edge.core.errors import ModelError
from edge.perception.classes import KINDS_BY_NAME, kind_of

Layout = Literal[
    "auto",
    "yolox_raw",
    "yolox_decoded",
    "yolov5",
    "yolov8",
    "end2end",
    "detr",
    "queries",
    "boxes_scores",
    "nanodet",
    "ssd",
    "ssd_rows",
    "labels",
    "yolov7_rows",
    "paddle",
]
Colour = Literal["bgr", "rgb"]
Padding = Literal["corner", "centre", "stretch"]
Activation = Literal["none", "sigmoid", "softmax"]
Corners = Literal["xyxy", "yxyx", "cxcywh"]

CARD_NAME = "model.toml"
FOR_PEOPLE = frozenset({"edition", "date", "trained_on", "about"})
"""Keys that say where a model comes from; tables are for people too."""
_CHOICES: dict[str, tuple[str, ...]] = {
    "layout": get_args(Layout),
    "colour": get_args(Colour),
    "padding": get_args(Padding),
    "activation": get_args(Activation),
    "corners": get_args(Corners),
}


@dataclass(frozen=True, slots=True)
class ModelCard:
    """How to use a detector. None: what is usual for the layout, or what the file itself says.

    Attributes:
        name: for messages and health.
        layout: of the output, see README.md of this package; `auto` finds it by shapes, values and metadata.
        input_size: width and height in pixels; None: the file says so.
        colour: order of the channels.
        scale: factor on the 0..255 values, before mean and std.
        mean, std: per channel in `colour` order, on scaled values.
        padding: where the picture lies in the input; `stretch` fills it whatever its shape.
        pad_value: 0..255 grey of the rest.
        strides: of the grids of a raw output.
        classes: names in the order of the output's columns or labels.
        activation: what makes scores of the values of a `queries` output.
        corners: how boxes of a list are written.
        normalised: boxes of a list are shares of the input instead of pixels.
        licence: of the weights, shown at start.
        confidence: threshold.
        nms_iou: overlap above which two boxes of one class are one road user.
    """

    name: str = "model"
    layout: Layout = "auto"
    input_size: tuple[int, int] | None = None
    colour: Colour | None = None
    scale: float | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    padding: Padding | None = None
    pad_value: int = 114
    strides: tuple[int, ...] | None = None
    classes: tuple[str, ...] | None = None
    activation: Activation | None = None
    corners: Corners | None = None
    normalised: bool | None = None
    licence: str | None = None
    confidence: float = 0.35
    nms_iou: float = 0.5

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            value = getattr(self, key)
            _require(self, key, value is None or value in choices, f"one of {', '.join(choices)}")
        good = self.std is None or all(0 < value < math.inf for value in self.std)
        _require(self, "std", good, "positive")
        _require(self, "mean", self.mean is None or all(map(math.isfinite, self.mean)), "numbers")
        _require(self, "scale", self.scale is None or 0 < self.scale < math.inf, "positive")
        _require(self, "pad_value", 0 <= self.pad_value <= 255, "0 to 255")
        _require(self, "confidence", 0 < self.confidence < 1, "between 0 and 1")
        _require(self, "nms_iou", 0 < self.nms_iou < 1, "between 0 and 1")
        good = self.input_size is None or min(self.input_size) > 0
        _require(self, "input_size", good, "[width, height], positive")
        good = self.strides is None or (len(self.strides) > 0 and min(self.strides) > 0)
        _require(self, "strides", good, "positive integers")
        good = self.classes is None or any(kind_of(name) >= 0 for name in self.classes)
        _require(self, "classes", good, f"a list with some of {', '.join(KINDS_BY_NAME)}")


_SAMPLES: dict[str, Any] = {
    "input_size": (416, 416),
    "colour": "bgr",
    "scale": 1.0,
    "mean": (0.0, 0.0, 0.0),
    "std": (1.0, 1.0, 1.0),
    "padding": "corner",
    "strides": (8, 16, 32),
    "classes": ("car", "person"),
    "activation": "sigmoid",
    "corners": "xyxy",
    "normalised": True,
    "licence": "Apache-2.0",
}
"""A value of the right type for keys whose default is None."""


def load_card(model: Path) -> ModelCard:
    """The card beside an .onnx file, or one that leaves everything to the file.

    A card of the file's own name goes before `model.toml`, so that several models may share a folder.

    Raises:
        ModelError: the card does not read, or has an unknown key or a bad value.
    """
    path = model.with_suffix(".toml")
    if not path.is_file():
        path = model.with_name(CARD_NAME)
    if not path.is_file():
        return ModelCard(name=model.stem)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(str(path), f"the card does not read: {error}", remedy="write it as TOML") from error
    licence = entries.get("about", {}).get("licence") if isinstance(entries.get("about"), dict) else None
    used = {
        key: value for key, value in entries.items() if key not in FOR_PEOPLE and not isinstance(value, dict)
    }
    if isinstance(licence, str):
        used.setdefault("licence", licence)
    return _card_from(used, path)


def _card_from(entries: dict[str, Any], path: Path) -> ModelCard:
    fields = {field.name: field for field in dataclasses.fields(ModelCard)}
    unknown = sorted(set(entries) - set(fields))
    if unknown:
        raise ModelError(
            str(path), f"unknown key {', '.join(unknown)}", remedy=f"known keys: {', '.join(fields)}"
        )
    values: dict[str, Any] = {"name": path.parent.name}
    for key, value in entries.items():
        values[key] = _checked(key, value, _SAMPLES.get(key, fields[key].default), path)
    try:
        return ModelCard(**values)
    except ModelError as error:
        raise ModelError(str(path), error.problem, remedy=error.remedy) from error


def _checked(key: str, value: Any, sample: Any, path: Path) -> Any:
    """The value in the type of the sample."""
    if isinstance(sample, tuple):
        kind: type = type(sample[0])
        good = isinstance(value, list) and all(_is(item, kind) for item in value)
        if key in {"mean", "std", "input_size"}:
            good = good and len(value) == len(sample)
        if good:
            return tuple(kind(item) for item in value)
    elif _is(value, type(sample)):
        return type(sample)(value)
    raise ModelError(str(path), f"{key} = {value!r} has the wrong type", remedy=f"write it like {sample!r}")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _require(card: ModelCard, key: str, good: bool, remedy: str) -> None:
    if not good:
        raise ModelError(
            card.name, f"{key} = {getattr(card, key)!r} is out of range", remedy=f"{key}: {remedy}"
        )
