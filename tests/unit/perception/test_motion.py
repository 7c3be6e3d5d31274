"""The network may rest while nothing moves, and overlooks nobody for longer than a second."""

from __future__ import annotations

import numpy as np
import pytest

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.perception.ground import GroundProjection
from edge.perception.motion import MotionGate
from edge.perception.pipeline import CameraPipeline
from edge.ports import Boxes, Frame, Image
from tests.unit.perception.simple_camera import SimpleCamera

WIDTH, HEIGHT = 320, 180
STEP_NS = 100 * NS_PER_MS
START_NS = 1_700_000_000 * NS_PER_S


def road(seed: int = 1) -> Image:
    """A still picture with texture."""
    return np.random.default_rng(seed).integers(60, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def noisy(picture: Image, rng: np.random.Generator) -> Image:
    return (picture.astype(np.int16) + rng.integers(-5, 6, picture.shape)).clip(0, 255).astype(np.uint8)


def rests(gate: MotionGate, pictures: list[Image], *, live: int = 0, step_ns: int = STEP_NS) -> list[bool]:
    return [
        gate.rests(picture, capture_ns=START_NS + k * step_ns, live=live)
        for k, picture in enumerate(pictures)
    ]


def test_still_road_is_looked_at_once_a_second_whatever_the_noise() -> None:
    rng, picture, gate = np.random.default_rng(2), road(), MotionGate()
    found = rests(gate, [noisy(picture, rng) for _ in range(41)])
    assert [k for k, rest in enumerate(found) if not rest] == [0, 10, 20, 30, 40]
    assert gate.counters == {"gated": 36, "forced": 4}


@pytest.mark.parametrize("step_ms", [100, 130, 300, 400, 625, 1200])
def test_looks_are_never_more_than_a_second_apart_where_the_camera_allows_it(step_ms: int) -> None:
    picture, gate, step_ns = road(), MotionGate(), step_ms * NS_PER_MS
    looked = [k * step_ns for k, rest in enumerate(rests(gate, [picture] * 30, step_ns=step_ns)) if not rest]
    assert max(np.diff(looked)) <= max(NS_PER_S, step_ns)


def test_live_track_keeps_every_picture_looked_at() -> None:
    assert not any(rests(MotionGate(), [road()] * 20, live=1))


@pytest.mark.parametrize("size", [6, 12, 40])
def test_what_enters_is_looked_at_at_once(size: int) -> None:
    picture = road()
    entered = picture.copy()
    entered[100 : 100 + 2 * size, 50 : 50 + size] = 220
    assert rests(MotionGate(), [picture, picture, entered, picture]) == [False, True, False, False]


def test_what_creeps_is_looked_at_once_it_has_crept_far_enough() -> None:
    picture = road()
    pictures = []
    for k in range(9):
        creeping = picture.copy()
        creeping[60:120, 100 + k : 160 + k] = 200
        pictures.append(creeping)
    looked = [k for k, rest in enumerate(rests(MotionGate(), pictures)) if not rest]
    assert len(looked) > 1
    assert looked[1] <= 3


def test_exposure_of_the_whole_picture_is_no_motion() -> None:
    brighter = (road().astype(np.int16) + 20).astype(np.uint8)
    assert rests(MotionGate(), [road(), brighter, brighter])[1:] == [True, True]


def test_another_size_and_a_clock_that_jumps_back_are_looked_at() -> None:
    gate = MotionGate()
    assert not gate.rests(road(), capture_ns=START_NS, live=0)
    assert not gate.rests(road()[:90], capture_ns=START_NS + STEP_NS, live=0)
    assert not gate.rests(road()[:90], capture_ns=START_NS, live=0)


class Script:
    """A detector that finds what its script says of the picture that is shown next."""

    name = "script"

    def __init__(self) -> None:
        self.boxes = np.empty((0, 4))

    def detect(self, image: Image) -> Boxes:
        n = len(self.boxes)
        odds = np.full((n, CLASS_COUNT), -4.0)
        odds[:, ObjectClass.CAR] = 4.0
        return Boxes(self.boxes.astype(np.float32), np.full(n, 0.8), odds)


def walks(rng: np.random.Generator, *, users: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps, users, 4) boxes of road users that go, stop, creep and turn, and (steps, users) whether they are seen.

    The detector loses some of those that stand for seconds, so that their image tracks end.
    """
    boxes, seen = np.empty((steps, users, 4)), np.ones((steps, users), dtype=bool)
    for u in range(users):
        at, size = rng.uniform([40, 90], [280, 150]), rng.uniform(14, 30)
        begins, ends = sorted(rng.integers(0, steps, 2))
        speed = np.zeros(2)
        for k in range(steps):
            if k % 15 == 0:
                speed = rng.choice([0.0, 0.0, 0.2, 2.0]) * rng.normal(0, 1, 2)
            at = np.clip(at + speed, [30, 90], [290, 160])
            boxes[k, u] = [*(at - size / 2), *(at + size / 2)]
        lost = rng.integers(0, steps)
        seen[lost : lost + rng.integers(5, 50), u] = False
        seen[:begins, u] = seen[ends:, u] = False
    return boxes, seen


def reported(boxes: np.ndarray, seen: np.ndarray, *, gate: MotionGate | None, seed: int) -> np.ndarray:
    """(steps, users) of whom the pipeline told something."""
    rng, picture, model = np.random.default_rng(seed), road(), Script()
    calibrated = SimpleCamera()
    projection = GroundProjection.from_points(calibrated.points(), image_size=calibrated.size, range_m=500.0)
    pipeline = CameraPipeline("c", model, projection)
    told = np.zeros(seen.shape, dtype=bool)
    for k in range(len(boxes)):
        image = noisy(picture, rng)
        for u, (x1, y1, x2, y2) in enumerate(boxes[k].astype(int)):
            image[y1:y2, x1:x2] = 30 + 60 * (u % 4)
        model.boxes = boxes[k, seen[k]]
        stamp = Stamp(START_NS + k * STEP_NS, TimeSource.SENSOR)
        if gate is not None and gate.rests(image, capture_ns=stamp.capture_ns, live=pipeline.live_tracks):
            continue
        found = pipeline.process(Frame(image, stamp, stamp.capture_ns, k)).box_px
        for u in np.flatnonzero(seen[k]):
            told[k, u] = bool((np.abs(found - boxes[k, u]) < 0.5).all(axis=1).any())
    return told


@pytest.mark.parametrize("seed", range(6))
def test_whom_the_ungated_pipeline_reports_is_never_missed_for_longer_than_a_second(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes, seen = walks(rng, users=1 + seed % 3, steps=250)
    gate = MotionGate()
    free = reported(boxes, seen, gate=None, seed=seed)
    gated = reported(boxes, seen, gate=gate, seed=seed)
    assert free.any()
    assert gate.counters["gated"] > 0
    missed = free & ~gated
    for u in range(missed.shape[1]):
        longest = run = 0
        for k in range(len(missed)):
            run = run + 1 if missed[k, u] else 0
            longest = max(longest, run)
        assert longest * STEP_NS < NS_PER_S


def test_parked_car_stays_and_comes_back_when_its_track_had_ended() -> None:
    boxes = np.tile([100.0, 100.0, 130.0, 120.0], (80, 1, 1))
    seen = np.ones((80, 1), dtype=bool)
    seen[20:45] = False  # long enough for its image track to end
    gate = MotionGate()
    told = reported(boxes, seen, gate=gate, seed=3)[:, 0]
    assert gate.counters["gated"] > 0
    assert told[:20].all()
    assert told[45:].argmax() < 10
    assert told[55:].all()
