"""Published ids are given once and kept."""

from __future__ import annotations

import numpy as np

from edge.fusion.identity import Identities
from edge.fusion.speakers import CAPACITY, Speakers


def ids(
    identities: Identities, keys: list[int], x: list[float], *, at_s: float, publish: bool = True
) -> list[int]:
    state = np.zeros((len(keys), 4))
    state[:, 0] = x
    chosen = np.full(len(keys), publish)
    return identities.assign(np.array(keys, dtype=np.int64), state, chosen, now_ns=round(at_s * 1e9)).tolist()


def test_rows_not_published_have_no_id() -> None:
    identities = Identities()
    assert ids(identities, [7], [0.0], at_s=0, publish=False) == [0]
    assert ids(identities, [7], [0.0], at_s=1) == [1]
    assert ids(identities, [7], [0.0], at_s=2, publish=False) == [1]


def test_track_that_began_elsewhere_after_a_replay_keeps_its_id() -> None:
    identities = Identities()
    assert ids(identities, [7, 8], [0.0, 50.0], at_s=0.0) == [1, 2]
    assert ids(identities, [9, 8], [0.5, 50.0], at_s=0.05) == [1, 2]
    assert ids(identities, [8, 9], [50.0, 0.6], at_s=0.1) == [2, 1]


def test_far_track_does_not_inherit() -> None:
    identities = Identities()
    assert ids(identities, [7], [0.0], at_s=0.0) == [1]
    assert ids(identities, [9], [10.0], at_s=0.05) == [2]


def test_two_rows_never_share_an_id() -> None:
    identities = Identities()
    ids(identities, [7], [0.0], at_s=0.0)
    ids(identities, [9], [0.2], at_s=0.05)
    both = ids(identities, [7, 9], [0.0, 0.2], at_s=0.1)
    assert len(set(both)) == 2
    assert 1 in both


def test_ended_keys_are_forgotten() -> None:
    identities = Identities()
    for step in range(50):
        ids(identities, [step], [100.0 * step], at_s=float(step))
    assert len(identities._by_key) < 10


def test_oldest_temporary_id_is_forgotten_first() -> None:
    speakers = Speakers()
    first = speakers.number("first")
    for k in range(CAPACITY):
        speakers.number(str(k))
    assert speakers.name(first) == ""
    assert speakers.name(speakers.number("5")) == "5"
    assert speakers.number("first") != first
    assert speakers.name(0) == ""
