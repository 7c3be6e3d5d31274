"""A detector without weights for still cameras: what differs from the empty road, and how large it is there.

The background is a running mean that learns slowly where something stands, so that a stopped road user stays visible
for minutes. Soft shadows and a change of light over the whole picture are not taken for road users; a pixel may come
from its neighbours, so that a shaking pole and leaves show little. Where something that stood there from the start has
left, its ghost is told by what lies round it: it stands out of the background and not of the picture, and is healed
after some seconds.
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
_GHOST_SECONDS = 2.0
"""A blob that stays so long is asked whether it is a ghost."""
_GHOST_CONTRAST = 1.25
"""How much more a ghost must stand out of the background than of the picture."""
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
        self._stood = np.empty(0, np.float32)
        self._period_s = 1.0 / fps
        self._frames = 0
        self._open = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        self._near = np.ones((3, 3), np.uint8)
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
        self._stood = np.where(moved > 0, self._stood + np.float32(self._period_s), np.float32(0.0))
        _count, found, stats, _centres = cv2.connectedComponentsWithStats(moved, connectivity=8)
        labels = np.asarray(found, dtype=np.int32)
        left = [blob for blob in range(1, len(stats)) if not self._healed(small, labels, blob, stats[blob])]
        return self._boxes(stats[left].astype(np.float64), scale=width / _WIDTH_PX, size=(width, height))

    def _healed(
        self, small: NDArray[np.float32], labels: NDArray[np.int32], blob: int, stats: NDArray[np.int32]
    ) -> bool:
        """Whether a blob that has long stayed is a ghost; its place is then learned anew."""
        assert self._mean is not None
        x, y, w, h = (int(stats[k]) for k in range(4))
        window = np.s_[max(0, y - 7) : y + h + 7, max(0, x - 7) : x + w + 7]
        mask = (labels[window] == blob).astype(np.uint8)
        if float(np.median(self._stood[window][mask > 0])) < _GHOST_SECONDS:
            return False
        wide = cv2.dilate(mask, self._close)
        round_it = (cv2.dilate(wide, self._close) - wide) > 0
        if not round_it.any():
            return False
        seen, known = (
            float(np.abs(image[window][mask > 0].mean(axis=0) - image[window][round_it].mean(axis=0)).max())
            for image in (small, self._mean)
        )
        if known < _GHOST_CONTRAST * seen:
            return False
        self._mean[window][wide > 0] = small[window][wide > 0]
        self._stood[window][wide > 0] = 0.0
        return True

    def _restart(self, small: NDArray[np.float32]) -> None:
        self._mean = small.copy()
        self._deviation = np.full(small.shape[:2], _MIN_DIFFERENCE / _NOISE_FACTOR, np.float32)
        self._stood = np.zeros(small.shape[:2], np.float32)
        self._frames = 0

    def _moved(self, small: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Difference of each pixel and a mask, 255 where something stands on the road."""
        assert self._mean is not None
        mean = self._mean * _light_gain(small, self._mean)
        # How far outside of what the neighbours of the pixel are on the empty road.
        above = cv2.subtract(small, cv2.dilate(mean, self._near))
        below = cv2.subtract(cv2.erode(mean, self._near), small)
        difference = np.asarray(
            _largest(np.asarray(cv2.max(above, below), dtype=np.float32)), dtype=np.float32
        )
        np.maximum(difference, 0.0, out=difference)
        threshold = np.maximum(_MIN_DIFFERENCE, _NOISE_FACTOR * self._deviation)
        mask = (difference > threshold).astype(np.uint8) * 255
        apart = np.nonzero(mask)
        mask[apart] = np.where(_shadow(small[apart], mean[apart]), 0, 255)
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

    def _boxes(self, blobs: NDArray[np.float64], *, scale: float, size: tuple[int, int]) -> Boxes:
        """Road users of (n, 5) blobs: left, top, width, height and area in the small picture."""
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
    """(n,) darker than the road, but of its colour; of (n, 3) pixels."""
    bright, road = small.sum(axis=1) + 1.0, mean.sum(axis=1) + 1.0
    ratio = bright / road
    colour = np.abs(small / bright[:, None] - mean / road[:, None]).max(axis=1)
    return np.asarray((ratio > _SHADOW_DARKEST) & (ratio < _SHADOW_BRIGHTEST) & (colour < _SHADOW_COLOUR))


def _largest(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) largest of the three channels."""
    blue, green, red = cv2.split(picture)
    return np.asarray(cv2.max(cv2.max(blue, green), red), dtype=np.float32)
