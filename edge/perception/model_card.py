"""What a detector file wants to be fed and what it answers: `model.toml` beside the .onnx, or usual YOLOX values."""

from __future__ import annotations

import dataclasses
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.core.kinds import CLASS_COUNT, ObjectClass

Layout = Literal["auto", "yolox_raw", "yolox_decoded"]
Colour = Literal["bgr", "rgb"]
Padding = Literal["corner", "centre"]

CARD_NAME = "model.toml"
FOR_PEOPLE = frozenset({"edition", "date", "licence", "trained_on", "about"})
"""Keys that say where a model comes from; tables are for people too."""

# The class names of the COCO data set (Lin et al., ECCV 2014) up to the last one that takes part in traffic;
# the rest only need to be counted.
_COCO_TRAFFIC = ("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck")
COCO_CLASSES: tuple[str, ...] = _COCO_TRAFFIC + tuple(f"coco_{i}" for i in range(len(_COCO_TRAFFIC), 80))

KINDS_BY_NAME = types.MappingProxyType(
    {
        "car": ObjectClass.CAR,
        "van": ObjectClass.CAR,
        "truck": ObjectClass.TRUCK,
        "bus": ObjectClass.BUS,
        "motorcycle": ObjectClass.MOTORCYCLE,
        "motorbike": ObjectClass.MOTORCYCLE,
        "bicycle": ObjectClass.BICYCLE,
        "cyclist": ObjectClass.BICYCLE,
        "person": ObjectClass.PEDESTRIAN,
        "pedestrian": ObjectClass.PEDESTRIAN,
    }
)
"""Names of model classes that are road users; others are ignored."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """How to use a detector.

    Attributes:
        name: for messages and health.
        layout: of the output; `yolox_raw` is the grid as the network leaves it; `auto` finds it by shapes and values.
        input_size: width and height in pixels; None: the file says so.
        colour: order of the channels.
        scale: factor on the 0..255 values, before mean and std.
        mean, std: per channel in `colour` order, on scaled values.
        padding: where the picture lies in the input.
        pad_value: 0..255 grey of the rest.
        strides: of the grids of a raw YOLOX output.
        classes: names in the order of the output's columns.
        confidence: threshold.
        nms_iou: overlap above which two boxes of one class are one road user.
    """

    name: str = "model"
    layout: Layout = "auto"
    input_size: tuple[int, int] | None = None
    colour: Colour = "bgr"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    padding: Padding = "corner"
    pad_value: int = 114
    strides: tuple[int, ...] = (8, 16, 32)
    classes: tuple[str, ...] = COCO_CLASSES
    confidence: float = 0.35
    nms_iou: float = 0.5

    def __post_init__(self) -> None:
        _require(self, "layout", self.layout in get_args(Layout), f"one of {', '.join(get_args(Layout))}")
        _require(self, "colour", self.colour in get_args(Colour), "bgr or rgb")
        _require(self, "padding", self.padding in get_args(Padding), "corner or centre")
        _require(self, "std", all(value > 0 for value in self.std), "positive")
        _require(self, "scale", self.scale > 0, "positive")
        _require(self, "pad_value", 0 <= self.pad_value <= 255, "0 to 255")
        _require(self, "confidence", 0 < self.confidence < 1, "between 0 and 1")
        _require(self, "nms_iou", 0 < self.nms_iou < 1, "between 0 and 1")
        _require(self, "strides", len(self.strides) > 0 and min(self.strides) > 0, "positive integers")
        known = set(self.classes) & set(KINDS_BY_NAME)
        _require(self, "classes", bool(known), f"a list with some of {', '.join(KINDS_BY_NAME)}")

    def columns(self) -> NDArray[np.int64]:
        """(classes,) column of `ObjectClass` per class of the model; -1 is not a road user."""
        kinds = [KINDS_BY_NAME.get(name) for name in self.classes]
        return np.array([-1 if kind is None or kind >= CLASS_COUNT else int(kind) for kind in kinds])


def load_card(model: Path) -> ModelCard:
    """The card beside an .onnx file, or the usual values of a YOLOX trained on COCO.

    Raises:
        ModelError: the card does not read, or has an unknown key or a bad value.
    """
    path = model.with_name(CARD_NAME)
    if not path.is_file():
        return ModelCard(name=model.stem)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(str(path), f"the card does not read: {error}", remedy="write it as TOML") from error
    used = {
        key: value for key, value in entries.items() if key not in FOR_PEOPLE and not isinstance(value, dict)
    }
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
        values[key] = _checked(key, value, fields[key].default, path)
    try:
        return ModelCard(**values)
    except ModelError as error:
        raise ModelError(str(path), error.problem, remedy=error.remedy) from error


def _checked(key: str, value: Any, default: Any, path: Path) -> Any:
    """The value in the type of the field's default."""
    if key == "input_size":
        default = (0, 0)
    if isinstance(default, tuple):
        kind: type = type(default[0])
        good = isinstance(value, list) and all(_is(item, kind) for item in value)
        if key in {"mean", "std", "input_size"}:
            good = good and len(value) == len(default)
        if good:
            return tuple(kind(item) for item in value)
    elif _is(value, type(default)):
        return type(default)(value)
    raise ModelError(str(path), f"{key} = {value!r} has the wrong type", remedy=f"write it like {default!r}")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _require(card: ModelCard, key: str, good: bool, remedy: str) -> None:
    if not good:
        raise ModelError(
            card.name, f"{key} = {getattr(card, key)!r} is out of range", remedy=f"{key}: {remedy}"
        )
