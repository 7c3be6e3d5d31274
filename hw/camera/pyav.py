"""Video through PyAV (FFmpeg): RTSP with the true capture time, and recordings."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import av
import av.error
import numpy as np

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.ports import Image
from hw.camera.threaded import Grabbed

OLDEST_NS = 2 * NS_PER_S
"""A camera clock that makes a picture older than this is not on our time."""
NEWEST_NS = 100 * NS_PER_MS
"""A camera clock may be ahead of ours by this much."""
_RTCP_ERROR_NS = 20 * NS_PER_MS
_NS_PER_US = 1000
_PENDING_CAP = 128
_BAD_PACKET_CAP = 200
_DEFAULT_PERIOD_NS = 40 * NS_PER_MS


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How to read a live stream.

    Attributes:
        transport: of RTP.
        latency_ns: from exposure to arrival, where the stream gives no time.
        open_timeout_s, read_timeout_s: a stream that is silent for so long is lost.
    """

    transport: Literal["tcp", "udp"] = "tcp"
    latency_ns: int = 100 * NS_PER_MS
    open_timeout_s: float = 5.0
    read_timeout_s: float = 3.0


class LiveSource:
    """An RTSP stream (or another live URL of FFmpeg); the address may hold a password and is not shown."""

    def __init__(
        self, url: str, *, name: str, options: LiveOptions, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._url, self._name, self._options, self._now_ns = url, name, options, now_ns
        self._container: Any = None
        self._frames: Iterator[Grabbed] = iter(())
        self._counters: dict[str, int] = {}

    def open(self, counters: dict[str, int]) -> None:
        """Connect. Raises `DeviceError`."""
        self._counters = counters
        options = {
            "rtsp_transport": self._options.transport,
            "fflags": "nobuffer",
            "flags": "low_delay",
            "probesize": "500000",
            "analyzeduration": "1000000",
        }
        timeout = (self._options.open_timeout_s, self._options.read_timeout_s)
        try:
            self._container = av.open(self._url, options=options, timeout=timeout)
            stream = self._container.streams.video[0]
        except av.error.FFmpegError as error:
            raise DeviceError(
                self._name, f"does not open: {_reason(error)}", remedy="check address, password and network"
            ) from error
        except IndexError as error:
            raise DeviceError(self._name, "has no video stream") from error
        # Threads per frame would hold pictures back; threads per slice do not.
        stream.thread_type = "SLICE"
        self._frames = self._decode(stream)

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

    def _decode(self, stream: Any) -> Iterator[Grabbed]:
        pending: dict[int | None, tuple[int, int | None]] = {}
        bad = 0
        for packet in self._container.demux(stream):
            arrival_ns = self._now_ns()
            if len(pending) >= _PENDING_CAP:
                pending.clear()
            pending[packet.pts] = (arrival_ns, producer_time_ns(packet))
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
                arrived, produced = pending.pop(picture.pts, (arrival_ns, None))
                yield self._grabbed(picture, arrived, produced)

    def _grabbed(self, picture: Any, arrival_ns: int, produced_ns: int | None) -> Grabbed:
        if produced_ns is None:
            produced_ns = self._session_time_ns(picture)
        stamp = self._stamp(arrival_ns, produced_ns)
        return Grabbed(stamp, arrival_ns, None, _converter(picture))

    def _session_time_ns(self, picture: Any) -> int | None:
        start_us = getattr(self._container, "start_time_realtime", None)
        if not start_us or start_us < 0 or picture.pts is None:
            return None
        return int(start_us) * _NS_PER_US + int(picture.pts * picture.time_base * NS_PER_S)

    def _stamp(self, arrival_ns: int, produced_ns: int | None) -> Stamp:
        if produced_ns is not None:
            if -NEWEST_NS <= arrival_ns - produced_ns <= OLDEST_NS:
                return Stamp(produced_ns, TimeSource.RTCP, _RTCP_ERROR_NS)
            self._counters["implausible_time"] += 1
        latency = self._options.latency_ns
        return Stamp(arrival_ns - latency, TimeSource.ARRIVAL, latency + _DEFAULT_PERIOD_NS)


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
            self._container = av.open(self._path)
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


def _converter(picture: Any) -> Callable[[], Image]:
    def to_image() -> Image:
        return np.ascontiguousarray(picture.to_ndarray(format="bgr24"))

    return to_image


def _period_ns(stream: Any) -> int:
    rate = stream.average_rate
    return round(NS_PER_S / rate) if rate else _DEFAULT_PERIOD_NS


def _reason(error: av.error.FFmpegError) -> str:
    """The cause without the address, which may hold a password."""
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__)
