"""The wiring of the fusion process: what comes over the link becomes a scene; what is bad is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edge.app.child_process import ChildProcess
from edge.app.demo_site import DemoPorts, write_site
from edge.app.fusion_process import INPUT_CAPACITY, FusionProcess
from edge.config import SiteConfig, load_site
from edge.core.detections import Detections
from edge.core.geodesy import LocalFrame
from edge.core.health import Health, HealthState
from edge.core.intersection import Intersection
from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.mercator import map_grid
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.core.v2x import RadioFrame
from edge.flow.link import Kind
from edge.flow.pack import pack, unpack
from edge.road import load_intersection
from edge.v2x import j2735
from tests.unit.publish.apollo_car import status
from tests.unit.v2x.samples import report
from tests.virtual_loop import VirtualLoop

T0 = 1_700_000_000 * NS_PER_S
TENTH = 100 * NS_PER_MS
LINK = "rsu-j2735"
CAMERA = "north_east"


class KeptMessages(ChildProcess):
    """A child without a link: keeps what it would send."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Kind, bytes]] = []

    def send(self, kind: Kind, payload: bytes) -> None:
        self.sent.append((kind, payload))

    def scenes(self) -> list[Scene]:
        """Scenes sent so far."""
        return [unpack(payload, Scene) for kind, payload in self.sent if kind is Kind.SCENE]

    def health(self, component: str) -> Health:
        """Health of one component now."""
        return next(found for found in self.board.snapshot() if found.component == component)


