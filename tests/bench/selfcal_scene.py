"""What the bench of self-calibration works on: traffic, a disturbed camera, and what its node collects."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, ObjectClass
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.perception import homography
from edge.perception.car_data import CarData, hidden_edges
from edge.perception.car_record import CarRecord
from edge.perception.ground import GroundProjection
from edge.perception.image_track import ImageTracker
from edge.perception.onnx_model import OnnxModel
from edge.perception.pipeline import CameraPipeline
from edge.ports import Boxes, Frame, Image
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import calibration_points, scene_directory
from hw.sim.lockstep import open_world
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render import Renderer
from hw.sim.sensing import spoken
from hw.sim.sensing.chance import generator
from hw.sim.sensing.faults import Faults
from hw.sim.sensing.motion import Motion
from hw.sim.sensing.pictures import boxes_found
from hw.sim.sensing.setups import SETUPS

RATE_HZ, START_NS = 10.0, 10**18
RANGE_M, NEAR_M = 70.0, 40.0
MODEL = Path(__file__).parents[2] / "models" / "roadside-nano"
Disturbance = tuple[tuple[float, ...], tuple[float, ...]]
"""Degrees of yaw, pitch and roll; metres of x, y and z."""
DISTURBED: dict[str, Disturbance] = {
    "yaw": ((2.0, 0.0, 0.0), (0.5, 0.0, 0.0)),
    "pitch": ((0.0, 2.0, 0.0), (0.0, -0.5, 0.0)),
    "roll": ((0.0, 0.0, 2.0), (0.0, 0.0, 0.5)),
    "all": ((-2.0, -2.0, 2.0), (-0.3, 0.3, 0.26)),
}
Source = Callable[[GroundProjection], CarData]
"""What a node with that calibration collects."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is the matter with a run.

    Attributes:
        late_s: pictures are stamped that much after the truth.
        bias_m: by which all positions that are heard lie too far east, the error that no average removes.
        share: of the connected vehicles, those that are heard.
    """

    late_s: float = 0.12
    bias_m: float = 0.0
    share: float = 1.0


def directions(seed: int, camera: str, *, fixed: int, drawn: int) -> dict[str, Disturbance]:
    """The first fixed disturbances, and as many of 2 degrees and 0.5 m in directions drawn for this seed and camera."""
    source = generator(seed, "disturbance", camera)
    found = dict(list(DISTURBED.items())[:fixed])
    for k in range(drawn):
        turn, step = (v / np.linalg.norm(v) for v in source.normal(0.0, 1.0, (2, 3)))
        found[f"drawn {k + 1}"] = tuple((2.0 * turn).tolist()), tuple((0.5 * step).tolist())
    return found


def traffic(seed: int, minutes: float) -> list[WorldState]:
    """States of the crossing at `RATE_HZ`."""
    world = open_world("four_arm", seed=seed, rate_hz=RATE_HZ, start_ns=START_NS)
    try:
        return [world.step() for _ in range(round(60 * minutes * RATE_HZ))]
    finally:
        world.close()


def sensed(states: list[WorldState], camera: PinholeCamera, trouble: Trouble, *, seed: int) -> Source:
    """Boxes without pictures: what a camera's tracker and the radio give, as the node collects it."""
    tracker, boxes = ImageTracker(), []
    for found in boxes_found(states[::2], camera, seed=seed):
        odds = np.full((len(found.kind), CLASS_COUNT), -3.0)
        odds[np.arange(len(found.kind)), found.kind] = 3.0
        ids, _ = tracker.track(
            found.box_px.astype(np.float32), odds, np.full(len(odds), 0.8), capture_ns=found.stamp_ns
        )
        seconds = (found.stamp_ns - states[0].stamp_ns) / NS_PER_S + trouble.late_s
        hidden = hidden_edges(found.box_px)
        boxes += [
            [seconds, ids[k], *found.box_px[k], found.kind[k], hidden[k]]
            for k in range(len(ids))
            if ids[k] >= 0
        ]
    numbers: dict[str, int] = {}
    reports = [
        [
            (said.stamp.capture_ns - states[0].stamp_ns) / NS_PER_S,
            numbers.setdefault(said.temporary_id, len(numbers)),
            said.x_m,
            said.y_m,
            said.yaw_rad,
            said.speed_mps,
            said.length_m,
            said.width_m,
            said.object_class,
            math.nan,
        ]
        for said in heard(states, trouble, seed=seed)
    ]
    data = CarData(np.array(boxes, dtype=float), np.array(reports, dtype=float))
    return lambda _: data


