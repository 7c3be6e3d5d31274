"""A detector in a file: fed, run on the best provider that works, and decoded."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ModelError
from edge.perception.decoding import Decoder, decoder_of
from edge.perception.families import completed
from edge.perception.layout import REMEDY, STRIDES, Answer, Finding, cells_of, literal, recognise
from edge.perception.letterbox import Letterbox
from edge.perception.model_card import ModelCard, load_card
from edge.perception.needed import squeezed
from edge.perception.network import Network, Opener, Wish, open_network
from edge.perception.runtime import FREE_SIDE
from edge.perception.suppression import merge_boxes
from edge.ports import Boxes, Image

_log = logging.getLogger(__name__)
_GREY = 114
_MOST_PIXELS = 64_000_000
"""Of the input: one of more is a mistake, and no machine has room for it."""
_MOST_SURE = 1.01
"""Above one by what half precision rounds."""


class OnnxModel:
    """Implements `edge.ports.Model`. Not thread-safe: one per camera; use `load`, and `shared` for the others.

    Attributes:
        name: of the card.
        card: completed: what the file is fed and how its outputs are read.
        why: how the layout was found, for people.
        input_size: width and height in pixels.
        refused: providers that were wanted before the one that runs, each with the reason.
    """

    def __init__(
        self, runtime: Network, card: ModelCard, *, finding: Finding, width: int, height: int
    ) -> None:
        self.name, self.card, self.why = card.name, card, finding.why
        self._finding = finding
        self.input_size = (width, height)
        self.runtime = runtime
        self.refused: tuple[tuple[str, str], ...] = ()
        entry = runtime.entry
        self._letterbox = Letterbox(
            card, width=width, height=height, dtype=entry.dtype, channels_last=entry.channels_last
        )
        self._decoder: Decoder = decoder_of(card, width=width, height=height)

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        wish: Wish | None = None,
        confidence: float | None = None,
        card: ModelCard | None = None,
        opener: Opener = open_network,
    ) -> OnnxModel:
        """Load a file on the first provider that loads and runs it, and find out how to use it.

        Args:
            path: the .onnx or .rknn file; `model.toml` beside it is read.
            wish: what it is to run on; None: the processor, one thread.
            confidence: threshold; None: the card's.
            card: used in place of `model.toml`.
            opener: opens the file on one provider.

        Raises:
            ModelError: the file is missing, no network, or of an unknown layout; no provider runs it.
        """
        path, wish = Path(path), wish or Wish()
        if not path.is_file():
            raise ModelError(str(path), "no such file", remedy="give the path of an .onnx file")
        card = card or load_card(path)
        if confidence is not None:
            card = dataclasses.replace(card, confidence=confidence)
        *better, last = wish.candidates()
        refused: list[tuple[str, str]] = []
        for provider in better:
            try:
                model = cls._on(opener(path, provider=provider, wish=wish), card)
                break
            except ModelError as error:
                refused.append((provider, str(error)))
                _log.warning("%s does not run on %s, the next one is tried: %s", path.name, provider, error)
        else:
            model = cls._on(opener(path, provider=last, wish=wish), card)
        model.refused = tuple(refused)
        _log.info("model %s", model.summary())
        return model

    @classmethod
    def _on(cls, runtime: Network, card: ModelCard) -> OnnxModel:
        """The model on one provider, tried on a grey picture."""
        width, height = _input_size(runtime, card)
        runtime.tell_size(width=width, height=height)
        answer = _ask(runtime, card, width=width, height=height)
        finding = _finding(card, answer)
        card = completed(card, finding, answer)
        model = cls(runtime, card, finding=finding, width=width, height=height)
        grey: Image = np.full((height, width, 3), _GREY, np.uint8)
        _, score = model._decoded(model._letterbox.fill(grey)[0])
        if float(score.max(initial=0.0)) > _MOST_SURE:
            raise ModelError(
                card.name,
                f"scores up to {score.max():.4g} are no probabilities ({card.layout}: {finding.why})",
                remedy=REMEDY,
            )
        model.detect(grey)
        return model

    def shared(self, *, confidence: float | None = None) -> OnnxModel:
        """Another detector on the same network, for another camera of this thread.

        Args:
            confidence: its threshold; None: the card's.
        """
        width, height = self.input_size
        card = self.card if confidence is None else dataclasses.replace(self.card, confidence=confidence)
        other = OnnxModel(self.runtime, card, finding=self._finding, width=width, height=height)
        other.refused = self.refused
        return other

    @property
    def runs_on(self) -> str:
        """Which provider runs it, and why none that was wanted more, for people."""
        why = "".join(f"; not on {provider}: {reason}" for provider, reason in self.refused)
        return f"on {self.runtime.provider}{why}"

    def detect(self, image: Image) -> Boxes:
        """Find road users in an (h, w, 3) uint8 BGR picture."""
        tensor, placement = self._letterbox.fill(image)
        box_px, score = self._decoded(tensor)
        size = (image.shape[1], image.shape[0])
        return merge_boxes(
            box_px,
            score,
            nms_iou=self.card.nms_iou,
            image_size=size,
            floor=self.card.confidence,
            placement=placement,
        )

    def _decoded(self, tensor: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes in pixels of the input and their scores. Raises `ModelError`."""
        outputs = self.runtime.run(tensor)
        reads = self._finding.reads
        needed = outputs if reads is None else [outputs[k] for k in reads]
        try:
            return self._decoder.decode(needed, confidence=self.card.confidence)
        except (ValueError, IndexError, OverflowError, StopIteration) as error:
            shapes = ", ".join(str(tuple(np.shape(output))) for output in outputs)
            raise ModelError(
                self.name, f"outputs {shapes} are not those of {self.card.layout}", remedy=REMEDY
            ) from error

    def feed(self, image: Image) -> dict[str, NDArray[Any]]:
        """Every input of the network for a picture, in buffers of its own."""
        return self.runtime.feed(self._letterbox.fill(image)[0].copy())

    def summary(self) -> str:
        """One line: how the file is used, so that a wrong guess is seen."""
        card, (width, height) = self.card, self.input_size
        kinds = sorted({name for name in card.classes or () if not name.startswith(("coco_", "voc_"))})
        shown = ", ".join(kinds[:8]) + (" ..." if len(kinds) > 8 else "")
        return (
            f"{card.name}: {card.layout} ({self.why}), {width}x{height} {card.colour}, scale {card.scale:.4g}, "
            f"mean {_short(card.mean)}, std {_short(card.std)}, padding {card.padding}, "
            f"{len(card.classes or ())} classes ({shown}), confidence {card.confidence}, "
            f"licence {card.licence}, {self.runs_on}"
        )


