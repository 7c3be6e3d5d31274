"""Capture times and reconnects of RTSP cameras: `python tests/bench/bench_rtsp.py [--full]`.

Every picture of both servers, the scripted one and GStreamer's, shows its true capture time; the camera driver's is
compared with it, picture by picture, from the first sender report on. The last line is one JSON object; `gst_` is
GStreamer (left out where it is not installed), the worst of TCP and UDP each:
  capture_error_ms_p50, _p95, _max  |stamp - true time| of a camera whose clock is true
  worst_error_ms_p95    the same with up to 250 ms of jitter, 2 % loss (UDP), drift, and one report that is 3 s off
  bound_broken          pictures whose error is above the bound in their stamp (and the millisecond that they show)
  first_report_s        from opening to the first picture stamped by the camera's clock, GStreamer
  open_s_max            from opening to the first picture
  reconnect_s_max       from the server's return, after several outages, to the first detections of it
  frozen_resume_s       last picture before a stream freezes to the first one after, over an open connection
  offset_flagged_s      from opening to the flag, clock 2 s ahead or behind, report with the first picture
  step_flagged_s        from a step of 2 s in mid-stream to the flag, a report every second
  reconnect_kb          memory that each of 150 reconnects leaves
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import queue
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from edge.core.stamp import TimeSource
from edge.ports import Frame
from edge.sources.camera import Backoff, CameraReader
from hw.camera import camera_from_source
from hw.sim.rtsp_script import ForgedClock, Reports, RtspScript
from hw.sim.rtsp_server import RtspServer
from hw.sim.time_code import read_time
from tests.bench.proc import anonymous_mb, machine
from tests.contract.gst_server import GstServer, gstreamer_present
from tests.unit.sources.test_camera import detections

TRANSPORTS = ("tcp", "udp")
PATIENCE_S = 60.0
TARGETS = {
    "capture_error_ms_p95": 50.0,
    "worst_error_ms_p95": 50.0,
    "gst_capture_error_ms_p95": 50.0,
    "reconnect_s_max": 3.0,
    "gst_reconnect_s_max": 3.0,
}
TRUE = RtspScript(reports=Reports(first_s=1.0, period_s=1.0), size=(640, 384))
WORST = RtspScript(
    reports=Reports(first_s=0.5, period_s=1.0, outliers={3: 3.0}),
    clock=ForgedClock(drift_ppm=100, rtp_drift_ppm=-100),
    jitter_s=0.25,
    loss=0.02,
    key_period=5,
)


class Run:
    """Errors of one camera, ms, from its first report on."""

    def __init__(self, url: str, transport: str, *, seconds: float) -> None:
        self.errors_ms: list[float] = []
        self.broken = 0
        self.first_picture_s = self.first_report_s = 0.0
        started = time.monotonic()
        end: float | None = None
        for frame in frames(url, transport):
            now = time.monotonic()
            self.first_picture_s = self.first_picture_s or now - started
            true_ns = read_time(frame.image)
            if frame.stamp.source is TimeSource.RTCP and true_ns is not None:
                end = end or now + seconds
                self.first_report_s = self.first_report_s or now - started
                error_ns = abs(frame.stamp.capture_ns - true_ns)
                self.errors_ms.append(error_ns / 1e6)
                self.broken += int(error_ns > frame.stamp.error_ns + 1_000_000)
            if now > (end or started + PATIENCE_S):
                break

    @staticmethod
    def worst(runs: list[Run], name: str) -> dict[str, float]:
        """The worst percentiles of several runs."""
        worst = np.max([np.percentile(run.errors_ms, (50, 95, 100)) for run in runs], axis=0)
        return {
            f"{name}_ms_{key}": float(value) for key, value in zip(("p50", "p95", "max"), worst, strict=True)
        }


def frames(url: str, transport: str) -> Iterator[Frame]:
    """Frames of a camera for as long as one asks for them."""
    camera = camera_from_source(url, name="bench", transport=transport)  # type: ignore[arg-type]
    with contextlib.closing(camera):
        camera.open()
        while True:
            frame = camera.read(timeout_s=1.0)
            if frame is not None:
                yield frame


def capture_figures(seconds: float) -> dict[str, float]:
    """Scripted server, true and worst clocks."""
    runs: dict[str, list[Run]] = {}
    for name, script in (("capture_error", TRUE), ("worst_error", WORST)):
        for transport in TRANSPORTS:
            with RtspServer(script) as server:
                runs.setdefault(name, []).append(Run(server.url, transport, seconds=seconds))
    figures = Run.worst(runs["capture_error"], "capture_error") | Run.worst(
        runs["worst_error"], "worst_error"
    )
    every = [run for group in runs.values() for run in group]
    figures["bound_broken"] = sum(run.broken for run in every)
    figures["open_s_max"] = max(run.first_picture_s for run in runs["capture_error"])
    return figures


def gst_figures(seconds: float, outages_s: list[float]) -> dict[str, float]:
    """GStreamer's server."""
    server = GstServer()
    runs = [Run(server.url, transport, seconds=seconds) for transport in TRANSPORTS]
    port = server.port
    server.stop()
    figures = Run.worst(runs, "gst_capture_error")
    figures["gst_first_report_s"] = max(run.first_report_s for run in runs)
    figures["gst_bound_broken"] = sum(run.broken for run in runs)
    figures["gst_reconnect_s_max"] = max(
        reconnect_s(lambda: GstServer(port=port), transport, outage_s=outage)
        for transport in TRANSPORTS
        for outage in outages_s
    )
    return figures


