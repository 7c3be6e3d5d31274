"""What road users say about themselves: identity, velocity and provenance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from edge.core.tracks import Tracks
from edge.fusion import SensorModel, Tracker
from tests.unit.fusion.score import ids_of, score
from tests.unit.fusion.worlds import CameraModel, RoadUser, World, at_ns, report, straight


def camera(**options: float) -> CameraModel:
    return CameraModel("south", -17, -17, clutter=0.0, **options)  # type: ignore[arg-type]


def heard(tracker: Tracker, name: str, state: list[float], t: float) -> Tracks:
    tracker.ingest((report(name, t, np.array(state)),))
    return tracker.advance(at_ns(t))


def test_camera_and_radio_make_one_track_with_both_sources() -> None:
    world = World([RoadUser(straight(-40, -2, 9, 0), temporary_id="a1")], [camera()], radio=True)
    world.run(6)
    last = world.published[-1]
    assert last.v2x_id == ("a1",)
    assert last.sensors == ("south", "radio")
    assert (last.last_seen_ns[0] > at_ns(5)).all()
    assert last.trust[0] > 0.9
    assert len(ids_of(world, 0)) == 1


def test_radio_alone_makes_a_track_that_no_camera_has_seen() -> None:
    world = World([RoadUser(straight(-40, -2, 9, 0), temporary_id="a1")], [], radio=True)
    world.run(4)
    last = world.published[-1]
    assert len(last) == 1
    assert last.size_m[0, 0] == pytest.approx(4.5)
    assert last.state[0, 2] == pytest.approx(9.0, abs=0.5)
    assert last.yaw_rad[0] == pytest.approx(0.0, abs=0.1)


def test_radio_lowers_the_error_of_speed() -> None:
    users = [RoadUser(straight(-40, -2, 9, 0), temporary_id="a1")]
    plain, spoken = World(users, [camera()]), World(users, [camera()], radio=True)
    plain.run(8)
    spoken.run(8)
    assert score(spoken, skip_s=2).speed_rmse_mps < 0.7 * score(plain, skip_s=2).speed_rmse_mps


@pytest.mark.parametrize("silence_s", [0.1, 1.5], ids=["without a gap", "after silence"])
def test_new_pseudonym_keeps_the_track(silence_s: float) -> None:
    path = straight(-40, -2, 9, 0)
    users = [
        RoadUser(path, temporary_id="a1", end_s=3.0),
        RoadUser(path, temporary_id="b2", begin_s=3.0 + silence_s),
    ]
    cam = camera()
    world = World(users, [cam], radio=True)
    camera_only = World([RoadUser(path)], [cam])
    tracker = world.tracker()
    waiting = [item for item in world.arrivals(7) if isinstance(item[1], tuple)] + camera_only.arrivals(7)
    waiting.sort(key=lambda item: item[0])
    ids, counts = set(), []
    for t in np.arange(0.025, 7, 0.05):
        while waiting and waiting[0][0] <= t:
            tracker.ingest(waiting.pop(0)[1])
        tracks = tracker.advance(at_ns(float(t)))
        if t > 1.0:
            ids.update(tracks.track_id.tolist())
            counts.append(len(tracks))
    assert len(ids) == 1
    assert set(counts) == {1}
    assert tracks.v2x_id == ("b2",)


def test_two_senders_side_by_side_stay_two() -> None:
    users = [RoadUser(straight(-40, y, 9, 0), temporary_id=name) for name, y in (("a1", -2.0), ("b2", -5.0))]
    world = World(users, [camera(hides=False)], radio=True, seed=3)
    world.run(8)
    assert set(world.published[-1].v2x_id) == {"a1", "b2"}
    assert score(world, skip_s=2).recall > 0.99


def test_radio_silence_is_no_miss() -> None:
    tracker = Tracker((SensorModel("radio", "v2x"),))
    for step in range(10):
        tracks = heard(tracker, "a1", [0.0, 0.0, 0.0, 0.0], 0.1 * step)
    before = tracks.existence[0]
    later = tracker.advance(at_ns(2.0))
    assert later.existence[0] == before


def test_silent_sender_ends() -> None:
    tracker = Tracker((SensorModel("radio", "v2x"),))
    for step in range(10):
        heard(tracker, "a1", [0.0, 0.0, 9.0, 0.0], 0.1 * step)
    assert len(tracker.advance(at_ns(1.5))) == 1
    assert len(tracker.advance(at_ns(5.0))) == 0


def test_same_report_over_two_links_counts_once() -> None:
    tracker = Tracker((SensorModel("radio", "v2x"), SensorModel("second", "v2x")))
    state = np.array([0.0, 0.0, 9.0, 0.0])
    tracker.ingest((report("a1", 0.0, state), report("a1", 0.0, state, link="second")))
    assert tracker.counters["reports_repeated"] == 1
    assert tracker.counters["scans"] == 1


def test_claim_that_cameras_do_not_confirm_loses_trust() -> None:
    cam = camera()
    tracker = Tracker((cam.sensor(), SensorModel("radio", "v2x")))
    rng = np.random.default_rng(1)
    for step in range(40):
        tracker.ingest(cam.scan([], 0.1 * step, step, rng))
        tracks = heard(tracker, "ghost", [0.0, 0.0, 0.0, 0.0], 0.1 * step + 0.01)
    assert len(tracks) == 0 or tracks.trust[0] < 0.3


def test_report_without_yaw_or_size_is_used() -> None:
    tracker = Tracker((SensorModel("radio", "v2x"),))
    for step in range(6):
        given = report("a1", 0.1 * step, np.array([0.9 * step, 0.0, 9.0, 0.0]))
        bare = type(given)(
            link="radio", dialect="x", temporary_id="a1", stamp=given.stamp, arrival_ns=given.arrival_ns,
            x_m=given.x_m, y_m=given.y_m,
        )  # fmt: skip
        tracker.ingest((bare,))
    tracks = tracker.advance(at_ns(0.55))
    assert len(tracks) == 1
    assert math.isnan(tracks.size_m[0, 0])
    assert tracks.class_log_odds[0].max() == 0.0
    assert ObjectClass.UNKNOWN == 6
