"""The simulated sensors report what they should, err as told, and fail as told."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from hw.sim.poses import WorldState, empty_rows
from hw.sim.scene_files import SCENES
from hw.sim.sensing import Faults, Recording, simulate
from hw.sim.sensing.layout import SITES, mounts
from hw.sim.sensing.motion import Motion
from hw.sim.sensing.recording import START_NS
from hw.sim.sensing.sight import hidden_share

STEP_NS = 50_000_000
Body = tuple[float, float, float, float, float, ObjectClass]
CAR: Body = (0.0, 8.0, 0.0, 4.6, 1.8, ObjectClass.CAR)


def states(bodies: dict[str, Body], *, seconds: float = 20.0, speed: float = 0.0) -> list[WorldState]:
    """Road users at x, y, yaw with length and width; all move along their yaw."""
    found = []
    for step in range(round(seconds * 20) + 1):
        rows = empty_rows(len(bodies))
        for row, (x, y, yaw, length, width, kind) in zip(rows, bodies.values(), strict=True):
            gone = speed * step * 0.05
            row["x"], row["y"], row["yaw"], row["speed"] = (
                x + gone * math.cos(yaw),
                y + gone * math.sin(yaw),
                yaw,
                speed,
            )
            row["length"], row["width"], row["height"] = length, width, 1.5
            row["kind"], row["equipped"] = int(kind), 1
        found.append(WorldState(START_NS + step * STEP_NS, tuple(bodies), rows))
    return found


def of(recording: Recording, sensor: str) -> list[dict[str, Any]]:
    return [line for line in recording.scans if line["sensor"] == sensor]


def near(lines: list[dict[str, Any]], x: float, y: float, reach: float = 6.0) -> np.ndarray:
    """(n, 2) places of objects near a spot."""
    found = [
        (o["x"], o["y"])
        for line in lines
        for o in line["objects"]
        if math.hypot(o["x"] - x, o["y"] - y) < reach
    ]
    return np.array(found).reshape(-1, 2)


@pytest.mark.parametrize("sensor", ["cam0", "radar", "v2x"])
def test_clean_noise_is_as_stated(sensor: str) -> None:
    recording = simulate(states({"a": CAR}, seconds=60.0), seed=3, setup="clean")
    lines = of(recording, sensor)
    error = near(lines, 0.0, 8.0, 2.5) - np.array([0.0, 8.0])
    stated = next(o["cov"] for line in lines for o in line["objects"] if abs(o["x"]) < 3)
    spread = stated[0] + stated[2] + ((0.1 * 4.6) ** 2 if sensor == "radar" else 0.0)
    assert len(error) > 150
    assert np.abs(error.mean(axis=0)).max() < 0.12
    assert error.var(axis=0).sum() == pytest.approx(spread, rel=0.25)


def test_lines_come_in_order_of_arrival_and_after_capture() -> None:
    recording = simulate(states({"a": CAR}), seed=1)
    arrivals = [line["t_arrival_ns"] for line in recording.scans]
    assert arrivals == sorted(arrivals)
    assert all(line["t_arrival_ns"] > line["t_meas_ns"] for line in recording.scans)
    assert {line["sensor"] for line in recording.scans} == {"cam0", "cam1", "cam2", "cam3", "radar", "v2x"}


def test_seed_gives_the_same_again_and_sensors_do_not_disturb_each_other() -> None:
    given = states({"a": CAR}, seconds=5.0)
    assert simulate(given, seed=4) == simulate(given, seed=4)
    assert simulate(given, seed=4).scans != simulate(given, seed=5).scans
    without = simulate(given, seed=4, faults=Faults(dead=("cam0", 1.0)))
    assert of(without, "cam1") == of(simulate(given, seed=4), "cam1")
    assert max(line["t_meas_ns"] for line in of(without, "cam0")) < START_NS + 1_000_000_000


def test_truth_is_the_middle_of_the_body_on_every_tenth_of_a_second() -> None:
    bus: Body = (0.0, 8.0, 0.0, 18.0, 2.55, ObjectClass.BUS)
    recording = simulate(states({"b": bus}, speed=5.0, seconds=4.0), seed=2, setup="clean")
    assert [line["t_ns"] % 100_000_000 for line in recording.truth] == [0] * 41
    at_two = recording.truth[20]["objects"][0]
    assert (at_two["x"], at_two["y"], at_two["vx"], at_two["length"]) == pytest.approx((10.0, 8.0, 5.0, 18.0))
    assert not at_two["ignore"]
    seen = [
        o["x"] - 5.0 * (line["t_meas_ns"] - START_NS) * 1e-9
        for line in of(recording, "cam0")
        for o in line["objects"]
    ]
    assert np.median(seen) == pytest.approx(0.0, abs=0.3)


def test_who_is_far_away_is_not_scored() -> None:
    far: Body = (0.0, 75.0, 0.0, 4.6, 1.8, ObjectClass.CAR)
    truth = simulate(states({"a": CAR, "f": far}, seconds=1.0), seed=1).truth
    assert [o["ignore"] for o in truth[3]["objects"]] == [False, True]


def test_a_truck_hides_a_car_behind_it_and_a_pedestrian_hides_nobody() -> None:
    mount = mounts("four_arm")[0]
    toward = math.atan2(-mount.y_m, -mount.x_m)

    def body(distance: float, length: float, width: float, kind: ObjectClass) -> Body:
        x, y = mount.x_m + distance * math.cos(toward), mount.y_m + distance * math.sin(toward)
        return x, y, toward + math.pi / 2, length, width, kind

    car = body(30.0, 4.6, 1.8, ObjectClass.CAR)
    for blocker, expected in ((ObjectClass.TRUCK, 1.0), (ObjectClass.PEDESTRIAN, 0.0)):
        users = Motion(states({"c": car, "t": body(15.0, 8.5, 2.5, blocker)}, seconds=1.0)).at(START_NS)
        assert hidden_share(users, mount).tolist() == [expected, 0.0]


def test_setups_differ_in_how_far_truth_is_from_what_is_stated() -> None:
    given = states({"a": CAR}, seconds=30.0)

    def offsets(setup: str) -> list[float]:
        found = []
        for seed in range(6):
            places = near(of(simulate(given, seed=seed, setup=setup), "cam1"), 0.0, 8.0)
            found.append(float(np.hypot(*(places.mean(axis=0) - [0.0, 8.0]))))
        return found

    assert max(offsets("clean")) < 0.15
    assert max(offsets("report")) > 0.25


def test_faults_do_what_they_say() -> None:
    given = states({"a": CAR}, seconds=10.0, speed=3.0)
    clean = simulate(given, seed=6, setup="clean")
    late = simulate(given, seed=6, setup="clean", faults=Faults(late=("cam2", 0.2)))
    assert [
        a["t_meas_ns"] - b["t_meas_ns"] for a, b in zip(of(clean, "cam2"), of(late, "cam2"), strict=True)
    ] == [200_000_000] * len(of(clean, "cam2"))
    biased = simulate(given, seed=6, setup="clean", faults=Faults(biased="cam0", bias_m=(0.8, 0.6)))
    moved = near(of(biased, "cam0"), 15.0, 8.0, 40).mean(axis=0) - near(
        of(clean, "cam0"), 15.0, 8.0, 40
    ).mean(axis=0)
    assert moved == pytest.approx([0.8, 0.6], abs=0.2)
    lossy = simulate(given, seed=6, setup="clean", faults=Faults(loss=0.5))
    assert len(of(lossy, "v2x")) < 0.7 * len(of(clean, "v2x"))
    rotated = simulate(given, seed=6, setup="clean", faults=Faults(rotate_s=3.0))
    assert len({line["objects"][0]["id"] for line in of(rotated, "v2x")}) == 4
    outage = simulate(given, seed=6, setup="clean", faults=Faults(gnss_outage_s=(2.0, 8.0)))
    times = [(line["t_meas_ns"] - START_NS) * 1e-9 for line in of(outage, "v2x")]
    assert not any(2.0 <= t < 8.0 for t in times)
    stepped = simulate(given, seed=6, setup="clean", faults=Faults(clock_step=(5.0, -2.0)))
    arrivals = [line["t_arrival_ns"] for line in stepped.scans]
    assert min(b - a for a, b in itertools.pairwise(arrivals)) < -1_900_000_000


@pytest.mark.parametrize("step_s", [2.0, -2.0, 0.73, -0.73])
def test_truth_keeps_to_what_the_clock_of_the_node_shows(step_s: float) -> None:
    given = states({"a": CAR}, seconds=10.0, speed=3.0)
    truth = simulate(given, seed=6, faults=Faults(clock_step=(5.0, step_s))).truth
    shown = [line["t_ns"] - START_NS for line in truth]
    assert all(later > earlier for earlier, later in itertools.pairwise(shown))
    assert all(t_ns % 100_000_000 == 0 for t_ns in shown)
    for t_ns, line in zip(shown, truth, strict=True):
        true_s = t_ns * 1e-9 - (step_s if t_ns >= 5_000_000_000 else 0.0)
        assert line["objects"][0]["x"] == pytest.approx(3.0 * true_s, abs=0.01)
    assert shown[-1] == math.floor((10.0 + step_s) * 10.0 + 1e-6) * 100_000_000


@pytest.mark.parametrize(
    "faults", [Faults(late=("cam9", 0.2)), Faults(dead=("v2x", 1.0)), Faults(biased="x")]
)
def test_fault_of_a_sensor_that_is_not_there_is_refused(faults: Faults) -> None:
    with pytest.raises(ValueError, match="has no sensor"):
        simulate(states({"a": CAR}, seconds=1.0), seed=1, faults=faults)


def test_sensors_sell_their_noise_and_differ_from_it_within_the_setup() -> None:
    given = states({"a": CAR}, seconds=20.0)
    factors = []
    for seed in range(8):
        lines = of(simulate(given, seed=seed, setup="report"), "cam2")
        places = near(lines, 0.0, 8.0)
        stated = np.median([o["cov"][0] + o["cov"][2] for line in lines for o in line["objects"]])
        factors.append(math.sqrt(places.var(axis=0).sum() / stated))
    assert 0.4 < min(factors) < 0.8
    assert 1.25 < max(factors) < 2.5


@pytest.mark.parametrize("scene", sorted(SITES))
def test_no_mast_stands_on_a_road(scene: str) -> None:
    lanes = ET.parse(SCENES / scene / f"{scene}.net.xml").iter("lane")  # noqa: S314 - a file of this project
    shapes = [
        (np.array([p.split(",")[:2] for p in lane.attrib["shape"].split()], dtype=float), lane.attrib)
        for lane in lanes
        if lane.get("allow") != "pedestrian"
    ]
    assert len(shapes) > 10
    for mount in mounts(scene):
        for points, lane in shapes:
            clear = _distance(np.array([mount.x_m, mount.y_m]), points) - 0.5 * float(lane.get("width", 3.2))
            assert clear > 1.0, (mount.name, lane["id"])


def _distance(here: np.ndarray, points: np.ndarray) -> float:
    """Metres to a line of points."""
    along = np.diff(points, axis=0)
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    part = np.clip(((here - points[:-1]) * along).sum(axis=1) / length, 0.0, 1.0)
    return float(np.hypot(*(here - points[:-1] - part[:, None] * along).T).min())
