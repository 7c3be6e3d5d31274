"""One box for one road user: overlapping boxes of the same or of easily confused classes are merged."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.ports import Boxes

_SCORE_FLOOR = 0.02
"""Share that a class keeps which the detector did not name."""
_VEHICLES = (ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS)
_TWO_WHEELERS = (ObjectClass.MOTORCYCLE, ObjectClass.BICYCLE)
_RIDER_OVERLAP = 0.5
"""Share of the rider's width that lies over the two-wheeler."""
_SOFTNESS = 0.25
CANDIDATE_CAP = 300
"""Boxes that go into suppression; the time grows with the square of their number."""


def merge_boxes(
    box_px: NDArray[np.float32],
    score: NDArray[np.float32],
    *,
    nms_iou: float,
    image_size: tuple[int, int],
    floor: float = 0.0,
) -> Boxes:
    """Boxes of separate road users.

    Args:
        box_px: (n, 4) x1 y1 x2 y2 in pixels of the picture.
        score: (n, 6) score of each class of each box, 0..1.
        nms_iou: overlap above which two boxes are one road user.
        image_size: width and height; boxes are clipped to it.
        floor: score below which a box that others cover is dropped.
    """
    box_px, score = _sound(box_px, score, image_size)
    if not len(box_px):
        return no_boxes()
    kept = _suppress(box_px, score, nms_iou)
    kept = kept[~_ridden(box_px[kept], score[kept])]
    kept = kept[_covered_score(box_px[kept], score[kept]) >= floor]
    return Boxes(box_px[kept], score[kept].max(axis=1).astype(np.float64), log_odds(score[kept]))


def no_boxes() -> Boxes:
    """Nothing found."""
    return Boxes(np.empty((0, 4), np.float32), np.empty(0), np.empty((0, CLASS_COUNT)))


def log_odds(score: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, 6) log odds of each class against the others, from scores that need not sum to one."""
    share = score.astype(np.float64) + _SCORE_FLOOR
    share /= share.sum(axis=1, keepdims=True)
    return np.asarray(np.log(share / (1.0 - share)))


def _sound(
    box_px: NDArray[np.float32], score: NDArray[np.float32], image_size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Clip to the picture; drop what is empty or not finite; keep the best `CANDIDATE_CAP`."""
    limit = np.array([*image_size, *image_size], dtype=np.float32)
    finite = np.isfinite(np.concatenate([box_px, score], axis=1)).all(axis=1)
    clipped = np.clip(np.where(finite[:, None], box_px, 0.0), 0.0, limit)
    area = (clipped[:, 2] - clipped[:, 0] > 1.0) & (clipped[:, 3] - clipped[:, 1] > 1.0)
    rows = np.flatnonzero(finite & area)
    if len(rows) > CANDIDATE_CAP:
        rows = rows[np.argsort(-score[rows].max(axis=1), kind="stable")[:CANDIDATE_CAP]]
    return clipped[rows].astype(np.float32), score[rows]


def _suppress(box_px: NDArray[np.float32], score: NDArray[np.float32], nms_iou: float) -> NDArray[np.int64]:
    """Rows kept; four-wheelers count as one class, and two-wheelers: a detector often names one vehicle twice."""
    group = score.argmax(axis=1)
    group[np.isin(group, _VEHICLES)] = ObjectClass.CAR
    group[np.isin(group, _TWO_WHEELERS)] = ObjectClass.MOTORCYCLE
    corner_size = np.concatenate([box_px[:, :2], box_px[:, 2:] - box_px[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        corner_size.tolist(), score.max(axis=1).tolist(), group.tolist(), 0.0, nms_iou
    )
    return np.asarray(kept, dtype=np.int64).reshape(-1)


def _covered_score(box_px: NDArray[np.float32], score: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) scores, lowered for four-wheelers that surer ones overlap: in a queue, detectors see cars between cars.

    Gaussian Soft-NMS (Bodla et al., ICCV 2017, equation 3) with `_SOFTNESS`.
    """
    value: NDArray[np.float64] = np.asarray(score.max(axis=1), dtype=np.float64)
    vehicles = np.flatnonzero(np.isin(score.argmax(axis=1), _VEHICLES))
    boxes = box_px[vehicles].astype(np.float64)
    if len(boxes) < 2:
        return value
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    overlap = shared / (area[:, None] + area[None] - shared)
    surer = value[vehicles][None, :] > value[vehicles][:, None]
    value[vehicles] *= np.exp(-(np.where(surer, overlap, 0.0) ** 2).sum(axis=1) / _SOFTNESS)
    return value


def _ridden(box_px: NDArray[np.float32], score: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) persons who sit on a two-wheeler that was found too: they are one road user."""
    kind = score.argmax(axis=1)
    person = np.flatnonzero(kind == ObjectClass.PEDESTRIAN)
    wheeler = np.flatnonzero(np.isin(kind, _TWO_WHEELERS))
    ridden = np.zeros(len(box_px), dtype=bool)
    if not len(person) or not len(wheeler):
        return ridden
    p, w = box_px[person][:, None, :], box_px[wheeler][None, :, :]
    shared = np.minimum(p[..., 2], w[..., 2]) - np.maximum(p[..., 0], w[..., 0])
    over = shared > _RIDER_OVERLAP * (p[..., 2] - p[..., 0])
    # The feet of a rider are above the wheels' lower edge, and the hips inside the two-wheeler's box.
    middle = 0.5 * (p[..., 1] + p[..., 3])
    height = w[..., 3] - w[..., 1]
    seated = (p[..., 3] < w[..., 3] + 0.05 * height) & (p[..., 3] > w[..., 1] + 0.3 * height)
    ridden[person] = (over & seated & (middle < w[..., 3])).any(axis=1)
    return ridden