class Scripted:
    """A scripted server that is up until it is stopped."""

    def __init__(self, port: int = 0) -> None:
        self._server = RtspServer(TRUE, port=port).__enter__()
        self.port, self.url, self.stop = self._server.port, self._server.url, self._server.stop


def reconnect_s(make: Callable[[], GstServer | Scripted], transport: str, *, outage_s: float) -> float:
    """From the return of a server to the first detections."""
    server = make()
    arrived: queue.Queue[float] = queue.Queue()
    camera = camera_from_source(server.url, name="bench", transport=transport)  # type: ignore[arg-type]
    reader = CameraReader("bench", camera, detections, on_detections=lambda _d: arrived.put(time.monotonic()))
    reader.start()
    for _ in range(10):
        arrived.get(timeout=PATIENCE_S)
    server.stop()
    time.sleep(outage_s)
    opened = reader.health().counters["opened"]
    server = make()
    back = time.monotonic()
    while reader.health().counters["opened"] == opened or arrived.empty():
        while not arrived.empty():
            arrived.get()
        time.sleep(0.005)
    first = arrived.get(timeout=PATIENCE_S)
    reader.stop()
    server.stop()
    return first - back


def reconnect_figures(outages_s: list[float]) -> dict[str, float]:
    """Outages, and a stream that freezes."""
    with RtspServer(TRUE) as probe:
        port = probe.port
    worst = max(
        reconnect_s(lambda: Scripted(port), transport, outage_s=outage)
        for transport in TRANSPORTS
        for outage in outages_s
    )
    return {"reconnect_s_max": worst, "frozen_resume_s": max(map(frozen_resume_s, TRANSPORTS))}


def frozen_resume_s(transport: str) -> float:
    """The longest time between two detections of a stream that freezes after 30 pictures."""
    arrived: queue.Queue[float] = queue.Queue()
    with RtspServer(RtspScript(frozen_after=30)) as server:
        camera = camera_from_source(server.url, name="bench", transport=transport)  # type: ignore[arg-type]
        reader = CameraReader(
            "bench", camera, detections, on_detections=lambda _d: arrived.put(time.monotonic())
        )
        reader.start()
        times = [arrived.get(timeout=PATIENCE_S) for _ in range(40)]
        reader.stop()
    return float(np.diff(times).max())


def flag_figures() -> dict[str, float]:
    """How long a clock that is 2 s off goes unnoticed."""
    at_once = Reports(first_s=0.0, period_s=1.0)
    flagged = [
        flagged_s(RtspScript(reports=at_once, clock=ForgedClock(offset_s=offset)), transport)
        for offset in (2.0, -2.0)
        for transport in TRANSPORTS
    ]
    steps = [
        flagged_s(RtspScript(reports=at_once, clock=ForgedClock(step_s=step, step_after_s=2.0)), "tcp") - 2.0
        for step in (2.0, -2.0)
    ]
    return {"offset_flagged_s": max(flagged), "step_flagged_s": max(steps)}


def flagged_s(script: RtspScript, transport: str) -> float:
    """From opening to the first picture that is marked."""
    started = time.monotonic()
    with RtspServer(script) as server:
        for frame in frames(server.url, transport):
            if frame.trouble or time.monotonic() - started > PATIENCE_S:
                break
    return time.monotonic() - started


def leak_figures() -> dict[str, float]:
    """Memory per reconnect; the scripted server's encoder is in it."""
    found: queue.Queue[int] = queue.Queue()
    with RtspServer(RtspScript(pictures=2, fps=60)) as server:
        reader = CameraReader(
            "bench",
            camera_from_source(server.url, name="bench"),
            detections,
            on_detections=lambda d: found.put(d.frame_id),
            backoff=Backoff(0.01, 0.02),
        )
        reader.start()
        sizes_mb = []
        for goal in (50, 200):
            while reader.health().counters["opened"] < goal:
                found.get(timeout=PATIENCE_S)
            gc.collect()
            sizes_mb.append(anonymous_mb(os.getpid()))
        reader.stop()
    return {"reconnect_kb": (sizes_mb[1] - sizes_mb[0]) * 1000 / 150}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="60 s instead of 8 s each, more outages")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # cameras are lost here on purpose
    print(machine())
    seconds, outages_s = (60.0, [0.2, 1.0, 3.0, 10.0, 30.0]) if options.full else (8.0, [0.2, 1.0, 4.0])
    figures = capture_figures(seconds) | reconnect_figures(outages_s) | flag_figures() | leak_figures()
    if gstreamer_present():
        figures |= gst_figures(seconds, outages_s)
    figures = {name: round(value, 3) for name, value in figures.items()}
    for name, value in figures.items():
        bound = TARGETS.get(name)
        wanted = "" if bound is None else f"wanted <= {bound}{'' if value <= bound else '   MISSED'}"
        print(f"{name:26} {value:9} {wanted}")
    print(json.dumps({"bench": "rtsp", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
