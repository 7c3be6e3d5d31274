"""A controller that says something else than the lamps show: rendered heads, a real reader, and the node's signal path.

In lock-step: world, camera, controller and node share one clock that the test moves, and no time passes by itself.
"""

from __future__ import annotations

import pytest

from edge.app.demo_site import SCENE, free_ports, write_site
from edge.app.front_lamps import COMPONENT, LampDesk
from edge.app.front_parts import build_lane
from edge.app.front_signals import SignalDesk
from edge.app.lamp_parts import lamp_reader
from edge.config import load_site
from edge.core.geodesy import LocalFrame
from edge.core.health import HealthState
from edge.core.lamps import LampReadings
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.flow.board import HealthBoard
from edge.flow.pack import pack
from edge.road import load_intersection
from edge.v2x import j2735
from hw.signal.tscbm_controller import TscbmReader
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import load_lamp_cameras, scene_directory
from hw.sim.lockstep import open_world
from hw.sim.poses import WorldState
from hw.sim.render import Renderer
from hw.sim.tscbm_sender import encode_tscbm

START_NS = 1_700_000_000 * NS_PER_S
CAMERA_LATE_STEPS = 3
"""Steps of 100 ms from a picture to its reading at the front."""
CAMERA, PICTURE_EVERY = "south_west_lamps", 2


class Crossing:
    """World, lamp camera, controller and the front's signal path, on one clock.

    Attributes:
        lies: groups by kind and number, and the lamp that the controller reports in place of theirs.
    """

    def __init__(self, directory: pytest.TempPathFactory, *, policy: str) -> None:
        path = write_site(directory.mktemp("site"), free_ports())
        text = path.read_text(encoding="utf-8")
        # A lie that no light could show would be withdrawn for another reason.
        keys = f'lamp_disagreement = "{policy}"\nimpossible_course = "tell"'
        path.write_text(text.replace("[controller]", f"[controller]\n{keys}", 1))
        site = load_site(path)
        assert site.controller is not None
        scene, config = scene_directory(SCENE), site.camera[-1]
        view = load_lamp_cameras(scene)[CAMERA]
        self.now_ns = START_NS
        self._world = open_world(SCENE, source="recorded", rate_hz=10.0, start_ns=START_NS)
        self._renderer = Renderer(view, read_geometry(scene), seed=3)
        self._name, reader = config.name, lamp_reader(config, image_size=(view.width, view.height))
        assert reader is not None
        self._reader, self._tscbm = reader, TscbmReader("controller")
        self.board = HealthBoard(now_ns=lambda: self.now_ns)
        frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg)
        self._intersection = load_intersection(site.site.map, frame=frame)
        lane = build_lane(site.controller, self._intersection)
        self.desk = SignalDesk(lane, board=self.board, clock_error_ns=lambda: 0, now_ns=lambda: self.now_ns)
        doubt = self.desk.doubt if site.controller.lamp_disagreement == "withdraw" else None
        self.lamps = LampDesk(site.camera, board=self.board, doubt=doubt, now_ns=lambda: self.now_ns)
        self.desk.on_told = self.lamps.told
        self.lies: dict[tuple[str, int], str] = {}
        self.truth: WorldState | None = None
        self._steps, self._waiting = 0, list[bytes]()

    def run(self, seconds: float) -> None:
        for _ in range(round(10 * seconds)):
            self._step()

    def _step(self) -> None:
        state = self.truth = self._world.step()
        self.now_ns = state.stamp_ns + 10 * NS_PER_MS
        datagram = encode_tscbm(state, sequence=self._steps, lies=self.lies)
        snapshot = self._tscbm.accept(datagram, arrival_ns=self.now_ns)
        assert snapshot is not None
        self.desk.take(snapshot)
        if self._steps % PICTURE_EVERY == 0:
            picture = self._renderer.render(state, at_ns=state.stamp_ns)
            readings = self._reader.read(picture, capture_ns=state.stamp_ns)
            stamp = Stamp(state.stamp_ns, TimeSource.SENSOR)
            self._waiting.append(pack(LampReadings(self._name, stamp, readings)))
            if len(self._waiting) > CAMERA_LATE_STEPS // PICTURE_EVERY:
                self.lamps.take(self._waiting.pop(0))
        if self._steps % 10 == 0:
            self.lamps.watch()
        self._steps += 1

    def until_lamp(self, kind: str, number: int, lamp: str) -> None:
        """Run until the world's lamp of a group has shown this for half a second."""
        for _ in range(1000):
            self._step()
            assert self.truth is not None
            if any((g["kind"], g["number"], g["lamp"]) == (kind, number, lamp) for g in self.truth.groups):
                self.run(0.5)
                return
        raise AssertionError(f"{kind} {number} never shows {lamp}")

    def events(self, kind: str) -> list[str]:
        return [event.text for event in self.board.events if event.kind == kind]

    def spat_is_valid(self) -> bool:
        """What a vehicle reads in the SPAT on the air."""
        state = self.desk.state.value
        assert state is not None
        return j2735.decode_spat(j2735.encode_spat(state, now_ns=self.now_ns)).valid


def test_honest_controller_raises_nothing_for_a_whole_cycle(tmp_path_factory: pytest.TempPathFactory) -> None:
    crossing = Crossing(tmp_path_factory, policy="withdraw")
    crossing.run(80.0)
    counters = crossing.board.counters(COMPONENT)
    assert crossing.events("lamp_disagreement") == []
    assert crossing.events("signals_withdrawn") == []
    assert crossing.board.state(COMPONENT) is HealthState.OK
    assert counters["agreed"] > 0.95 * 3 * 80 * 10 / PICTURE_EVERY


@pytest.mark.parametrize(
    ("policy", "kind", "number", "group", "lamp", "told"),
    [
        ("event", "vehicle", 4, 4, "GREEN", "RED"),
        ("withdraw", "vehicle", 4, 4, "GREEN", "RED"),
        ("event", "vehicle", 7, 7, "RED", "YELLOW"),
        ("withdraw", "pedestrian", 4, 14, "GREEN", "RED"),
    ],
    ids=["green told red", "green told red, withdraw", "red told yellow", "walk told red, withdraw"],
)
def test_a_lie_about_one_group_is_found_within_two_seconds(
    tmp_path_factory: pytest.TempPathFactory,
    policy: str,
    kind: str,
    number: int,
    group: int,
    lamp: str,
    told: str,
) -> None:
    crossing = Crossing(tmp_path_factory, policy=policy)
    crossing.until_lamp(kind, number, lamp)
    assert crossing.events("lamp_disagreement") == []
    crossing.lies[kind, number] = told
    crossing.run(0.9)
    assert crossing.events("lamp_disagreement") == []
    crossing.run(1.1)
    (event,) = crossing.events("lamp_disagreement")
    assert event.startswith(f"signal group {group}: seen {lamp.lower()}, told ")
    assert crossing.board.state(COMPONENT) is HealthState.DEGRADED
    state = crossing.desk.state.value
    assert state is not None
    assert state.withdrawn == (policy == "withdraw")
    if policy == "withdraw":
        assert event.split(", since")[0] in state.reasons[0]
        assert not crossing.spat_is_valid()
    crossing.lies.clear()
    crossing.run(6.0)
    assert len(crossing.events("lamp_agreement")) == 1
    assert crossing.spat_is_valid()
    assert {text.split(":")[0] for text in crossing.events("lamp_disagreement")} == {f"signal group {group}"}
