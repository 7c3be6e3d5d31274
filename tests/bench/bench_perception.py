"""What perception costs over the bare network: `python tests/bench/bench_perception.py [--full]`.

A decoded 720p picture in memory to `Detections`, against `session.run` of the same network on a tensor that is ready;
both take turns in one process, on one thread. The networks of others and the real clip come from the recorded data
beside the checkout and are left out where it is absent; our own model sees rendered pictures of the simulated camera.
The last line is one JSON object:
  yolox_ratio, deim_ratio, nanodet_ratio, own_ratio  median of pairwise ratios, pipeline over bare run
  *_cpu_ratio                    the same in thread time, which other work on the machine disturbs less
  *_ms, *_extra_ms               median of the bare run, and of what the pipeline adds
  nms300_ms                      suppression of 300 boxes, median
  cpu_10hz_pct                   processor time of our own model's pipeline at 10 pictures a second, percent of a core
  track_us_per_detection         image tracking, 20 boxes a picture
  project_us_per_detection       ground projection with covariance, 20 boxes a picture
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import cv2
import numpy as np

from edge.core.kinds import CLASS_COUNT
from edge.core.stamp import Stamp, TimeSource
from edge.perception.ground import GroundProjection
from edge.perception.image_track import ImageTracker
from edge.perception.onnx_model import OnnxModel
from edge.perception.pipeline import CameraPipeline
from edge.perception.suppression import merge_boxes
from edge.perception.warm import warm
from edge.ports import Frame, Image
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import calibration_points, load_cameras, scene_directory
from hw.sim.poses import WorldState
from hw.sim.recording import RecordedTraffic
from hw.sim.render import Renderer

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("EDGE_DATA", ROOT.parent / "shared" / "data"))
FOREIGN = {"yolox": "yolox_nano.onnx", "deim": "deimv2_atto_int8.onnx", "nanodet": "nanodet_hpc.onnx"}
CLIP = "ahmetozlu_highway.mp4"
WIDTH, HEIGHT = 1280, 720
ROUNDS, FULL_ROUNDS, WARM_ROUNDS = 60, 300, 8
BOXES = 20
WANTED = {
    "yolox_ratio": 1.10,
    "deim_ratio": 1.10,
    "nanodet_ratio": 1.10,
    "own_ratio": 1.10,
    "nms300_ms": 0.5,
    "track_us_per_detection": 20.0,
    "project_us_per_detection": 5.0,
}


def projection() -> GroundProjection:
    """The calibration of the first camera of the simulated crossing, at 720p."""
    camera = next(iter(load_cameras(scene_directory("four_arm") / "cameras.toml").values()))
    points = np.array(calibration_points(camera))[:, :4] * [
        WIDTH / camera.width,
        HEIGHT / camera.height,
        1,
        1,
    ]
    return GroundProjection.from_points(points, image_size=(WIDTH, HEIGHT))


def rendered(count: int) -> list[Image]:
    """Pictures of the simulated camera, in the size of a real one."""
    scene = scene_directory("four_arm")
    camera = next(iter(load_cameras(scene / "cameras.toml").values()))
    traffic = RecordedTraffic(scene / "recorded.npz", step_s=5.0)
    renderer = Renderer(camera, read_geometry(scene), seed=7)
    pictures = []
    for k in range(1, count + 1):
        _, (names, rows) = traffic.step()
        state = WorldState(k * 10**9, names, rows, "", ())
        pictures.append(cv2.resize(renderer.render(state, at_ns=k * 10**9), (WIDTH, HEIGHT)))
    return pictures


def filmed(count: int) -> list[Image]:
    """Pictures of a real street, enlarged to 720p."""
    capture = cv2.VideoCapture(str(DATA / "media" / CLIP))
    pictures = []
    for k in range(count):
        capture.set(cv2.CAP_PROP_POS_FRAMES, 40 * k + 10)
        good, picture = capture.read()
        if good:
            pictures.append(cv2.resize(picture, (WIDTH, HEIGHT)))
    return pictures


def spent_ms(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time and thread time."""
    began, worked = time.perf_counter(), time.thread_time()
    work()
    return (time.perf_counter() - began) * 1e3, (time.thread_time() - worked) * 1e3


