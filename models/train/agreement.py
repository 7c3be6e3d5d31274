"""How far two detectors agree on a film of a real street; neither is the truth.

    python -m models.train.agreement model.onnx OTHER.onnx CLIP.mp4 [...] --every 10

Boxes of both at their confidence agree when they overlap by at least half, whatever their class. `found` is the share
of the other's boxes that the model has too, `confirmed` the share of the model's boxes that the other has.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from edge.perception.onnx_model import OnnxModel
from edge.ports import Image
from models.train.precision import RIGHT, iou_table, match


def pictures(clip: Path, every: int) -> list[Image]:
    """Every so many pictures of a film."""
    capture, found = cv2.VideoCapture(str(clip)), []
    number = 0
    while capture.grab():
        if number % every == 0:
            good, picture = capture.retrieve()
            if good:
                found.append(np.asarray(picture, dtype=np.uint8))
        number += 1
    if not found:
        raise SystemExit(f"{clip} has no picture")
    return found


def agreement(model: OnnxModel, other: OnnxModel, film: list[Image]) -> tuple[int, int, int, int]:
    """Boxes of the model, of the other, on both, and on both with the same class."""
    own = theirs = both = same = 0
    for picture in film:
        ours, seen = model.detect(picture), other.detect(picture)
        order = np.argsort(-ours.confidence, kind="stable")
        table = iou_table(ours.box_px[order].astype(float), seen.box_px.astype(float))
        kinds = ours.class_log_odds.argmax(axis=1)[order], seen.class_log_odds.argmax(axis=1)
        alike = kinds[0][:, None] == kinds[1][None]
        everyone = np.ones(len(kinds[1]), dtype=bool)
        own, theirs = own + len(order), theirs + len(kinds[1])
        both += int((match(table, everyone, 0.5) == RIGHT).sum())
        same += int((match(table * alike, everyone, 0.5) == RIGHT).sum())
    return own, theirs, both, same


def main() -> None:
    """Print one line a clip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--confidence", type=float, help="of the model; of its card when not given")
    options = parser.parse_args()
    model = OnnxModel.load(options.model, confidence=options.confidence)
    other = OnnxModel.load(options.other)
    for clip in options.clips:
        film = pictures(clip, options.every)
        own, theirs, both, same = agreement(model, other, film)
        print(
            f"{clip.name}: {len(film)} pictures, {own} boxes of the model, {theirs} of the other, {both} on both "
            f"({same} with the same class): found {both / max(1, theirs):.2f}, confirmed {both / max(1, own):.2f}, "
            f"F1 {2 * both / max(1, own + theirs):.2f}"
        )


if __name__ == "__main__":
    main()
