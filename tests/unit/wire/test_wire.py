"""Core values and protobuf messages say the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.geodesy import LocalFrame
from edge.core.health import Event, Health, HealthState
from edge.core.intersection import Connection, Intersection, Lane, LaneKind, Maneuver
from edge.core.kinds import ObjectClass
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.situation import LaneMeasure, Scene
from edge.core.stamp import Stamp, TimeSource
from edge.core.tracks import Tracks
from edge.ports import RadioMessage
from edge.v1 import common_pb2, node_pb2, signals_pb2
from edge.wire.health import to_health
from edge.wire.intersection import from_intersection, to_intersection
from edge.wire.scene import to_lanes, to_scene
from edge.wire.signals import from_signals, to_signals
from edge.wire.update import health_update, lanes_update, radio_update, scene_update

S = 1_000_000_000
TIMES = st.none() | st.integers(0, 2**62)
GROUPS = st.builds(
    GroupState,
    signal_group=st.integers(1, 255),
    state=st.sampled_from(MovementState),
    min_end_ns=TIMES,
    max_end_ns=TIMES,
    likely_end_ns=TIMES,
    confidence=st.none() | st.floats(0, 1),
    next_state=st.none() | st.sampled_from(MovementState),
)
STATES = st.builds(
    SignalState,
    intersection=st.integers(0, 65535),
    revision=st.integers(0, 127),
    map_revision=st.integers(0, 127),
    stamp=st.builds(Stamp, st.integers(0, 2**62), st.sampled_from(TimeSource), st.integers(0, 2**40)),
    alive_ns=st.integers(0, 2**62),
    published_ns=st.integers(0, 2**62),
    valid_until_ns=st.integers(0, 2**62),
    groups=st.lists(GROUPS, max_size=5).map(tuple),
    status=st.integers(0, 2 ** len(IntersectionStatus) - 1).map(lambda bits: IntersectionStatus(bits & 8191)),
    reasons=st.lists(st.text(max_size=10), max_size=2).map(tuple),
)


@given(STATES)
def test_signals_survive_the_wire(state: SignalState) -> None:
    message = signals_pb2.Signals.FromString(to_signals(state).SerializeToString())
    assert from_signals(message) == state
    assert message.withdrawn == state.withdrawn


def test_unknown_status_flag_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown status flag"):
        from_signals(signals_pb2.Signals(status=["SOMETHING"], time_source="ptp"))


def crossing() -> Intersection:
    lane = Lane(
        3,
        LaneKind.VEHICLE,
        ingress=True,
        egress=False,
        width_m=3.5,
        points_m=np.array([[0.0, -10.0], [0.5, -80.0]]),
        connections=(
            Connection(7, 2, Maneuver.STRAIGHT | Maneuver.RIGHT),
            Connection(8, None, Maneuver.LEFT),
        ),
        name="south",
        speed_limit_mps=13.9,
    )
    walk = Lane(
        9,
        LaneKind.CROSSWALK,
        ingress=True,
        egress=True,
        width_m=4.0,
        points_m=np.array([[1.0, 2.0], [3.0, 4.0]]),
        signal_group=12,
    )
    return Intersection(5, None, 3, "crossing", LocalFrame(39.9, 116.4, 40.0), (lane, walk))


def test_intersection_survives_the_wire() -> None:
    original = crossing()
    found = from_intersection(to_intersection(original, node_id="n", sensors=[("north", "camera")]))
    assert (found.intersection, found.region, found.revision, found.frame) == (5, None, 3, original.frame)
    for one, other in zip(original.lanes, found.lanes, strict=True):
        assert one.connections == other.connections
        assert np.array_equal(one.points_m, other.points_m)
        assert one.speed_limit_mps == other.speed_limit_mps
        assert (one.kind, one.signal_group, one.name, one.width_m) == (
            other.kind,
            other.signal_group,
            other.name,
            other.width_m,
        )


def scene() -> Scene:
    log_odds = np.zeros((2, 6))
    log_odds[0, ObjectClass.BUS] = 5.0
    tracks = Tracks(
        stamp_ns=10 * S,
        newest_capture_ns=9 * S,
        track_id=np.array([4, 5], dtype=np.int64),
        state=np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]),
        covariance=np.tile(np.diag([0.25, 0.5, 1.0, 1.0]), (2, 1, 1)),
        existence=np.array([0.9, 0.95]),
        class_log_odds=log_odds,
        size_m=np.array([[12.0, 2.5, np.nan], [np.nan, np.nan, np.nan]]),
        yaw_rad=np.array([0.5, np.nan]),
        trust=np.ones(2),
        capture_ns=np.array([9 * S, 8 * S], dtype=np.int64),
        still_ns=np.zeros(2, dtype=np.int64),
        sensors=("north", "rsu"),
        last_seen_ns=np.array([[9 * S, 9 * S + 1], [8 * S, 0]], dtype=np.int64),
        v2x_id=("ab12", ""),
    )
    lanes = (LaneMeasure(3, 1, 5.0, 0, 2), LaneMeasure(4, 0, None, 0, 0))
    return Scene(7, 1, 10 * S, 10 * S + 500, tracks, lanes, (3, 0))


def test_scene_names_sources_class_and_place() -> None:
    frame = LocalFrame(39.9, 116.4)
    message = to_scene(scene(), frame=frame, sensor_kinds={"north": "camera", "rsu": "v2x"})
    bus, unknown = message.road_users
    assert bus.object_class == common_pb2.OBJECT_CLASS_BUS
    assert bus.class_probability > 0.9
    assert (list(bus.cameras), list(bus.v2x_links), bus.v2x_id, bus.lane) == (["north"], ["rsu"], "ab12", 3)
    assert bus.speed_mps == pytest.approx(5.0)
    assert bus.length_m == 12.0
    assert not bus.HasField("height_m")
    assert frame.to_local(bus.latitude_deg, bus.longitude_deg) == pytest.approx((1.0, 2.0), abs=1e-6)
    assert unknown.object_class == common_pb2.OBJECT_CLASS_UNKNOWN
    assert not unknown.HasField("yaw_rad")
    assert list(unknown.cameras) == []
    assert message.newest_capture_ns == 9 * S


NUMBERS = st.floats(-500, 500)
SIZES = st.just(math.nan) | st.floats(0.1, 30)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Scenes of up to four road users with two sensors."""
    n = draw(st.integers(0, 4))

    def array(values: st.SearchStrategy[float], *shape: int) -> np.ndarray:
        count = int(np.prod((n, *shape)))
        flat = draw(st.lists(values, min_size=count, max_size=count))
        return np.array(flat, dtype=np.float64).reshape(n, *shape)

    stamp_ns = draw(st.integers(10 * S, 2**62))
    seen = draw(st.lists(st.integers(0, stamp_ns), min_size=2 * n, max_size=2 * n))
    tracks = Tracks(
        stamp_ns=stamp_ns,
        newest_capture_ns=draw(st.integers(0, stamp_ns)),
        track_id=np.arange(n, dtype=np.int64) + 7,
        state=array(NUMBERS, 4),
        covariance=array(NUMBERS, 4, 4),
        existence=array(st.floats(0, 1)),
        class_log_odds=array(st.floats(-700, 700), 6),
        size_m=array(SIZES, 3),
        yaw_rad=array(SIZES),
        trust=array(st.floats(0, 1)),
        capture_ns=np.full(n, stamp_ns - 1, dtype=np.int64),
        still_ns=np.zeros(n, dtype=np.int64),
        sensors=("north", "rsu"),
        last_seen_ns=np.array(seen, dtype=np.int64).reshape(n, 2),
        v2x_id=tuple(draw(st.lists(st.text(max_size=4), min_size=n, max_size=n))),
    )
    lanes = tuple(draw(st.lists(st.integers(0, 255), min_size=n, max_size=n)))
    return Scene(
        draw(st.integers(0, 2**31)), draw(st.integers(0, 2**62)), stamp_ns, stamp_ns + 5, tracks, (), lanes
    )


