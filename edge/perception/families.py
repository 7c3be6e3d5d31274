"""What each family of detectors wants to be fed where its card says nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

from edge.core.errors import ModelError
from edge.perception.classes import COCO_CLASSES, COCO_IDS, USUAL_CLASSES, kind_of
from edge.perception.layout import REMEDY, Answer, Finding, cells_of, names_in
from edge.perception.model_card import Layout, ModelCard

_ZERO, _ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
_BGR = {"colour": "bgr", "scale": 1.0, "mean": _ZERO, "std": _ONE, "padding": "corner"}
_RGB = {"colour": "rgb", "scale": 1.0 / 255.0, "mean": _ZERO, "std": _ONE, "padding": "centre"}
_RGB_SQUARE = {**_RGB, "padding": "stretch"}
_IMAGENET = {**_RGB_SQUARE, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_PLAIN_RGB = {**_RGB_SQUARE, "scale": 1.0}
# As in the configuration files that the authors publish with their weights.
_NANODET = {
    "colour": "bgr",
    "scale": 1.0,
    "mean": (103.53, 116.28, 123.675),
    "std": (57.375, 57.12, 58.395),
    "padding": "corner",
}
_USUAL: dict[Layout, dict[str, Any]] = {
    "yolox_raw": _BGR,
    "yolox_decoded": _BGR,
    "yolov5": _RGB,
    "yolov8": _RGB,
    "end2end": _RGB,
    "yolov7_rows": _RGB,
    "boxes_scores": _RGB,
    "detr": _RGB_SQUARE,
    "queries": _IMAGENET,
    "paddle": _IMAGENET,
    "nanodet": _NANODET,
    "ssd": _PLAIN_RGB,
    "ssd_rows": {**_BGR, "padding": "stretch"},
    "labels": _RGB_SQUARE,
}
_LABELS: dict[Layout, tuple[str, ...]] = {"ssd": COCO_IDS, "ssd_rows": COCO_IDS, "labels": COCO_IDS}
"""Class lists of the layouts that give labels; COCO's 80 otherwise."""


def completed(card: ModelCard, finding: Finding, answer: Answer) -> ModelCard:
    """The card with everything filled in that it left to the file.

    Raises:
        ModelError: the classes are not known, or the card contradicts the outputs.
    """
    usual: dict[str, Any] = {
        "strides": finding.strides or (8, 16, 32),
        "activation": "softmax" if finding.columns == 92 else "sigmoid",
        "corners": "yxyx" if finding.layout == "ssd" else "xyxy",
        "licence": answer.metadata.get("license") or "not stated",
        **_USUAL[finding.layout],
    }
    if finding.layout == "ssd" and any(name.startswith("TFLite") for name in answer.names):
        usual["classes"] = COCO_IDS[1:]
    usual.setdefault("classes", _classes(card, finding, answer))
    missing = {key: value for key, value in usual.items() if getattr(card, key) is None}
    card = dataclasses.replace(card, layout=finding.layout, **missing)
    _refuse_contradiction(card, finding, answer)
    return card


def _classes(card: ModelCard, finding: Finding, answer: Answer) -> tuple[str, ...]:
    if card.classes is not None:
        return card.classes
    names = names_in(answer.metadata)
    if names is not None and (finding.columns is None or len(names) == finding.columns):
        if any(kind_of(name) >= 0 for name in names):
            return names
        raise ModelError(
            card.name, f"none of its classes is a road user: {', '.join(names[:8])}", remedy=REMEDY
        )
    if finding.columns is None:
        return _LABELS.get(finding.layout, COCO_CLASSES)
    usual = USUAL_CLASSES.get(finding.columns)
    if usual is None:
        raise ModelError(
            card.name,
            f"{finding.columns} classes without names ({finding.layout}: {finding.why})",
            remedy='list them in the order of the model: classes = ["car", ...] in model.toml beside it',
        )
    return usual


def _refuse_contradiction(card: ModelCard, finding: Finding, answer: Answer) -> None:
    classes = card.classes or ()
    if finding.columns is not None and len(classes) != finding.columns:
        raise ModelError(
            card.name,
            f"{len(classes)} classes in the card but {finding.columns} in the outputs ({finding.why})",
            remedy="correct classes or layout in model.toml",
        )
    if finding.strides and card.strides != finding.strides:
        given = cells_of(answer.width, answer.height, card.strides or ())
        found = cells_of(answer.width, answer.height, finding.strides)
        if given != found:
            raise ModelError(
                card.name,
                f"strides {list(card.strides or ())} make {given} cells but the output has {found}",
                remedy="correct strides or input_size in model.toml",
            )