class Fusion:
    """A fusion process on the demo's site, without its process."""

    def __init__(self, site: SiteConfig, intersection: Intersection) -> None:
        self.frame = intersection.frame
        self.child = KeptMessages()
        self.process = FusionProcess(site, intersection, self.child)

    def counter(self, component: str, kind: str) -> int:
        """A counter now."""
        return self.child.health(component).counters.get(kind, 0)

    def hear(self, payload: bytes, *, at_ns: int, link: str = LINK) -> None:
        """The front passes a radio frame on."""
        self.process.receive(Kind.RADIO, pack(RadioFrame(link, at_ns, "192.0.2.7", payload)))

    def bsm(self, *, at_ns: int) -> bytes:
        """A car that stands 20 m east of the origin."""
        said = report(
            stamp=Stamp(at_ns, TimeSource.SENSOR), arrival_ns=at_ns, x_m=20.0, y_m=0.0, speed_mps=0.0
        )
        return j2735.encode_bsm(said, frame=self.frame, message_count=1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> SiteConfig:
    path = write_site(tmp_path_factory.mktemp("site"), DemoPorts(*range(50001, 50010)))
    path.write_text(path.read_text() + "\n[apollo]\n")
    return load_site(path)


@pytest.fixture(scope="module")
def intersection(site: SiteConfig) -> Intersection:
    section = site.site
    frame = LocalFrame(section.latitude_deg, section.longitude_deg, section.elevation_m)
    return load_intersection(section.map, frame=frame)


@pytest.fixture
def fusion(site: SiteConfig, intersection: Intersection) -> Fusion:
    return Fusion(site, intersection)


def scan(at_ns: int, *, frame_id: int = 0, sensor: str = CAMERA) -> Detections:
    """One pedestrian where the camera looks."""
    unknown = np.full((1, 3), np.nan)
    return Detections(
        sensor=sensor,
        stamp=Stamp(at_ns, TimeSource.SENSOR),
        arrival_ns=at_ns,
        frame_id=frame_id,
        position_m=np.array([[0.0, 0.0]]),
        covariance_m2=np.eye(2)[None] * 0.25,
        class_log_odds=np.zeros((1, CLASS_COUNT)),
        confidence=np.full(1, 0.9),
        box_px=np.full((1, 4), np.nan, dtype=np.float32),
        size_m=unknown,
        yaw_rad=unknown[:, 0],
        velocity_mps=unknown[:, :2],
        image_track=np.full(1, -1),
    )


def test_cycle_sends_a_scene_even_when_nothing_came(fusion: Fusion) -> None:
    fusion.process.cycle(T0)
    (scene,) = fusion.child.scenes()
    assert scene.published_ns == T0
    assert len(scene.tracks) == 0


def test_detections_become_a_road_user_seen_by_the_camera(fusion: Fusion) -> None:
    for frame in range(8):
        now_ns = T0 + frame * TENTH
        fusion.process.receive(Kind.DETECTIONS, pack(scan(now_ns, frame_id=frame)))
        fusion.process.cycle(now_ns + 10 * NS_PER_MS)
    scene = fusion.child.scenes()[-1]
    assert len(scene.tracks) == 1
    assert np.hypot(*scene.tracks.state[0, :2]) < 0.5
    assert fusion.counter("fusion.input", "scans") == 8


@pytest.mark.parametrize("replay_ms", [400, 0])
def test_what_is_fused_ahead_changes_no_scene(
    site: SiteConfig, intersection: Intersection, replay_ms: int
) -> None:
    fused = site.fusion.model_copy(update={"replay_ms": replay_ms})
    site = site.model_copy(update={"fusion": fused})
    ahead, at_once = Fusion(site, intersection), Fusion(site, intersection)
    for frame in range(8):
        now_ns = T0 + frame * TENTH
        for each in (ahead, at_once):
            each.process.receive(Kind.DETECTIONS, pack(scan(now_ns, frame_id=frame)))
            each.hear(each.bsm(at_ns=now_ns + NS_PER_MS), at_ns=now_ns + 2 * NS_PER_MS)
        ahead.process.prepare(now_ns + 8 * NS_PER_MS)
        late = scan(now_ns - 40 * NS_PER_MS, frame_id=frame, sensor=CAMERA)
        for each in (ahead, at_once):
            each.process.receive(Kind.DETECTIONS, pack(late))
            each.process.cycle(now_ns + 20 * NS_PER_MS)
            each.process.learn(now_ns + 25 * NS_PER_MS)
    for one, other in zip(ahead.child.scenes(), at_once.child.scenes(), strict=True):
        assert np.array_equal(one.tracks.track_id, other.tracks.track_id)
        assert np.array_equal(one.tracks.state, other.tracks.state)
        assert np.array_equal(one.tracks.covariance, other.tracks.covariance)
    assert len(ahead.child.scenes()[-1].tracks) == 2


def test_what_a_neighbour_perceives_is_taken_but_not_passed_on_by_itself(fusion: Fusion) -> None:
    for tenth in range(12):
        now_ns = T0 + tenth * TENTH
        found = PerceivedObject(
            7,
            now_ns,
            ObjectClass.CAR,
            20.0,
            0.0,
            Sensing.CAMERA,
            ellipse_m=(0.4, 0.3),
            speed_mps=0.0,
            yaw_rad=0.0,
        )
        said = PerceivedObjects("0a0b0c0d", now_ns, 60.0, 0.0, (found,))
        (payload,) = j2735.encode_sdsm(said, frame=fusion.frame, message_count=1)
        fusion.hear(payload, at_ns=now_ns + 20 * NS_PER_MS)
        fusion.process.cycle(now_ns + 30 * NS_PER_MS)
    assert fusion.counter(f"fusion.v2x.{LINK}", "shared") == 12
    assert fusion.process._parts.tracker.track_count == 1
    assert len(fusion.child.scenes()[-1].tracks) == 0


def test_sensor_that_is_far_off_shows_in_health(fusion: Fusion) -> None:
    fusion.process.cycle(T0)
    assert not [found for found in fusion.child.board.snapshot() if "calibration" in found.component]
    alignment = fusion.process._parts.tracker._alignment
    alignment.offset[0] = (1.0, 0.0, 0.0)
    fusion.process._check_calibration()
    name = fusion.process._parts.tracker._names[0]
    found = fusion.child.health(f"fusion.calibration.{name}")
    assert found.state is HealthState.DEGRADED
    assert "offset (1.00, 0.00) m" in found.message
    alignment.offset[0] = 0.0
    fusion.process._check_calibration()
    assert fusion.child.health(f"fusion.calibration.{name}").state is HealthState.OK


def test_clock_that_is_set_is_followed(fusion: Fusion) -> None:
    for frame in range(8):
        now_ns = T0 + frame * TENTH
        fusion.process.receive(Kind.DETECTIONS, pack(scan(now_ns, frame_id=frame)))
        fusion.process.cycle(now_ns + 10 * NS_PER_MS)
    before = fusion.child.scenes()[-1].tracks.track_id.tolist()
    fusion.process._watch_clock(0)
    fusion.process._watch_clock(-3600 * NS_PER_S)
    fusion.process.cycle(T0 - 3600 * NS_PER_S + 800 * NS_PER_MS)
    assert fusion.child.scenes()[-1].tracks.track_id.tolist() == before
    assert fusion.counter("fusion.tracker", "clock_steps") == 1


def test_what_waits_while_the_clock_is_set_is_dropped_and_sensors_are_judged_on(fusion: Fusion) -> None:
    fusion.process.learn(T0)
    fusion.process._watch_clock(0)
    fusion.process.receive(Kind.DETECTIONS, pack(scan(T0)))
    fusion.hear(fusion.bsm(at_ns=T0), at_ns=T0)
    fusion.process._watch_clock(-NS_PER_S // 2)
    now_ns = T0 - NS_PER_S // 2
    for wait_ns in (0, NS_PER_S):  # by then it would have been due
        fusion.process.cycle(now_ns + wait_ns)
    dropped = [fusion.counter("fusion.input", f"{kind}_dropped") for kind in ("scans", "reports")]
    assert dropped == [1, 1]
    assert fusion.process._parts.tracker.track_count == 0
    alignment = fusion.process._parts.tracker._alignment
    alignment.offset[0] = (1.0, 0.0, 0.0)
    fusion.process.learn(now_ns)
    name = fusion.process._parts.tracker._names[0]
    assert fusion.child.health(f"fusion.calibration.{name}").state is HealthState.DEGRADED


@pytest.mark.parametrize("load", [0.1, 0.9, 1.5])
@pytest.mark.parametrize("rate_hz", [5.0, 20.0, 50.0])
def test_cycles_come_at_their_rate_whatever_is_done_beside_them(
    fusion: Fusion, monkeypatch: pytest.MonkeyPatch, rate_hz: float, load: float
) -> None:
    loop, process, period_s = VirtualLoop(), fusion.process, 1.0 / rate_hz
    done: list[tuple[str, float]] = []

    def work(name: str, *, takes_s: float) -> Callable[[int], None]:
        def spend(_now_ns: int) -> None:
            if len(done) == 150:
                raise EOFError
            done.append((name, loop.now_s))
            loop.now_s += takes_s

        return spend

    monkeypatch.setattr(process, "cycle", work("cycle", takes_s=load * period_s))
    monkeypatch.setattr(process, "learn", work("learn", takes_s=0.01 * period_s))
    monkeypatch.setattr(process, "prepare", work("prepare", takes_s=0.01 * period_s))
    monkeypatch.setattr(process, "_parts", replace(process._parts, warm=lambda: 0.0))
    rates = process._site.fusion.model_copy(update={"rate_hz": rate_hz})
    monkeypatch.setattr(process, "_site", process._site.model_copy(update={"fusion": rates}))
    with asyncio.Runner(loop_factory=lambda: loop) as runner, pytest.raises(EOFError):
        runner.run(process.run())
    cycles = [at_s for name, at_s in done if name == "cycle"]
    late = fusion.counter("fusion.input", "late_cycles")
    if load < 1.0:
        assert cycles[:45] == pytest.approx([number * period_s for number in range(45)], abs=1e-6)
        assert [name for name, _at_s in done[:9]] == ["cycle", "learn", "prepare"] * 3
        assert late == 0
    else:
        gaps_s = np.diff(cycles)
        assert late >= len(cycles) - 1
        assert gaps_s.min() >= load * period_s, "what is late is not made up for"
        assert gaps_s.max() <= (load + 0.03) * period_s, "and not made later"


def test_radio_frames_become_a_road_user_heard_on_the_link(fusion: Fusion) -> None:
    for tenth in range(12):
        now_ns = T0 + tenth * TENTH
        fusion.hear(fusion.bsm(at_ns=now_ns), at_ns=now_ns + 20 * NS_PER_MS)
        fusion.process.cycle(now_ns + 30 * NS_PER_MS)
    scene = fusion.child.scenes()[-1]
    assert len(scene.tracks) == 1
    assert abs(scene.tracks.state[0, 0] - 20.0) < 1.0
    assert fusion.counter(f"fusion.v2x.{LINK}", "decoded") == 12
    assert fusion.child.health(f"fusion.v2x.{LINK}").state is HealthState.OK


def test_bad_frame_is_counted_and_the_next_good_one_mends_health(fusion: Fusion) -> None:
    fusion.hear(b"\xff\xff", at_ns=T0)
    assert fusion.counter(f"fusion.v2x.{LINK}", "bad") == 1
    found = fusion.child.health(f"fusion.v2x.{LINK}")
    assert found.state is HealthState.DEGRADED
    assert found.message.startswith("last bad frame: ")
    fusion.hear(fusion.bsm(at_ns=T0), at_ns=T0)
    assert fusion.child.health(f"fusion.v2x.{LINK}").state is HealthState.OK


def test_frame_of_a_link_that_the_site_does_not_have_is_counted(fusion: Fusion) -> None:
    fusion.hear(fusion.bsm(at_ns=T0), at_ns=T0, link="elsewhere")
    assert fusion.counter("fusion.input", "unknown_link") == 1


@pytest.mark.parametrize("kind", [Kind.DETECTIONS, Kind.RADIO])
def test_message_that_is_no_message_is_counted(fusion: Fusion, kind: Kind) -> None:
    fusion.process.receive(kind, b"garbage")
    fusion.process.cycle(T0)
    assert fusion.counter("fusion.input", "bad_messages") == 1
    assert len(fusion.child.scenes()) == 1


def test_sender_that_floods_is_limited(fusion: Fusion, site: SiteConfig) -> None:
    frame = fusion.bsm(at_ns=T0)
    for _ in range(200):
        fusion.hear(frame, at_ns=T0)
    fusion.process.cycle(T0)
    limited = fusion.counter(f"fusion.v2x.{LINK}", "limited")
    assert 200 - 4 * site.fusion.v2x_limit_hz < limited < 200


def test_scans_beyond_the_bound_push_out_the_oldest_and_are_counted(fusion: Fusion) -> None:
    for frame in range(INPUT_CAPACITY + 5):
        fusion.process.receive(Kind.DETECTIONS, pack(scan(T0, frame_id=frame)))
    assert fusion.counter("fusion.input", "scans_dropped") == 5


def test_an_apollo_car_is_fused_as_one_heard_over_a_link(fusion: Fusion) -> None:
    grid = map_grid(fusion.frame, zone=None)
    place = grid.to_grid(np.array([[20.0, 0.0]]))[0]
    for step in range(12):
        at_ns = T0 + step * TENTH
        octets = status((float(place[0]), float(place[1])), heading=0.0, measured_s=at_ns / NS_PER_S)
        fusion.process.receive(Kind.RADIO, pack(RadioFrame("apollo", at_ns, "0badcafe", octets)))
        fusion.process.cycle(at_ns)
    tracks = fusion.child.scenes()[-1].tracks
    assert tracks.v2x_id == ("0badcafe",)
    assert tracks.state[0, :2] == pytest.approx((21.42, 0.0), abs=0.3)
    assert tracks.last_seen_ns[0, tracks.sensors.index("apollo")] > T0
