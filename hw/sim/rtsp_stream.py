"""The stream of a simulated RTSP camera: takes, encodes and sends pictures as its script says."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

import av

from edge.core.stamp import NS_PER_S
from hw.sim.rtp import CLOCK_HZ, PAYLOADS, rtp_packets, sender_report
from hw.sim.rtsp_script import RtspScript
from hw.sim.time_code import draw_time

_SOURCE = 0x0ED6E
_FIRST_SEQUENCE = 65_500
_ENCODERS = {"h264": "libx264", "h265": "libx265", "mjpeg": "mjpeg"}


class Channel(Protocol):
    """Where packets go."""

    def send(self, packet: bytes, *, control: bool) -> None:
        """Send an RTP packet, or an RTCP packet when `control`."""
        ...

    def cut(self, packet: bytes) -> None:
        """Send half a packet, the last one."""
        ...


class TcpChannel:
    """Interleaved in the RTSP connection (RFC 2326, 10.12)."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def send(self, packet: bytes, *, control: bool) -> None:
        self._client.sendall(struct.pack(">BBH", 0x24, int(control), len(packet)) + packet)

    def cut(self, packet: bytes) -> None:
        self._client.sendall(struct.pack(">BBH", 0x24, 0, len(packet)) + packet[: len(packet) // 2])


class UdpChannel:
    """A pair of ports."""

    def __init__(self, host: str, rtp_port: int, rtcp_port: int) -> None:
        self._targets = ((host, rtp_port), (host, rtcp_port))
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for own in self._sockets:
            own.bind(("127.0.0.1", 0))
        self.ports = tuple(int(own.getsockname()[1]) for own in self._sockets)

    def __enter__(self) -> UdpChannel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for own in self._sockets:
            own.close()

    def send(self, packet: bytes, *, control: bool) -> None:
        self._sockets[control].sendto(packet, self._targets[control])

    def cut(self, packet: bytes) -> None:
        self.send(packet[: len(packet) // 2], control=False)


class Stream:
    """One client's pictures.

    Args:
        script: what to do.
        channel: where to send it.
        payload_type: of RTP.
    """

    def __init__(self, script: RtspScript, channel: Channel, *, payload_type: int) -> None:
        self._script, self._channel, self._payload_type = script, channel, payload_type
        self._random = random.Random(script.seed)  # noqa: S311 - no secret
        self._encoder = _encoder(script, script.size)
        self._size = script.size
        self._sequence = _FIRST_SEQUENCE
        self._taken = self._packets = self._octets = self._reported = 0
        self._waiting: deque[tuple[int, int, list[bytes]]] = deque()  # when, number, packets

    def run(self, *, stopped: threading.Event, wait: Callable[[float], bool]) -> None:
        """Until the script ends, `stopped`, or `wait` (seconds) says that the client left."""
        self._start_ns = time.time_ns()
        due_s = 0.0 if self._script.reports.first_s is None else self._script.reports.first_s
        self._report_due_ns = self._start_ns + round(due_s * NS_PER_S)
        period_ns = NS_PER_S / self._script.fps
        while not stopped.is_set():
            picture_due_ns = self._start_ns + round(self._taken * period_ns)
            due_ns = min(picture_due_ns, self._waiting[0][0]) if self._waiting else picture_due_ns
            left_ns = due_ns - time.time_ns()
            if left_ns > 0:
                if not wait(min(left_ns / NS_PER_S, 0.1)):
                    return
                continue
            if self._waiting and self._waiting[0][0] <= picture_due_ns:
                if not self._send_oldest():
                    return
            else:
                self._take()

    def _take(self) -> None:
        """One picture, encoded; it waits for its time to be sent."""
        number, taken_ns = self._taken, time.time_ns()
        self._taken += 1
        resized = self._script.resized
        if resized is not None and number == resized[0]:
            self._size = resized[1]
            self._encoder = _encoder(self._script, self._size)
        frame = av.VideoFrame.from_ndarray(draw_time(taken_ns, size=self._size), format="bgr24")
        frame = frame.reformat(format=self._encoder.pix_fmt)
        frame.pts = number
        coded = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
        payloads = PAYLOADS[self._script.codec](coded)
        timestamp = self._script.clock.rtp(taken_ns, start_ns=self._start_ns, clock_hz=CLOCK_HZ)
        packets = rtp_packets(
            payloads,
            payload_type=self._payload_type,
            sequence=self._sequence,
            timestamp=timestamp,
            source=_SOURCE,
        )
        self._sequence += len(packets)
        late_ns = round(self._random.uniform(0.0, self._script.jitter_s) * NS_PER_S)
        # Pictures keep their order: a late one holds the next ones up.
        send_ns = max(taken_ns + late_ns, self._waiting[-1][0] if self._waiting else 0)
        self._waiting.append((send_ns, number, packets))

    def _send_oldest(self) -> bool:
        """Whether the stream goes on."""
        _due, number, packets = self._waiting.popleft()
        script = self._script
        if script.frozen_after is not None and number >= script.frozen_after:
            return True
        self._report_if_due()
        if script.pictures is not None and number >= script.pictures:
            self._channel.cut(packets[0])
            return False
        for packet in packets:
            self._packets += 1
            self._octets += len(packet) - 12
            if self._random.random() >= script.loss:
                self._channel.send(packet, control=False)
        return True

    def _report_if_due(self) -> None:
        reports, now_ns = self._script.reports, time.time_ns()
        elapsed_s = (now_ns - self._start_ns) / NS_PER_S
        if reports.first_s is None or now_ns < self._report_due_ns or elapsed_s > reports.last_s:
            return
        self._report_due_ns += round(reports.period_s * NS_PER_S)
        clock = self._script.clock
        wall_ns = clock.wall_ns(now_ns, start_ns=self._start_ns)
        wall_ns += round(reports.outliers.get(self._reported, 0.0) * NS_PER_S)
        self._reported += 1
        report = sender_report(
            source=_SOURCE,
            utc_ns=wall_ns,
            timestamp=clock.rtp(now_ns, start_ns=self._start_ns, clock_hz=CLOCK_HZ),
            packets=self._packets,
            octets=self._octets,
        )
        self._channel.send(report, control=True)


def _encoder(script: RtspScript, size: tuple[int, int]) -> Any:
    encoder: Any = av.CodecContext.create(_ENCODERS[script.codec], "w")
    encoder.width, encoder.height = size
    encoder.framerate = round(script.fps)
    encoder.gop_size = script.key_period
    encoder.pix_fmt = "yuvj420p" if script.codec == "mjpeg" else "yuv420p"
    encoder.thread_count = 1
    encoder.bit_rate = 1_000_000
    encoder.options = {
        "h264": {"preset": "ultrafast", "tune": "zerolatency"},
        # One thread, no look-ahead, and parameter sets before each key picture.
        "h265": {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x265-params": "log-level=none:repeat-headers=1:pools=1:frame-threads=1",
        },
        # RFC 2435 carries no Huffman tables: they are the standard's.
        "mjpeg": {"huffman": "default"},
    }[script.codec]
    return encoder
