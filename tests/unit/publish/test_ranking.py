"""Who is told first when there is not room for all."""

from __future__ import annotations

import random

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_S
from edge.publish.radio_ids import RadioIds
from edge.publish.ranking import in_conflict, ranked
from tests.unit.publish.scenes import User, scene_of

T0 = 1_700_000_000 * NS_PER_S


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((-40.0, 0.0, 10.0, 0.0), (0.0, -40.0, 0.0, 10.0), True),
        ((-40.0, 0.0, 10.0, 0.0), (0.0, -80.0, 0.0, 10.0), False),
        ((-40.0, 0.0, 10.0, 0.0), (-30.0, 0.0, 10.0, 0.0), False),
        ((-40.0, 0.0, 10.0, 0.0), (0.0, 3.5, -10.0, 0.0), True),
        ((-40.0, 0.0, 10.0, 0.0), (-60.0, 30.0, -10.0, 0.0), False),
        ((0.0, 0.0, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0), False),
        ((-200.0, 0.0, 10.0, 0.0), (0.0, -200.0, 0.0, 10.0), False),
    ],
    ids=[
        "crossing",
        "passes before",
        "one behind the other",
        "oncoming beside",
        "moves away",
        "both stand",
        "far off",
    ],
)
def test_conflict_is_to_come_near_soon(
    first: tuple[float, ...], second: tuple[float, ...], expected: bool
) -> None:
    assert in_conflict(np.array([first, second])).tolist() == [expected, expected]


def test_the_vulnerable_in_conflict_come_first_and_who_stands_and_speaks_comes_last() -> None:
    users = (
        User(1, (60.0, 60.0, 0.0, 0.0)),
        User(2, (60.0, 90.0, 9.0, 0.0), v2x_id="0a"),
        User(3, (60.0, 120.0, 9.0, 0.0)),
        User(4, (200.0, 200.0, 1.0, 0.0), ObjectClass.PEDESTRIAN),
        User(5, (-20.0, 0.0, 10.0, 0.0)),
        User(6, (0.0, -2.0, 0.0, 1.0), ObjectClass.PEDESTRIAN),
    )
    tracks = scene_of(*users, now_ns=T0).tracks
    order = [users[row].track for row in ranked(tracks, range(len(users)), told_ns={})]
    assert order[0] == 6
    assert set(order[1:3]) == {4, 5}
    assert order[3:] == [3, 2, 1]


def test_who_was_longest_not_told_is_next() -> None:
    users = [User(track, (0.0, 50.0 * track, 9.0, 0.0)) for track in range(1, 5)]
    tracks = scene_of(*users, now_ns=T0).tracks
    told = {1: T0, 2: T0 - 5, 3: T0 - 9}
    assert ranked(tracks, range(4), told_ns=told) == [3, 2, 1, 0]


def test_a_track_keeps_its_pseudonym_within_an_epoch_and_loses_it_with_it() -> None:
    pseudonyms = RadioIds(source=random.Random(1), epoch_ns=300 * NS_PER_S)
    start = 300 * NS_PER_S * 5_000_000
    first = pseudonyms.of([1, 2, 3], now_ns=start)
    assert len(set(first.values())) == 3
    assert all(1 <= value <= 65_535 for value in first.values())
    later = pseudonyms.of([2, 3, 4], now_ns=start + 100 * NS_PER_S)
    assert (later[2], later[3]) == (first[2], first[3])
    anew = pseudonyms.of([2, 3, 4], now_ns=start + 301 * NS_PER_S)
    assert all(anew[track] != later[track] for track in (2, 3, 4))
