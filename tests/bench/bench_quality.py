"""What a camera says of a spoilt picture, and what the detector still finds: `python tests/bench/bench_quality.py`.

Rendered pictures of the simulated crossing are spoilt in known ways. For each way: what the camera names and how soon,
the sight that fusion is told, and the share of the road users found in the clean pictures that our own model still
finds in the spoilt ones. Then the real clips beside the checkout, if any. The last line is one JSON object:
  named        ways that were named, of those that must be
  false_alarms conditions raised on clean pictures
  look_ms      processor time of a look, median
  sight_error  mean difference between the sight that is told and the share still found
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import cv2
import numpy as np

from edge.core.stamp import NS_PER_MS
from edge.perception.onnx_model import OnnxModel
from edge.perception.quality import Condition, QualityWatch
from edge.ports import Image
from hw.sim import picture_faults as faults
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import load_cameras, scene_directory
from hw.sim.lockstep import open_world
from hw.sim.render import Renderer
from tests.bench.proc import machine

ROOT = Path(__file__).parents[2]
MEDIA = Path(os.environ.get("EDGE_DATA", ROOT.parent / "shared" / "data")) / "media"
STEP_NS = 500 * NS_PER_MS
LEARN, WRONG = 90, 300
DETECTED = 24
"""Pictures that the detector sees of each way."""
SAME_IOU = 0.4


@dataclass(frozen=True, slots=True)
class Way:
    """One way to spoil a picture; `must`: it has to be named."""

    name: str
    fault: Callable[[], faults.Fault]
    must: bool = True


WAYS = (
    Way("dirt on 5 %", lambda: faults.dirty(0.05), must=False),
    Way("dirt on 25 %", lambda: faults.dirty(0.25)),
    Way("dirt on 50 %", lambda: faults.dirty(0.5)),
    Way("covered", faults.covered),
    Way("glare, spot 5 %", lambda: faults.glaring(0.05), must=False),
    Way("glare, spot 10 %", lambda: faults.glaring(0.1)),
    Way("glare, spot 20 %", lambda: faults.glaring(0.2)),
    Way("blur 0.6 px", lambda: faults.defocused(0.6), must=False),
    Way("blur 1 px", lambda: faults.defocused(1.0)),
    Way("blur 2 px", lambda: faults.defocused(2.0)),
    Way("blur 4 px", lambda: faults.defocused(4.0)),
    Way("contrast 0.7", lambda: faults.veiled(0.7), must=False),
    Way("contrast 0.4", lambda: faults.veiled(0.4)),
    Way("contrast 0.2", lambda: faults.veiled(0.2)),
    Way("light 0.4", lambda: faults.dark(0.4, noise=4.0), must=False),
    Way("light 0.12", lambda: faults.dark(0.12, noise=4.0)),
    Way("light 0.05", lambda: faults.dark(0.05, noise=4.0)),
    Way("light 0.4, noise 30", lambda: faults.dark(0.4, noise=30.0)),
    Way("shake 1 px", lambda: faults.shaken(1)),
    Way("shake 3 px", lambda: faults.shaken(3)),
    Way("turned by 2.5 %", lambda: faults.turned(12)),
    Way("another view", faults.elsewhere),
    Way("frozen", faults.frozen),
    Way("black", lambda: faults.blank(0)),
    Way("magenta", faults.magenta),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the camera said: conditions, seconds to the first, sight, and processor time of a look."""

    conditions: tuple[Condition, ...]
    after_s: float | None
    sight: float
    look_ms: float


def rendered() -> list[Image]:
    """40 pictures of the simulated crossing, two a second."""
    scene = scene_directory("four_arm")
    camera = load_cameras(scene / "cameras.toml")["south_west"]
    renderer = Renderer(camera, read_geometry(scene), seed=3)
    world = open_world("four_arm", source="recorded", rate_hz=2.0)
    states = [world.step() for _ in range(40)]
    return [renderer.render(state, at_ns=state.stamp_ns) for state in states]


