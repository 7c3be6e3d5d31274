"""Ids that leave the node: stable within an epoch, without relation beyond it."""

from __future__ import annotations

import dataclasses

import pytest

from edge.core.situation import Scene
from edge.publish.pseudonyms import Pseudonyms
from tests.unit.centre import synthetic

PERIOD_S = 600.0
START_NS = 1_700_000_000_000_000_000


def scene(*, after_s: float = 0.0, epoch: int = 5) -> Scene:
    return synthetic.scene(now_ns=START_NS + int(after_s * 1e9), sequence=1, epoch=epoch)


def ids(found: Scene) -> tuple[list[int], tuple[str, ...]]:
    return found.tracks.track_id.tolist(), found.tracks.v2x_id


def test_ids_are_stable_within_an_epoch_and_new_in_the_next() -> None:
    pseudonyms = Pseudonyms(period_s=PERIOD_S)
    first, later = pseudonyms.cover(scene()), pseudonyms.cover(scene(after_s=PERIOD_S - 1))
    renewed = pseudonyms.cover(scene(after_s=PERIOD_S + 1))
    assert ids(first) == ids(later)
    assert first.epoch == later.epoch < renewed.epoch
    assert not set(ids(first)[0]) & set(ids(renewed)[0])


def test_ids_say_nothing_of_the_radio_and_differ_between_nodes() -> None:
    raw, here, there = scene(), *(Pseudonyms(period_s=PERIOD_S).cover(scene()) for _ in range(2))
    heard = {name for name in raw.tracks.v2x_id if name}
    assert heard
    for one, other in ((raw, here), (here, there)):
        assert not set(ids(one)[0]) & set(ids(other)[0])
        assert not {n for n in ids(one)[1] if n} & {n for n in ids(other)[1] if n}
    assert [bool(name) for name in here.tracks.v2x_id] == [bool(name) for name in raw.tracks.v2x_id]
    assert len(set(ids(here)[0])) == len(raw.tracks)


@pytest.mark.parametrize(
    "change", [{"epoch": 6}, {"after_s": -1.0}], ids=["fusion restarts", "clock set back"]
)
def test_key_is_renewed(change: dict[str, float]) -> None:
    pseudonyms = Pseudonyms(period_s=PERIOD_S)
    before, after = pseudonyms.cover(scene()), pseudonyms.cover(scene(**change))  # type: ignore[arg-type]
    assert ids(before) != ids(after)
    assert after.epoch > before.epoch, "readers take a higher epoch for the newer one"


def test_zero_leaves_ids_as_they_are() -> None:
    assert ids(Pseudonyms(period_s=0.0).cover(scene())) == ids(scene())


def test_more_road_users_than_are_remembered_keep_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    pseudonyms = Pseudonyms(period_s=PERIOD_S)
    before = ids(pseudonyms.cover(scene()))
    monkeypatch.setattr("edge.publish.pseudonyms.REMEMBERED", 2)
    assert ids(pseudonyms.cover(dataclasses.replace(scene()))) == before
