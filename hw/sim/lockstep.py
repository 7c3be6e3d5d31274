"""The simulated world without a clock: every step gives the next state."""

from __future__ import annotations

import logging

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_S
from hw.sim.poses import WorldState
from hw.sim.recording import RecordedTraffic
from hw.sim.scene_files import SceneFiles, load_scene
from hw.sim.signal_plan import group_states, link_letters, step_at
from hw.sim.traffic import SumoTraffic, Traffic

log = logging.getLogger(__name__)


class World:
    """Road users and lamps of a scene, one step at a time.

    Attributes:
        scene: the scene's files.
        source: `sumo` or `recorded`.
        step_ns: simulated time of one step.

    Args:
        scene, traffic: the scene and where its road users come from.
        start_ns: UTC ns of the state before the first step.
    """

    def __init__(self, scene: SceneFiles, traffic: Traffic, *, start_ns: int = 0) -> None:
        self.scene, self.source = scene, traffic.source
        self.step_ns = round(traffic.step_s * NS_PER_S)
        self._traffic, self._stamp_ns = traffic, start_ns

    def step(self, *, stamp_ns: int | None = None) -> WorldState:
        """The next state; it is true at `stamp_ns`, or one step after the last one."""
        self._stamp_ns = self._stamp_ns + self.step_ns if stamp_ns is None else stamp_ns
        cycle_ds, (names, rows) = self._traffic.step()
        if not self.scene.controller:
            return WorldState(self._stamp_ns, names, rows)
        letters = link_letters(step_at(cycle_ds)[0], self.scene.controller, self.scene.link_count, set())
        return WorldState(self._stamp_ns, names, rows, letters, group_states(cycle_ds))

    def close(self) -> None:
        """End the simulation; safe to call twice."""
        self._traffic.close()


def open_world(
    scene: str = "four_arm", *, seed: int = 1, rate_hz: float = 20.0, start_ns: int = 0, source: str = "auto"
) -> World:
    """A world of SUMO, or of the scene's recording where libsumo cannot be imported.

    Args:
        source: `sumo`, `recorded`, or `auto` for the first that works.

    Raises:
        DeviceError: the scene does not load.
    """
    files, step_s = load_scene(scene), 1.0 / rate_hz
    if source in ("auto", "sumo"):
        try:
            traffic: Traffic = SumoTraffic(files.directory, files.settings, seed=seed, step_s=step_s)
            return World(files, traffic, start_ns=start_ns)
        except DeviceError as error:
            if source == "sumo" or error.device != "libsumo":
                raise
            log.warning("%s; replaying the recorded scene instead", error)
    recorded = RecordedTraffic(files.directory / "recorded.npz", step_s=step_s)
    return World(files, recorded, start_ns=start_ns)
