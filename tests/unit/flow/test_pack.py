"""Values cross a process link unchanged, and garbage is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.detections import Detections
from edge.core.errors import CodecError
from edge.core.health import Event, Health, HealthState
from edge.core.signals import GroupState, IntersectionStatus, MovementState, SignalState
from edge.core.situation import LaneMeasure, Scene
from edge.core.stamp import Stamp, TimeSource
from edge.core.tracks import Tracks
from edge.core.v2x import RadioFrame
from edge.flow.pack import pack, unpack


def detections(count: int, seed: int = 0) -> Detections:
    source = np.random.default_rng(seed)
    return Detections(
        sensor="north",
        stamp=Stamp(1_700_000_000_123_456_789, TimeSource.RTCP, 40_000_000),
        arrival_ns=1_700_000_000_223_456_789,
        frame_id=7,
        position_m=source.normal(size=(count, 2)),
        covariance_m2=source.normal(size=(count, 2, 2)),
        class_log_odds=source.normal(size=(count, 6)),
        confidence=source.random(count),
        box_px=source.random((count, 4)).astype(np.float32),
        size_m=np.full((count, 3), np.nan),
        yaw_rad=source.random(count),
        velocity_mps=source.random((count, 2)),
        image_track=np.arange(count, dtype=np.int64),
    )


def scene(count: int) -> Scene:
    tracks = Tracks(
        stamp_ns=5,
        newest_capture_ns=4,
        track_id=np.arange(count, dtype=np.int64),
        state=np.ones((count, 4)),
        covariance=np.ones((count, 4, 4)),
        existence=np.ones(count),
        class_log_odds=np.zeros((count, 6)),
        size_m=np.ones((count, 3)),
        yaw_rad=np.zeros(count),
        trust=np.ones(count),
        capture_ns=np.ones(count, dtype=np.int64),
        still_ns=np.zeros(count, dtype=np.int64),
        sensors=("north", "rsu"),
        last_seen_ns=np.zeros((count, 2), dtype=np.int64),
        v2x_id=("",) * count,
    )
    return Scene(
        1, 2, 3, 4, tracks, (LaneMeasure(1, 2, None, 0, 5), LaneMeasure(2, 1, 3.5, 1, 0)), (0,) * count
    )


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return bool(
            left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
        )
    if dataclasses.is_dataclass(left):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left))
    if isinstance(left, tuple):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right and type(left) is type(right))


VALUES = [
    detections(3),
    detections(0),
    scene(4),
    RadioFrame("rsu", 123, "10.0.0.1:5", b"\x00\xff" * 40),
    Health("camera.north", HealthState.DEGRADED, 12, "slow", {"frames": 3, "dropped": 0}),
    Event(1, "fusion", "bug", "text with \u00fc"),
    SignalState(
        1,
        2,
        3,
        Stamp(4, TimeSource.SENSOR),
        5,
        6,
        7,
        (GroupState(2, MovementState.FLASHING_GREEN, 8, None, 9, 0.5, MovementState.PROTECTED_CLEARANCE),),
        IntersectionStatus.PREEMPT | IntersectionStatus.FIXED_TIME,
        ("because",),
    ),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_value_survives_the_link(value: object) -> None:
    assert same(value, unpack(pack(value), type(value)))


@pytest.mark.parametrize("cut", [0, 3, 4, 20, 200])
def test_truncated_bytes_are_refused(cut: int) -> None:
    with pytest.raises(CodecError):
        unpack(pack(detections(3))[:cut], Detections)


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(CodecError, match="trailing"):
        unpack(pack(detections(3)) + b"x", Detections)


def test_another_type_is_refused() -> None:
    with pytest.raises(CodecError):
        unpack(pack(VALUES[4]), Scene)


@given(st.binary(max_size=300))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    with pytest.raises(CodecError):
        unpack(data, Detections)


def test_array_is_writable_and_its_own() -> None:
    found = unpack(pack(detections(2)), Detections)
    found.position_m[0, 0] = 5.0
    assert found.position_m[0, 0] == 5.0


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * 100_000, id="nested too deep"),
        pytest.param(b'[[["<f8",[' + b"9" * 30 + b"]]],1]", id="array longer than 64 bits can say"),
        pytest.param(b'[[["<f8(",[1]]],1]', id="type that is no type"),
        pytest.param(b'[[],["\\ud800",0,0,"",{}]]', id="text that is no text"),
        pytest.param(b'[[],["a",0,0,"",{"bad":18446744073709551616}]]', id="counter of 65 bits"),
    ],
)
def test_garbage_that_only_its_publisher_would_notice_is_refused(text: bytes) -> None:
    with pytest.raises(CodecError):
        unpack(struct.pack("<I", len(text)) + text, Health)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=15,
)


@given(_JSON, _JSON, st.binary(max_size=24), st.sampled_from([Health, Event, Scene, SignalState]))
def test_any_two_values_are_refused_or_read(shapes: Any, tree: Any, tail: bytes, kind: type[Any]) -> None:
    text = json.dumps([shapes, tree]).encode()
    with contextlib.suppress(CodecError):
        unpack(struct.pack("<I", len(text)) + text + tail, kind)
