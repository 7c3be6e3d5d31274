"""`edge record`: a clip or a picture of one camera, road users blurred, for people and for adapting a detector."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from edge.app.anonymiser import Anonymiser, anonymiser_of, audit
from edge.app.calibrate_session import camera_named
from edge.app.camera_parts import open_camera
from edge.app.detect import frame_line, write_picture
from edge.app.stills import PATIENCE_S, frames_of, still_of
from edge.config import load_draft
from edge.config.site import CameraConfig
from edge.core.errors import ConfigError, DeviceError
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.perception.suppression import no_boxes
from edge.ports import Boxes, Camera, Frame, Image

LONGEST_S = 3600.0
FREE_BYTES = 500_000_000
"""Room that must be left on the disk."""
LARGEST_BYTES = 4_000_000_000
Say = Callable[[str], None]
FreeBytes = Callable[[Path], int]


def free_bytes(path: Path) -> int:
    """Room on the disk that holds a folder."""
    return shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written.

    Attributes:
        out: the clip, .mp4; None: none. Its frames' stamps and boxes go to the same name with .jsonl.
        still: a picture; None: none.
        seconds: of the clip.
    """

    out: Path | None
    still: Path | None
    seconds: float

    def check(self) -> None:
        """Refuse what cannot be written. Raises `ConfigError`."""
        if self.out is None and self.still is None:
            raise ConfigError(
                "--out", "nothing to write", remedy="give --out clip.mp4 or --still picture.png"
            )
        if self.out is not None and self.out.suffix.lower() != ".mp4":
            raise ConfigError("--out", f"{self.out.name} is no .mp4", remedy="end the name in .mp4")
        if not 0.0 < self.seconds <= LONGEST_S:
            raise ConfigError("--seconds", f"{self.seconds:g} is not between 0 and {LONGEST_S:g}")
        for key, path in (("--out", self.out), ("--still", self.still)):
            if path is not None and path.exists():
                raise ConfigError(key, f"{path} exists", remedy="give another name, or remove it")
            if path is not None and not path.parent.is_dir():
                raise ConfigError(key, f"there is no folder {path.parent}", remedy="make it first")


def run_record(
    site_path: Path,
    *,
    camera: str,
    wanted: Wanted,
    unblurred: bool = False,
    model: str | None = None,
    say: Say = lambda _line: None,
    free: FreeBytes = free_bytes,
) -> None:
    """Record; what was written when the camera fails or the disk fills is kept and complete.

    Raises:
        ConfigError: the site, an option or the disk is not as it must be.
        DeviceError: the camera gives no picture.
        ModelError: the detector does not load, so that nobody could be blurred.
    """
    wanted.check()
    site = load_draft(site_path)
    config = camera_named(site, camera)
    if model is not None:
        config = config.model_copy(update={"model": model})
    anonymiser = anonymiser_of(site, config, unblurred=unblurred)
    for path in filter(None, (wanted.out, wanted.still)):
        _refuse_full_disk(path, free)
        audit(f"recording to {path.resolve()}", camera=camera, anonymiser=anonymiser)
    device = open_camera(config)
    with closing(device):
        device.open()
        if wanted.still is not None:
            write_picture(wanted.still, still_of(device, config.name, anonymiser=anonymiser), key="--still")
            say(f"wrote {wanted.still}")
        if wanted.out is not None:
            say(_record_clip(device, config, wanted, anonymiser, free))


def _record_clip(
    camera: Camera, config: CameraConfig, wanted: Wanted, anonymiser: Anonymiser | None, free: FreeBytes
) -> str:
    """Write the clip and its stamps; returns what was written and why it ended, for people."""
    assert wanted.out is not None
    side = wanted.out.with_suffix(".jsonl")
    count, ended, first_ns = 0, "complete", 0
    with _Clip.opened(wanted.out) as clip, side.open("w", encoding="utf-8") as lines:
        frames = frames_of(camera, config.name, PATIENCE_S)
        while True:
            try:
                frame = next(frames)
            except DeviceError as error:
                ended = str(error)
                break
            first_ns = first_ns or frame.stamp.capture_ns
            if frame.stamp.capture_ns - first_ns >= wanted.seconds * NS_PER_S:
                break
            _write(frame, count, clip, lines, anonymiser)
            count += 1
            ended = _full(wanted.out, free)
            if ended:
                break
            ended = "complete"
    if not count:
        wanted.out.unlink(missing_ok=True)
        side.unlink(missing_ok=True)
        raise DeviceError(f"camera {config.name}", ended)
    return f"wrote {count} frames to {wanted.out} and their stamps to {side}: {ended}"


