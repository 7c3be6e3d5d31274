"""Draws detections into a picture, for people who check a camera."""

from __future__ import annotations

import cv2
import numpy as np

from edge.core.detections import Detections
from edge.core.kinds import ObjectClass
from edge.ports import Boxes, Image

_COLOURS = ((80, 220, 80), (80, 160, 255), (60, 200, 255), (255, 120, 220), (255, 200, 60), (80, 80, 255))
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_boxes(image: Image, boxes: Boxes) -> Image:
    """A copy of the picture with box, class and confidence of each road user."""
    drawn = image.copy()
    scale = max(0.4, image.shape[1] / 2400)
    for box, sure, odds in zip(boxes.box_px, boxes.confidence, boxes.class_log_odds, strict=True):
        kind = int(odds.argmax())
        x1, y1, x2, y2 = (int(v) for v in np.rint(box))
        cv2.rectangle(drawn, (x1, y1), (x2, y2), _COLOURS[kind], 1 + image.shape[1] // 960)
        text = f"{ObjectClass(kind).name.lower()} {sure:.2f}"
        _label(drawn, text, at=(x1, max(12, y1 - 3)), scale=scale, colour=_COLOURS[kind])
    return drawn


def draw_detections(image: Image, detections: Detections) -> Image:
    """A copy of the picture with box, class, confidence and ground position of each detection."""
    drawn = image.copy()
    scale = max(0.45, image.shape[1] / 2400)  # smaller letters cannot be read
    for row in range(len(detections)):
        kind = int(detections.class_log_odds[row].argmax())
        x1, y1, x2, y2 = (int(v) for v in np.rint(detections.box_px[row]))
        east, north = detections.position_m[row]
        text = f"{ObjectClass(kind).name.lower()} {detections.confidence[row]:.2f} {east:.1f} {north:.1f}"
        cv2.rectangle(drawn, (x1, y1), (x2, y2), _COLOURS[kind], 2)
        _label(drawn, text, at=(x1, max(14, y1 - 4)), scale=scale, colour=_COLOURS[kind])
    return drawn


def _label(
    image: Image, text: str, *, at: tuple[int, int], scale: float, colour: tuple[int, int, int]
) -> None:
    """Text on a dark plate. No outline: a bolder outline is also wider, from OpenCV 5 on."""
    (width, height), below = cv2.getTextSize(text, _FONT, scale, 1)
    x, y = at
    cv2.rectangle(image, (x, y - height - 2), (x + width, y + below), (0, 0, 0), cv2.FILLED)
    cv2.putText(image, text, at, _FONT, scale, colour, 1, cv2.LINE_AA)
