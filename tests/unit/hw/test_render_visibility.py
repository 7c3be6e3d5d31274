"""The truth of what a camera can see."""

from __future__ import annotations

import numpy as np
import pytest

from edge.core.kinds import ObjectClass
from hw.sim.render import Renderer
from hw.sim.render_light import Light
from hw.sim.render_visibility import visibility
from tests.unit.hw.render_scene import CAMERA, GEOMETRY, STAMP_NS, state_of

CAR, TRUCK, PERSON = ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.PEDESTRIAN


def test_lone_road_user_in_the_middle_is_wholly_visible() -> None:
    seen = visibility(state_of([(CAR, 20.0, 0.0, 0.0), (PERSON, 25.0, 5.0, 0.0)]), CAMERA)
    assert seen.fraction == pytest.approx([1.0, 1.0], abs=0.03)
    assert (seen.height_px > 12).all()
    assert seen.distance_m == pytest.approx([32.0, np.hypot(37.0, 5.0)])


def test_second_car_of_a_queue_is_partly_hidden_by_the_first() -> None:
    alone = visibility(state_of([(CAR, 26.0, 0.0, 180.0)]), CAMERA)
    queue = visibility(state_of([(CAR, 20.0, 0.0, 180.0), (CAR, 26.0, 0.0, 180.0)]), CAMERA)
    assert queue.fraction[0] == pytest.approx(1.0, abs=0.03)
    assert 0.3 < queue.fraction[1] < 0.95
    assert queue.box_px[1] == pytest.approx(alone.box_px[0])


def test_person_behind_a_truck_is_hidden() -> None:
    seen = visibility(state_of([(TRUCK, 14.0, 0.0, 0.0), (PERSON, 20.0, 0.0, 0.0)]), CAMERA)
    assert seen.fraction[1] == 0.0
    assert not np.isnan(seen.box_px[1]).any()


def test_share_outside_the_image_is_not_visible() -> None:
    # The left edge of the image cuts the car near its middle.
    edge = CAMERA.ground_points(np.array([0.0, 150.0]))
    seen = visibility(state_of([(CAR, edge[0], edge[1], 90.0)]), CAMERA)
    assert 0.25 < seen.fraction[0] < 0.75
    assert seen.box_px[0, 0] == 0.0


def test_road_user_out_of_view_has_no_box() -> None:
    seen = visibility(state_of([(CAR, -60.0, 0.0, 0.0), (CAR, 20.0, 0.0, 0.0)]), CAMERA)
    assert np.isnan(seen.box_px[0]).all()
    assert seen.fraction[0] == 0.0
    assert seen.height_px[0] == 0.0
    assert seen.fraction[1] > 0.9


def test_empty_world_has_no_rows() -> None:
    seen = visibility(state_of([]), CAMERA)
    assert seen.box_px.shape == (0, 4)


def test_visible_share_agrees_with_the_pixels_that_are_drawn() -> None:
    quiet = Light(noise=0.0, shadow=0.0)
    hidden, hider = (CAR, 26.0, 0.0, 90.0), (TRUCK, 18.0, 1.6, 0.0)
    renderer = Renderer(CAMERA, GEOMETRY, seed=3, light=quiet)

    def picture(*users: tuple[ObjectClass, float, float, float]) -> np.ndarray:
        return renderer.render(state_of(users), at_ns=STAMP_NS).astype(int)

    alone = np.abs(picture(hidden) - picture()).max(axis=2) > 6
    # The colour of a road user follows its place in the list, so the hidden one stays the first.
    both, only_hider = picture(hidden, hider), picture((CAR, -60.0, 0.0, 0.0), hider)
    left = np.abs(both - only_hider).max(axis=2) > 6
    share = visibility(state_of([hidden, hider]), CAMERA).fraction[0]
    assert 0.1 < share < 0.9
    assert share == pytest.approx(left.sum() / alone.sum(), abs=0.08)
