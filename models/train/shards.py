"""Labelled pictures on disk, as `dataset` writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WIDTH_PX, HEIGHT_PX = 480, 288


class Shard:
    """One pair of files that `dataset` wrote; the pictures stay on disk."""

    def __init__(self, path: Path) -> None:
        self.images = np.load(f"{path}.images.npy", mmap_mode="r")
        labels = np.load(f"{path}.labels.npz")
        self.offset, self.box_px, self.kind = labels["offset"], labels["box_px"], labels["kind"]
        self.fraction, self.height_px = labels["fraction"], labels["height_px"]
        self.ground_m, self.camera = labels["ground_m"], labels["camera"]
        self.weather = (
            labels["weather"] if "weather" in labels else np.zeros((len(self.images), 3), dtype=bool)
        )

    def rows(self, index: int) -> slice:
        return slice(int(self.offset[index]), int(self.offset[index + 1]))