@given(scenes())
def test_scenes_survive_the_wire(original: Scene) -> None:
    kinds = {"north": "camera", "rsu": "v2x"}
    update = scene_update(original, frame=LocalFrame(39.9, 116.4), sensor_kinds=kinds)
    found = node_pb2.Update.FromString(update.SerializeToString())
    tracks = original.tracks
    assert (found.epoch, found.capture_ns) == (original.epoch, tracks.newest_capture_ns)
    assert (found.published_ns, found.valid_until_ns) == (original.published_ns, original.valid_until_ns)
    assert (found.scene.sequence, found.scene.stamp_ns) == (original.sequence, tracks.stamp_ns)
    assert len(found.scene.road_users) == len(tracks)
    for i, user in enumerate(found.scene.road_users):
        x, y, vx, vy = tracks.state[i]
        assert (user.track_id, user.x_m, user.y_m) == (tracks.track_id[i], x, y)
        turned = (user.speed_mps * math.cos(user.course_rad), user.speed_mps * math.sin(user.course_rad))
        assert turned == pytest.approx((vx, vy), abs=1e-9)
        covariance = [user.covariance_xx_m2, user.covariance_xy_m2, user.covariance_yy_m2]
        assert covariance == [tracks.covariance[i][place] for place in ((0, 0), (0, 1), (1, 1))]
        for name, value in (("length_m", tracks.size_m[i, 0]), ("yaw_rad", tracks.yaw_rad[i])):
            assert user.HasField(name) == (not math.isnan(value))
            assert math.isnan(value) or getattr(user, name) == value
        recent = tracks.stamp_ns - tracks.last_seen_ns[i] <= S
        assert (list(user.cameras), list(user.v2x_links)) == (
            ["north"] * int(recent[0]),
            ["rsu"] * int(recent[1]),
        )
        assert 0.0 <= user.class_probability <= 1.0
        assert (user.v2x_id, user.lane) == (tracks.v2x_id[i], original.lane_of_track[i])
        assert user.capture_ns == tracks.capture_ns[i]


