"""Core values and protobuf messages say the same."""

from __future__ import annotations

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
from edge.v1 import common_pb2, signals_pb2
from edge.wire.health import to_health
from edge.wire.intersection import from_intersection, to_intersection
from edge.wire.scene import to_lanes, to_scene
from edge.wire.signals import from_signals, to_signals

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
