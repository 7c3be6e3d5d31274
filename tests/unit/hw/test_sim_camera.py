"""The simulated camera as the node reads it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edge.core.errors import DeviceError
from edge.core.kinds import ObjectClass
from edge.core.stamp import TimeSource
from edge.ports import Camera
from hw.sim.camera import STATE_STALE_NS, WORLD_LOST_NS, SimCamera, WallClock, load_cameras, open_source
from hw.sim.camera_placement import SCENES
from hw.sim.poses import WorldState
from hw.sim.render import Renderer
from tests.unit.hw.render_scene import CAMERA, GEOMETRY, STAMP_NS, state_of

PERIOD_NS = 100_000_000
CAR = (ObjectClass.CAR, 20.0, 1.7, 0.0)


class FakeTime:
    """A clock that moves only when told or slept on; reading it may cost time."""

    def __init__(self) -> None:
        self.now = STAMP_NS + 30_000_000
        self.slept: list[float] = []

    def clock(self) -> WallClock:
        return WallClock(lambda: self.now, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += round(seconds * 1e9)


class FakeWorld:
    """A world that hands out a car with the present time, until it is told otherwise."""

    def __init__(self, time: FakeTime) -> None:
        self._time = time
        self.silent = self.gone = self.frozen = False
        self.closed = 0
        self.speed_mps = 0.0
        self._last_ns = time.now

    def newest(self, timeout_s: float) -> WorldState | None:
        if self.gone:
            raise DeviceError("world", "connection lost")
        if self.silent:
            if timeout_s:
                self._time.sleep(timeout_s)
            return None
        if not self.frozen:
            self._last_ns = self._time.now
        return dataclasses.replace(state_of([CAR], speed_mps=self.speed_mps), stamp_ns=self._last_ns)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def world(time: FakeTime) -> FakeWorld:
    return FakeWorld(time)


@pytest.fixture
def camera(time: FakeTime, world: FakeWorld) -> SimCamera:
    made = SimCamera(
        "localhost",
        1,
        CAMERA,
        GEOMETRY,
        fps=10.0,
        seed=1,
        name="test",
        connect=lambda *_: world,
        clock=time.clock(),
    )
    made.open()
    return made


def test_is_a_camera_port(camera: SimCamera) -> None:
    port: Camera = camera
    assert set(port.counters) >= {"frames", "skipped"}


def test_frames_lie_on_the_grid_of_the_wall_clock(camera: SimCamera) -> None:
    frames = [camera.read(timeout_s=1.0) for _ in range(3)]
    stamps = [frame.stamp.capture_ns for frame in frames if frame is not None]
    assert stamps == [STAMP_NS + PERIOD_NS * k for k in (1, 2, 3)]
    assert [frame.frame_id for frame in frames if frame is not None] == [0, 1, 2]
    assert camera.counters["skipped"] == 0


def test_cameras_of_another_phase_take_turns(time: FakeTime, world: FakeWorld) -> None:
    made = SimCamera(
        "localhost", 1, CAMERA, GEOMETRY, phase_ms=70, connect=lambda *_: world, clock=time.clock()
    )
    made.open()
    frames = [made.read(timeout_s=1.0) for _ in range(3)]
    stamps = [frame.stamp.capture_ns - STAMP_NS for frame in frames if frame is not None]
    assert stamps == [70_000_000 + PERIOD_NS * k for k in range(3)]


def test_lamp_cameras_of_the_scene_can_be_opened_by_name() -> None:
    source = "sim://127.0.0.1:1/south_west_lamps?scene=four_arm&phase_ms={}"
    assert open_source(source.format(70)).camera.height == 288
    with pytest.raises(DeviceError, match="phase_ms"):
        open_source(source.format("late"))


def test_capture_is_stamped_before_rendering(
    camera: SimCamera, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = Renderer.render
    asked: list[int] = []

    def slow_render(self: Renderer, state: WorldState, *, at_ns: int) -> np.ndarray:
        asked.append(at_ns)
        time.now += 40_000_000
        return render(self, state, at_ns=at_ns)

    monkeypatch.setattr(Renderer, "render", slow_render)
    frame = camera.read(timeout_s=1.0)
    assert frame is not None
    assert frame.stamp.source is TimeSource.SENSOR
    assert asked == [frame.stamp.capture_ns]
    assert frame.arrival_ns - frame.stamp.capture_ns == 40_000_000


def test_picture_shows_the_world_of_the_capture_time(
    camera: SimCamera, time: FakeTime, world: FakeWorld
) -> None:
    world.frozen, world.speed_mps = True, 10.0
    frame = camera.read(timeout_s=1.0)
    assert frame is not None
    ahead_m = 10.0 * (frame.stamp.capture_ns - (STAMP_NS + 30_000_000)) * 1e-9
    there = state_of([(ObjectClass.CAR, 20.0 + ahead_m, 1.7, 0.0)])
    expected = Renderer(CAMERA, GEOMETRY, seed=1).render(
        dataclasses.replace(there, stamp_ns=frame.stamp.capture_ns), at_ns=frame.stamp.capture_ns
    )
    assert ahead_m == pytest.approx(0.7)
    assert np.array_equal(frame.image, expected)


def test_late_reader_skips_and_counts(camera: SimCamera, time: FakeTime) -> None:
    assert camera.read(timeout_s=1.0) is not None
    time.now += 370_000_000
    frame = camera.read(timeout_s=1.0)
    assert frame is not None
    assert frame.frame_id == 3
    assert camera.counters["skipped"] == 2
    assert frame.stamp.capture_ns >= time.now - PERIOD_NS


def test_short_timeout_returns_nothing_and_keeps_the_grid(camera: SimCamera, time: FakeTime) -> None:
    assert camera.read(timeout_s=0.02) is None
    assert time.now == STAMP_NS + 50_000_000
    frame = camera.read(timeout_s=1.0)
    assert frame is not None
    assert frame.stamp.capture_ns == STAMP_NS + PERIOD_NS


def test_clock_that_steps_back_is_counted_and_survived(camera: SimCamera, time: FakeTime) -> None:
    assert camera.read(timeout_s=1.0) is not None
    time.now -= 3600 * 10**9
    frame = camera.read(timeout_s=1.0)
    assert frame is not None
    assert camera.counters["clock_steps"] == 1


def test_silent_world_gives_no_frame_then_is_an_error(camera: SimCamera, world: FakeWorld) -> None:
    world.silent = True
    assert camera.read(timeout_s=1.0) is None
    assert camera.counters["no_state"] == 1
    with pytest.raises(DeviceError, match="stopped"):
        camera.read(timeout_s=1.0 + WORLD_LOST_NS * 1e-9)


def test_state_of_a_moment_ago_is_moved_on_without_waiting(
    camera: SimCamera, time: FakeTime, world: FakeWorld
) -> None:
    assert camera.read(timeout_s=1.0) is not None
    world.silent = True
    frame = camera.read(timeout_s=1.0)
    assert frame is not None
    assert frame.stamp.capture_ns == STAMP_NS + 2 * PERIOD_NS


def test_stale_state_is_not_drawn(camera: SimCamera, time: FakeTime, world: FakeWorld) -> None:
    assert camera.read(timeout_s=1.0) is not None
    world.silent = True
    time.now += STATE_STALE_NS + 1
    assert camera.read(timeout_s=0.2) is None
    assert camera.counters["no_state"] == 1


def test_world_that_repeats_an_old_state_is_an_error(
    camera: SimCamera, time: FakeTime, world: FakeWorld
) -> None:
    assert camera.read(timeout_s=1.0) is not None
    world.frozen = True
    time.now += 2 * WORLD_LOST_NS
    with pytest.raises(DeviceError, match="stopped"):
        camera.read(timeout_s=1.0)


def test_lost_world_is_an_error(camera: SimCamera, world: FakeWorld) -> None:
    world.gone = True
    with pytest.raises(DeviceError):
        camera.read(timeout_s=1.0)


def test_close_twice_leaves_the_world_once(camera: SimCamera, world: FakeWorld) -> None:
    camera.close()
    camera.close()
    assert world.closed == 1
    with pytest.raises(DeviceError, match="not open"):
        camera.read(timeout_s=0.1)


def test_two_cameras_of_the_shipped_scene_face_each_other() -> None:
    cameras = list(load_cameras(SCENES / "four_arm" / "cameras.toml").values())
    assert len(cameras) == 2
    for one, other in (cameras, cameras[::-1]):
        assert one.in_frame(np.array([0.0, 0.0, 0.0]))
        assert one.in_frame(np.array([*other.position_m[:2], 0.0]))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("rtsp://host:1/south_west", "not a simulated camera"),
        ("sim://host/south_west", "not a simulated camera"),
        ("sim://host:99999999/south_west", "not a simulated camera"),
        ("sim://host:1/nowhere", "no camera named"),
        ("sim://host:1/south_west?scene=moon", "no scene named"),
        ("sim://host:1/south_west?scene=../four_arm", "no scene named"),
        ("sim://host:1/south_west?fps=quick", "must be numbers"),
        ("sim://host:1/south_west?fps=0", "out of range"),
    ],
)
def test_wrong_source_says_what_is_wrong(source: str, problem: str) -> None:
    with pytest.raises(DeviceError, match=problem):
        open_source(source)


def test_broken_camera_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text("[a]\nposition_m = [1, 2]\n")
    with pytest.raises(DeviceError, match="do not read"):
        load_cameras(path)