def test_each_envelope_names_its_layer_and_stamps() -> None:
    now_ns, own = 10 * S, scene()
    updates = {
        common_pb2.LAYER_LANES: lanes_update(own),
        common_pb2.LAYER_HEALTH: health_update([], [], epoch=3, now_ns=now_ns),
        common_pb2.LAYER_RADIO_FRAMES: radio_update(
            RadioMessage("SPAT", b"x", now_ns + 9), dialect="j2735", epoch=3, now_ns=now_ns
        ),
    }
    for layer, update in updates.items():
        assert update.layer == layer
        assert 0 < update.capture_ns <= update.published_ns == now_ns < update.valid_until_ns
    assert updates[common_pb2.LAYER_RADIO_FRAMES].radio_frame.payload == b"x"
    assert len(updates[common_pb2.LAYER_LANES].lanes.lanes) == 2


def test_empty_lane_has_no_speed() -> None:
    first, second = to_lanes(scene()).lanes
    assert first.mean_speed_mps == 5.0
    assert not second.HasField("mean_speed_mps")


def test_health_carries_counters_and_newest_events() -> None:
    events = [Event(i, "fusion", "bug", str(i)) for i in range(100)]
    message = to_health([Health("a.b", HealthState.DOWN, 3, "gone", {"bad": 2})], events)
    assert message.components[0].state == common_pb2.HEALTH_STATE_DOWN
    assert message.components[0].counters["bad"] == 2
    assert [e.text for e in message.events][-1] == "99"
    assert len(message.events) == 32
