"""A camera process: decode, detect, place on the ground. `python -m edge.app.camera_process SITE.toml NAME`."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edge.app.child_process import ChildProcess, prepare_child
from edge.app.kernels import ensure_kernels, prepare_kernels
from edge.config import load_site
from edge.config.site import CameraConfig, SiteConfig
from edge.core.detections import Detections, no_detections
from edge.core.health import Health, HealthState
from edge.core.lamps import LampReadings
from edge.flow.link import Kind
from edge.flow.pack import pack
from edge.ports import Frame
from edge.sources.camera import CameraReader

if TYPE_CHECKING:
    from edge.perception.lamps import LampReader
    from edge.perception.pipeline import CameraPipeline
    from edge.perception.quality import Quality, QualityWatch

REPORT_PERIOD_S = 1.0


class CameraWork:
    """Wires the reader thread to the link. The pipeline is made with the first frame, whose size it needs.

    Attributes:
        read: what the heads of the newest frame show; None: the camera reads none, or has not yet.
    """

    def __init__(self, site: SiteConfig, config: CameraConfig, child: ChildProcess) -> None:
        self._site, self._config, self._child = site, config, child
        self._component = f"camera.{config.name}.source"
        self._seeing = f"camera.{config.name}.quality"
        self._pipeline: CameraPipeline | None = None
        self._quality: QualityWatch | None = None
        self._lamps: LampReader | None = None
        self.read: LampReadings | None = None
        self._told: Quality | None = None
        self._size: tuple[int, int] | None = None

    def process(self, frame: Frame) -> Detections:
        """Detections of one frame; runs on the reader's thread."""
        from edge.perception.quality import CLEAR  # noqa: PLC0415 - after the cache directory is set

        height, width = frame.image.shape[:2]
        if self._size != (width, height):
            self._build(width, height)
            self._size = (width, height)
        quality, capture_ns = CLEAR, frame.stamp.capture_ns
        if self._quality is not None:
            quality = self._quality.look(frame.image, capture_ns=capture_ns)
        if self._lamps is not None:
            readings = self._lamps.read(frame.image, capture_ns=capture_ns)
            # A repeated picture shows lamps of another time, one of another view shows them elsewhere.
            self.read = LampReadings(self._config.name, frame.stamp, readings if quality.steady else ())
        if self._pipeline is None:
            return no_detections(
                self._config.name, stamp=frame.stamp, arrival_ns=frame.arrival_ns, frame_id=frame.frame_id
            )
        return dataclasses.replace(self._pipeline.process(frame), sight=quality.sight)

    def _build(self, width: int, height: int) -> None:
        from edge.app.lamp_parts import lamp_reader  # noqa: PLC0415 - after the cache directory is set
        from edge.perception.quality import QualityWatch  # noqa: PLC0415 - likewise

        self._quality = QualityWatch() if self._config.quality else None
        self._lamps = lamp_reader(self._config, image_size=(width, height))
        if self._config.detects:
            from edge.app.camera_parts import open_model, projection_of  # noqa: PLC0415 - loads the kernels
            from edge.perception.pipeline import CameraPipeline  # noqa: PLC0415 - likewise

            projection = projection_of(self._config, self._site, image_size=(width, height))
            model = open_model(self._config, projection)
            self._pipeline = CameraPipeline(self._config.name, model, projection)

    async def run(self) -> None:
        """Read until cancelled."""
        from edge.app.camera_parts import open_camera  # noqa: PLC0415 - after the cache directory is set

        loop = asyncio.get_running_loop()

        def hand_over(detections: Detections) -> None:
            if self._config.detects:
                loop.call_soon_threadsafe(self._child.send, Kind.DETECTIONS, pack(detections))
            if self.read is not None:
                loop.call_soon_threadsafe(self._child.send, Kind.LAMPS, pack(self.read))

        def report(health: Health) -> None:
            loop.call_soon_threadsafe(self.report, health)

        reader = CameraReader(
            self._config.name,
            open_camera(self._config),
            self.process,
            on_detections=hand_over,
            on_health=report,
            budget_s=1.0 / self._config.fps,
        )
        reader.start()
        try:
            while reader.running:
                self.report(reader.health())
                await asyncio.sleep(REPORT_PERIOD_S)
            self._child.board.set(self._component, HealthState.DOWN, "the reader ended: see the log")
            raise RuntimeError(f"camera {self._config.name}: the reader thread ended")
        finally:
            await asyncio.to_thread(reader.stop)

    def report(self, health: Health) -> None:
        """Put the reader's health, and how well the camera sees, on the board."""
        board = self._child.board
        board.set(self._component, health.state, health.message)
        counters = board.counters(self._component)
        dict.update(counters, health.counters)
        if self._pipeline is not None:
            dict.update(counters, self._pipeline.counters)
        if self._quality is not None:
            self._report_quality(self._quality.quality)

    def _report_quality(self, quality: Quality) -> None:
        """Say how well the camera sees; an event when that changes."""
        board, component = self._child.board, self._seeing
        message = f"sees {quality.sight:.0%} of the usual: {quality.message}" if quality.conditions else ""
        state = HealthState.DEGRADED if quality.conditions else HealthState.OK
        board.set(component, state, message)
        board.counters(component)["sight_percent"] = round(100 * quality.sight)
        before = () if self._told is None else self._told.conditions
        if quality.conditions != before:
            board.event(component, "camera_quality", message or "sees as usual again")
        self._told = quality


async def _main(site_path: Path, name: str) -> None:
    site = load_site(site_path)
    config = next(camera for camera in site.camera if camera.name == name)
    prepare_kernels(site.state_directory)
    child = ChildProcess()
    child.board.set(f"camera.{name}.source", HealthState.STARTING, "loading")
    camera = CameraWork(site, config, child)

    async def work() -> None:
        if config.detects:
            await asyncio.to_thread(ensure_kernels, site.state_directory, "perception")
        await camera.run()

    await child.run(receive=lambda _kind, _payload: None, work=work)


def main() -> None:
    """Entry point of the process."""
    prepare_child()
    import cv2  # noqa: PLC0415 - after the process is prepared

    cv2.setNumThreads(1)
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))


if __name__ == "__main__":
    main()
