"""Video through PyAV (FFmpeg): RTSP with the true capture time, and recordings."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import av
import av.error
import numpy as np

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.ports import Image
from hw.camera.capture_clock import Arrival, CaptureClock, ClockMode
from hw.camera.threaded import Grabbed

_NS_PER_US = 1000
_PENDING_CAP = 64
_REACH_S = 1.0
"""Whether anything listens is known soon, also where no machine answers; so a camera that is back is found soon."""
_HELD_CODECS = frozenset({"h264", "hevc"})
"""FFmpeg hands such a picture over when the next one begins."""
_RTSP_OPTIONS = {
    "allowed_media_types": "video",
    # The description names the codec: without probing the stream is open at once, from its first key picture on.
    "probesize": "32",
    "analyzeduration": "1",
    "fpsprobesize": "0",
}
_PROBED_OPTIONS = {"fflags": "nobuffer", "probesize": "500000", "analyzeduration": "1000000"}
_BAD_PACKET_CAP = 200
_DEFAULT_PERIOD_NS = 40 * NS_PER_MS
TITLES = "replace"
"""Titles in GBK or Latin-1 are no reason to refuse a stream."""

_REFUSALS = {
    av.error.HTTPUnauthorizedError: (
        "it refuses user and password (401)",
        "write rtsp://USER:PASSWORD@HOST/PATH, with @ : / of the password as %40 %3A %2F",
    ),
    av.error.HTTPForbiddenError: (
        "this user may not see it (403)",
        "give the user the right to view in the camera's settings",
    ),
    av.error.HTTPNotFoundError: ("it has no such stream (404)", "check the path of the address"),
}


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How to read a live stream.

    Attributes:
        transport: of RTP.
        latency_ns: from exposure to arrival, where the stream gives no time.
        open_timeout_s: for the connection and the first packet.
        read_timeout_s: a stream that is silent for so long is lost; MJPEG after half of it.
        clock: whether the camera's clock is believed, see `hw.camera.capture_clock`.
    """

    transport: Literal["tcp", "udp"] = "tcp"
    latency_ns: int = 100 * NS_PER_MS
    open_timeout_s: float = 5.0
    read_timeout_s: float = 2.4
    clock: ClockMode = "auto"


class LiveSource:
    """An RTSP stream (or another live URL of FFmpeg); the address may hold a password and is not shown."""

    def __init__(
        self, url: str, *, name: str, options: LiveOptions, now: Callable[[], Arrival] | None = None
    ) -> None:
        self._url, self._name, self._options, self._now = url, name, options, now or _now
        self._container: Any = None
        self._frames: Iterator[Grabbed] = iter(())
        self._counters: dict[str, int] = {}

    def open(self, counters: dict[str, int]) -> None:
        """Connect. Raises `DeviceError`."""
        self._counters = counters
        rtsp = urlsplit(self._url).scheme in ("rtsp", "rtsps")
        if rtsp:
            self._reach()
        options = {"rtsp_transport": self._options.transport, "flags": "low_delay"}
        options |= _RTSP_OPTIONS if rtsp else _PROBED_OPTIONS
        # FFmpeg answers the first silence with what a parser holds, and tells only the second.
        timeout = (self._options.open_timeout_s, self._options.read_timeout_s / 2)
        try:
            self._container = av.open(self._url, options=options, timeout=timeout, metadata_errors=TITLES)
            stream = self._container.streams.video[0]
        except av.error.FFmpegError as error:
            raise _refusal(self._name, error) from error
        except IndexError as error:
            raise DeviceError(self._name, "has no video stream") from error
        # Threads per frame would hold pictures back; threads per slice do not.
        stream.thread_type = "SLICE"
        clock = CaptureClock(
            mode=self._options.clock,
            latency_ns=self._options.latency_ns,
            counters=counters,
            period_ns=_period_ns(stream),
        )
        self._frames = self._decode(stream, clock)

    def grab(self) -> Grabbed:
        """The next picture. Raises `DeviceError` on loss."""
        try:
            return next(self._frames)
        except StopIteration:
            raise DeviceError(self._name, "the stream ended") from None
        except av.error.FFmpegError as error:
            raise DeviceError(self._name, f"lost: {_reason(error)}") from error

    def close(self) -> None:
        """Hang up."""
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _reach(self) -> None:
        parts = urlsplit(self._url)
        port = parts.port or (322 if parts.scheme == "rtsps" else 554)
        wait_s = min(_REACH_S, self._options.open_timeout_s)
        try:
            with socket.create_connection((parts.hostname or "", port), timeout=wait_s):
                pass
        except OSError as error:
            reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
            raise DeviceError(
                self._name,
                f"does not open: {parts.hostname}:{port}: {reason}",
                remedy="check address, network and power of the camera",
            ) from error

    def _decode(self, stream: Any, clock: CaptureClock) -> Iterator[Grabbed]:
        held = stream.codec_context.name in _HELD_CODECS
        pending: dict[int, Arrival] = {}
        bad, before = 0, None
        for packet in self._container.demux(stream):
            now = self._now()
            # Of a picture that is held back, the first octets came when the one before it was handed over.
            arrival, before = (before if held and before else now), now
            reported = bool(packet.has_sidedata("rtcp_sr"))
            clock.packet(_media_ns(packet), producer_time_ns(packet), reported=reported, arrival=arrival)
            if packet.pts is not None:
                pending[packet.pts] = arrival
            if len(pending) > _PENDING_CAP:
                del pending[next(iter(pending))]
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError as error:
                bad += 1
                self._counters["bad_packets"] += 1
                if bad >= _BAD_PACKET_CAP:
                    raise DeviceError(self._name, f"{bad} packets in a row do not decode") from error
                continue
            bad = 0 if pictures else bad
            for picture in pictures:
                came = pending.pop(picture.pts, arrival)
                stamp = clock.stamp(_media_ns(picture), arrival=came)
                yield Grabbed(stamp, now.utc_ns, None, _converter(picture), clock.trouble)


