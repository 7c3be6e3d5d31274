"""What a simulated RTSP camera does, and what it does wrong: its clock, its network, its faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edge.core.stamp import NS_PER_S

Codec = Literal["h264", "h265", "mjpeg"]


@dataclass(frozen=True, slots=True)
class ForgedClock:
    """The camera's two clocks against the true time; s since the stream began.

    Attributes:
        offset_s: wall clock minus true time.
        drift_ppm: of the wall clock.
        rtp_drift_ppm: of the RTP time stamps.
        step_s: the wall clock is set by so much once.
        step_after_s: when; None: never.
        first_rtp: RTP time stamp of the beginning; 2**32 - 1 wraps at once.
    """

    offset_s: float = 0.0
    drift_ppm: float = 0.0
    rtp_drift_ppm: float = 0.0
    step_s: float = 0.0
    step_after_s: float | None = None
    first_rtp: int = 1_000_000

    def wall_ns(self, true_ns: int, *, start_ns: int) -> int:
        """What the camera believes the time to be."""
        elapsed_s = (true_ns - start_ns) / NS_PER_S
        stepped = self.step_after_s is not None and elapsed_s >= self.step_after_s
        off_s = self.offset_s + elapsed_s * self.drift_ppm * 1e-6 + (self.step_s if stepped else 0.0)
        return true_ns + round(off_s * NS_PER_S)

    def rtp(self, true_ns: int, *, start_ns: int, clock_hz: int) -> int:
        """RTP time stamp of a moment, not yet wrapped."""
        elapsed_s = (true_ns - start_ns) / NS_PER_S
        return self.first_rtp + round(elapsed_s * (1.0 + self.rtp_drift_ppm * 1e-6) * clock_hz)


@dataclass(frozen=True, slots=True)
class Reports:
    """When sender reports come.

    Attributes:
        first_s: after the stream began; None: never.
        period_s: between two.
        last_s: none after that.
        outliers: number of a report, from 0, to seconds that it alone is off.
    """

    first_s: float | None = 0.0
    period_s: float = 1.0
    last_s: float = float("inf")
    outliers: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RtspScript:
    """One simulated camera.

    Attributes:
        codec: how pictures are coded.
        size: width, height in px.
        fps: pictures per second.
        key_period: pictures from one key picture to the next.
        clock: its clocks.
        reports: its sender reports.
        jitter_s: a picture is sent up to so much later, at random.
        loss: share of RTP packets that are not sent.
        password: asked of user `user`; None: open to all.
        pictures: after so many the connection is cut, in the middle of the next picture; None: never.
        frozen_after: after so many pictures nothing comes any more, over an open connection; None: never.
        resized: after so many pictures these have another size: number, (width, height); None: never.
        title: of the description, as the camera writes it; makers use GBK and Latin-1 too.
        garbage: what is sent in place of the answer to DESCRIBE; None: a description.
        seed: of jitter and loss.
    """

    codec: Codec = "h264"
    size: tuple[int, int] = (160, 96)
    fps: float = 25.0
    key_period: int = 25
    clock: ForgedClock = ForgedClock()
    reports: Reports = Reports()
    jitter_s: float = 0.0
    loss: float = 0.0
    password: str | None = None
    pictures: int | None = None
    frozen_after: int | None = None
    resized: tuple[int, tuple[int, int]] | None = None
    title: bytes = b"simulated camera"
    garbage: bytes | None = None
    seed: int = 1
