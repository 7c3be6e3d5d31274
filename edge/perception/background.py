"""A detector without weights for still cameras: what differs from the empty road, and how large it is there.

The background is a running mean that learns slowly where something stands, so that a stopped road user stays visible
for minutes. Soft shadows and a change of light over the whole picture are not taken for road users.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.perception.ground import GroundProjection
from edge.perception.suppression import no_boxes
from edge.ports import Boxes, Image

_WIDTH_PX = 320
_ROAD_SECONDS = 10.0
"""Time constant of the empty road."""
_STOPPED_SECONDS = 300.0
"""Time constant under road users: how long one may stand before it fades."""
LEARNING_SECONDS = 6.0
_MIN_DIFFERENCE = 18.0
_NOISE_FACTOR = 4.0
_SHADOW_DARKEST, _SHADOW_BRIGHTEST = 0.45, 0.97
_SHADOW_COLOUR = 0.035
_LIGHT_CHANGE_SHARE = 0.6
_MIN_BLOB_PX = 24
_MIN_SOLIDITY = 0.3
_MAX_MISFIT = 12.0
"""A blob that fits no class any better is no road user."""
_UPRIGHT = 1.4
"""Height over width of a person, where sizes on the ground are not known."""
_TEMPERATURE = 3.0
"""Size tells classes apart only weakly."""


class BackgroundModel:
    """Implements `edge.ports.Model` for one still camera.

    Nothing is found during the first seconds; what stands there then is road until it leaves.

    Args:
        projection: calibration of the camera: tells the size of what moves. None: no sizes, so that what is
            upright is a pedestrian and all else a car.
        fps: pictures per second that `detect` is called with.
        name: for messages.
    """

    def __init__(self, projection: GroundProjection | None, *, fps: float, name: str = "background") -> None:
        self.name = name
        self._projection = projection
        self._road_rate = min(1.0, 1.0 / (fps * _ROAD_SECONDS))
        self._stopped_rate = min(1.0, 1.0 / (fps * _STOPPED_SECONDS))
        self._learning_frames = max(5, round(fps * LEARNING_SECONDS))
        self._mean: NDArray[np.float32] | None = None
        self._deviation = np.empty(0, np.float32)
        self._frames = 0
        self._open = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        self._close = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))

    @property
    def learning(self) -> bool:
        """Whether the empty road is still being learnt."""
        return self._frames < self._learning_frames

    def detect(self, image: Image) -> Boxes:
        """Find road users in an (h, w, 3) uint8 BGR picture and learn from it."""
        height, width = image.shape[:2]
        small_height = max(1, round(height * _WIDTH_PX / width))
        small = cv2.resize(image, (_WIDTH_PX, small_height), interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._mean is None or self._mean.shape != small.shape:
            self._restart(small)
            return no_boxes()
        difference, moved = self._moved(small)
        self._learn(small, difference, moved)
        if self.learning:
            return no_boxes()
        if float(moved.mean()) > _LIGHT_CHANGE_SHARE * 255:
            self._restart(small)
            return no_boxes()
        return self._boxes(moved, scale=width / _WIDTH_PX, size=(width, height))

    def _restart(self, small: NDArray[np.float32]) -> None:
        self._mean = small.copy()
        self._deviation = np.full(small.shape[:2], _MIN_DIFFERENCE / _NOISE_FACTOR, np.float32)
        self._frames = 0

    def _moved(self, small: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Difference of each pixel and a mask, 255 where something stands on the road."""
        assert self._mean is not None
        mean = self._mean * _light_gain(small, self._mean)
        difference = np.asarray(np.abs(small - mean).max(axis=2), dtype=np.float32)
        threshold = np.maximum(_MIN_DIFFERENCE, _NOISE_FACTOR * self._deviation)
        mask = ((difference > threshold) & ~_shadow(small, mean)).astype(np.uint8) * 255
        mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._open), dtype=np.uint8)
        return difference, np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, self._close), dtype=np.uint8)

    def _learn(
        self, small: NDArray[np.float32], difference: NDArray[np.float32], moved: NDArray[np.uint8]
    ) -> None:
        assert self._mean is not None
        self._frames += 1
        road = cv2.bitwise_not(cv2.dilate(moved, self._open))
        if self.learning:
            # The mean of all pictures so far; passing road users leave little in it.
            rate = max(self._road_rate, 1.0 / (self._frames + 1))
            cv2.accumulateWeighted(small, self._mean, rate)
        else:
            rate = self._road_rate
            cv2.accumulateWeighted(small, self._mean, rate, mask=road)
            cv2.accumulateWeighted(small, self._mean, self._stopped_rate, mask=cv2.bitwise_not(road))
        cv2.accumulateWeighted(difference, self._deviation, rate, mask=road)

    def _boxes(self, moved: NDArray[np.uint8], *, scale: float, size: tuple[int, int]) -> Boxes:
        _count, _labels, stats, _centres = cv2.connectedComponentsWithStats(moved, connectivity=8)
        blobs = stats[1:].astype(np.float64)
        solidity = blobs[:, cv2.CC_STAT_AREA] / np.maximum(
            blobs[:, cv2.CC_STAT_WIDTH] * blobs[:, cv2.CC_STAT_HEIGHT], 1.0
        )
        good = (blobs[:, cv2.CC_STAT_AREA] >= _MIN_BLOB_PX) & (solidity >= _MIN_SOLIDITY)
        blobs, solidity = blobs[good], solidity[good]
        if not len(blobs):
            return no_boxes()
        corners = np.column_stack([blobs[:, :2], blobs[:, :2] + blobs[:, 2:4]]) * scale
        misfit = self._misfit(corners, size)
        best = misfit.min(axis=1)
        kept = best <= _MAX_MISFIT
        corners, misfit, best, solidity = corners[kept], misfit[kept], best[kept], solidity[kept]
        share = np.exp((best[:, None] - misfit) / _TEMPERATURE) + 0.01
        share /= share.sum(axis=1, keepdims=True)
        confidence = np.clip(0.3 + 0.6 * solidity - 0.02 * best, 0.05, 0.9)
        return Boxes(corners.astype(np.float32), confidence, np.log(share / (1.0 - share)))

    def _misfit(self, corners: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
        """(n, 6) how badly a road user of each class would fill each of the (n, 4) boxes."""
        if self._projection is not None:
            return self._projection.size_misfit(corners, frame_size=size)
        misfit = np.full((len(corners), CLASS_COUNT), 2.0 * _TEMPERATURE)
        upright = (corners[:, 3] - corners[:, 1]) > _UPRIGHT * (corners[:, 2] - corners[:, 0])
        misfit[np.arange(len(corners)), np.where(upright, ObjectClass.PEDESTRIAN, ObjectClass.CAR)] = 0.0
        return misfit


def _light_gain(small: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3,) how much brighter the whole picture is than the background: clouds and the camera's own exposure."""
    ratio = (small[::4, ::4] + 8.0) / (mean[::4, ::4] + 8.0)
    return np.asarray(np.clip(np.median(ratio.reshape(-1, 3), axis=0), 0.6, 1.6), dtype=np.float32)


def _shadow(small: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(h, w) darker than the road, but of its colour."""
    bright, road = small.sum(axis=2) + 1.0, mean.sum(axis=2) + 1.0
    ratio = bright / road
    colour = np.abs(small / bright[..., None] - mean / road[..., None]).max(axis=2)
    return np.asarray((ratio > _SHADOW_DARKEST) & (ratio < _SHADOW_BRIGHTEST) & (colour < _SHADOW_COLOUR))
