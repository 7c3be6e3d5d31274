"""Which classes of a detector are road users, and the class lists that files do not spell out."""

from __future__ import annotations

import types

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, ObjectClass

# Only the names that take part in traffic matter; the rest are counted. The order is that of the COCO data set
# (Lin et al., ECCV 2014), with its ids 1..90 in the long form, and that of PASCAL VOC (Everingham et al., IJCV 2010).
_COCO_TRAFFIC = ("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck")
COCO_CLASSES: tuple[str, ...] = _COCO_TRAFFIC + tuple(f"coco_{i}" for i in range(len(_COCO_TRAFFIC), 80))
COCO_IDS: tuple[str, ...] = (
    "background",
    *_COCO_TRAFFIC,
    *(f"coco_id_{i}" for i in range(len(_COCO_TRAFFIC) + 1, 91)),
)
_VOC_AT = {1: "bicycle", 5: "bus", 6: "car", 13: "motorbike", 14: "person"}
VOC_CLASSES: tuple[str, ...] = tuple(_VOC_AT.get(i, f"voc_{i}") for i in range(20))

USUAL_CLASSES: dict[int, tuple[str, ...]] = {
    80: COCO_CLASSES,
    81: ("background", *COCO_CLASSES),
    90: COCO_IDS[1:],
    91: COCO_IDS,
    92: (*COCO_IDS, "none"),
    20: VOC_CLASSES,
    21: ("background", *VOC_CLASSES),
}
"""Class lists by their length."""

KINDS_BY_NAME = types.MappingProxyType(
    {
        "car": ObjectClass.CAR,
        "van": ObjectClass.CAR,
        "suv": ObjectClass.CAR,
        "taxi": ObjectClass.CAR,
        "truck": ObjectClass.TRUCK,
        "lorry": ObjectClass.TRUCK,
        "bus": ObjectClass.BUS,
        "motorcycle": ObjectClass.MOTORCYCLE,
        "motorbike": ObjectClass.MOTORCYCLE,
        "motor": ObjectClass.MOTORCYCLE,
        "bicycle": ObjectClass.BICYCLE,
        "bike": ObjectClass.BICYCLE,
        "cyclist": ObjectClass.BICYCLE,
        "rider": ObjectClass.BICYCLE,
        "person": ObjectClass.PEDESTRIAN,
        "people": ObjectClass.PEDESTRIAN,
        "pedestrian": ObjectClass.PEDESTRIAN,
    }
)
"""Names of model classes that are road users; others are ignored."""


def kind_of(name: str) -> int:
    """Column of `ObjectClass` of a class name; -1 is not a road user."""
    kind = KINDS_BY_NAME.get(name.strip().lower())
    return -1 if kind is None or kind >= CLASS_COUNT else int(kind)


def kinds_of(names: tuple[str, ...]) -> NDArray[np.int64]:
    """(classes,) column of `ObjectClass` per class of a model; -1 is not a road user."""
    return np.array([kind_of(name) for name in names], dtype=np.int64)


class ClassMap:
    """From the classes of a model to `ObjectClass`.

    Args:
        names: of the model's classes, in the order of its columns or labels.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.count = len(names)
        self.kinds = kinds_of(names)
        """Column of `ObjectClass` of each class of the model; -1 is no road user."""
        self.columns: NDArray[np.int64] = np.flatnonzero(self.kinds >= 0)
        """Columns that are road users."""
        self.of_columns = self.kinds[self.columns]
        self._simple = len(set(self.of_columns.tolist())) == len(self.of_columns)

    def spread(self, score: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, columns) scores of the columns that are road users to (n, 6); the best where several are one kind."""
        out = np.zeros((len(score), CLASS_COUNT), np.float32)
        if self._simple:
            out[:, self.of_columns] = score
            return out
        for at, kind in enumerate(self.of_columns.tolist()):
            np.maximum(out[:, kind], score[:, at], out=out[:, kind])
        return out
