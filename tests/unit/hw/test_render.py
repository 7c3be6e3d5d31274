"""Pictures of the simulated world."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.kinds import ObjectClass
from hw.sim.poses import WorldState, empty_rows
from hw.sim.render import Renderer
from hw.sim.render_light import Light, random_light
from hw.sim.render_order import back_to_front
from hw.sim.render_shapes import shapes_of
from hw.sim.render_visibility import visibility
from tests.unit.hw.render_scene import CAMERA, GEOMETRY, STAMP_NS, state_of

QUIET = Light(noise=0.0, shadow=0.0)


@pytest.fixture(scope="module")
def quiet() -> Renderer:
    """No noise and no shadows, so that only road users change the picture."""
    return Renderer(CAMERA, GEOMETRY, seed=3, light=QUIET)


def changed(renderer: Renderer, state: WorldState, *, at_ns: int = STAMP_NS) -> np.ndarray:
    """(m, 2) pixels u, v that differ from the empty road."""
    empty = renderer.render(state_of([]), at_ns=at_ns).astype(int)
    full = renderer.render(state, at_ns=at_ns).astype(int)
    rows, columns = np.nonzero(np.abs(full - empty).max(axis=2) > 6)
    return np.stack([columns + 0.5, rows + 0.5], axis=1)


def test_same_seed_and_time_give_the_same_picture() -> None:
    state = state_of([(ObjectClass.CAR, 20.0, 1.7, 180.0)])
    pictures = [Renderer(CAMERA, GEOMETRY, seed=seed).render(state, at_ns=STAMP_NS) for seed in (5, 5, 6)]
    assert pictures[0].shape == (288, 480, 3)
    assert pictures[0].dtype == np.uint8
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_noise_differs_between_instants_but_not_between_repeats() -> None:
    renderer = Renderer(CAMERA, GEOMETRY, seed=5)
    first, second, again = (renderer.render(state_of([]), at_ns=STAMP_NS + dt) for dt in (0, 1, 0))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, again)


@pytest.mark.parametrize("kind", [kind for kind in ObjectClass if kind is not ObjectClass.UNKNOWN])
def test_road_user_is_drawn_where_it_projects(kind: ObjectClass, quiet: Renderer) -> None:
    state = state_of([(kind, 22.0, 1.7, 160.0)])
    pixels = changed(quiet, state)
    box = visibility(state, CAMERA).box_px[0]
    drawn = np.concatenate([pixels.min(axis=0) - 0.5, pixels.max(axis=0) + 0.5])
    assert drawn == pytest.approx(box, abs=2.0)
    ground, _ = CAMERA.project(np.array([22.0, 1.7, 0.0]))
    assert box[0] < ground[0] < box[2]
    assert box[1] < ground[1] < box[3] + 0.5


def test_road_user_out_of_view_changes_nothing(quiet: Renderer) -> None:
    assert len(changed(quiet, state_of([(ObjectClass.BUS, -60.0, 0.0, 0.0)]))) == 0


def test_bus_that_passes_under_the_camera_is_cut_and_drawn(quiet: Renderer) -> None:
    state = state_of([(ObjectClass.BUS, -7.5, 0.0, 0.0)])
    pixels = changed(quiet, state)
    assert len(pixels) > 300
    assert pixels[:, 1].max() > 286


def test_moving_road_user_is_drawn_where_it_is_by_then(quiet: Renderer) -> None:
    state = state_of([(ObjectClass.CAR, 20.0, 1.7, 0.0)], speed_mps=10.0)
    later = state_of([(ObjectClass.CAR, 22.0, 1.7, 0.0)])
    moved = changed(quiet, state, at_ns=STAMP_NS + 200_000_000)
    assert np.array_equal(moved, changed(quiet, later))


def test_extrapolation_is_bounded(quiet: Renderer) -> None:
    state = state_of([(ObjectClass.CAR, 20.0, 1.7, 0.0)], speed_mps=10.0)
    long_ago = changed(quiet, state, at_ns=STAMP_NS + 60_000_000_000)
    assert np.array_equal(long_ago, changed(quiet, state, at_ns=STAMP_NS + 500_000_000))


def test_shadow_darkens_the_ground_beside_a_road_user() -> None:
    renderer = Renderer(
        CAMERA, GEOMETRY, seed=3, light=Light(noise=0.0, shadow=0.5, sun_yaw_rad=-math.pi / 2)
    )
    shift = renderer.light.shadow_shift() * 3.1
    pixel, _ = CAMERA.project(np.array([20.0 + shift[0], 1.7 + shift[1] + 0.8, 0.0]))
    column, row = pixel.astype(int)
    empty = renderer.render(state_of([]), at_ns=STAMP_NS)[row, column].astype(int)
    full = renderer.render(state_of([(ObjectClass.BUS, 20.0, 1.7, 0.0)]), at_ns=STAMP_NS)[row, column].astype(
        int
    )
    assert full.sum() < 0.7 * empty.sum()


def test_near_road_user_hides_the_far_one(quiet: Renderer) -> None:
    near, far = (ObjectClass.TRUCK, 14.0, 0.0, 0.0), (ObjectClass.PEDESTRIAN, 21.0, 0.0, 0.0)
    alone, both = (quiet.render(state_of(users), at_ns=STAMP_NS) for users in ([near], [near, far]))
    assert np.array_equal(alone, both)


def test_unknown_and_odd_rows_are_drawn_without_failing(quiet: Renderer) -> None:
    rows = empty_rows(2)
    rows["kind"] = [int(ObjectClass.UNKNOWN), 200]
    rows["x"], rows["y"] = [20.0, 30.0], [0.0, 0.0]
    picture = quiet.render(WorldState(STAMP_NS, ("a", "b"), rows), at_ns=STAMP_NS)
    assert picture.shape == (288, 480, 3)


def test_light_is_drawn_from_the_generator_alone() -> None:
    assert random_light(np.random.default_rng(4)) == random_light(np.random.default_rng(4))


@pytest.mark.parametrize("kind", list(ObjectClass))
def test_faces_of_every_shape_look_outwards(kind: ObjectClass) -> None:
    for shape in shapes_of(kind):
        corners = shape.quads[shape.solid]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])
        outwards = corners.mean(axis=1) - shape.part_centre[shape.part[shape.solid]]
        assert (np.einsum("ij,ij->i", normal, outwards) > -1e-9).all()
        assert np.abs(shape.quads[..., :2]).max() < 0.8
        assert shape.quads[..., 2].min() >= 0.0
        assert shape.quads[..., 2].max() <= 1.0


def test_long_vehicle_beside_a_nearer_car_is_drawn_first() -> None:
    # The near end of the bus is nearer than the car, yet the car stands between it and the eye.
    bus = np.array([[5.0, 4.0], [20.0, 4.0], [20.0, 6.5], [5.0, 6.5]])
    car = np.array([[14.0, 1.0], [18.0, 1.0], [18.0, 2.8], [14.0, 2.8]])
    for footprints in (np.stack([bus, car]), np.stack([car, bus])):
        order = back_to_front(footprints, np.array([0.0, -3.0]))
        assert footprints[order[0]][0, 1] == 4.0


def entry_m(boxes: np.ndarray, angle: float) -> np.ndarray:
    """Where a ray from the origin enters each upright box along the axes; infinite when it misses."""
    direction = np.array([math.cos(angle), math.sin(angle)])
    low, high = boxes.min(axis=1) / direction, boxes.max(axis=1) / direction
    enters, leaves = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
    return np.where((enters < leaves) & (enters > 0), enters, np.inf)


@given(st.integers(0, 10_000), st.integers(2, 14))
def test_along_every_line_of_sight_the_farther_is_drawn_first(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    cells = [np.array(cell) * 8.0 for cell in itertools.product(range(1, 6), range(-3, 4))]
    chosen = generator.permutation(len(cells))[:count]
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    boxes = np.stack([cells[i] + unit * generator.uniform(1.0, 7.0, 2) for i in chosen])
    order = back_to_front(boxes, np.zeros(2))
    assert sorted(order.tolist()) == list(range(count))
    for angle in np.linspace(-1.4, 1.4, 56):
        along = entry_m(boxes, angle)[order]
        hit = along[np.isfinite(along)]
        assert (np.diff(hit) < 0).all()