def compare(path: Path, pictures: list[Image], *, rounds: int) -> tuple[dict[str, float], float]:
    """Figures of one network, and boxes a picture."""
    model = OnnxModel.load(path)
    pipeline = CameraPipeline("bench", model, projection())
    width, height = model.input_size
    tensor = np.random.default_rng(1).random((1, 3, height, width), dtype=np.float32)
    bare, whole = [], []
    for k in range(WARM_ROUNDS + rounds):
        stamp = Stamp(1_700_000_000_000_000_000 + k * 100_000_000, TimeSource.SENSOR)
        frame = Frame(pictures[k % len(pictures)], stamp, stamp.capture_ns, k)
        # Whoever goes first finds colder caches: they take turns at that too.
        pair = [lambda: model.runtime.run(tensor), lambda frame=frame: pipeline.process(frame)]
        times = [spent_ms(pair[k % 2]), spent_ms(pair[1 - k % 2])]
        if k >= WARM_ROUNDS:
            bare.append(times[k % 2])
            whole.append(times[1 - k % 2])
    ran, took = np.array(bare), np.array(whole)
    ratio, extra = np.median(took / ran, axis=0), np.median(took - ran, axis=0)
    figures = {
        "ratio": round(float(ratio[0]), 3),
        "cpu_ratio": round(float(ratio[1]), 3),
        "ms": round(float(np.median(ran[:, 0])), 2),
        "extra_ms": round(float(extra[0]), 2),
        "extra_cpu_ms": round(float(extra[1]), 2),
    }
    return figures, pipeline.counters["boxes"] / pipeline.counters["frames"]


def parts(rounds: int) -> dict[str, float]:
    """Suppression, tracking and projection by themselves, in thread time."""
    rng = np.random.default_rng(3)
    many = _boxes(rng, 300)
    score = rng.uniform(0.3, 0.9, (300, CLASS_COUNT)).astype(np.float32)
    some, odds = _boxes(rng, BOXES), rng.normal(0, 2, (BOXES, CLASS_COUNT))
    sure, tracker, ground = rng.uniform(0.4, 0.9, BOXES), ImageTracker(), projection()
    times: dict[str, list[float]] = {
        "nms300_ms": [],
        "track_us_per_detection": [],
        "project_us_per_detection": [],
    }
    for k in range(WARM_ROUNDS + 4 * rounds):
        moved = some + np.float32(2.0 * (k % 40))
        at_ns = 10**18 + k * 10**8
        marks = [time.thread_time()]
        merge_boxes(many, score, nms_iou=0.5, image_size=(WIDTH, HEIGHT))
        marks.append(time.thread_time())
        tracker.track(moved, odds, sure, capture_ns=at_ns)
        marks.append(time.thread_time())
        ground.project(some, odds)
        marks.append(time.thread_time())
        for name, took in zip(times, np.diff(marks).tolist(), strict=True):
            if k >= WARM_ROUNDS:
                times[name].append(took)
    scale = {"nms300_ms": 1e3, "track_us_per_detection": 1e6 / BOXES, "project_us_per_detection": 1e6 / BOXES}
    return {name: round(float(np.median(values)) * scale[name], 3) for name, values in times.items()}


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    foot = rng.uniform([0.1 * WIDTH, 0.35 * HEIGHT], [0.9 * WIDTH, 0.95 * HEIGHT], (count, 2))
    size = rng.uniform(20, 110, (count, 2))
    corner = foot - size * [0.5, 1.0]
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


def cpu_10hz_pct(pictures: list[Image], rounds: int) -> float:
    """Processor time of one picture of our own model times ten, in percent."""
    pipeline = CameraPipeline(
        "bench", OnnxModel.load(ROOT / "models" / "roadside-nano" / "model.onnx"), projection()
    )
    began = 0.0
    for k in range(WARM_ROUNDS + rounds):
        if k == WARM_ROUNDS:
            began = time.process_time()
        stamp = Stamp(1_700_000_000_000_000_000 + k * 100_000_000, TimeSource.SENSOR)
        pipeline.process(Frame(pictures[k % len(pictures)], stamp, stamp.capture_ns, k))
    return (time.process_time() - began) / rounds * 10 * 100


def main() -> None:
    """Print a table and the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help=f"{FULL_ROUNDS} rounds instead of {ROUNDS}")
    rounds = FULL_ROUNDS if parser.parse_args().full else ROUNDS
    cv2.setNumThreads(1)
    warm()
    own = rendered(12)
    jobs = {"own": (ROOT / "models" / "roadside-nano" / "model.onnx", own)}
    if DATA.is_dir():
        street = filmed(12)
        jobs |= {name: (DATA / "models" / file, street) for name, file in FOREIGN.items()}
    else:
        print(f"{DATA} is absent: our own model only")
    figures: dict[str, float] = {}
    for name, (path, pictures) in jobs.items():
        found, boxes = compare(path, pictures, rounds=rounds)
        figures |= {f"{name}_{key}": value for key, value in found.items()}
        print(
            f"{name:<8} bare {found['ms']:6.2f} ms, pipeline adds {found['extra_ms']:5.2f} ms "
            f"({found['extra_cpu_ms']:5.2f} ms thread time), {boxes:4.1f} boxes a picture"
        )
    figures |= parts(rounds) | {"cpu_10hz_pct": round(cpu_10hz_pct(own, rounds), 1)}
    for name, limit in WANTED.items():
        if name in figures:
            print(f"{name:<26}{figures[name]:8.3f} wanted <= {limit}")
    print(json.dumps({"bench": "perception", "figures": figures}))


if __name__ == "__main__":
    main()
