"""From the `source` of a camera section to a camera."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_MS
from hw.camera.capture_clock import ClockMode
from hw.camera.threaded import Source, ThreadedCamera

Backend = Literal["auto", "pyav", "opencv"]
_REMEDY = "write rtsp://HOST/PATH, file:/PATH?pace=real|fast&loop=0|1, a plain path, or v4l2:/dev/video0"
_LIVE_SCHEMES = ("rtsp", "rtsps", "http", "https")


@dataclass(frozen=True, slots=True)
class _Request:
    name: str
    fps: float | None
    latency_ns: int
    transport: Literal["tcp", "udp"]
    clock: ClockMode
    open_timeout_s: float
    read_timeout_s: float
    pyav: bool


def camera_from_source(  # noqa: PLR0913 - each is a key of the site file, or a bound
    source: str,
    *,
    name: str,
    fps: float | None = None,
    latency_ns: int = 100 * NS_PER_MS,
    transport: Literal["tcp", "udp"] = "tcp",
    clock: ClockMode = "auto",
    open_timeout_s: float = 5.0,
    read_timeout_s: float = 2.4,
    backend: Backend = "auto",
) -> ThreadedCamera:
    """A camera, not yet open.

    Args:
        source: rtsp://..., file:/path?pace=real|fast&loop=1, a plain path, or v4l2:/dev/video0.
        name: for messages.
        fps: pictures wanted per second; None: all.
        latency_ns: exposure to arrival, where the stream gives no time.
        transport: of RTSP.
        clock: whether the camera's own time is believed, see `hw.camera.capture_clock`; RTSP through PyAV only.
        open_timeout_s: a camera that does not answer within it cannot be opened.
        read_timeout_s: a stream that is silent for so long is lost.
        backend: `auto` takes PyAV where it is installed.

    Raises:
        DeviceError: the source is not understood.
    """
    pyav = backend == "pyav" or (backend == "auto" and importlib.util.find_spec("av") is not None)
    request = _Request(name, fps, latency_ns, transport, clock, open_timeout_s, read_timeout_s, pyav)
    parts = _parts(source, name)
    if parts.scheme in _LIVE_SCHEMES:
        return _live(source, request)
    if parts.scheme == "v4l2":
        return _device(parts.path, request)
    if parts.scheme == "file" or (not parts.scheme and source):
        return _file(source, request)
    raise DeviceError(name, f"source scheme {parts.scheme!r} is not known", remedy=_REMEDY)


def _parts(source: str, name: str) -> SplitResult:
    """The parts of an address, its port checked; the message does not show it, for it may hold a password."""
    try:
        parts = urlsplit(source)
        _ = parts.port
    except ValueError as error:
        raise DeviceError(
            name,
            "the address in source is not understood",
            remedy="write rtsp://USER:PASSWORD@HOST:PORT/PATH, with @ : / # of the password as %40 %3A %2F %23",
        ) from error
    return parts


def _live(url: str, request: _Request) -> ThreadedCamera:
    if not _parts(url, request.name).hostname:
        raise DeviceError(request.name, "the source has no host", remedy=_REMEDY)

    def make() -> Source:
        if request.pyav:
            from hw.camera.pyav import LiveOptions, LiveSource  # noqa: PLC0415 - the other backend may be missing

            options = LiveOptions(
                request.transport,
                request.latency_ns,
                request.open_timeout_s,
                request.read_timeout_s,
                request.clock,
            )
            return LiveSource(url, name=request.name, options=options)
        from hw.camera.opencv import OpencvSource  # noqa: PLC0415 - see above

        return OpencvSource(
            url,
            name=request.name,
            latency_ns=request.latency_ns,
            open_timeout_s=request.open_timeout_s,
            read_timeout_s=request.read_timeout_s,
        )

    # The device's own timeout comes first and knows the reason.
    return ThreadedCamera(
        make, name=request.name, fps=request.fps, open_timeout_s=request.open_timeout_s + 1.0
    )


def _device(path: str, request: _Request) -> ThreadedCamera:
    if not path.startswith("/dev/"):
        raise DeviceError(request.name, f"{path!r} is no device", remedy="write v4l2:/dev/video0")

    def make() -> Source:
        from hw.camera.opencv import OpencvSource  # noqa: PLC0415 - see _live

        if not os.path.exists(path):
            raise DeviceError(request.name, f"{path} is not there", remedy="see `ls /dev/video*`")
        return OpencvSource(path, name=request.name, latency_ns=request.latency_ns, fps=request.fps)

    return ThreadedCamera(make, name=request.name, fps=request.fps, open_timeout_s=request.open_timeout_s)


def _file(source: str, request: _Request) -> ThreadedCamera:
    path, paced, loop = _file_options(source, request.name)

    def make() -> Source:
        if request.pyav:
            from hw.camera.pyav import FileSource  # noqa: PLC0415 - see _live

            return FileSource(path, name=request.name, paced=paced, loop=loop)
        from hw.camera.opencv import OpencvFileSource  # noqa: PLC0415 - see _live

        return OpencvFileSource(path, name=request.name, paced=paced, loop=loop)

    return ThreadedCamera(
        make,
        name=request.name,
        fps=request.fps,
        every_frame=not paced,
        once=not loop,
        open_timeout_s=request.open_timeout_s,
    )


def _file_options(source: str, name: str) -> tuple[str, bool, bool]:
    """Path, whether paced, whether looped."""
    head, _, query = source.partition("?")
    path = head.removeprefix("file:")
    if path.startswith("//"):
        path = "/" + path[2:].split("/", 1)[-1].lstrip("/")
    options = {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
    unknown = set(options) - {"pace", "loop"}
    pace, loop = options.get("pace", "real"), options.get("loop", "0")
    if unknown or pace not in {"real", "fast"} or loop not in {"0", "1"} or not path:
        raise DeviceError(name, f"source {source!r} is not understood", remedy=_REMEDY)
    return unquote(path) if head.startswith("file:") else path, pace == "real", loop == "1"
