"""A camera process: decode, detect, place on the ground. `python -m edge.app.camera_process SITE.toml NAME ...`.

Frames never leave it: it sends detections, health and events, no picture. With several names, the cameras of a group,
each is read by a thread of its own, and one detector thread takes them in turn.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.app.camera_drift import CameraDrift
from edge.app.child_process import ChildProcess, prepare_child
from edge.app.kernels import ensure_kernels, prepare_kernels
from edge.config import load_site
from edge.config.site import CameraConfig, SiteConfig
from edge.core.detections import Detections, no_detections
from edge.core.health import Health, HealthState
from edge.core.lamps import LampReadings
from edge.core.stamp import NS_PER_MS
from edge.flow.link import Kind
from edge.flow.pack import pack
from edge.ports import Frame
from edge.sources.camera import CameraReader
from edge.sources.shared_detector import Seat, SharedDetector

if TYPE_CHECKING:
    from edge.app.camera_parts import Models
    from edge.perception.lamps import LampReader
    from edge.perception.motion import MotionGate
    from edge.perception.pipeline import CameraPipeline
    from edge.perception.quality import Quality, QualityWatch

REPORT_PERIOD_S = 1.0
MOST_UNSURE_NS = 1_500_000_000
"""Bound on the error of a capture time, beyond the latency, above which a picture tells nothing."""


class CameraWork:
    """Wires the reader thread to the link. The pipeline is made with the first frame, whose size it needs.

    Args:
        site, config: of the site and of this camera.
        child: the process.
        models: detectors of the process.
        detector: serves this camera among others; None: its own reader thread does.

    Attributes:
        read: what the heads of the newest frame show; None: the camera reads none, or has not yet.
        on_read: takes them; called on the thread that processes frames.
        counters: `time_unsure` pictures of which nobody knows well enough when they were taken.
    """

    def __init__(
        self,
        site: SiteConfig,
        config: CameraConfig,
        child: ChildProcess,
        *,
        models: Models,
        detector: SharedDetector | None = None,
    ) -> None:
        self._site, self._config, self._child = site, config, child
        self._models, self._detector = models, detector
        self._gate: MotionGate | None = None
        self._runs: tuple[HealthState, str] | None = None
        self._seat: Seat | None = None
        self._component = f"camera.{config.name}.source"
        self._pipeline: CameraPipeline | None = None
        self._quality: QualityWatch | None = None
        self._told: Quality | None = None
        self._lamps: LampReader | None = None
        self.read: LampReadings | None = None
        self.on_read: Callable[[LampReadings], None] | None = None
        self.counters = {"time_unsure": 0}
        self._size: tuple[int, int] | None = None
        self._drift = CameraDrift(config, site.state_directory)
        self._stale = False

    def process(self, frame: Frame) -> Detections | None:
        """Detections of one frame; runs on the reader's or the detector's thread.

        None: the frame was not looked at. An empty scan would claim that it was, and nothing seen.
        """
        height, width = frame.image.shape[:2]
        if self._size != (width, height) or self._stale:
            self._build(width, height)
            self._size, self._stale = (width, height), False
        if frame.stamp.error_ns > MOST_UNSURE_NS + self._config.latency_ms * NS_PER_MS:
            self.counters["time_unsure"] += 1
            return None
        quality = self._look(frame)
        if self._pipeline is None:
            return no_detections(
                self._config.name, stamp=frame.stamp, arrival_ns=frame.arrival_ns, frame_id=frame.frame_id
            )
        self._drift.look(frame.image, now_ns=frame.stamp.capture_ns)
        if self._gate is not None and self._gate.rests(
            frame.image, capture_ns=frame.stamp.capture_ns, live=self._pipeline.live_tracks
        ):
            return None
        return dataclasses.replace(self._pipeline.process(frame), sight=quality.sight)

    def _look(self, frame: Frame) -> Quality:
        """Judge the picture and read the signal heads in it."""
        from edge.perception.quality import CLEAR  # noqa: PLC0415 - after the cache directory is set

        quality, capture_ns = CLEAR, frame.stamp.capture_ns
        if self._quality is not None:
            quality = self._quality.look(frame.image, capture_ns=capture_ns)
        if self._lamps is not None:
            readings = self._lamps.read(frame.image, capture_ns=capture_ns)
            # A repeated picture shows lamps of another time, one of another view shows them elsewhere.
            self.read = LampReadings(self._config.name, frame.stamp, readings if quality.steady else ())
            if self.on_read is not None:
                self.on_read(self.read)
        return quality

    def _build(self, width: int, height: int) -> None:
        from edge.app.lamp_parts import lamp_reader  # noqa: PLC0415 - after the cache directory is set
        from edge.perception.quality import QualityWatch  # noqa: PLC0415 - likewise

        if self._size != (width, height):
            self._quality = QualityWatch() if self._config.quality else None
        self._lamps = lamp_reader(self._config, image_size=(width, height))
        if self._config.detects:
            self._pipeline = self._pipeline_for(width, height)

    def _pipeline_for(self, width: int, height: int) -> CameraPipeline:
        from edge.app.camera_parts import model_health, projection_of  # noqa: PLC0415 - loads the kernels
        from edge.perception.motion import MotionGate  # noqa: PLC0415 - likewise
        from edge.perception.pipeline import CameraPipeline  # noqa: PLC0415 - likewise

        projection = projection_of(self._config, self._site, image_size=(width, height))
        model = self._models.open(self._config, projection)
        self._runs = model_health(model)
        self._gate = MotionGate() if self._config.motion_gate else None
        return CameraPipeline(self._config.name, model, projection)

    async def run(self) -> None:
        """Read until cancelled."""
        from edge.app.camera_parts import open_camera  # noqa: PLC0415 - after the cache directory is set

        loop = asyncio.get_running_loop()

        def hand_over(detections: Detections) -> None:
            if self._config.detects:
                loop.call_soon_threadsafe(self._child.send, Kind.DETECTIONS, pack(detections))

        def tell_lamps(readings: LampReadings) -> None:
            loop.call_soon_threadsafe(self._child.send, Kind.LAMPS, pack(readings))

        def report(health: Health) -> None:
            loop.call_soon_threadsafe(self.report, health)

        self.on_read = tell_lamps

        budget_s = 1.0 / self._config.fps
        if self._detector is not None:
            self._seat = self._detector.seat(
                self._config.name, self.process, on_detections=hand_over, budget_s=budget_s
            )
        seat = self._seat
        reader = CameraReader(
            self._config.name,
            open_camera(self._config),
            self.process if seat is None else seat.offer,
            on_detections=hand_over,
            on_health=report,
            ready=(lambda: True) if seat is None else (lambda: seat.ready),
            budget_s=budget_s,
        )
        reader.start()
        try:
            while reader.running:
                self.report(reader.health())
                if self._config.detects:
                    self._stale = self._drift.tell(self._child.board) or self._stale
                await asyncio.sleep(REPORT_PERIOD_S)
            self._child.board.set(self._component, HealthState.DOWN, "the reader ended: see the log")
            raise RuntimeError(f"camera {self._config.name}: the reader thread ended")
        finally:
            await asyncio.to_thread(reader.stop)

    def report(self, health: Health) -> None:
        """Put the reader's health, and what else the camera tells of itself, on the board."""
        board = self._child.board
        board.set(self._component, health.state, health.message)
        counters = board.counters(self._component)
        dict.update(counters, health.counters)
        for more in (self, self._seat, self._pipeline, self._gate):
            if more is not None:
                dict.update(counters, more.counters)
        if self._runs is not None:
            board.set(f"camera.{self._config.name}.model", *self._runs)
        if self._quality is not None:
            self._report_quality(self._quality.quality)

    def _report_quality(self, quality: Quality) -> None:
        """Say how well the camera sees; an event when that changes."""
        board, component = self._child.board, f"camera.{self._config.name}.quality"
        message = f"sees {quality.sight:.0%} of the usual: {quality.message}" if quality.conditions else ""
        state = HealthState.DEGRADED if quality.conditions else HealthState.OK
        board.set(component, state, message)
        board.counters(component)["sight_percent"] = round(100 * quality.sight)
        before = () if self._told is None else self._told.conditions
        if quality.conditions != before:
            board.event(component, "camera_quality", message or "sees as usual again")
        self._told = quality


