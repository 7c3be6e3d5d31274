"""`edge detect`: a detector over a picture or a video, without a site."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.app.models import model_path
from edge.core.errors import ConfigError, EdgeError
from edge.core.kinds import ObjectClass
from edge.core.providers import checked
from edge.core.stamp import NS_PER_S
from edge.perception.blur import CONFIDENCE, BoxMemory, blurred
from edge.perception.draw import draw_boxes
from edge.perception.network import Wish
from edge.perception.onnx_model import OnnxModel
from edge.ports import Boxes, Image

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset({".avi", ".mkv", ".mov", ".mp4"})
USUAL_RATE = Fraction(25)
Shown = tuple[int, float, Image]
"""Number of the frame, its time in seconds, and the picture."""
Sink = Callable[[Image], None]


def run_detect(  # noqa: PLR0913 - one argument an option
    source: Path,
    *,
    model: str,
    draw: Path | None,
    as_json: bool,
    confidence: float | None,
    threads: int,
    providers: tuple[str, ...],
    every: int,
    frames: int | None,
    blur: bool = False,
) -> None:
    """Print what the detector finds; the model's use and a summary go to standard error.

    Raises:
        EdgeError: a file does not read or write, or the model is refused.
    """
    if model == "background":
        raise ConfigError("--model", "background needs a calibrated camera", remedy="use it in a site file")
    is_picture = source.suffix.lower() in PICTURES
    _refuse_drawing(draw, is_picture=is_picture)
    shown = _picture(source) if is_picture else _video(source, every=every, frames=frames)
    first = next(shown, None)
    if first is None:
        raise ConfigError("", "the video has no picture", file=str(source))
    wish = Wish(checked(providers, key="--provider"), threads=threads)
    detector = OnnxModel.load(model_path(model), wish=wish, confidence=confidence)
    print(detector.summary(), file=sys.stderr)
    hide = detector.shared(confidence=min(CONFIDENCE, detector.card.confidence)) if blur else None
    memory = BoxMemory()
    counted: Counter[str] = Counter()
    spent = []
    with _sink(draw, is_picture=is_picture, rate=USUAL_RATE if is_picture else _rate(source) / every) as sink:
        for number, seconds, image in _again(first, shown):
            began = time.perf_counter()
            boxes = detector.detect(image)
            spent.append(time.perf_counter() - began)
            counted.update(_print(number, seconds, image, boxes, as_json=as_json))
            if draw is None:
                continue
            if hide is not None:
                unsure = hide.detect(image)
                image = blurred(image, memory.regions(unsure, capture_ns=round(seconds * NS_PER_S)))  # noqa: PLW2901
            sink(draw_boxes(image, boxes))
    found = ", ".join(f"{count} {name}" for name, count in counted.most_common()) or "nothing"
    typical = float(np.median(spent)) * 1e3
    print(f"{len(spent)} pictures, {typical:.1f} ms each: {found}", file=sys.stderr)


def _refuse_drawing(draw: Path | None, *, is_picture: bool) -> None:
    known = PICTURES if is_picture else VIDEOS
    if draw is not None and draw.suffix.lower() not in known:
        what = "picture" if is_picture else "video"
        raise ConfigError(
            "--draw",
            f"{draw.name} is not the name of a {what}",
            remedy=f"end it in one of {', '.join(sorted(known))}",
        )
    if draw is not None and not draw.parent.is_dir():
        raise ConfigError("--draw", f"there is no folder {draw.parent}", remedy="make it first")


def _print(number: int, seconds: float, image: Image, boxes: Boxes, *, as_json: bool) -> list[str]:
    """One line a picture as JSON, else one a road user; returns the classes."""
    line = frame_line(number, seconds, image, boxes)
    found = line["objects"]
    if as_json:
        print(json.dumps(line))
        return [entry["class"] for entry in found]
    for entry in found:
        corners = " ".join(f"{v:7.1f}" for v in entry["box"])
        print(f"{number:6d} {seconds:8.2f} s  {entry['class']:<11}{entry['confidence']:5.2f}  {corners}")
    return [entry["class"] for entry in found]


def frame_line(number: int, seconds: float, image: Image, boxes: Boxes) -> dict[str, Any]:
    """What one picture shows, as a JSON object; `edge record` writes the same beside its clip."""
    objects = [
        {
            "class": ObjectClass(int(odds.argmax())).name.lower(),
            "confidence": round(float(sure), 3),
            "box": [round(float(v), 1) for v in box],
        }
        for box, sure, odds in zip(boxes.box_px, boxes.confidence, boxes.class_log_odds, strict=True)
    ]
    size = {"width": image.shape[1], "height": image.shape[0]}
    return {"frame": number, "t_s": round(seconds, 3), **size, "objects": objects}


def _again(first: Shown, rest: Iterator[Shown]) -> Iterator[Shown]:
    yield first
    yield from rest


def _picture(path: Path) -> Iterator[Shown]:
    yield 0, 0.0, read_picture(path)


def read_picture(path: Path) -> Image:
    """(h, w, 3) uint8 BGR of a file. Raises `ConfigError`."""
    try:
        raw = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise _unreadable(path, str(error.strerror or error)) from error
    image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if len(raw) else None
    if image is None:
        raise _unreadable(path, "is no picture")
    return np.asarray(image, dtype=np.uint8)


def _video(path: Path, *, every: int, frames: int | None) -> Iterator[Shown]:
    """Pictures of a video; what does not decode is left out."""
    import av  # noqa: PLC0415 - heavy
    import av.error  # noqa: PLC0415

    taken = number = 0
    with _opened(path) as container:
        for packet in container.demux(container.streams.video[0]):
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                continue
            for picture in pictures:
                number += 1
                if (number - 1) % every:
                    continue
                yield number - 1, float(picture.time or 0.0), picture.to_ndarray(format="bgr24")
                taken += 1
                if taken == frames:
                    return


def _rate(path: Path) -> Fraction:
    with _opened(path) as container:
        return Fraction(container.streams.video[0].average_rate or USUAL_RATE)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import av  # noqa: PLC0415 - heavy
    import av.error  # noqa: PLC0415

    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise _unreadable(path, str(getattr(error, "strerror", None) or error)) from error
    with container:
        if not container.streams.video:
            raise _unreadable(path, "has no video")
        yield container


def _unreadable(path: Path, problem: str) -> EdgeError:
    return ConfigError("", problem, file=str(path), remedy="give a picture or a video file")


def _sink(draw: Path | None, *, is_picture: bool, rate: Fraction) -> AbstractContextManager[Sink]:
    if draw is None:
        return nullcontext(lambda _image: None)
    if is_picture:
        return nullcontext(lambda image: write_picture(draw, image, key="--draw"))
    return _video_writer(draw, rate)


def write_picture(path: Path, image: Image, *, key: str) -> None:
    """Write a picture in the format of its name. Raises `ConfigError`, which names `key`."""
    if path.suffix.lower() not in PICTURES:
        raise ConfigError(key, f"{path.name} is not the name of a picture", remedy="use .png or .jpg")
    good, raw = cv2.imencode(path.suffix, image)
    if not good:
        raise ConfigError(key, f"{path.suffix} cannot be written", remedy="use .png or .jpg")
    try:
        path.write_bytes(raw.tobytes())
    except OSError as error:
        raise ConfigError(key, f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _video_writer(path: Path, rate: Fraction) -> Iterator[Sink]:
    import av  # noqa: PLC0415 - heavy
    import av.error  # noqa: PLC0415

    try:
        container = av.open(str(path), "w")
    except (av.error.FFmpegError, OSError) as error:
        raise ConfigError("--draw", f"{path} cannot be written: {error}") from error
    with container:
        stream: Any = container.add_stream("h264", rate=rate)
        stream.pix_fmt, stream.width = "yuv420p", 0

        def write(image: Image) -> None:
            # The coder wants even sides.
            even = np.ascontiguousarray(image[: image.shape[0] & ~1, : image.shape[1] & ~1])
            if not stream.width:
                stream.width, stream.height = even.shape[1], even.shape[0]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="bgr24")))

        yield write
        if stream.width:
            container.mux(stream.encode())
