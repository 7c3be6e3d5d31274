"""Scores an ONNX file on rendered pictures that it was not trained on.

    python -m models.train.score model.onnx --data HELD_OUT [...] --confidence 0.35

Road users count when at least half visible and at least 12 px high. A box is right when it overlaps its road user by
at least half (IoU, greedy by confidence; per class with the class, overall without). Boxes that fall on smaller or more
hidden road users are neither right nor wrong.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from edge.core.kinds import ObjectClass
from hw.sim.pinhole import PinholeCamera
from models.train.shards import HEIGHT_PX, WIDTH_PX, Shard

STRIDES = (8, 16, 32)
NMS_IOU = 0.5
KINDS = [kind.name.lower() for kind in ObjectClass if kind is not ObjectClass.UNKNOWN]


@dataclass(frozen=True, slots=True)
class Found:
    """Boxes (n, 4), confidence (n,) and class (n,) of one picture."""

    box_px: np.ndarray
    confidence: np.ndarray
    kind: np.ndarray


class Detector:
    """The shipped file with the plainest decoding there is, independent of the node's own."""

    def __init__(self, path: Path, *, confidence: float, nms_iou: float = NMS_IOU) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._confidence, self._nms_iou = confidence, nms_iou
        cells, strides = [], []
        for stride in STRIDES:
            rows, columns = np.mgrid[: HEIGHT_PX // stride, : WIDTH_PX // stride]
            cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
            strides.append(np.full((len(cells[-1]), 1), stride))
        self._cells, self._strides = np.concatenate(cells), np.concatenate(strides)

    def __call__(self, image: np.ndarray) -> Found:
        """One class a box, the likeliest, and one box a road user."""
        boxes, scores = self._candidates(image)
        confidence = scores.max(axis=1)
        kept = suppress(boxes, confidence, self._nms_iou)
        return Found(boxes[kept], confidence[kept], scores[kept].argmax(axis=1))

    def every_class(self, image: np.ndarray) -> Found:
        """Each box with each class that it may be, as COCO's score wants it; suppression within a class."""
        boxes, scores = self._candidates(image)
        found = []
        for number in range(scores.shape[1]):
            index = np.flatnonzero(scores[:, number] > self._confidence)
            kept = index[suppress(boxes[index], scores[index, number], self._nms_iou)]
            found.append((boxes[kept], scores[kept, number], np.full(len(kept), number)))
        box_px, confidence, kind = (np.concatenate(part) for part in zip(*found, strict=True))
        return Found(box_px, confidence, kind)

    def _candidates(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, 4) boxes and (n, classes) scores of cells above the confidence."""
        blob = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
        rows = self._session.run(None, {"images": blob})[0][0]
        scores = rows[:, 4:5] * rows[:, 5:]
        keep = scores.max(axis=1) > self._confidence
        rows, scores = rows[keep], scores[keep]
        middle = (rows[:, :2] + self._cells[keep]) * self._strides[keep]
        half = np.exp(rows[:, 2:4]) * self._strides[keep] / 2
        boxes = np.clip(np.concatenate([middle - half, middle + half], axis=1), 0, [WIDTH_PX, HEIGHT_PX] * 2)
        return boxes, scores


def suppress(boxes: np.ndarray, confidence: np.ndarray, limit: float) -> np.ndarray:
    """Indices of boxes that overlap no more confident one by more than the limit."""
    kept: list[int] = []
    for index in np.argsort(-confidence):
        if not kept or overlaps(boxes[index], boxes[kept]).max() <= limit:
            kept.append(int(index))
    return np.array(kept, dtype=int)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n,) IoU of one box with (n, 4)."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return shared / np.maximum(area - shared, 1e-9)


class Score:
    """Counts over many pictures."""

    def __init__(self) -> None:
        self.right, self.wrong, self.missed = (np.zeros(len(KINDS) + 1, dtype=int) for _ in range(3))
        self.bottom_px: list[float] = []
        self.ground_m: list[tuple[float, float]] = []

    def add(self, found: Found, shard: Shard, index: int) -> None:
        """Compare one picture with its truth, once without classes and once per class."""
        rows = shard.rows(index)
        truth, kind = shard.box_px[rows], shard.kind[rows].astype(int)
        counts = (shard.fraction[rows] >= 0.5) & (shard.height_px[rows] >= 12.0)
        pairs = _match(found, truth, np.ones((len(found.kind), len(truth)), dtype=bool), counts)
        self._tally(len(KINDS), found, truth, counts, pairs, np.ones(len(found.kind), dtype=bool))
        camera = PinholeCamera(*_pose(shard.camera[index]), WIDTH_PX, HEIGHT_PX)
        for guess, real in pairs.items():
            if counts[real]:
                self._ground(found.box_px[guess], truth[real], camera)
        for number in range(len(KINDS)):
            same = (found.kind == number)[:, None] & (kind == number)[None]
            self._tally(
                number,
                found,
                truth,
                counts & (kind == number),
                _match(found, truth, same, counts),
                found.kind == number,
            )

    def _tally(
        self,
        column: int,
        found: Found,
        truth: np.ndarray,
        counts: np.ndarray,
        pairs: dict[int, int],
        own: np.ndarray,
    ) -> None:
        right = sum(bool(counts[real]) for real in pairs.values())
        self.right[column] += right
        self.missed[column] += int(counts.sum()) - right
        for guess in np.flatnonzero(own):
            if guess not in pairs:
                excused = len(truth) and bool((overlaps(found.box_px[guess], truth[~counts]) > 0.3).any())
                self.wrong[column] += not excused

    def _ground(self, guess: np.ndarray, truth: np.ndarray, camera: PinholeCamera) -> None:
        """Error of the middle of the bottom edge, in the picture and on the ground."""
        bottoms = np.array([[(box[0] + box[2]) / 2, box[3]] for box in (guess, truth)])
        if truth[3] > HEIGHT_PX - 1 or truth[0] < 1 or truth[2] > WIDTH_PX - 1:
            return
        self.bottom_px.append(float(np.linalg.norm(bottoms[0] - bottoms[1])))
        ground = camera.ground_points(bottoms)
        distance = float(np.linalg.norm(ground[1] - np.array(camera.position_m[:2])))
        error = float(np.linalg.norm(ground[0] - ground[1]))
        if distance < 60.0 and not np.isnan(error):
            self.ground_m.append((distance, error))

    def lines(self) -> list[str]:
        """The table."""
        out = ["class        recall  precision  counted"]
        for number, name in enumerate([*KINDS, "any class"]):
            right, wrong, missed = self.right[number], self.wrong[number], self.missed[number]
            recall, precision = right / max(1, right + missed), right / max(1, right + wrong)
            out.append(f"{name:12s} {recall:6.3f}  {precision:9.3f}  {right + missed:7d}")
        bottom, ground = np.array(self.bottom_px), np.array(self.ground_m).reshape(-1, 2)
        out.append(f"bottom edge: median {np.median(bottom):.2f} px, 95 % {np.quantile(bottom, 0.95):.2f} px")
        for low, high in ((0, 20), (20, 40), (40, 60)):
            errors = ground[(ground[:, 0] >= low) & (ground[:, 0] < high), 1]
            if len(errors):
                out.append(
                    f"on the ground {low}-{high} m: median {np.median(errors):.2f} m, "
                    f"95 % {np.quantile(errors, 0.95):.2f} m, {len(errors)} road users"
                )
        return out


def _pose(row: np.ndarray) -> tuple[tuple[float, float, float], float, float, float, float]:
    x, y, z, yaw, pitch, roll, focal = (float(value) for value in row)
    return (x, y, z), yaw, pitch, roll, focal


def _match(found: Found, truth: np.ndarray, allowed: np.ndarray, counts: np.ndarray) -> dict[int, int]:
    """Most confident box first, to the best free road user; those that count are preferred."""
    pairs: dict[int, int] = {}
    free = np.ones(len(truth), dtype=bool)
    for guess in np.argsort(-found.confidence):
        if not len(truth):
            break
        fit = overlaps(found.box_px[guess], truth) * (free & allowed[guess])
        fit = np.where(fit >= 0.5, fit + counts, 0.0)
        best = int(np.argmax(fit))
        if fit[best] >= 0.5:
            pairs[int(guess)] = best
            free[best] = False
    return pairs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--confidence", type=float, default=0.35)
    parser.add_argument("--pictures", type=int, default=100_000)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = Detector(options.model, confidence=options.confidence)
    for path in options.data:
        shard, score = Shard(path), Score()
        for index in range(min(options.pictures, len(shard.images))):
            score.add(detector(shard.images[index]), shard, index)
        print(
            f"{path.name}: {min(options.pictures, len(shard.images))} pictures, confidence {options.confidence}"
        )
        print("\n".join(score.lines()))


if __name__ == "__main__":
    main()