def _short(values: tuple[float, ...] | None) -> str:
    return "/".join(f"{value:.4g}" for value in values or ())


def _ask(runtime: Network, card: ModelCard, *, width: int, height: int) -> Answer:
    """What the network says to a grey picture. Raises `ModelError`."""
    entry = runtime.entry
    shape = (1, height, width, 3) if entry.channels_last else (1, 3, height, width)
    grey = _GREY if entry.dtype == np.uint8 else 0.5
    outputs = runtime.run(np.full(shape, grey, entry.dtype))
    if any(np.issubdtype(output.dtype, np.floating) and np.isnan(output).any() for output in outputs):
        raise ModelError(
            card.name,
            "answers a grey picture with what is no number",
            remedy="the file is damaged, or too small a type for its values: export it again, in float32",
        )
    return Answer(
        outputs, runtime.output_names, tuple(runtime.others), runtime.metadata, width, height, card.classes
    )


def _finding(card: ModelCard, answer: Answer) -> Finding:
    """The layout that the card states, else the one that shows."""
    if card.layout == "auto":
        return recognise(answer, name=card.name)
    columns, strides, reads = None, None, None
    try:
        seen = recognise(answer, name=card.name)
    except ModelError:
        seen = None
    if seen is not None and (seen.layout == card.layout or {seen.layout, card.layout} <= _ALIKE):
        columns, strides, reads = seen.columns, card.strides or seen.strides, seen.reads
    elif card.layout in _ALIKE:
        _refuse_other_grid(card, answer)
    return Finding(card.layout, columns, strides, "as its card says", reads)


_ALIKE = {"yolox_raw", "yolox_decoded", "yolov5"}


def _refuse_other_grid(card: ModelCard, answer: Answer) -> None:
    """A grid that the card states must be there.

    Raises:
        ModelError: it is not.
    """
    rows: NDArray[np.float32] = squeezed(answer.outputs[0], 2)
    cells = cells_of(answer.width, answer.height, card.strides or STRIDES[0])
    columns = 5 + len(card.classes or ())
    good = rows.ndim == 2 and (not card.classes or rows.shape[1] == columns)
    if good and (card.layout != "yolox_raw" or len(rows) == cells):
        return
    shapes = [tuple(np.shape(output)) for output in answer.outputs]
    raise ModelError(
        card.name,
        f"outputs {shapes} are no {card.layout} of {cells} cells for {answer.width}x{answer.height}",
        remedy=REMEDY,
    )


def _input_size(runtime: Network, card: ModelCard) -> tuple[int, int]:
    """Width and height of the input. Raises `ModelError` for what nobody could feed."""
    width, height = _wanted_size(runtime, card)
    if width * height > _MOST_PIXELS:
        raise ModelError(
            card.name,
            f"an input of {width}x{height} pixels is too large",
            remedy="export it smaller, or correct input_size in model.toml",
        )
    return width, height


def _wanted_size(runtime: Network, card: ModelCard) -> tuple[int, int]:
    """Width and height: the file's, else the card's, else the metadata's, else the usual side."""
    entry = runtime.entry
    if entry.width is not None and entry.height is not None:
        fixed = (entry.width, entry.height)
        if card.input_size in {None, fixed}:
            return fixed
        raise ModelError(
            card.name,
            f"input_size {card.input_size} but the file has {entry.width}x{entry.height}",
            remedy="correct model.toml",
        )
    if card.input_size is not None:
        return card.input_size
    told = literal(runtime.metadata.get("imgsz", ""))
    if isinstance(told, list | tuple) and len(told) == 2 and all(type(v) is int and v > 0 for v in told):
        return told[1], told[0]
    _log.warning(
        "%s leaves the size of its input free: %d x %d is taken; input_size in model.toml changes it",
        card.name, FREE_SIDE, FREE_SIDE,
    )  # fmt: skip
    return FREE_SIDE, FREE_SIDE