def clip(path: Path) -> Iterator[Image]:
    """Two pictures a second of a video."""
    video = cv2.VideoCapture(str(path))
    every = max(1, round(video.get(cv2.CAP_PROP_FPS) / 2.0))
    for count in itertools.count():
        read, picture = video.read()
        if not read:
            return
        if count % every == 0:
            yield picture


def watched(pictures: Sequence[Image], fault: faults.Fault | None, *, looks: int = WRONG) -> Outcome:
    """Show clean pictures and then spoilt ones."""
    watch, chance = QualityWatch(), np.random.default_rng(5)
    first: float | None = None
    spent: list[float] = []
    for count in range(LEARN + looks):
        picture = pictures[count % len(pictures)]
        if fault is not None and count >= LEARN:
            picture = fault(picture, chance)
        began = time.thread_time()
        watch.look(picture, capture_ns=count * STEP_NS)
        spent.append(time.thread_time() - began)
        if watch.quality.conditions and first is None:
            first = (count - LEARN) * STEP_NS / 1e9
    quality = watch.quality
    return Outcome(quality.conditions, first, quality.sight, 1e3 * float(np.median(spent)))


class Finder:
    """Our own model on clean pictures and on spoilt ones."""

    def __init__(self, pictures: Sequence[Image]) -> None:
        self._model = OnnxModel.load(ROOT / "models" / "roadside-nano" / "model.onnx", threads=1)
        self._pictures = pictures[:DETECTED]
        self._clean = [self._model.detect(picture).box_px for picture in self._pictures]

    def still_found(self, fault: faults.Fault) -> float:
        """Share of the clean pictures' boxes that the spoilt ones give too."""
        chance = np.random.default_rng(5)
        found = total = 0
        for picture, clean in zip(self._pictures, self._clean, strict=True):
            boxes = self._model.detect(fault(picture, chance)).box_px
            total += len(clean)
            found += int((_overlaps(clean, boxes) > SAME_IOU).any(axis=1).sum()) if len(boxes) else 0
        return found / total


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=2)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return np.asarray(shared / (area[0][:, None] + area[1][None] - shared))


def _row(name: str, outcome: Outcome, found: float | None) -> str:
    conditions = ", ".join(condition.value for condition in outcome.conditions) or "-"
    after = "-" if outcome.after_s is None else f"{outcome.after_s:.0f} s"
    share = "" if found is None else f"{found:.2f}"
    return f"| {name} | {conditions} | {after} | {outcome.sight:.2f} | {share} |"


def main() -> None:
    """Print the tables and the summary."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    cv2.setNumThreads(1)
    print(machine())
    pictures = rendered()
    finder = Finder(pictures)
    named, errors, looks = 0, [], []
    print("\n| rendered crossing | named | after | sight | found |\n|---|---|---|---|---|")
    for way in WAYS:
        outcome, found = watched(pictures, way.fault()), finder.still_found(way.fault())
        named += way.must and bool(outcome.conditions)
        errors.append(abs(outcome.sight - found))
        looks.append(outcome.look_ms)
        print(_row(way.name, outcome, found), flush=True)
    false_alarms = len(watched(pictures, None, looks=600).conditions)
    for path in sorted(MEDIA.glob("*.mp4")):
        real = list(clip(path))
        print(f"\n| {path.stem} | named | after | sight | |\n|---|---|---|---|---|")
        clean = watched(real, None, looks=600)
        false_alarms += clean.after_s is not None
        print(_row("clean", clean, None))
        for way in WAYS:
            if way.must:
                outcome = watched(real, way.fault())
                print(_row(way.name, outcome, None), flush=True)
    wanted = sum(way.must for way in WAYS)
    summary = {
        "named": f"{named}/{wanted}",
        "false_alarms": false_alarms,
        "look_ms": round(float(np.median(looks)), 2),
        "sight_error": round(float(np.mean(errors)), 3),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
