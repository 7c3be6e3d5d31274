"""Frames of an open camera, and one picture of it that may be shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from edge.app.anonymiser import Anonymiser
from edge.core.errors import DeviceError
from edge.ports import Camera, Frame, Image

PATIENCE_S = 15.0
"""A stream needs a few seconds until its first whole picture."""
_READ_S = 1.0
_LOOKS = 5
"""Pictures whose boxes are blurred in a still: one may miss somebody."""


def still_of(
    camera: Camera,
    name: str,
    *,
    anonymiser: Anonymiser | None,
    patience_s: float = PATIENCE_S,
    remedy: str = "check the source",
) -> Image:
    """A picture of an open camera; blurred where road users were found in it or shortly before.

    Raises:
        DeviceError: none came in time.
    """
    frames = frames_of(camera, name, patience_s, remedy=remedy)
    frame = next(frames)
    if anonymiser is None:
        return frame.image
    image, _ = anonymiser.look(frame.image, capture_ns=frame.stamp.capture_ns)
    with suppress(DeviceError):  # a clip may be shorter
        for frame in islice(frames, _LOOKS - 1):
            image, _ = anonymiser.look(frame.image, capture_ns=frame.stamp.capture_ns)
    return image


def frames_of(
    camera: Camera, name: str, patience_s: float, *, remedy: str = "check the source"
) -> Iterator[Frame]:
    """Frames as they come; each must come within the patience."""
    while True:
        deadline = time.monotonic() + patience_s
        frame = None
        while frame is None and time.monotonic() < deadline:
            frame = camera.read(timeout_s=min(_READ_S, patience_s))
        if frame is None:
            raise DeviceError(f"camera {name}", f"no picture within {patience_s:g} s", remedy=remedy)
        yield frame
