"""Labels from a bigger detector: boxes that stay for some pictures, with the class that most of them were given."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.adaptation.matching import Floats, Labels
from edge.perception.image_track import ImageTracker
from edge.ports import Boxes, Image, Model

LEAST_HITS = 3
"""Pictures in which a road user must be seen."""
LEAST_HEIGHT_PX = 7.5
"""In the pictures that are learned from; what is lower is neither demanded nor punished."""
_WENT = 0.5
HELD_OUT_SHARE, GAP_SHARE, GAP_S = 0.3, 0.1, 5.0
_NS = 1_000_000_000


@dataclass(slots=True)
class Watched:
    """What the teacher saw in the pictures of one clip.

    Attributes:
        name: of the clip.
        image: pictures as small as the network takes them.
        second: time of each in the clip.
        boxes: of the teacher in pixels of `image`.
        track: per picture (n,) identities of its boxes.
    """

    name: str
    image: list[Image] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    boxes: list[Boxes] = field(default_factory=list)
    track: list[NDArray[np.int64]] = field(default_factory=list)


class Shrink:
    """Makes a picture as small as the network takes it, in the way that the node does.

    Args:
        width, height: of the network's input.
        stretch: the picture fills it whatever its shape.
    """

    def __init__(self, *, width: int, height: int, stretch: bool) -> None:
        self._size, self._stretch = (width, height), stretch

    def __call__(self, image: Image) -> Image:
        across, down = self._size[0] / image.shape[1], self._size[1] / image.shape[0]
        if not self._stretch:
            across = down = min(across, down)
        size = (max(1, round(image.shape[1] * across)), max(1, round(image.shape[0] * down)))
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def watch(name: str, pictures: Iterable[tuple[float, Image]], *, teacher: Model, shrink: Shrink) -> Watched:
    """Run the teacher over pictures (seconds, image) in the order of time."""
    watched, tracker = Watched(name), ImageTracker()
    for second, image in pictures:
        boxes, small = teacher.detect(image), shrink(image)
        factor = np.tile([small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]], 2)
        ids, _ = tracker.track(
            boxes.box_px, boxes.class_log_odds, boxes.confidence, capture_ns=round((second + 1.0) * _NS)
        )
        watched.image.append(small)
        watched.second.append(second)
        watched.boxes.append(
            Boxes((boxes.box_px * factor).astype(np.float32), boxes.confidence, boxes.class_log_odds)
        )
        watched.track.append(ids)
    return watched


def consistent(watched: Watched, *, confidence: float) -> list[Labels]:
    """Labels of each picture.

    A road user counts that was seen in three pictures or more, once with the teacher's confidence; its class is the
    one that its boxes add up to. Other boxes, and places where a road user was missed between two sightings, are
    uncertain.
    """
    sightings = _sightings(watched)
    kinds: dict[int, int] = {}
    sure: set[int] = set()
    moving: set[int] = set()
    for track, seen in sightings.items():
        odds = sum(watched.boxes[p].class_log_odds[row] for p, row in seen)
        kinds[track] = int(np.argmax(odds))
        best = max(float(watched.boxes[p].confidence[row]) for p, row in seen)
        if len(seen) >= LEAST_HITS and best >= confidence:
            sure.add(track)
        if _went(np.array([watched.boxes[p].box_px[row] for p, row in seen], dtype=np.float64)):
            moving.add(track)
    missed = _missed(watched, {track: seen for track, seen in sightings.items() if track in sure})
    return [
        _labels(watched.boxes[p], watched.track[p], kinds, (sure, moving), missed.get(p, []))
        for p in range(len(watched.image))
    ]


def _went(box_px: Floats) -> bool:
    """Whether (n, 4) boxes in the order of time are of something that went farther than half its own size."""
    middle = (box_px[:, :2] + box_px[:, 2:]) / 2
    size = float(np.median(box_px[:, 2:] - box_px[:, :2]))
    return float(np.linalg.norm(middle - middle[0], axis=1).max()) > _WENT * size


def _sightings(watched: Watched) -> dict[int, list[tuple[int, int]]]:
    """Per track the pictures and rows in which it was seen."""
    found: dict[int, list[tuple[int, int]]] = {}
    for picture, ids in enumerate(watched.track):
        for row, track in enumerate(ids.tolist()):
            if track >= 0:
                found.setdefault(track, []).append((picture, row))
    return found


def _missed(watched: Watched, sightings: dict[int, list[tuple[int, int]]]) -> dict[int, list[Floats]]:
    """Per picture the boxes between two sightings of a track, on a straight line."""
    between: dict[int, list[Floats]] = {}
    for seen in sightings.values():
        for (before, a), (after, b) in itertools.pairwise(seen):
            start, end = watched.boxes[before].box_px[a], watched.boxes[after].box_px[b]
            for picture in range(before + 1, after):
                share = (picture - before) / (after - before)
                between.setdefault(picture, []).append(np.asarray(start + share * (end - start), np.float64))
    return between


def _labels(
    boxes: Boxes,
    ids: NDArray[np.int64],
    kinds: dict[int, int],
    members: tuple[set[int], set[int]],
    missed: list[Floats],
) -> Labels:
    box_px = np.concatenate([boxes.box_px.astype(np.float64), np.array(missed).reshape(-1, 4)])
    own = boxes.class_log_odds.argmax(axis=1).tolist() if len(ids) else []
    kind = [kinds.get(track, guess) for track, guess in zip(ids.tolist(), own, strict=True)]
    certain, moving = (
        np.array([track in tracks for track in ids.tolist()] + [False] * len(missed), dtype=bool)
        for tracks in members
    )
    tall = box_px[:, 3] - box_px[:, 1] >= LEAST_HEIGHT_PX
    return Labels(box_px, np.array(kind + [0] * len(missed), dtype=np.int64), certain & tall, moving)


def split(second: list[float]) -> tuple[list[int], list[int]]:
    """Pictures to learn from and pictures held out: the later part of the clip, with a gap before it."""
    if not second:
        return [], []
    span = second[-1] - second[0]
    begin = second[-1] - HELD_OUT_SHARE * span
    end = begin - min(GAP_S, GAP_SHARE * span)
    learnt = [k for k, at in enumerate(second) if at < end]
    return learnt, [k for k, at in enumerate(second) if at > begin]
