"""Tracks of neighbouring nodes: no error is counted twice, and nobody's word alone is passed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.fusion import SensorModel, Tracker
from edge.fusion.motion import intersect, update_position, update_velocity
from edge.fusion.offline import tracks_line
from edge.fusion.recorded import read_scan
from edge.fusion.table import CAPACITY, OWN_ROOM, RESIDUALS, VYY, XX, full_covariance

START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000
SQUARE = np.array([[-40.0, -40.0], [40.0, -40.0], [40.0, 40.0], [-40.0, 40.0]])


def line(sensor: str, kind: str, now_ns: int, objects: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "t_meas_ns": now_ns - 50_000_000,
        "t_arrival_ns": now_ns,
        "sensor": sensor,
        "kind": kind,
        "objects": objects,
    }


def node() -> Tracker:
    return Tracker(
        (
            SensorModel("cam", "camera", visible_polygon=SQUARE, bias_m=0.1),
            SensorModel("other", "tracks", bias_m=0.1),
        )
    )


def shared(published: dict[str, Any]) -> list[dict[str, Any]]:
    """A line of tracks as the objects of a neighbour's scan."""
    return [{**track, "vcov": [0.1, 0.0, 0.1]} for track in published["tracks"]]


def seen(x: float, y: float) -> dict[str, Any]:
    return {"x": x, "y": y, "cov": [0.09, 0.0, 0.09], "class": "car", "confidence": 0.9}


def test_two_nodes_that_echo_each_other_forget_a_ghost() -> None:
    nodes, heard = [node(), node()], [[], []]
    shown: list[list[int]] = []
    for cycle in range(80):
        now_ns = START_NS + cycle * STEP_NS
        lines = []
        for number, tracker in enumerate(nodes):
            ghost = [seen(5.0, 5.0)] if number == 0 and cycle < 12 else []
            tracker.ingest_recorded(read_scan(line("cam", "camera", now_ns, ghost)))
            tracker.ingest_recorded(read_scan(line("other", "tracks", now_ns, heard[number])))
            lines.append(tracks_line(tracker.advance(now_ns)))
        heard = [shared(lines[1]), shared(lines[0])]
        shown.append([len(published["tracks"]) for published in lines])
    assert max(first for first, _second in shown[:20]) == 1, "the ghost was there"
    assert all(second == 0 for _first, second in shown), "its neighbour never saw it"
    assert all(counts == [0, 0] for counts in shown[40:])


def test_what_only_a_neighbour_reports_is_not_published_until_seen() -> None:
    tracker, counts = node(), []
    for cycle in range(60):
        now_ns = START_NS + cycle * STEP_NS
        x = 80.0 - 1.0 * cycle  # comes in from beyond our camera
        told = [{**seen(x, 0.0), "vx": -10.0, "vy": 0.0, "vcov": [0.1, 0.0, 0.1]}]
        tracker.ingest_recorded(read_scan(line("other", "tracks", now_ns, told)))
        mine = [seen(x, 0.0)] if x < 40 else []
        tracker.ingest_recorded(read_scan(line("cam", "camera", now_ns, mine)))
        tracks = tracker.advance(now_ns)
        counts.append(len(tracks))
        if x > 40:
            assert len(tracks) == 0
            assert tracker.track_count <= 1
    assert counts[-1] == 1
    assert counts.index(1) <= 45


def test_a_flood_of_what_neighbours_tell_leaves_room_for_what_we_see() -> None:
    tracker, shown = node(), []
    for cycle in range(20):
        now_ns = START_NS + cycle * STEP_NS
        for block in range(4):
            told = [
                {
                    **seen(12.0 * (k % 50) - 300.0, 60.0 + 12.0 * (k // 50) + 65.0 * block),
                    "vcov": [0.1, 0, 0.1],
                }
                for k in range(250)
            ]
            moving = [{**row, "vx": 0.0, "vy": 0.0} for row in told]
            tracker.ingest_recorded(read_scan(line("other", "tracks", now_ns, moving)))
        mine = [seen(5.0, 5.0)] if cycle >= 5 else []
        tracker.ingest_recorded(read_scan(line("cam", "camera", now_ns, mine)))
        shown.append(len(tracker.advance(now_ns)))
    assert tracker.counters["births_refused"] > 0
    assert tracker.track_count == CAPACITY - OWN_ROOM + 1
    assert shown[-1] == 1, "who stands before the camera is seen"


def test_neighbour_and_camera_give_one_track() -> None:
    tracker = node()
    ids = set()
    for cycle in range(40):
        now_ns = START_NS + cycle * STEP_NS
        x = -20.0 + cycle
        tracker.ingest_recorded(read_scan(line("cam", "camera", now_ns, [seen(x, 0.2)])))
        told = [{**seen(x, -0.2), "vx": 10.0, "vy": 0.0, "vcov": [0.1, 0.0, 0.1]}]
        tracker.ingest_recorded(read_scan(line("other", "tracks", now_ns, told)))
        tracks = tracker.advance(now_ns)
        ids |= set(tracks.track_id.tolist())
        if cycle > 10:
            assert len(tracks) == 1
    assert len(ids) == 1


@pytest.mark.parametrize("share", [0.1, 1.0, 10.0])
def test_the_same_estimate_heard_over_and_over_makes_nobody_surer(share: float) -> None:
    row = np.zeros((1, RESIDUALS))
    row[0, XX : VYY + 1] = [1.0, 0.0, 1.0, 0.2, 0.0, 0.0, 0.2, 0.5, 0.0, 0.5]
    for _ in range(50):
        weight = intersect(row[0], share, share)
        update_position(row[0], 0.0, 0.0, share / weight, 0.0, share / weight)
        update_velocity(row[0], 0.0, 0.0, 0.5 / weight, 0.0, 0.5 / weight)
    variance = full_covariance(row)[0, 0, 0]
    assert variance >= 0.999 * min(1.0, share)
    assert np.linalg.eigvalsh(full_covariance(row)[0]).min() > 0.0


def test_neighbours_word_does_not_keep_a_standing_car_published() -> None:
    tracker, counts = node(), []
    for cycle in range(160):
        now_ns = START_NS + cycle * STEP_NS
        if cycle < 25:
            tracker.ingest_recorded(read_scan(line("cam", "camera", now_ns, [seen(5.0, 5.0)])))
        tracker.ingest_recorded(read_scan(line("other", "tracks", now_ns, [seen(5.0, 5.0)])))
        counts.append(len(tracker.advance(now_ns)))
    assert counts[24] == 1
    assert counts[25 + 35 :] == [0] * 100
