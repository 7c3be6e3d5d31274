"""A simulated camera: renders the simulated world at a fixed rate, inside the process that asks for pictures."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import cv2

from edge.core.errors import DeviceError
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.ports import Frame
from hw.sim.camera_placement import calibration_points, load_cameras, load_lamp_cameras, scene_directory
from hw.sim.pinhole import PinholeCamera
from hw.sim.pose_client import PoseReader
from hw.sim.poses import WorldState
from hw.sim.render import Renderer

__all__ = ["SimCamera", "WallClock", "calibration_points", "load_cameras", "open_source", "read_geometry"]

WORLD_LOST_NS = 2 * NS_PER_S
"""A world whose newest state is older than this is taken as gone."""
STATE_STALE_NS = 300 * NS_PER_MS
"""Older states are not drawn: moving road users on by their speed would be a guess."""
_STAMP_ERROR_NS = NS_PER_MS
_DEFAULT_FPS = 10.0


class WorldReader(Protocol):
    """Where the states of the world come from."""

    def newest(self, timeout_s: float) -> WorldState | None:
        """The newest state; None when none came in time. Raises `DeviceError` when the world is gone."""
        ...

    def close(self) -> None:
        """Leave the world."""
        ...


@dataclass(frozen=True, slots=True)
class WallClock:
    """The time that paces a camera; tests pass their own."""

    now_ns: Callable[[], int] = time.time_ns
    sleep_s: Callable[[float], None] = time.sleep


class SimCamera:
    """Implements `edge.ports.Camera` for one place in the simulated world.

    Frames lie on a fixed grid of the wall clock (whole periods since 1970). A reader that comes late gets the next
    picture of the grid; the missed ones are counted in `skipped` and leave a gap in `frame_id`.

    Args:
        host, port: of the world's pose socket.
        camera: pose and lens.
        geometry: what the still background shows.
        fps: frames per second.
        phase_ms: by how much its grid lies after the whole periods, so that cameras can take turns.
        seed: of the background and the noise.
        name: for messages.
        connect: opens a world reader; the pose socket when not given.
        clock: paces the camera.
    """

    def __init__(  # noqa: PLR0913 - the address, the view, and two seams for tests
        self,
        host: str,
        port: int,
        camera: PinholeCamera,
        geometry: dict[str, Any],
        *,
        fps: float = _DEFAULT_FPS,
        phase_ms: int = 0,
        seed: int = 0,
        name: str = "sim",
        connect: Callable[[str, int], WorldReader] | None = None,
        clock: WallClock | None = None,
    ) -> None:
        self.camera = camera
        self.counters = {"frames": 0, "skipped": 0, "no_state": 0, "clock_steps": 0}
        self._address = (host, port)
        self._geometry = geometry
        self._period_ns, self._phase_ns = round(NS_PER_S / fps), phase_ms * NS_PER_MS
        self._seed, self._name = seed, name
        self._connect: Callable[[str, int], WorldReader] = connect or PoseReader.connect
        self._clock = clock or WallClock()
        self._renderer: Renderer | None = None
        self._reader: WorldReader | None = None
        self._tick_ns: int | None = None
        self._state: WorldState | None = None
        self._opened_ns = 0
        self._frame_id = 0

    def open(self) -> None:
        """Join the world and draw the background. Raises `DeviceError`."""
        self.close()
        cv2.setNumThreads(1)
        self._reader = self._connect(*self._address)
        if self._renderer is None:
            self._renderer = Renderer(self.camera, self._geometry, seed=self._seed)
        self._tick_ns = None
        self._state = None
        self._opened_ns = self._clock.now_ns()

    def read(self, *, timeout_s: float) -> Frame | None:
        """The next frame of the grid; None when its time or a world state did not come. Raises `DeviceError`."""
        if self._reader is None or self._renderer is None:
            raise DeviceError(self._name, "the camera is not open")
        deadline_ns = self._clock.now_ns() + int(timeout_s * NS_PER_S)
        if not self._wait_for_tick(deadline_ns):
            return None
        state = self._fresh_state(deadline_ns)
        if state is None:
            self.counters["no_state"] += 1
            return None
        capture_ns = self._clock.now_ns()
        frame_id = self._frame_id
        self._advance()
        image = self._renderer.render(state, at_ns=capture_ns)
        self.counters["frames"] += 1
        stamp = Stamp(capture_ns, TimeSource.SENSOR, _STAMP_ERROR_NS)
        return Frame(image, stamp, self._clock.now_ns(), frame_id)

    def close(self) -> None:
        """Leave the world; safe to call twice."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _fresh_state(self, deadline_ns: int) -> WorldState | None:
        """The newest state; waits only when the last one is stale. Raises `DeviceError` when the world is gone."""
        assert self._reader is not None
        self._state = self._reader.newest(timeout_s=0.0) or self._state
        if self._age_ns() > STATE_STALE_NS:
            remaining_s = max(0.0, (deadline_ns - self._clock.now_ns()) / NS_PER_S)
            self._state = self._reader.newest(timeout_s=remaining_s) or self._state
        age_ns = self._age_ns()
        if age_ns > WORLD_LOST_NS:
            raise DeviceError(self._name, "the simulated world stopped", remedy="start the world again")
        return self._state if age_ns <= STATE_STALE_NS else None

    def _age_ns(self) -> int:
        """Since the last state was true, or since opening while none has come (stale from the start)."""
        if self._state is None:
            return max(STATE_STALE_NS + 1, self._clock.now_ns() - self._opened_ns)
        return self._clock.now_ns() - self._state.stamp_ns

    def _advance(self) -> None:
        assert self._tick_ns is not None
        self._tick_ns += self._period_ns
        self._frame_id += 1

    def _wait_for_tick(self, deadline_ns: int) -> bool:
        """Sleep to the next point of the grid; false when that lies after the deadline."""
        now_ns = self._clock.now_ns()
        if self._tick_ns is not None and self._tick_ns - now_ns > 2 * self._period_ns:
            self.counters["clock_steps"] += 1
            self._tick_ns = None
        if self._tick_ns is None:
            passed = (now_ns - self._phase_ns) // self._period_ns
            self._tick_ns = (passed + 1) * self._period_ns + self._phase_ns
        late = max(0, (now_ns - self._tick_ns) // self._period_ns)
        self._tick_ns += late * self._period_ns
        self._frame_id += late
        self.counters["skipped"] += late
        wait_ns = self._tick_ns - now_ns
        if self._tick_ns > deadline_ns:
            self._clock.sleep_s(max(0.0, (deadline_ns - now_ns) / NS_PER_S))
            return False
        if wait_ns > 0:
            self._clock.sleep_s(wait_ns / NS_PER_S)
        return True


def open_source(source: str, *, fps: float = _DEFAULT_FPS) -> SimCamera:
    """A camera for `sim://HOST:PORT/NAME?scene=four_arm`; `fps`, `phase_ms` and `seed` may be given there too.

    Raises:
        DeviceError: the source, its scene or its name is not known.
    """
    parts = urlsplit(source)
    name = parts.path.strip("/")
    remedy = "write sim://HOST:PORT/NAME?scene=four_arm"
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise DeviceError(source, f"not a simulated camera: {error}", remedy=remedy) from error
    if parts.scheme != "sim" or host is None or port is None or not name:
        raise DeviceError(source, "not a simulated camera", remedy=remedy)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    scene = scene_directory(query.get("scene", "four_arm"))
    cameras = load_cameras(scene / "cameras.toml") | load_lamp_cameras(scene)
    if name not in cameras:
        raise DeviceError(
            source, f"no camera named {name!r}", remedy=f"use one of {', '.join(sorted(cameras))}"
        )
    try:
        rate, seed = float(query.get("fps", fps)), int(query.get("seed", zlib.crc32(name.encode())))
        phase_ms = int(query.get("phase_ms", 0))
    except ValueError as error:
        raise DeviceError(source, f"fps, phase_ms and seed must be numbers: {error}") from error
    if not 0.1 <= rate <= 120.0:
        raise DeviceError(source, f"fps {rate:g} is out of range", remedy="use 0.1 to 120")
    view, geometry = cameras[name], read_geometry(scene)
    return SimCamera(host, port, view, geometry, fps=rate, phase_ms=phase_ms, seed=seed, name=name)


def read_geometry(scene: Path) -> dict[str, Any]:
    """Lanes, junction and stop lines of a scene, from its `geometry.json`, and `signals` from `signals.json`, if any.

    Raises:
        DeviceError: the file does not read.
    """
    geometry = _read_object(scene / "geometry.json")
    signals = scene / "signals.json"
    return geometry | {"signals": _read_object(signals)} if signals.is_file() else geometry


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeviceError(str(path), f"geometry does not read: {error}") from error
    if not isinstance(found, dict):
        raise DeviceError(str(path), "geometry is not an object")
    return found