def _write(frame: Frame, number: int, clip: _Clip, lines: TextIO, anonymiser: Anonymiser | None) -> None:
    image: Image = frame.image
    boxes: Boxes = no_boxes()
    if anonymiser is not None:
        image, boxes = anonymiser.look(frame.image, capture_ns=frame.stamp.capture_ns)
    seconds = clip.add(image, capture_ns=frame.stamp.capture_ns)
    line = frame_line(number, seconds, image, boxes)
    line |= {
        "capture_ns": frame.stamp.capture_ns,
        "time_source": frame.stamp.source.value,
        "blurred": anonymiser is not None,
    }
    lines.write(json.dumps(line) + "\n")


def _refuse_full_disk(path: Path, free: FreeBytes) -> None:
    left = free(path.resolve().parent)
    if left < 2 * FREE_BYTES:
        raise ConfigError(
            str(path),
            f"only {left / 1e6:.0f} MB are free there",
            remedy=f"free {2 * FREE_BYTES / 1e6:.0f} MB, or write elsewhere",
        )


def _full(path: Path, free: FreeBytes) -> str:
    """Why recording must end; empty while there is room."""
    if free(path.resolve().parent) < FREE_BYTES:
        return f"stopped: less than {FREE_BYTES / 1e6:.0f} MB are left on the disk"
    if path.exists() and path.stat().st_size > LARGEST_BYTES:  # it comes with the first coded pictures
        return f"stopped: the clip has reached {LARGEST_BYTES / 1e9:.0f} GB"
    return ""


class _Clip:
    """An MP4 whose pictures have their times of capture, to the millisecond."""

    def __init__(self, container: Any, path: Path) -> None:
        self._container, self._path = container, path
        self._stream: Any = None
        self._first_ns, self._last_ms = 0, -1

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[_Clip]:
        """The clip; it is complete when the block ends, however it does."""
        import av  # noqa: PLC0415 - heavy
        import av.error  # noqa: PLC0415

        try:
            container = av.open(str(path), "w")
        except (av.error.FFmpegError, OSError) as error:
            raise ConfigError("--out", f"{path} cannot be written: {error}") from error
        with container:
            clip = cls(container, path)
            try:
                yield clip
            finally:
                clip._flush()

    def add(self, image: Image, *, capture_ns: int) -> float:
        """Write a picture; returns its time in the clip, s."""
        import av  # noqa: PLC0415 - heavy

        even = np.ascontiguousarray(
            image[: image.shape[0] & ~1, : image.shape[1] & ~1]
        )  # the coder wants even sides
        if self._stream is None:
            self._first_ns = capture_ns
            self._stream = self._container.add_stream("h264", rate=1000, options={"preset": "veryfast"})
            self._stream.pix_fmt = "yuv420p"
            self._stream.width, self._stream.height = even.shape[1], even.shape[0]
            self._stream.codec_context.time_base = Fraction(1, 1000)
        picture = av.VideoFrame.from_ndarray(even, format="bgr24")
        if (picture.width, picture.height) != (self._stream.width, self._stream.height):
            picture = picture.reformat(width=self._stream.width, height=self._stream.height)
        self._last_ms = max(self._last_ms + 1, (capture_ns - self._first_ns) // NS_PER_MS)
        picture.pts, picture.time_base = self._last_ms, Fraction(1, 1000)
        self._container.mux(self._stream.encode(picture))
        return self._last_ms / 1000

    def _flush(self) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
