"""Whether a camera still looks where it looked when it was calibrated, told by the still background of its pictures.

Pictures are brought to local contrast (light and exposure go away) and averaged (traffic goes away, and so does
vibration); the average is compared in tiles by phase correlation (Kuglin and Hines, 1975) with kept references.
References of other light join while the camera is known to stand still; a new calibration begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.stamp import NS_PER_S
from edge.ports import Image

Floats = NDArray[np.float32]
WIDTH_PX = 480
EVERY_NS = NS_PER_S
"""One picture a second is enough."""
WINDOW = 30
"""Pictures in an average."""
TILES_ACROSS, TILES_DOWN = 4, 3
LEAST_RESPONSE, LEAST_TILES = 0.08, 4
AGREE_PX = 1.5
"""Tiles that differ more from what the others say saw something else."""
ALARM_SHARE = 0.0035
"""Of the picture's width: a quarter of a degree with a usual lens."""
CONFIRMATIONS = 2
"""Averages in a row that must say so."""
REFERENCES = 4
STEADY_NS = 30 * 60 * NS_PER_S
"""How long after it was last seen to stand still a camera may take a reference of other light."""


@dataclass(frozen=True, slots=True)
class PictureShift:
    """How the background lies against a reference.

    Attributes:
        right_px, down_px: movement of what the picture shows, in pixels of the frame.
        turn_rad: turn of the picture, clockwise.
        moved_px: median length of the movement over the picture.
        tiles: how many tiles of the picture agree.
    """

    right_px: float
    down_px: float
    turn_rad: float
    moved_px: float
    tiles: int


class DriftWatch:
    """Fed with every frame of a camera; looks at one a second.

    Args:
        references: kept ones, from `references` of an earlier run with the same calibration.
    """

    def __init__(self, references: tuple[Floats, ...] = ()) -> None:
        self.references = references
        self.shift: PictureShift | None = None
        self.drifted = False
        self.unclear = 0
        self._sum: Floats | None = None
        self._count = 0
        self._due_ns = 0
        self._against = 0
        self._steady_ns: int | None = None

    def look(self, image: Image, *, now_ns: int) -> bool:
        """Take a (h, w, 3) uint8 BGR picture; True when an average was compared or a reference was taken."""
        if 0 <= self._due_ns - now_ns <= EVERY_NS:
            return False
        self._due_ns = now_ns + EVERY_NS
        contrast = local_contrast(image)
        if self._sum is None or self._sum.shape != contrast.shape:
            self._sum, self._count = np.zeros_like(contrast), 0
        self._sum += contrast
        self._count += 1
        if self._count < WINDOW:
            return False
        average, self._sum, self._count = self._sum / self._count, None, 0
        self._compare(np.asarray(average, dtype=np.float32), image.shape[1] / contrast.shape[1], now_ns)
        return True

    def _compare(self, average: Floats, scale: float, now_ns: int) -> None:
        kept = [old for old in self.references if old.shape == average.shape]
        if not kept:
            self.references, self._steady_ns = (average,), now_ns
            return
        found = [shift for shift in (shift_between(old, average, scale=scale) for old in kept) if shift]
        if not found:
            self._take_other_light(average, now_ns)
            return
        self.shift = max(found, key=lambda shift: shift.tiles)
        self.unclear = 0
        if self.shift.moved_px <= ALARM_SHARE * average.shape[1] * scale:
            self._against, self.drifted, self._steady_ns = 0, False, now_ns
            return
        self._against += 1
        self._steady_ns = None
        self.drifted = self.drifted or self._against >= CONFIRMATIONS

    def _take_other_light(self, average: Floats, now_ns: int) -> None:
        """The picture is like no reference: the light has changed, or it shows nothing."""
        self.unclear += 1
        steady = self._steady_ns is not None and now_ns - self._steady_ns <= STEADY_NS
        if steady and not self.drifted and shift_between(average, average, scale=1.0) is not None:
            # The first stays: it was taken with the calibration.
            self.references = (self.references[0], *self.references[1:][-(REFERENCES - 2) :], average)


def local_contrast(image: Image) -> Floats:
    """Grey picture of at most `WIDTH_PX` columns, each pixel against its surroundings and in units of their spread."""
    height, width = image.shape[:2]
    if width > WIDTH_PX:
        size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    plain = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    grey = np.asarray(cv2.GaussianBlur(plain, (0, 0), 1.0), dtype=np.float32)
    mean = cv2.GaussianBlur(grey, (0, 0), 8.0)
    spread = np.sqrt(cv2.GaussianBlur((grey - mean) ** 2, (0, 0), 16.0))
    return np.asarray(np.clip((grey - mean) / (spread + 3.0), -2.0, 2.0), dtype=np.float32)


def shift_between(old: Floats, new: Floats, *, scale: float) -> PictureShift | None:
    """How `new` lies against `old`; None where too few tiles show the same thing.

    Args:
        old, new: averages of `local_contrast`.
        scale: pixels of the frame per pixel of these.
    """
    height, width = old.shape
    tall, wide = height // TILES_DOWN, width // TILES_ACROSS
    window = cv2.createHanningWindow((wide, tall), cv2.CV_32F)
    places, moves = [], []
    for row in range(TILES_DOWN):
        for column in range(TILES_ACROSS):
            part = np.s_[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
            move, response = cv2.phaseCorrelate(
                np.ascontiguousarray(old[part]), np.ascontiguousarray(new[part]), window
            )
            if response >= LEAST_RESPONSE:
                places.append([(column + 0.5) * wide - 0.5 * width, (row + 0.5) * tall - 0.5 * height])
                moves.append(move)
    return _rigid(np.array(places), np.array(moves), scale)


def _rigid(place: NDArray[np.float64], move: NDArray[np.float64], scale: float) -> PictureShift | None:
    """One step and turn of the whole picture; tiles that disagree are left out."""
    if len(place) < LEAST_TILES:
        return None
    good = np.hypot(*(move - np.median(move, axis=0)).T) < 4.0 * AGREE_PX
    for _ in range(3):
        if good.sum() < LEAST_TILES:
            return None
        step, turn = _fit_rigid(place[good], move[good])
        good = np.hypot(*(move - step - turn * np.stack([-place[:, 1], place[:, 0]], axis=1)).T) < AGREE_PX
    if good.sum() < LEAST_TILES:
        return None
    length = float(np.median(np.hypot(*move[good].T)))
    return PictureShift(scale * step[0], scale * step[1], turn, scale * length, int(good.sum()))


def _fit_rigid(place: NDArray[np.float64], move: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    rows = np.zeros((2 * len(place), 3))
    rows[0::2, 0] = rows[1::2, 1] = 1.0
    rows[0::2, 2], rows[1::2, 2] = -place[:, 1], place[:, 0]
    found = np.asarray(np.linalg.lstsq(rows, move.reshape(-1), rcond=None)[0], dtype=np.float64)
    return found[:2], float(found[2])