class FileSource:
    """A recording: pictures at start + presentation time.

    Args:
        path: of the file.
        name: for messages.
        paced: shown in real time, else as fast as they are read.
        loop: started over at its end.
        now_ns: gives the start of each round.
    """

    def __init__(
        self, path: str, *, name: str, paced: bool, loop: bool, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._path, self._name, self._paced, self._loop, self._now_ns = path, name, paced, loop, now_ns
        self._container: Any = None
        self._frames: Iterator[Grabbed] = iter(())
        self._counters: dict[str, int] = {}
        self._end_ns = 0

    def open(self, counters: dict[str, int]) -> None:
        """Open the file. Raises `DeviceError`."""
        self._counters = counters
        try:
            self._container = av.open(self._path, metadata_errors=TITLES)
            stream = self._container.streams.video[0]
        except av.error.FFmpegError as error:
            raise DeviceError(
                self._name, f"{self._path}: {_reason(error)}", remedy="give a video file"
            ) from error
        except IndexError as error:
            raise DeviceError(self._name, f"{self._path} has no video stream") from error
        self._frames = self._decode(stream)

    def grab(self) -> Grabbed:
        """The next picture. Raises `DeviceError` at the end."""
        try:
            return next(self._frames)
        except StopIteration:
            pass
        except av.error.FFmpegError as error:
            raise DeviceError(self._name, f"{self._path}: {_reason(error)}") from error
        if not self._loop:
            raise DeviceError(
                self._name, f"end of {self._path}", remedy="add ?loop=1 to play it again and again"
            )
        self.close()
        self.open(self._counters)
        try:
            return next(self._frames)
        except (StopIteration, av.error.FFmpegError) as error:
            raise DeviceError(self._name, f"{self._path} has no picture") from error

    def close(self) -> None:
        """Close the file."""
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _decode(self, stream: Any) -> Iterator[Grabbed]:
        period_ns = _period_ns(stream)
        # A round begins after the last picture of the one before, even when it is played faster than real time.
        start_ns = max(self._now_ns(), self._end_ns)
        first: float | None = None
        for packet in self._container.demux(stream):
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                self._counters["bad_packets"] += 1
                continue
            for picture in pictures:
                shown = float(picture.time or 0.0)
                first = shown if first is None else first
                capture_ns = start_ns + round((shown - first) * NS_PER_S)
                self._end_ns = capture_ns + period_ns
                # A recording does not say when it was made: its time is ours.
                stamp = Stamp(capture_ns, TimeSource.ARRIVAL, period_ns)
                yield Grabbed(stamp, capture_ns, capture_ns if self._paced else None, _converter(picture))


def producer_time_ns(packet: Any) -> int | None:
    """UTC ns of the camera's clock for this packet; None before the camera's first RTCP sender report.

    FFmpeg's AVProducerReferenceTime: int64 wall clock in microseconds, int32 flags; from the sender report of
    RFC 3550, section 6.4.1.
    """
    if not packet.has_sidedata("prft"):
        return None
    raw = bytes(packet.get_sidedata("prft"))
    if len(raw) < 8:
        return None
    (wallclock_us,) = struct.unpack_from("=q", raw)
    return int(wallclock_us) * _NS_PER_US if wallclock_us > 0 else None


def _now() -> Arrival:
    return Arrival(time.time_ns(), time.monotonic_ns())


def _media_ns(timed: Any) -> int | None:
    """Time of a packet or picture on the stream's own clock."""
    if timed.pts is None or timed.time_base is None:
        return None
    return int(timed.pts * timed.time_base.numerator * NS_PER_S // timed.time_base.denominator)


def _converter(picture: Any) -> Callable[[], Image]:
    def to_image() -> Image:
        return np.ascontiguousarray(picture.to_ndarray(format="bgr24"))

    return to_image


def _period_ns(stream: Any) -> int:
    rate = stream.average_rate
    return round(NS_PER_S / rate) if rate else _DEFAULT_PERIOD_NS


def _refusal(name: str, error: av.error.FFmpegError) -> DeviceError:
    for kind, (problem, remedy) in _REFUSALS.items():
        if isinstance(error, kind):
            return DeviceError(name, f"does not open: {problem}", remedy=remedy)
    return DeviceError(name, f"does not open: {_reason(error)}", remedy="check address, password and network")


def _reason(error: av.error.FFmpegError) -> str:
    """The cause without the address, which may hold a password."""
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__)
