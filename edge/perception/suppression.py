"""One box for one road user: overlapping boxes of the same or of easily confused classes are merged; compiled.

Greedy non-maximum suppression per group of classes keeps what `cv2.dnn.NMSBoxesBatched` keeps (a test compares them);
it takes less time than turning the arrays into the lists that OpenCV wants.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.perception.candidates import plain
from edge.perception.compiled import kernel
from edge.perception.letterbox import Placement
from edge.perception.order import descending
from edge.ports import Boxes

Floats = NDArray[np.float32]
SCORE_FLOOR = 0.02
"""Share that a class keeps which the detector did not name."""
FOUR_WHEELS, TWO_WHEELS, ON_FOOT = 0, 1, 2
_GROUP_OF = {
    ObjectClass.CAR: FOUR_WHEELS,
    ObjectClass.TRUCK: FOUR_WHEELS,
    ObjectClass.BUS: FOUR_WHEELS,
    ObjectClass.MOTORCYCLE: TWO_WHEELS,
    ObjectClass.BICYCLE: TWO_WHEELS,
    ObjectClass.PEDESTRIAN: ON_FOOT,
}
GROUPS = np.array([_GROUP_OF[ObjectClass(c)] for c in range(CLASS_COUNT)])
"""Group of each class: a detector often names one vehicle twice."""
RIDER_OVERLAP = 0.5
"""Share of the rider's width that lies over the two-wheeler."""
SOFTNESS = 0.25
IN_PLACE = Placement(1.0, 1.0, 0, 0)
CANDIDATE_CAP = 300
"""Boxes that go into suppression; the time grows with the square of their number."""


def merge_boxes(
    box_px: Floats,
    score: Floats,
    *,
    nms_iou: float,
    image_size: tuple[int, int],
    floor: float = 0.0,
    placement: Placement | None = None,
) -> Boxes:
    """Boxes of separate road users, the surest first.

    Args:
        box_px: (n, 4) x1 y1 x2 y2 in pixels of the picture, or of the input where `placement` is given.
        score: (n, 6) score of each class of each box, 0..1.
        nms_iou: overlap above which two boxes are one road user.
        image_size: width and height; boxes are clipped to it.
        floor: score below which a box that others cover is dropped.
        placement: where the picture lies in the input.
    """
    if not len(box_px):
        return no_boxes()
    place = placement or IN_PLACE
    return Boxes(
        *merge(
            plain(box_px),
            plain(score),
            (place.across, place.down, float(place.left_px), float(place.top_px)),
            (float(image_size[0]), float(image_size[1])),
            nms_iou,
            floor,
        )
    )


def no_boxes() -> Boxes:
    """Nothing found."""
    return Boxes(np.empty((0, 4), np.float32), np.empty(0), np.empty((0, CLASS_COUNT)))


@kernel
def merge(
    box: Floats,
    score: Floats,
    place: tuple[float, float, float, float],
    size: tuple[float, float],
    nms_iou: float,
    floor: float,
) -> tuple[Floats, NDArray[np.float64], NDArray[np.float64]]:
    """`merge_boxes` without its value objects: boxes, scores and class log odds of those that are kept."""
    clipped = np.empty((len(box), 4), dtype=np.float32)
    value, group = np.empty(len(box)), np.empty(len(box), dtype=np.int64)
    prepare(box, score, place, size, clipped, value, group)
    order = descending(value)[:CANDIDATE_CAP]
    kept = np.empty(len(order), dtype=np.int64)
    count = suppress(clipped, value, group, order, nms_iou, floor, kept)
    boxes, sure = np.empty((count, 4), dtype=np.float32), np.empty(count)
    odds = np.empty((count, CLASS_COUNT))
    for k in range(count):
        boxes[k], sure[k] = clipped[kept[k]], value[kept[k]]
        log_odds(score[kept[k]], odds[k])
    return boxes, sure, odds


