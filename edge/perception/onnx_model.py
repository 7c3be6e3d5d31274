"""A detector in an ONNX file, run by ONNX Runtime."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.core.errors import ModelError
from edge.perception.letterbox import Letterbox
from edge.perception.model_card import ModelCard, load_card
from edge.perception.suppression import merge_boxes
from edge.perception.yolox import YoloxDecoder
from edge.ports import Boxes, Image

if TYPE_CHECKING:
    import onnxruntime

_log = logging.getLogger(__name__)
_CPU = "CPUExecutionProvider"
_ERRORS_ONLY = 3


class OnnxModel:
    """Implements `edge.ports.Model`. Not thread-safe: one per camera; use `load`."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard, *, confidence: float) -> None:
        entry = session.get_inputs()[0]
        width, height = _input_size(entry.shape, entry.type, card)
        self.name = card.name
        self.card = card
        self.input_size = (width, height)
        self._session, self._entry = session, entry.name
        self._confidence = confidence
        self._letterbox = Letterbox(card, width=width, height=height)
        self._decoder = YoloxDecoder(card, width=width, height=height)

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        threads: int = 1,
        confidence: float | None = None,
        providers: tuple[str, ...] = (_CPU,),
        card: ModelCard | None = None,
    ) -> OnnxModel:
        """Load a file and try it once.

        Args:
            path: the .onnx file; `model.toml` beside it is read.
            threads: of one inference.
            confidence: threshold; None: the card's.
            providers: ONNX Runtime execution providers, best first; unknown ones are skipped with a warning.
            card: used in place of `model.toml`.

        Raises:
            ModelError: the file is missing, no ONNX model, or of an unknown layout.
        """
        path = Path(path)
        if not path.is_file():
            raise ModelError(str(path), "no such file", remedy="give the path of an .onnx file")
        card = card or load_card(path)
        if confidence is not None:
            card = dataclasses.replace(card, confidence=confidence)
        model = cls(_session(path, threads=threads, providers=providers), card, confidence=card.confidence)
        model.detect(np.full((model.input_size[1], model.input_size[0], 3), card.pad_value, np.uint8))
        _log.info("model %s: input %dx%d, %d classes", card.name, *model.input_size, len(card.classes))
        return model

    def detect(self, image: Image) -> Boxes:
        """Find road users in an (h, w, 3) uint8 BGR picture."""
        tensor, placement = self._letterbox.fill(image)
        try:
            outputs = self._session.run(None, {self._entry: tensor})
        except _runtime_errors() as error:
            raise ModelError(self.name, f"inference failed: {_first_line(error)}") from error
        box_px, score = self._decoder.decode(outputs, confidence=self._confidence)
        size = (image.shape[1], image.shape[0])
        return merge_boxes(
            placement.to_picture(box_px),
            score,
            nms_iou=self.card.nms_iou,
            image_size=size,
            floor=self._confidence,
        )


def _session(path: Path, *, threads: int, providers: tuple[str, ...]) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - heavy, and a node with other models does without

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads double the processor time and heat at 10 pictures a second.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    known = onnxruntime.get_available_providers()
    chosen = [provider for provider in providers if provider in known]
    for missing in (provider for provider in providers if provider not in known):
        _log.warning("%s is not in this ONNX Runtime, which has %s", missing, ", ".join(known))
    if _CPU not in chosen:
        chosen.append(_CPU)
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=chosen)
    except _runtime_errors() as error:
        raise ModelError(
            str(path),
            f"does not load: {_first_line(error)}",
            remedy="export it again as ONNX, opset 11 to 21",
        ) from error


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its classes have no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415 - see _session

    names = (
        "EPFail", "EngineError", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "ModelLoaded",
        "NoModel", "NoSuchFile", "NotImplemented", "RuntimeException",
    )  # fmt: skip
    return (*(getattr(state, name, RuntimeError) for name in names), ValueError, RuntimeError)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200]


def _input_size(shape: list[Any], kind: str, card: ModelCard) -> tuple[int, int]:
    """Width and height of the input."""
    if len(shape) != 4 or shape[1] != 3 or kind != "tensor(float)":
        raise ModelError(
            card.name,
            f"input {shape} of {kind}",
            remedy="the input must be a float tensor [1, 3, height, width]",
        )
    fixed = isinstance(shape[2], int) and isinstance(shape[3], int)
    if fixed and card.input_size in (None, (shape[3], shape[2])):
        return int(shape[3]), int(shape[2])
    if fixed:
        raise ModelError(
            card.name,
            f"input_size {card.input_size} but the file has {shape[3]}x{shape[2]}",
            remedy="correct model.toml",
        )
    if card.input_size is None:
        raise ModelError(
            card.name,
            "the size of the input is free",
            remedy="set input_size = [width, height] in model.toml",
        )
    return card.input_size
