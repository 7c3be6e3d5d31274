"""Cameras of one process get their turns fairly, whatever the others do."""

from __future__ import annotations

import queue
from collections import Counter

import numpy as np
import pytest

from edge.core.detections import Detections
from edge.core.errors import ModelError
from edge.core.health import HealthState
from edge.core.stamp import Stamp, TimeSource
from edge.ports import Frame
from edge.sources.camera import Backoff, CameraReader
from edge.sources.shared_detector import Seat, SharedDetector
from tests.unit.sources.test_camera import ScriptedCamera, detections


def frame(number: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), Stamp(number, TimeSource.SENSOR), number, number)


class Rig:
    """A detector with seats whose frames are known."""

    def __init__(self, *names: str) -> None:
        self.detector = SharedDetector()
        self.found: dict[str, list[int]] = {name: [] for name in names}
        self.seats = {name: self._seat(name) for name in names}

    def _seat(self, name: str) -> Seat:
        return self.detector.seat(
            name, detections, on_detections=lambda found: self.found[name].append(found.frame_id)
        )

    def turn(self) -> str | None:
        return self.detector.serve_next(timeout_s=0.0)


def test_under_overload_each_camera_gets_its_share_and_the_newest_frame() -> None:
    rig = Rig("fast", "faster", "slow")
    served: Counter[str | None] = Counter()
    for turn in range(30):  # one turn is done while the fast ones give one and three frames
        rig.seats["fast"].offer(frame(turn))
        for k in range(3):
            rig.seats["faster"].offer(frame(3 * turn + k))
        if turn % 3 == 0:
            rig.seats["slow"].offer(frame(turn))
        served[rig.turn()] += 1
    assert served == {"fast": 10, "faster": 10, "slow": 10}
    assert all(number % 3 == 2 for number in rig.found["faster"])
    overtaken = {name: seat.counters["overtaken"] for name, seat in rig.seats.items()}
    assert overtaken["slow"] == 0
    for name, offered in (("fast", 30), ("faster", 90)):
        waiting = int(rig.seats[name].waiting)
        assert overtaken[name] + len(rig.found[name]) + waiting == offered


def test_camera_without_frames_takes_no_turn_and_nobody_waits_for_it() -> None:
    rig = Rig("dead", "alive")
    for number in range(5):
        rig.seats["alive"].offer(frame(number))
        assert rig.turn() == "alive"
    assert rig.turn() is None
    assert rig.found == {"dead": [], "alive": [0, 1, 2, 3, 4]}


def test_error_of_one_camera_waits_for_its_own_thread_and_goes_when_it_works_again() -> None:
    rig = Rig("good")
    faults = iter([ModelError("m", "broken"), None])

    def process(seen: Frame) -> Detections:
        fault = next(faults)
        if fault is not None:
            raise fault
        return detections(seen)

    bad = rig.detector.seat("bad", process, on_detections=lambda found: None)
    bad.offer(frame(0))
    rig.seats["good"].offer(frame(0))
    assert {rig.turn(), rig.turn()} == {"bad", "good"}
    assert not bad.ready
    with pytest.raises(ModelError, match="broken"):
        bad.offer(frame(1))  # it is tried all the same
    assert rig.turn() == "bad"
    assert bad.ready
    bad.offer(frame(2))


def test_frame_that_was_not_looked_at_is_not_told() -> None:
    told: list[Detections] = []
    detector = SharedDetector()
    seat = detector.seat("c", lambda _frame: None, on_detections=told.append)
    seat.offer(frame(0))
    assert detector.serve_next(timeout_s=0.0) == "c"
    assert (told, seat.ready) == ([], True)


def test_bug_in_one_pipeline_ends_the_thread_so_that_the_process_is_restarted() -> None:
    detector = SharedDetector()

    def bug(_frame: Frame) -> Detections:
        raise ZeroDivisionError

    seat = detector.seat("c", bug, on_detections=lambda found: None)
    seat.offer(frame(0))
    with pytest.raises(ZeroDivisionError):
        detector.serve_next(timeout_s=0.0)


def test_dead_and_lost_cameras_do_not_hold_the_others() -> None:
    """Threads as in the process: one camera never opens, one is lost and comes back, one gives frames on and on."""
    detector = SharedDetector()
    cameras = {
        "unreachable": ScriptedCamera("no route", "no route", "no route"),
        "lost": ScriptedCamera([0, "cable cut"], [1]),
        "good": ScriptedCamera(list(range(50))),
    }
    found: queue.Queue[tuple[str, int]] = queue.Queue()
    readers = []
    for name, camera in cameras.items():
        seat = detector.seat(
            name, detections, on_detections=lambda seen, name=name: found.put((name, seen.frame_id))
        )
        readers.append(
            CameraReader(
                name, camera, seat.offer, on_detections=lambda seen: None,
                ready=lambda seat=seat: seat.ready, backoff=Backoff(0.001, 0.002),
            )
        )  # fmt: skip
    detector.start()
    for reader in readers:
        reader.start()
    seen = []
    while ("good", 49) not in seen or ("lost", 1) not in seen:
        seen.append(found.get(timeout=5.0))
    assert detector.running
    assert readers[0].health().state is HealthState.DOWN
    assert [number for name, number in seen if name == "good"] == sorted(
        number for name, number in seen if name == "good"
    )
    for reader in readers:
        reader.stop()
    detector.stop()
    assert not detector.running
