"""What a camera process makes of its frames besides detections: how well it sees, and what it reads off the heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.app.camera_parts import Models
from edge.app.camera_process import CameraWork
from edge.app.child_process import ChildProcess
from edge.app.demo_site import SCENE, free_ports, write_site
from edge.config import load_site
from edge.config.site import SiteConfig
from edge.core.health import Health, HealthState
from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.ports import Frame, Image
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import load_cameras, load_lamp_cameras, scene_directory
from hw.sim.lockstep import open_world
from hw.sim.pinhole import PinholeCamera
from hw.sim.render import Renderer

START_NS = 1_700_000_000 * NS_PER_S
PERIOD_NS = 200 * NS_PER_MS


@pytest.fixture
def site(tmp_path: Path) -> SiteConfig:
    return load_site(write_site(tmp_path, free_ports(), model="background"))


class Rig:
    """A camera's work on frames that the test makes."""

    def __init__(self, site: SiteConfig, index: int, view: PinholeCamera) -> None:
        self.child = ChildProcess()
        self.work = CameraWork(site, site.camera[index], self.child, models=Models())
        self.name = site.camera[index].name
        self._renderer = Renderer(view, read_geometry(scene_directory(SCENE)), seed=3)
        self._world = open_world(SCENE, source="recorded", rate_hz=5.0, start_ns=START_NS)
        self._count = 0

    def picture(self) -> Image:
        state = self._world.step()
        return self._renderer.render(state, at_ns=state.stamp_ns)

    def show(self, picture: Image) -> float:
        """Process a picture; returns the sight that is told."""
        self._count += 1
        stamp = Stamp(START_NS + self._count * PERIOD_NS, TimeSource.SENSOR)
        found = self.work.process(Frame(picture, stamp, stamp.capture_ns, self._count))
        assert found is not None
        return found.sight

    def quality(self) -> Health:
        """As the board has it after the next report."""
        self.work.report(Health(f"camera.{self.name}", HealthState.OK, 0))
        component = f"camera.{self.name}.quality"
        return next(health for health in self.child.board.snapshot() if health.component == component)


def test_a_frozen_camera_tells_that_it_looks_at_nothing_and_raises_an_alarm(site: SiteConfig) -> None:
    view = load_cameras(scene_directory(SCENE) / "cameras.toml")[site.camera[0].name]
    rig = Rig(site, 0, view)
    assert [rig.show(rig.picture()) for _ in range(10)] == [1.0] * 10
    assert rig.quality().state is HealthState.OK
    still = rig.picture()
    assert [rig.show(still) for _ in range(25)][-1] == 0.0
    health = rig.quality()
    assert health.state is HealthState.DEGRADED
    assert "same picture comes again" in health.message
    assert health.counters["sight_percent"] == 0
    assert [event.kind for event in rig.child.board.events] == ["camera_quality"]
    for _ in range(10):
        rig.show(rig.picture())
    assert rig.quality().state is HealthState.OK
    assert [event.text for event in rig.child.board.events][1:] == ["sees as usual again"]


def test_a_camera_that_only_reads_lamps_needs_no_detector_and_holds_its_tongue_when_in_doubt(
    site: SiteConfig,
) -> None:
    rig = Rig(site, 2, load_lamp_cameras(scene_directory(SCENE))["south_west_lamps"])
    for _ in range(5):
        rig.show(rig.picture())
    assert rig.work.read is not None
    assert {reading.signal_group for reading in rig.work.read.readings} == {4, 7, 14}
    assert all(reading.lamp is not LampState.UNKNOWN for reading in rig.work.read.readings)
    still = rig.picture()
    for _ in range(4):
        rig.show(still)
    assert rig.work.read.readings == ()
    rig.show(rig.picture())
    rig.show(rig.picture())
    assert len(rig.work.read.readings) == 3
    rig.show(np.roll(rig.picture(), 40, 1))
    rig.show(np.roll(rig.picture(), 40, 1))
    assert rig.work.read.readings == ()


def test_quality_can_be_switched_off(site: SiteConfig) -> None:
    camera = site.camera[0].model_copy(update={"quality": False})
    view = load_cameras(scene_directory(SCENE) / "cameras.toml")[camera.name]
    rig = Rig(site.model_copy(update={"camera": (camera,)}), 0, view)
    still = rig.picture()
    assert {rig.show(still) for _ in range(25)} == {1.0}
