"""Pictures of any source that a person names: a picture, a video, a folder of pictures, or an address."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError, EdgeError
from edge.ports import Image

_log = logging.getLogger(__name__)
PICTURES = frozenset({".bmp", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
USUAL_RATE = Fraction(25)
WAIT_S = 10.0
"""For an address to answer, and for each of its packets."""
_RTSP = {
    # Over UDP many a camera never comes through, and the network's losses would be taken for the detector's.
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    # The description names the codec: with probing it takes ten seconds until the first picture.
    "probesize": "32",
    "analyzeduration": "1",
    "fpsprobesize": "0",
}
_RATE_PICTURES = 9
_REFUSED = {
    "401": "write rtsp://USER:PASSWORD@HOST/PATH, with @ : / of the password as %40 %3A %2F",
    "403": "give the user the right to view in the camera's settings",
    "404": "check the path of the address",
}
Shown = tuple[int, float, Image]
"""Number of the picture, its time in seconds, and the picture."""


def is_picture(source: str) -> bool:
    """Whether a source is the file of one picture."""
    return "://" not in source and Path(source).suffix.lower() in PICTURES


def shown(source: str, *, every: int = 1, frames: int | None = None) -> Iterator[Shown]:
    """Pictures in turn; what does not decode is left out, and counted in one warning.

    Args:
        source: a picture, a video, a folder of pictures in the order of their names, or an address (rtsp, http).
        every: take every so many pictures.
        frames: stop after so many.

    Raises:
        ConfigError: there is no such source, or no picture in it.
    """
    if Path(source).is_dir():
        return _folder(Path(source), every=every, frames=frames)
    if is_picture(source):
        return iter([(0, 0.0, read_picture(Path(source)))])
    return _video(source, every=every, frames=frames)


def rate_of(source: str) -> Fraction:
    """Pictures a second of a video; 25 where it does not say. A camera's is measured on its next pictures."""
    if Path(source).is_dir() or is_picture(source):
        return USUAL_RATE
    if not _is_rtsp(source):
        with _opened(source) as container:
            return Fraction(container.streams.video[0].average_rate or USUAL_RATE)
    seconds = [at for _, at, _ in _video(source, every=1, frames=_RATE_PICTURES)]
    steps = sorted(after - before for before, after in pairwise(seconds) if after > before)
    return Fraction(1 / steps[len(steps) // 2]).limit_denominator(100) if steps else USUAL_RATE


def length_of(source: str) -> int | None:
    """How many pictures a source has, about; None where it does not say."""
    if Path(source).is_dir():
        return len(_files(Path(source)))
    if is_picture(source):
        return 1
    with _opened(source) as container:
        stream = container.streams.video[0]
        if stream.frames:
            return int(stream.frames)
        if container.duration is None:
            return None
        return int(container.duration * 1e-6 * (stream.average_rate or USUAL_RATE))


def read_picture(path: Path) -> Image:
    """(h, w, 3) uint8 BGR of a file, of whatever depth. Raises `ConfigError`."""
    try:
        raw = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise unreadable(str(path), str(error.strerror or error)) from error
    try:
        image = cv2.imdecode(raw, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if len(raw) else None
    except cv2.error as error:
        raise unreadable(str(path), f"does not decode: {error.err}") from error
    if image is None:
        raise unreadable(str(path), "is no picture, or a part of one")
    return _eight_bits(np.asarray(image))


def _eight_bits(image: NDArray[Any]) -> Image:
    """Deeper pictures too: 10, 12 or 16 bits in 16, and shares of one."""
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        bits = next(bits for bits in (10, 12, 16) if int(image.max(initial=0)) < 1 << bits)
        return np.asarray(image >> (bits - 8), dtype=np.uint8)
    finite = np.nan_to_num(image.astype(np.float64))
    most = 255.0 if float(finite.max(initial=0.0)) <= 1.0 else 1.0
    return np.clip(np.rint(finite * most), 0, 255).astype(np.uint8)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def _folder(folder: Path, *, every: int, frames: int | None) -> Iterator[Shown]:
    files = _files(folder)
    if not files:
        raise ConfigError("", "the folder has no picture", file=str(folder), remedy="give one with pictures")
    bad = 0
    for number, path in list(enumerate(files))[::every][:frames]:
        try:
            yield number, float(number / USUAL_RATE), read_picture(path)
        except ConfigError as error:
            bad += 1
            _log.warning("left out: %s", error)
    if bad == len(files):
        raise unreadable(str(folder), "no file in it is a picture")


def _video(source: str, *, every: int, frames: int | None) -> Iterator[Shown]:
    import av.error  # noqa: PLC0415 - heavy

    taken = number = broken = 0
    name = without_password(source)
    with _opened(source) as container:
        packets = container.demux(container.streams.video[0])
        while taken != frames:
            try:
                pictures = next(packets).decode()
            except StopIteration:
                break
            except (av.error.FFmpegError, OSError) as error:
                broken += 1
                if isinstance(error, av.error.InvalidDataError):
                    continue
                _log.warning("%s ends after %d pictures: %s", name, number, _end_of(error))
                break
            for picture in pictures:
                number += 1
                if (number - 1) % every or taken == frames:
                    continue
                taken += 1
                yield number - 1, float(picture.time or 0.0), _upright(picture)
    if broken:
        _log.warning("%s: %d packets did not decode", name, broken)


def _end_of(error: Any) -> str:
    """FFmpeg calls its own time limit an exit that was asked for."""
    if type(error).__name__ == "ExitError":
        return f"nothing came for {WAIT_S:.0f} s"
    return str(error.strerror or error)


def _upright(picture: Any) -> Image:
    """The picture as a player shows it: phones record lying and note how far to turn."""
    image = np.asarray(picture.to_ndarray(format="bgr24"), dtype=np.uint8)
    turns = round(getattr(picture, "rotation", 0) / 90) % 4
    return image if turns == 0 else np.ascontiguousarray(np.rot90(image, turns))


@contextmanager
def _opened(source: str) -> Iterator[Any]:
    import av  # noqa: PLC0415 - heavy
    import av.error  # noqa: PLC0415

    try:
        options = _RTSP if _is_rtsp(source) else {}
        container = av.open(
            source, timeout=WAIT_S, options=options, metadata_errors="replace"
        )  # titles in GBK
    except (av.error.FFmpegError, OSError, ValueError) as error:
        problem = str(getattr(error, "strerror", None) or error)
        if isinstance(error, av.error.ExitError):
            problem = f"no answer within {WAIT_S:.0f} s"
        if isinstance(error, av.error.InvalidDataError) and not is_address(source):
            problem = (
                "is no video, or a part of one: MP4 and MOV keep at their end what is needed to read them"
            )
        raise unreadable(source, problem) from error
    with container:
        if not container.streams.video:
            raise unreadable(source, "has no video")
        yield container


def is_address(source: str) -> bool:
    """Whether a source is an address of the network."""
    return "://" in source


def without_password(source: str) -> str:
    """The source as it may be shown: an address without its user and password."""
    return re.sub(r"(?<=://)[^/]*@", "", source)


def _is_rtsp(source: str) -> bool:
    return source.startswith(("rtsp://", "rtsps://"))


def unreadable(source: str, problem: str) -> EdgeError:
    """The error of a source; a password in an address is not shown."""
    remedy = "give a picture, a video, a folder of pictures or an address"
    if is_address(source):
        told = (text for code, text in _REFUSED.items() if code in problem)
        remedy = next(told, "check address, network and power of the camera")
    return ConfigError("", problem, file=without_password(source), remedy=remedy)