def heard(states: list[WorldState], trouble: Trouble, *, seed: int) -> list[V2xReport]:
    """What the radio gives, one station after the other."""
    chosen = generator(seed, "heard")
    names: dict[str, bool] = {}
    found = []
    for t, arrival_s, said in spoken.reports_of(Motion(states), SETUPS["report"], seed=seed, faults=Faults()):
        if said["id"] not in names:
            names[said["id"]] = bool(chosen.random() < trouble.share)
        if not names[said["id"]]:
            continue
        white = math.sqrt(said["cov"][0])
        capture_ns, arrival_ns = (states[0].stamp_ns + round(s * NS_PER_S) for s in (t, arrival_s))
        report = V2xReport(
            "bench",
            "simulated",
            said["id"],
            Stamp(capture_ns, TimeSource.SENSOR),
            arrival_ns,
            said["x"] + trouble.bias_m,
            said["y"],
            ellipse_m=(white, white),
            speed_mps=math.hypot(said["vx"], said["vy"]),
            yaw_rad=said["yaw"],
            length_m=said["length"],
            width_m=said["width"],
            object_class=ObjectClass[said["class"].upper()],
        )
        found.append(report)
    return found


def pictured(states: list[WorldState], camera: PinholeCamera, trouble: Trouble, *, seed: int) -> Source:
    """Rendered pictures through the network; then pipeline, image tracker and record as in the node."""
    cv2.setNumThreads(1)
    model = OnnxModel.load(MODEL / "model.onnx")
    renderer = Renderer(camera, read_geometry(scene_directory("four_arm")), seed=seed)
    shown = states[::2]
    found = [model.detect(renderer.render(state, at_ns=state.stamp_ns)) for state in shown]
    reports = sorted(heard(states, trouble, seed=seed), key=lambda report: report.arrival_ns)
    return lambda present: _recorded(shown, found, reports, present, trouble.late_s)


class _Known:
    """A model that tells again what the network found."""

    name = "known"

    def __init__(self, found: Sequence[Boxes]) -> None:
        self._found = iter(found)

    def detect(self, image: Image) -> Boxes:
        """The next picture's boxes."""
        del image
        return next(self._found)


def _recorded(
    shown: list[WorldState],
    found: list[Boxes],
    reports: list[V2xReport],
    present: GroundProjection,
    late_s: float,
) -> CarData:
    """What the record of a node with this calibration holds in the end."""
    pipeline = CameraPipeline("bench", _Known(found), present)
    position: NDArray[np.float64] = np.asarray(present.view.position_m[:2])
    record = CarRecord(image_size=present.image_size, position_m=position, range_m=RANGE_M)
    width, height = present.image_size
    blank = np.zeros((height, width, 3), dtype=np.uint8)
    told = 0
    for number, state in enumerate(shown):
        capture_ns = state.stamp_ns + round(late_s * NS_PER_S)
        while told < len(reports) and reports[told].arrival_ns <= capture_ns:
            record.hear(reports[told : told + 1])
            told += 1
        stamp = Stamp(capture_ns, TimeSource.SENSOR)
        record.see(pipeline.process(Frame(blank, stamp, capture_ns, number)))
    return record.data()


def disturbed(camera: PinholeCamera, disturbance: Disturbance) -> GroundProjection:
    """The calibration of a camera that has since been turned and moved back."""
    turn_deg, step_m = disturbance
    x, y, z = (float(a + b) for a, b in zip(camera.position_m, step_m, strict=True))
    moved = replace(
        camera,
        position_m=(x, y, z),
        yaw_rad=camera.yaw_rad + math.radians(turn_deg[0]),
        pitch_rad=camera.pitch_rad + math.radians(turn_deg[1]),
        roll_rad=camera.roll_rad + math.radians(turn_deg[2]),
    )
    size = (camera.width, camera.height)
    return GroundProjection.from_points(np.array(calibration_points(moved)), image_size=size)


def ground_error(projection: NDArray[np.float64], camera: PinholeCamera) -> tuple[float, float]:
    """Median and 95th percentile over the picture, of ground within `NEAR_M`."""
    columns, rows = np.linspace(0.02, 0.98, 30) * camera.width, np.linspace(0.02, 0.98, 30) * camera.height
    pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    truth = camera.ground_points(pixels)
    near = np.hypot(*(truth - np.array(camera.position_m[:2])).T) < NEAR_M
    found = homography.apply(np.linalg.inv(projection[:, [0, 1, 3]]), pixels[near])
    error = np.nan_to_num(np.hypot(*(found - truth[near]).T), nan=1e3)
    return float(np.median(error)), float(np.percentile(error, 95))


def garbage(data: CarData) -> dict[str, CarData]:
    """What must not be accepted."""
    reports, rng = data.reports, np.random.default_rng(5)
    other_day = reports.copy()
    other_day[:, 0] = (other_day[:, 0] + 77.0) % (reports[:, 0].max() + 1.0)
    elsewhere = reports.copy()
    elsewhere[:, 2:4] = -reports[:, [3, 2]] + rng.normal(0.0, 3.0, 2)
    few = reports[reports[:, 1] < np.sort(np.unique(reports[:, 1]))[5]]
    # Northbound and southbound on the western lanes only.
    line = reports[(np.abs(np.cos(reports[:, 4])) < 0.1) & (reports[:, 2] < 0.0) & (reports[:, 2] > -4.0)]
    return {
        "reports of another time": CarData(data.boxes, other_day),
        "reports of another place": CarData(data.boxes, elsewhere),
        "five cars": CarData(data.boxes, few),
        "one line of cars": CarData(data.boxes, line),
    }
