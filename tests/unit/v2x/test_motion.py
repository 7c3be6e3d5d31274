"""Units and unavailable codes of the elements that both message sets share."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, NS_PER_S, TimeSource
from edge.v2x.motion import (
    EVENT_NAMES,
    accuracy_of,
    class_of_code,
    code_of_class,
    ellipse_of,
    event_bits,
    event_names,
    kinematics_of,
    motion_fields,
    position_of,
    position_to_local,
    second_mark_of,
    stamp_of_second_mark,
    steps,
    temporary_id,
)
from tests.unit.v2x.samples import FRAME, NOW_NS, report

MINUTE_NS = 60 * NS_PER_S


@settings(deadline=None)
@given(
    st.integers(min_value=1_500_000_000_000, max_value=2_000_000_000_000),
    st.integers(min_value=-20_000, max_value=29_000),
)
def test_second_mark_is_the_nearest_such_instant(capture_ms: int, delay_ms: int) -> None:
    capture_ns = capture_ms * NS_PER_MS
    stamp = stamp_of_second_mark(second_mark_of(capture_ns), arrival_ns=capture_ns + delay_ms * NS_PER_MS)
    assert (stamp.capture_ns, stamp.source) == (capture_ns, TimeSource.SENSOR)


def test_second_mark_across_the_minute() -> None:
    minute_ns = NOW_NS - NOW_NS % MINUTE_NS
    assert (
        stamp_of_second_mark(59_950, arrival_ns=minute_ns + 20 * NS_PER_MS).capture_ns
        == minute_ns - 50 * NS_PER_MS
    )
    assert (
        stamp_of_second_mark(30, arrival_ns=minute_ns - 20 * NS_PER_MS).capture_ns
        == minute_ns + 30 * NS_PER_MS
    )


def test_leap_second_is_the_start_of_the_next_minute() -> None:
    minute_ns = NOW_NS - NOW_NS % MINUTE_NS
    assert stamp_of_second_mark(60_250, arrival_ns=minute_ns).capture_ns == minute_ns + 250 * NS_PER_MS


def test_unavailable_second_mark_is_stamped_on_arrival() -> None:
    stamp = stamp_of_second_mark(65_535, arrival_ns=NOW_NS)
    assert (stamp.capture_ns, stamp.source) == (NOW_NS, TimeSource.ARRIVAL)
    assert stamp.error_ns >= 100 * NS_PER_MS


@pytest.mark.parametrize("mark", [61_000, 65_534])
def test_reserved_second_mark_is_refused(mark: int) -> None:
    with pytest.raises(CodecError, match="reserved"):
        stamp_of_second_mark(mark, arrival_ns=NOW_NS)


@settings(deadline=None)
@given(st.floats(min_value=-2000.0, max_value=2000.0), st.floats(min_value=-2000.0, max_value=2000.0))
def test_position_keeps_a_centimetre(x_m: float, y_m: float) -> None:
    found = position_to_local(*position_of(x_m, y_m, frame=FRAME), frame=FRAME)
    assert math.dist(found, (x_m, y_m)) < 0.01


@pytest.mark.parametrize("place", [(900_000_001, 0), (0, 1_800_000_001)])
def test_no_position_is_no_report(place: tuple[int, int]) -> None:
    with pytest.raises(CodecError, match="no position"):
        position_to_local(*place, frame=FRAME)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_sent(value: float) -> None:
    with pytest.raises(CodecError):
        position_of(value, 0.0, frame=FRAME)
    with pytest.raises(CodecError):
        steps("speed", value, 0.02, 0, 8190)
    with pytest.raises(CodecError):
        motion_fields(report(yaw_rad=value))


def test_values_beyond_the_range_saturate() -> None:
    fields = motion_fields(report(speed_mps=500.0, acceleration_mps2=-90.0, length_m=60.0, width_m=0.001))
    assert fields["speed"] == 8190
    assert fields["accelSet"]["long"] == -2000
    assert fields["size"] == {"width": 1, "length": 4095}


def test_unknown_goes_out_and_comes_back_as_unknown() -> None:
    unknown = report(
        speed_mps=None, yaw_rad=None, acceleration_mps2=None, length_m=None, width_m=None, ellipse_m=None
    )
    fields = motion_fields(unknown)
    assert (fields["speed"], fields["heading"], fields["accelSet"]["long"]) == (8191, 28800, 2001)
    assert set(kinematics_of(fields).values()) == {None}
    assert ellipse_of(accuracy_of(unknown)).axes_m is None


@pytest.mark.parametrize(("heading", "yaw_deg"), [(0, 90.0), (7200, 0.0), (14400, -90.0), (25200, 135.0)])
def test_heading_is_clockwise_from_north(heading: int, yaw_deg: float) -> None:
    core = motion_fields(report()) | {"heading": heading}
    assert math.isclose(math.degrees(kinematics_of(core)["yaw_rad"] or 0.0), yaw_deg, abs_tol=1e-9)


def test_a_saturated_axis_is_unknown() -> None:
    assert ellipse_of({"semiMajor": 254, "semiMinor": 20, "orientation": 0}).axes_m is None


def test_an_ellipse_of_unknown_direction_is_a_circle() -> None:
    found = ellipse_of({"semiMajor": 40, "semiMinor": 20, "orientation": 65535})
    assert found.axes_m == pytest.approx((2.0, 2.0))


def test_exchanged_axes_are_put_right() -> None:
    assert ellipse_of({"semiMajor": 20, "semiMinor": 40, "orientation": 0}).axes_m == pytest.approx(
        (2.0, 1.0)
    )


@pytest.mark.parametrize("kind", list(ObjectClass))
def test_class_codes_come_back(kind: ObjectClass) -> None:
    assert class_of_code(code_of_class(kind)) is kind


@pytest.mark.parametrize(
    ("code", "kind"), [(63, ObjectClass.TRUCK), (20, ObjectClass.CAR), (91, ObjectClass.UNKNOWN)]
)
def test_class_codes_of_others(code: int, kind: ObjectClass) -> None:
    assert class_of_code(code) is kind


@settings(deadline=None)
@given(st.sets(st.sampled_from(EVENT_NAMES)))
def test_event_flags_come_back(events: set[str]) -> None:
    bits = event_bits(tuple(events)) << 3
    assert set(event_names(bits.to_bytes(2, "big"), 13)) == events


def test_first_event_flag_is_the_most_significant_bit() -> None:
    assert event_bits(("hazard_lights",)) == 1 << 12
    assert event_names(b"\x80\x00", 13) == ("hazard_lights",)
    with pytest.raises(CodecError, match="no event flag"):
        event_bits(("explosion",))


@pytest.mark.parametrize("identity", ["0a1b2c", "0a1b2c3d4e", "car"])
def test_a_temporary_id_of_another_form_is_refused(identity: str) -> None:
    with pytest.raises(CodecError, match="temporary id"):
        temporary_id(report(temporary_id=identity), octets=4)
