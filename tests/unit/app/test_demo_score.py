"""The demo's figures follow their written definition."""

from __future__ import annotations

from edge.app.demo_score import PublishedObject, Scorer, TruthObject, match, percentile_ms

S = 1_000_000_000


def car(name: str, x: float, *, equipped: bool = False, counts: bool = True) -> TruthObject:
    return TruthObject(name, x, 0.0, "car", equipped, counts)


def seen(x: float, *, camera: bool = True, v2x: bool = False) -> PublishedObject:
    return PublishedObject(x, 0.0, camera, v2x)


def scored(published: list[PublishedObject], truth: list[TruthObject]) -> Scorer:
    """One instant after every road user has been in view for a second."""
    scorer = Scorer()
    scorer.add(0, [], truth)
    scorer.add(S, published, truth)
    return scorer


def test_one_published_object_matches_one_road_user_only() -> None:
    assert match([seen(0.0), seen(0.5)], [car("a", 0.4)]) == {1: 0}


def test_two_metres_is_the_limit() -> None:
    assert match([seen(2.01)], [car("a", 0.0)]) == {}
    assert match([seen(1.99)], [car("a", 0.0)]) == {0: 0}


def test_missed_and_wrong_are_told_apart() -> None:
    scorer = scored([seen(0.0), seen(50.0)], [car("a", 0.0), car("b", 20.0)])
    assert scorer.everything.recall == 0.5
    assert scorer.everything.precision == 0.5


def test_object_on_a_road_user_that_does_not_count_is_neither_right_nor_wrong() -> None:
    scorer = scored([seen(0.0), seen(20.0)], [car("a", 0.0), car("hidden", 20.0, counts=False)])
    assert scorer.everything.precision == 1.0
    assert scorer.everything.recall == 1.0


def test_road_user_counts_only_after_a_second_in_view() -> None:
    scorer = Scorer()
    scorer.add(0, [], [car("a", 0.0)])
    scorer.add(S - 1, [], [car("a", 0.0)])
    assert scorer.everything.recall is None
    scorer.add(S, [], [car("a", 0.0)])
    assert scorer.everything.recall == 0.0


def test_time_in_view_starts_anew_after_an_interruption() -> None:
    scorer = Scorer()
    scorer.add(0, [], [car("a", 0.0)])
    scorer.add(S, [], [car("a", 0.0, counts=False)])
    scorer.add(S + 1, [], [car("a", 0.0)])
    assert scorer.everything.missed == 0


def test_both_share_needs_camera_and_radio_on_one_track() -> None:
    truth = [car("a", 0.0, equipped=True), car("b", 20.0, equipped=True)]
    scorer = scored([seen(0.0, v2x=True), seen(20.0)], truth)
    assert scorer.figures()["both_share"] == 0.5


def test_camera_only_leaves_out_equipped_road_users_and_their_tracks() -> None:
    truth = [car("a", 0.0, equipped=True), car("b", 20.0)]
    scorer = scored([seen(0.0, v2x=True), seen(35.0)], truth)
    assert scorer.camera_only.recall == 0.0
    assert scorer.camera_only.precision == 0.0


def test_percentile_of_nothing_is_unknown() -> None:
    assert percentile_ms([], 50) is None
    assert percentile_ms([1_000_000, 3_000_000], 50) == 2.0
