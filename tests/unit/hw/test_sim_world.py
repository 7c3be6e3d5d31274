"""The simulated world in lock-step. SUMO holds one simulation per process, so its runs happen one after another."""

from __future__ import annotations

import json
import math
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_S
from edge.road.map_json import intersection_from_map
from hw.sim.gnss import GnssError
from hw.sim.lockstep import open_world
from hw.sim.poses import WorldState
from hw.sim.recording import LENGTH_S
from hw.sim.scene_files import SCENES
from hw.sim.traffic import centre_of_front
from hw.sim.tscbm_sender import encode_tscbm

START_NS = 1_700_000_000 * NS_PER_S


def states_of(source: str, *, seed: int = 1, steps: int = 100, rate_hz: float = 20.0) -> list[WorldState]:
    if source == "sumo":
        pytest.importorskip("libsumo", reason="SUMO is an optional extra", exc_type=ImportError)
    world = open_world(seed=seed, source=source, rate_hz=rate_hz, start_ns=START_NS)
    try:
        return [world.step() for _ in range(steps)]
    finally:
        world.close()


def test_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, again, other = (states_of("sumo", seed=seed)[-1] for seed in (1, 1, 2))
    assert (first.ids, first.lamps, first.groups) == (again.ids, again.lamps, again.groups)
    assert np.array_equal(first.rows, again.rows)
    assert first.ids != other.ids


@pytest.mark.parametrize("source", ["sumo", "recorded"])
def test_sources_give_the_same_kind_of_state(source: str) -> None:
    states = states_of(source)
    assert [s.stamp_ns for s in states] == [START_NS + (k + 1) * NS_PER_S // 20 for k in range(100)]
    rows = states[-1].rows
    assert len(set(states[-1].ids)) == len(rows) > 15
    assert set(rows["kind"]) >= {ObjectClass.CAR, ObjectClass.BICYCLE, ObjectClass.PEDESTRIAN}
    assert len(states[-1].lamps) == 24
    assert len(states[-1].groups) == 12
    assert np.all(rows["length"] > 0.2)
    assert 0 < rows["equipped"].sum() < len(rows)


def test_recording_goes_round_without_a_jump() -> None:
    before = states_of("recorded", steps=round(LENGTH_S * 2) + 4, rate_hz=2.0)
    for old, new in pairwise(before):
        place = {name: i for i, name in enumerate(new.ids)}
        for row, name in zip(old.rows, old.ids, strict=True):
            if name in place:
                there = new.rows[place[name]]
                assert math.hypot(there["x"] - row["x"], there["y"] - row["y"]) < 10.0


def test_centre_of_a_bus_lies_six_metres_behind_its_front() -> None:
    x, y, yaw = centre_of_front((100.0, 50.0), 90.0, 12.0)
    assert (x, y, yaw) == pytest.approx((94.0, 50.0, 0.0))
    x, y, yaw = centre_of_front((0.0, 0.0), 180.0, 12.0)
    assert (x, y, yaw) == pytest.approx((0.0, 6.0, -math.pi / 2))


def test_motor_vehicles_keep_to_map_lanes_outside_the_junction() -> None:
    document = json.loads(Path(SCENES / "four_arm" / "map.json").read_text(encoding="utf-8"))
    lanes = [lane.points_m for lane in intersection_from_map(document).lanes]
    near = []
    for row in states_of("recorded", steps=1)[-1].rows:
        here = np.array([row["x"], row["y"]], dtype=float)
        if row["kind"] > ObjectClass.MOTORCYCLE or max(abs(here)) < 25.0:
            continue
        near.append(min(_distance(here, points) for points in lanes) < 1.0)
    assert len(near) > 5
    assert np.mean(near) > 0.9


def _distance(here: np.ndarray, points: np.ndarray) -> float:
    along = points[-1] - points[0]
    part = np.clip((here - points[0]) @ along / (along @ along), 0.0, 1.0)
    return float(np.hypot(*(here - points[0] - part * along)))


def test_tscbm_bytes_carry_lamps_countdown_and_clock() -> None:
    state = states_of("recorded", steps=1)[-1]
    datagram = encode_tscbm(state, sequence=300)
    assert (len(datagram), datagram[0], datagram[1], datagram[234] >> 3, datagram[235]) == (
        245,
        0xCD,
        16,
        2,
        44,
    )
    masks = dict(zip(("RED", "YELLOW", "GREEN"), struct.unpack_from(">3H", datagram, 210), strict=True))
    for group in state.groups[:8]:
        number = int(str(group["number"]))
        block = struct.unpack_from(">B6H", datagram, 2 + 13 * (number - 1))
        assert block[:3] == (number, group["min_ds"], group["max_ds"])
        assert [name for name, mask in masks.items() if mask >> (number - 1) & 1] == [group["lamp"]]
    second = int.from_bytes(datagram[236:239], "big") + struct.unpack_from(">H", datagram, 239)[0] / 1000
    assert second == pytest.approx(state.stamp_ns / NS_PER_S % 86_400, abs=0.001)
    conflicting = encode_tscbm(state, sequence=0, conflicting_greens=True)
    assert struct.unpack_from(">H", conflicting, 214)[0] & 0b1010 == 0b1010


def test_gnss_error_has_the_size_that_it_says() -> None:
    errors = [GnssError(np.random.default_rng(seed)).next(0.1) for seed in range(2000)]
    assert np.std(errors, axis=0) == pytest.approx([0.78, 0.78, 0.25], rel=0.1)
