"""Self-calibration in the node: the fusion process collects, a child of low priority solves, health tells.

The child: `python -m edge.app.self_calibration SITE.toml CAMERA DATA.npz`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.app.calibration_store import (
    apply_document,
    as_document,
    points_in,
    proposal_path,
    read_document,
    write_document,
)
from edge.app.camera_parts import projection_of
from edge.config import load_site
from edge.config.site import CameraConfig, SiteConfig
from edge.core.detections import Detections
from edge.core.errors import ConfigError
from edge.core.health import HealthState
from edge.core.v2x import V2xReport
from edge.flow.board import HealthBoard
from edge.flow.child import die_with_parent
from edge.perception.car_calibration import FEWEST_VEHICLES, MOST_CHANGE, calibrate_from_cars
from edge.perception.car_data import CarData
from edge.perception.car_record import CarRecord
from edge.perception.pose import pose_of_view

PERIOD_S = 300.0
SOLVE_TIMEOUT_S = 240.0
NICE = 15


class SelfCalibration:
    """Collects for every camera that may be calibrated, and has the solver look from time to time."""

    def __init__(self, site: SiteConfig, site_path: Path, board: HealthBoard) -> None:
        self._site, self._path, self._board = site, site_path, board
        self._cameras = {
            camera.name: camera for camera in site.camera if site.v2x and _may_be_calibrated(camera)
        }
        self._records = {name: _record(camera, site) for name, camera in self._cameras.items()}

    def see(self, detections: Detections) -> None:
        """Take a camera's detections."""
        record = self._records.get(detections.sensor)
        if record is not None:
            record.see(detections)

    def hear(self, reports: Sequence[V2xReport]) -> None:
        """Take V2X reports."""
        for record in self._records.values():
            record.hear(reports)

    async def run(self) -> None:
        """Solve for one camera after the other, until cancelled."""
        for name in self._cameras:
            self._board.set(_component(name), HealthState.OK, "collecting")
        while self._cameras:
            await asyncio.sleep(PERIOD_S)
            for camera in self._cameras.values():
                await self.look(camera)

    async def look(self, camera: CameraConfig) -> None:
        """One turn for one camera."""
        record, component = self._records[camera.name], _component(camera.name)
        if record.vehicles < FEWEST_VEHICLES:
            self._board.set(
                component, HealthState.OK, f"collecting: {record.vehicles} connected vehicles so far"
            )
            return
        state = self._site.state_directory
        try:
            await asyncio.to_thread(
                _write_data, proposal_path(state, camera.name).with_suffix(".npz"), record
            )
        except OSError as error:
            self._board.set(component, HealthState.DEGRADED, f"cannot keep what was collected: {error}")
            return
        problem = await self._solve(camera)
        document = read_document(proposal_path(state, camera.name), camera)
        if problem or document is None:
            self._board.counters(component)["failed"] += 1
            self._board.set(
                component, HealthState.DEGRADED, problem or "the solver left no answer: see the log"
            )
            return
        self._board.counters(component)[document["verdict"]] += 1
        self._tell(camera, document)

    async def _solve(self, camera: CameraConfig) -> str:
        """Run the child; returns what went wrong."""
        data = proposal_path(self._site.state_directory, camera.name).with_suffix(".npz")
        command = [sys.executable, "-m", "edge.app.self_calibration", str(self._path), camera.name, str(data)]
        environment = os.environ | {
            "EDGE_PARENT_PID": str(os.getpid()),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        try:
            child = await asyncio.create_subprocess_exec(
                *command, env=environment, stdin=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            return f"the solver does not start: {error}"
        try:
            code = await asyncio.wait_for(child.wait(), SOLVE_TIMEOUT_S)
        except TimeoutError:
            return f"the solver took longer than {SOLVE_TIMEOUT_S:.0f} s"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return "" if code == 0 else f"the solver ended with {code}: see the log"

    def _tell(self, camera: CameraConfig, document: dict[str, Any]) -> None:
        component, reason = _component(camera.name), document["reason"]
        if document["verdict"] != "accepted":
            moved = document["verdict"] == "refused" and "moved farther" in reason
            self._board.set(component, HealthState.DEGRADED if moved else HealthState.OK, reason)
            return
        change = document["figures"].get("change_m") or 0.0
        words = f"the camera has moved: {change:.1f} m on the ground; {reason}"
        if camera.self_calibrate == "apply" and _is_near(camera, self._site, document):
            try:
                apply_document(self._site.state_directory, camera, document)
            except OSError as error:
                self._board.set(component, HealthState.DEGRADED, f"{words}; cannot be applied: {error}")
                return
            self._board.event(component, "calibration_applied", words)
            self._records[camera.name] = _record(camera, self._site)
            self._board.set(component, HealthState.OK, f"applied: {words}")
            return
        advice = f"take it over with edge calibrate {self._path} --camera {camera.name} --from-cars"
        self._board.set(component, HealthState.DEGRADED, f"{words}; {advice}")


def _may_be_calibrated(camera: CameraConfig) -> bool:
    wanted = camera.detects and camera.self_calibrate != "off"
    # The solver knows a pinhole only.
    return wanted and camera.image_size is not None and camera.lens is None


def _component(name: str) -> str:
    return f"camera.{name}.calibration.cars"


def _record(camera: CameraConfig, site: SiteConfig) -> CarRecord:
    assert camera.image_size is not None
    present = projection_of(camera, site, image_size=camera.image_size)
    return CarRecord(
        image_size=camera.image_size, position_m=present.view.position_m[:2], range_m=camera.range_m
    )


def _is_near(camera: CameraConfig, site: SiteConfig, document: dict[str, Any]) -> bool:
    """Whether a proposal is within bounds of what the engineer calibrated, however many were applied before."""
    size = camera.image_size
    pose = document.get("pose")
    if size is None or points_in(document) is None or not isinstance(pose, dict):
        return False
    own = pose_of_view(projection_of(camera, site, image_size=size, marked_only=True).view, image_size=size)
    names = ("x_m", "y_m", "z_m", "yaw_rad", "pitch_rad", "roll_rad")
    return all(
        abs((pose[name] - getattr(own, name) + np.pi) % (2 * np.pi) - np.pi) <= most
        for name, most in zip(names, MOST_CHANGE, strict=False)
    )


def _write_data(path: Path, record: CarRecord) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = record.data()
    beside = path.with_name(f".{path.name}.new")
    with beside.open("wb") as file:
        np.savez(file, boxes=data.boxes, reports=data.reports)
    beside.replace(path)


def read_data(path: Path) -> CarData:
    """What was collected. Raises `ConfigError`."""
    try:
        with np.load(path) as stored:
            data = CarData(stored["boxes"].astype(np.float64), stored["reports"].astype(np.float64))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            str(path), f"does not read: {error}", remedy="give what the node collected"
        ) from error
    if (
        data.boxes.ndim != 2
        or data.boxes.shape[1] != 8
        or data.reports.ndim != 2
        or data.reports.shape[1] != 10
    ):
        raise ConfigError(str(path), "holds no boxes and reports", remedy="give what the node collected")
    return data


def propose(site: SiteConfig, camera: CameraConfig, data: CarData) -> dict[str, Any]:
    """Solve for a camera and write the proposal. Raises `ConfigError`, `OSError`."""
    if camera.image_size is None:
        raise ConfigError(
            f"camera {camera.name}: image_size", "is missing", remedy="calibrate with edge calibrate"
        )
    if camera.lens is not None:
        raise ConfigError(
            f"camera {camera.name}: lens",
            "self-calibration is for cameras without a lens section",
            remedy="calibrate with edge calibrate",
        )
    present = projection_of(camera, site, image_size=camera.image_size)
    found = calibrate_from_cars(data, present, range_m=camera.range_m)
    document = as_document(found, camera, size=camera.image_size, made_ns=time.time_ns())
    write_document(proposal_path(site.state_directory, camera.name), document)
    return document


def main() -> None:
    """Entry point of the solving child."""
    die_with_parent()
    os.nice(NICE)
    site = load_site(Path(sys.argv[1]))
    camera = next(camera for camera in site.camera if camera.name == sys.argv[2])
    propose(site, camera, read_data(Path(sys.argv[3])))


if __name__ == "__main__":
    main()
