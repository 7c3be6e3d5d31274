"""`edge detect`: a detector over a picture or a video, without a site."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.app.footage import (
    PICTURES,
    is_address,
    is_picture,
    rate_of,
    shown,
    unreadable,
    without_password,
)
from edge.app.models import model_path
from edge.core.errors import ConfigError
from edge.core.kinds import ObjectClass
from edge.core.providers import checked
from edge.core.stamp import NS_PER_S
from edge.perception.background import LEARNING_SECONDS, BackgroundModel
from edge.perception.blur import CONFIDENCE, BoxMemory, blurred
from edge.perception.draw import draw_boxes
from edge.perception.network import Wish
from edge.perception.onnx_model import OnnxModel
from edge.ports import Boxes, Image, Model

VIDEOS = frozenset({".avi", ".mkv", ".mov", ".mp4"})
Sink = Callable[[Image], None]


def run_detect(  # noqa: PLR0913 - one argument an option
    source: str,
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
    single = is_picture(source)
    if blur and draw is None:
        raise ConfigError("--blur", "nothing is drawn", remedy="add --draw OUT, or leave --blur out")
    _refuse_drawing(draw, source, is_picture=single)
    pictures = shown(source, every=every, frames=frames)
    if is_address(source):
        print(f"opening {without_password(source)} ...; Ctrl-C ends it", file=sys.stderr)
    first = next(pictures, None)
    if first is None:
        raise unreadable(source, "has no picture")
    rate = rate_of(source) / every
    wish = Wish(checked(providers, key="--provider"), threads=threads)
    detector = _detector(model, rate=rate, confidence=confidence, wish=wish)
    hide = _hider(detector) if blur else None
    if model != "background":
        with told_when_slow("compiling, once for this machine: half a minute, longer when it is busy"):
            detector.detect(first[2])  # the first time takes longer, and must not be counted
    counted: Counter[str] = Counter()
    spent = []
    with _sink(draw, is_picture=single, rate=rate) as sink:
        for number, seconds, image in chain([first], pictures):
            began = time.perf_counter()
            boxes = detector.detect(image)
            spent.append(time.perf_counter() - began)
            counted.update(_print(number, seconds, image, boxes, as_json=as_json))
            if draw is None:
                continue
            sink(draw_boxes(image if hide is None else hide(image, seconds), boxes))
    _say_typical(counted, spent)


@contextmanager
def told_when_slow(text: str, *, after_s: float = 3.0) -> Iterator[None]:
    """Tell on standard error why a person waits, if it takes that long."""
    timer = threading.Timer(after_s, print, (text,), {"file": sys.stderr, "flush": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say_typical(counted: Counter[str], spent: list[float]) -> None:
    found = ", ".join(f"{count} {name}" for name, count in counted.most_common()) or "nothing"
    typical = float(np.median(spent)) * 1e3
    print(
        f"{len(spent)} picture{'' if len(spent) == 1 else 's'}, {typical:.1f} ms each: {found}",
        file=sys.stderr,
    )


def _hider(detector: Model) -> Callable[[Image, float], Image]:
    """Blurs road users in a picture of so many seconds into the clip. Raises `ConfigError`."""
    if not isinstance(detector, OnnxModel):
        raise ConfigError(
            "--blur", "background misses who stands still", remedy="use a detector with weights"
        )
    unsure = detector.shared(confidence=min(CONFIDENCE, detector.card.confidence))
    memory = BoxMemory()

    def hide(image: Image, seconds: float) -> Image:
        return blurred(image, memory.regions(unsure.detect(image), capture_ns=round(seconds * NS_PER_S)))

    return hide


def _detector(model: str, *, rate: Fraction, confidence: float | None, wish: Wish) -> Model:
    """The detector, which says how it is used. Raises `ModelError`."""
    if model != "background":
        loaded = OnnxModel.load(model_path(model), wish=wish, confidence=confidence)
        print(loaded.summary(), file=sys.stderr)
        return loaded
    print(
        f"background: what moves before a still camera, no weights; learns for {LEARNING_SECONDS:.0f} s first; "
        "without a calibrated camera it cannot tell sizes: upright is a pedestrian, all else a car",
        file=sys.stderr,
    )
    return BackgroundModel(None, fps=float(rate))


def _refuse_drawing(draw: Path | None, source: str, *, is_picture: bool) -> None:
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
    if draw is not None and draw.exists() and Path(source).exists() and draw.samefile(source):
        raise ConfigError("--draw", f"{draw} is what is looked at", remedy="give another name")


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

    def put(write: Callable[[], None]) -> None:
        try:
            write()
        except (av.error.FFmpegError, OSError) as error:
            problem = error.strerror or str(error)
            raise ConfigError("--draw", f"{path} cannot be written: {problem}") from error

    try:
        container = av.open(str(path), "w")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ConfigError("--draw", f"{path} cannot be written: {error}") from error
    stream: Any = container.add_stream("h264", rate=rate)
    stream.pix_fmt, stream.width = "yuv420p", 0

    def write(image: Image) -> None:
        # The coder wants even sides, and one size throughout.
        even = np.ascontiguousarray(image[: image.shape[0] & ~1, : image.shape[1] & ~1])
        if not even.size:
            return
        if not stream.width:
            stream.width, stream.height = even.shape[1], even.shape[0]
        if even.shape[:2] != (stream.height, stream.width):
            even = np.asarray(cv2.resize(even, (stream.width, stream.height)), dtype=np.uint8)
        picture = av.VideoFrame.from_ndarray(even, format="bgr24")
        put(lambda: container.mux(stream.encode(picture)))

    try:
        yield write
        if stream.width:
            put(lambda: container.mux(stream.encode()))
    finally:
        put(container.close)
