"""Finds the models that travel with the project: `models/<name>` in a checkout, `edge/_models/<name>` in a wheel."""

from __future__ import annotations

from pathlib import Path

import edge
from edge.core.errors import ModelError

_PACKAGE = Path(edge.__file__).resolve().parent
_PLACES = (_PACKAGE / "_models", _PACKAGE.parent / "models")


def model_names() -> list[str]:
    """Names of the shipped models."""
    found = {p.parent.name for place in _PLACES for p in place.glob("*/model.onnx")}
    return sorted(found)


def model_path(name: str) -> Path:
    """Path of the .onnx file of a shipped model, of a folder that holds a `model.onnx`, or of the file itself.

    Raises:
        ModelError: there is no such model.
    """
    if name.endswith((".onnx", ".rknn")):
        return Path(name)
    for place in _PLACES:
        path = place / name / "model.onnx"
        if path.is_file():
            return path
    own = Path(name) / "model.onnx"
    if own.is_file():
        return own
    if name == "background":
        raise ModelError(
            name, "it has no file to look at: it finds what moves", remedy="try it with edge detect"
        )
    known = ", ".join(["background", *model_names()])
    raise ModelError(name, "not found", remedy=f"use one of {known}, or the path of an .onnx file")