@kernel
def log_odds(score: Floats, out: NDArray[np.float64]) -> None:
    """(6,) log odds of each class against the others, from scores that need not sum to one."""
    total = 0.0
    for c in range(CLASS_COUNT):
        out[c] = float(score[c]) + SCORE_FLOOR
        total += out[c]
    for c in range(CLASS_COUNT):
        share = out[c] / total
        out[c] = math.log(share / (1.0 - share))


@kernel
def prepare(
    box: Floats,
    score: Floats,
    place: tuple[float, float, float, float],
    size: tuple[float, float],
    clipped: Floats,
    value: NDArray[np.float64],
    group: NDArray[np.int64],
) -> None:
    """Bring to the picture and clip to it; `value` is the best score, -1 for what is empty or not finite."""
    for i in range(len(box)):
        sound = True
        for k in range(4):
            down = k & 1
            sound = sound and math.isfinite(box[i, k])
            at = (box[i, k] - place[2 + down]) / place[down] if sound else 0.0
            clipped[i, k] = min(max(at, 0.0), size[down])
        best = 0
        for c in range(CLASS_COUNT):
            sound = sound and math.isfinite(score[i, c])
            if score[i, c] > score[i, best]:
                best = c
        group[i] = GROUPS[best]
        big = clipped[i, 2] - clipped[i, 0] > 1.0 and clipped[i, 3] - clipped[i, 1] > 1.0
        value[i] = score[i, best] if sound and big else -1.0


@kernel
def overlap(a: Floats, b: Floats) -> float:
    """Intersection over union of two boxes."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0.0 or down <= 0.0:
        return 0.0
    shared = across * down
    return float(shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared))


@kernel
def is_ridden(person: Floats, wheeler: Floats) -> bool:
    """Whether a person sits on a two-wheeler: they are one road user.

    The feet of a rider are above the wheels' lower edge, and the hips inside the two-wheeler's box.
    """
    shared = min(person[2], wheeler[2]) - max(person[0], wheeler[0])
    if not shared > RIDER_OVERLAP * (person[2] - person[0]):
        return False
    height = wheeler[3] - wheeler[1]
    seated = wheeler[1] + 0.3 * height < person[3] < wheeler[3] + 0.05 * height
    return bool(seated and 0.5 * (person[1] + person[3]) < wheeler[3])


@kernel
def suppress(
    box: Floats,
    value: NDArray[np.float64],
    group: NDArray[np.int64],
    order: NDArray[np.int64],
    nms_iou: float,
    floor: float,
    kept: NDArray[np.int64],
) -> int:
    """Indices of separate road users into `kept`; returns how many."""
    count = 0
    for k in range(len(order)):
        i = order[k]
        if value[i] < 0.0:
            break
        free = True
        for m in range(count):
            if group[kept[m]] == group[i] and overlap(box[kept[m]], box[i]) > nms_iou:
                free = False
                break
        if free:
            kept[count] = i
            count += 1
    left = np.ones(count, dtype=np.bool_)
    for k in range(count):
        left[k] = stays(box, value, group, kept[:count], k, floor)
    staying = 0
    for k in range(count):
        if left[k]:
            kept[staying] = kept[k]
            staying += 1
    return staying


@kernel
def stays(
    box: Floats,
    value: NDArray[np.float64],
    group: NDArray[np.int64],
    kept: NDArray[np.int64],
    k: int,
    floor: float,
) -> bool:
    """Whether the k-th kept box is no rider of a two-wheeler, and sure enough for how surer ones overlap it.

    In a queue, detectors see cars between cars: Gaussian Soft-NMS (Bodla et al., ICCV 2017, equation 3) for cars.
    """
    i = kept[k]
    if group[i] == ON_FOOT:
        for m in range(len(kept)):
            if group[kept[m]] == TWO_WHEELS and is_ridden(box[i], box[kept[m]]):
                return False
    covered = 0.0
    if group[i] == FOUR_WHEELS:
        for m in range(len(kept)):
            other = kept[m]
            if group[other] == FOUR_WHEELS and value[other] > value[i]:
                covered += overlap(box[other], box[i]) ** 2
    return bool(value[i] * math.exp(-covered / SOFTNESS) >= floor)