async def _main(site_path: Path, names: list[str]) -> None:
    site = load_site(site_path)
    prepare_kernels(site.state_directory)
    child = ChildProcess()
    for name in names:
        child.board.set(f"camera.{name}.source", HealthState.STARTING, "loading")

    async def work() -> None:
        cameras = [camera for camera in site.camera if camera.name in names]
        if any(camera.detects for camera in cameras):
            await asyncio.to_thread(ensure_kernels, site.state_directory, "perception")
        await _run_cameras(site, cameras, child)

    await child.run(receive=lambda _kind, _payload: None, work=work)


async def _run_cameras(site: SiteConfig, cameras: list[CameraConfig], child: ChildProcess) -> None:
    """Run one camera, or several that share a detector thread."""
    from edge.app.camera_parts import Models  # noqa: PLC0415 - after the cache directory is set

    models = Models()
    if len(cameras) == 1:
        await CameraWork(site, cameras[0], child, models=models).run()
        return
    detector = SharedDetector()
    works = [CameraWork(site, camera, child, models=models, detector=detector) for camera in cameras]
    detector.start()
    try:
        async with asyncio.TaskGroup() as group:
            for camera, work in zip(cameras, works, strict=True):
                group.create_task(work.run(), name=f"camera {camera.name}")
            while detector.running:  # noqa: ASYNC110 - a thread is watched
                await asyncio.sleep(REPORT_PERIOD_S)
            raise RuntimeError("the detector thread ended")
    finally:
        await asyncio.to_thread(detector.stop)


def main() -> None:
    """Entry point of the process."""
    prepare_child()
    import cv2  # noqa: PLC0415 - after the process is prepared

    cv2.setNumThreads(1)
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2:]))


if __name__ == "__main__":
    main()
