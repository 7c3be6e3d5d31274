"""The picture that is calibrated on: one frame of the site's camera, or a file."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.app.anonymiser import Anonymiser, audit
from edge.app.camera_parts import open_camera
from edge.app.stills import PATIENCE_S, still_of
from edge.config.site import CameraConfig
from edge.core.errors import ConfigError, DeviceError

_LARGEST_FILE_BYTES = 64 * 1024 * 1024
_LARGEST_SIDE_PX = 16_384


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the browser gets it.

    Attributes:
        width, height: pixels.
        png: the encoded picture.
        origin: where it comes from, for people.
    """

    width: int
    height: int
    png: bytes
    origin: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


def picture_of_camera(
    config: CameraConfig, *, anonymiser: Anonymiser | None, patience_s: float = PATIENCE_S
) -> Picture:
    """A picture of a camera.

    Args:
        config: of the camera.
        anonymiser: blurs road users; None: they are shown.
        patience_s: how long to wait for it.

    Raises:
        DeviceError: the camera does not open, or sends nothing in time.
    """
    audit("a picture for calibration", camera=config.name, anonymiser=anonymiser)
    with closing(open_camera(config)) as camera:
        camera.open()
        image = still_of(
            camera,
            config.name,
            anonymiser=anonymiser,
            patience_s=patience_s,
            remedy="check the source, or give --image PICTURE",
        )
    return _encoded(image, f"camera {config.name}, {time.strftime('%Y-%m-%d %H:%M:%S')}")


def picture_of_file(path: Path) -> Picture:
    """A picture from a file.

    Raises:
        ConfigError: it cannot be read, or is no picture.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise ConfigError("--image", f"{path} is larger than 64 MiB", remedy="give a PNG or JPEG")
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise ConfigError("--image", f"cannot read {path}: {error.strerror or error}") from error
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None or max(image.shape[:2]) > _LARGEST_SIDE_PX:
        raise ConfigError("--image", f"{path} is no picture that can be read", remedy="give a PNG or JPEG")
    return _encoded(np.asarray(image, dtype=np.uint8), path.name)


def _encoded(image: NDArray[np.uint8], origin: str) -> Picture:
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    if not done:
        raise DeviceError(origin, "the picture could not be encoded")
    height, width = image.shape[:2]
    return Picture(width, height, data.tobytes(), origin)
