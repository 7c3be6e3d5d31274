"""The alarm of an antenna that is not where it was surveyed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.geodesy import LocalFrame
from edge.ports import Position
from hw.gnss.site_guard import GuardLimits, SiteGuard

HOME = (39.9042, 116.4074)


def at(east_m: float, *, error_m: float = 2.0, north_m: float = 0.0) -> Position:
    latitude, longitude = LocalFrame(*HOME).to_geodetic(east_m, north_m)
    return Position(latitude, longitude, math.nan, error_m, 0)


def test_100_m_raise_the_alarm_with_one_fix() -> None:
    guard = SiteGuard(*HOME)
    guard.take(at(0))
    assert guard.take(at(0, north_m=100))
    assert guard.moved
    assert guard.distance_m == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(("distance_m", "alarm"), [(9.9, False), (10.1, True)])
def test_just_beyond_the_limit_takes_three_fixes(distance_m: float, alarm: bool) -> None:
    guard = SiteGuard(*HOME)
    found = [guard.take(at(distance_m)) for _ in range(3)]
    assert found == [False, False, alarm]


def test_single_wild_fix_within_five_limits_is_forgotten() -> None:
    guard = SiteGuard(*HOME)
    for east_m in (40, 40, 1, 40, 40, 1):
        guard.take(at(east_m))
    assert not guard.moved


def test_far_fix_within_three_of_its_own_errors_is_no_proof() -> None:
    guard = SiteGuard(*HOME)
    guard.take(at(60, error_m=25))
    assert not guard.moved


def test_alarm_ends_after_five_fixes_well_within() -> None:
    guard = SiteGuard(*HOME)
    guard.take(at(100))
    for _ in range(20):
        guard.take(at(9))  # within the limit, but at its edge
    assert guard.moved
    assert [guard.take(at(3)) for _ in range(5)] == [False, False, False, False, True]
    assert not guard.moved


def test_fix_with_too_large_an_error_is_ignored_and_one_without_is_taken() -> None:
    guard = SiteGuard(*HOME)
    assert not guard.take(at(100, error_m=31))
    assert (guard.ignored, guard.distance_m) == (1, None)
    assert guard.take(at(100, error_m=math.nan))


@given(st.lists(st.floats(-9.9, 9.9), min_size=1, max_size=30))
def test_wander_within_the_limit_never_alarms(places: list[float]) -> None:
    guard = SiteGuard(*HOME, limits=GuardLimits(move_m=10.0))
    for east_m in places:
        guard.take(at(east_m, error_m=19.6))
    assert not guard.moved
