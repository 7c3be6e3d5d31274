"""Average precision of an ONNX file on rendered pictures it was not trained on, at an overlap of one half.

    python -m models.train.score_ap model.onnx --data HELD_OUT [...] [--weather night|rain|fog|fine]

Road users count when at least half visible and at least 12 px high; others are ignored (`precision.py`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from models.train.precision import Precision
from models.train.score import KINDS, NMS_IOU, Detector
from models.train.shards import Shard

LEAST_CONFIDENCE = 0.01
LEAST_FRACTION, LEAST_HEIGHT_PX = 0.5, 12.0
WEATHERS = ("night", "rain", "fog")
GROUPS = {
    "vehicles": ("car", "truck", "bus", "motorcycle"),
    "pedestrians and cyclists": ("pedestrian", "bicycle"),
}


def average_precisions(
    detector: Detector, shard: Shard, pictures: Sequence[int]
) -> dict[str, tuple[float, int]]:
    """Average precision and number of road users that count, by class, and of each group taken as one class."""
    tables = [Precision() for _ in KINDS]
    pooled = {name: Precision() for name in GROUPS}
    for index in pictures:
        found, rows = detector.every_class(shard.images[index]), shard.rows(index)
        counts = (shard.fraction[rows] >= LEAST_FRACTION) & (shard.height_px[rows] >= LEAST_HEIGHT_PX)
        for number, table in enumerate(tables):
            own, real = found.kind == number, shard.kind[rows] == number
            table.add(found.box_px[own], found.confidence[own], shard.box_px[rows][real], counts[real])
        single = detector(shard.images[index])
        for name, table in pooled.items():
            members = [KINDS.index(member) for member in GROUPS[name]]
            own, real = np.isin(single.kind, members), np.isin(shard.kind[rows], members)
            table.add(single.box_px[own], single.confidence[own], shard.box_px[rows][real], counts[real])
    found = {name: (table.value(), table.counted) for name, table in zip(KINDS, tables, strict=True)}
    return found | {f"{name} as one": (table.value(), table.counted) for name, table in pooled.items()}


def chosen(shard: Shard, weather: str, most: int) -> list[int]:
    """Numbers of the pictures in a weather; `fine` is neither night nor rain nor fog."""
    flags = shard.weather
    wanted = {"any": np.ones(len(flags), dtype=bool), "fine": ~flags.any(axis=1)}
    wanted |= dict(zip(WEATHERS, flags.T, strict=True))
    return [int(index) for index in np.flatnonzero(wanted[weather])[:most]]


def main() -> None:
    """Print a table for each set of pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--nms-iou", type=float, default=NMS_IOU)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--weather", choices=("any", "fine", *WEATHERS), default="any")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = Detector(options.model, confidence=LEAST_CONFIDENCE, nms_iou=options.nms_iou)
    for path in options.data:
        shard = Shard(path)
        pictures = chosen(shard, options.weather, options.pictures)
        values = average_precisions(detector, shard, pictures)
        print(f"{path.name}: {len(pictures)} pictures, weather {options.weather}, AP at IoU 0.5")
        for name, (value, count) in values.items():
            print(f"  {name:32s} {value:.3f}  {count:6d} counted")
        for name, members in GROUPS.items():
            print(
                f"  {name:32s} {np.nanmean([values[member][0] for member in members]):.3f}  mean of classes"
            )


if __name__ == "__main__":
    main()
