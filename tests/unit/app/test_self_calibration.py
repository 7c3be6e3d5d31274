"""Self-calibration in the node: what is collected, proposed, applied, and taken over from the command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from edge.app import calibrate_cars
from edge.app.calibration_store import (
    apply_document,
    as_document,
    digest_of,
    proposal_path,
    read_document,
    write_document,
)
from edge.app.camera_parts import projection_of
from edge.app.demo_site import DemoPorts, write_site
from edge.app.self_calibration import SelfCalibration, propose, read_data
from edge.config import SiteConfig, load_site
from edge.core.errors import ConfigError
from edge.core.health import HealthState
from edge.core.stamp import NS_PER_S, Stamp, TimeSource
from edge.core.v2x import V2xReport
from edge.flow.board import HealthBoard
from edge.perception.car_calibration import Proposal
from edge.perception.car_data import CarData
from edge.perception.pose import pose_of_view
from tests.unit.perception.test_car_calibration import _street

T0 = 1_700_000_000 * NS_PER_S


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return write_site(tmp_path, DemoPorts(*range(1, 10)))


def _with(site: SiteConfig, mode: str) -> SiteConfig:
    cameras = tuple(camera.model_copy(update={"self_calibrate": mode}) for camera in site.camera)
    return site.model_copy(update={"camera": cameras})


def _document(site: SiteConfig, *, step_m: float = 0.0) -> dict:
    camera = site.camera[0]
    assert camera.image_size is not None
    view = projection_of(camera, site, image_size=camera.image_size).view
    points = tuple((u, v, x + step_m, y) for u, v, x, y in camera.points)
    figures = {"change_m": 1.0, "before_m": 2.0, "after_m": 0.5}
    pose = pose_of_view(view, image_size=camera.image_size)
    found = Proposal("accepted", "better", pose, 0.1, (0.1,) * 8, figures, points)
    return as_document(found, camera, size=camera.image_size, made_ns=T0)


def test_applied_proposal_moves_the_ground_only_where_it_may(path: Path) -> None:
    site = load_site(path)
    document = _document(site, step_m=1.0)
    for mode, step in (("apply", 1.0), ("propose", 0.0)):
        chosen = _with(site, mode)
        camera = chosen.camera[0]
        assert camera.image_size is not None
        apply_document(site.state_directory, camera, document)
        pixel = np.array([[240.0, 200.0]])
        now = projection_of(camera, chosen, image_size=camera.image_size).ground_points(pixel)
        marked = projection_of(camera, chosen, image_size=camera.image_size, marked_only=True)
        assert (now - marked.ground_points(pixel))[0] == pytest.approx([step, 0.0], abs=0.01)


def test_proposal_for_other_points_is_not_used(path: Path) -> None:
    site = load_site(path)
    camera = site.camera[0]
    write_document(proposal_path(site.state_directory, camera.name), _document(site))
    assert read_document(proposal_path(site.state_directory, camera.name), camera) is not None
    other = camera.model_copy(update={"points": camera.points[:-1]})
    assert digest_of(other) != digest_of(camera)
    assert read_document(proposal_path(site.state_directory, camera.name), other) is None


def test_applying_keeps_what_was_before(path: Path) -> None:
    site = load_site(path)
    camera, state = site.camera[0], site.state_directory
    apply_document(state, camera, _document(site, step_m=0.5))
    apply_document(state, camera, _document(site, step_m=0.9))
    before = read_document(proposal_path(state, camera.name, "previous"), camera)
    assert before is not None
    assert before["points"][0][2] == pytest.approx(camera.points[0][2] + 0.5)


def test_damaged_proposal_is_none(path: Path) -> None:
    site = load_site(path)
    camera = site.camera[0]
    target = proposal_path(site.state_directory, camera.name)
    target.parent.mkdir(parents=True)
    for text in ("{", "[]", '{"of": 3}'):
        target.write_text(text, encoding="utf-8")
        assert read_document(target, camera) is None


def test_command_writes_the_points_and_keeps_the_old_file(path: Path) -> None:
    site = load_site(path)
    camera = site.camera[0]
    write_document(proposal_path(site.state_directory, camera.name), _document(site, step_m=1.0))
    said: list[str] = []

    def run(*, ask: bool) -> None:
        calibrate_cars.take_over(
            path, camera=camera.name, data=None, agreed=False, say=said.append, ask=lambda _text: ask
        )

    run(ask=False)
    assert load_site(path).camera[0].points == camera.points
    run(ask=True)
    assert load_site(path).camera[0].points[0][2] == pytest.approx(camera.points[0][2] + 1.0, abs=0.001)
    assert path.with_name(path.name + ".bak").exists()
    with pytest.raises(ConfigError, match="no proposal"):
        run(ask=True)


def test_recorded_data_is_solved_and_refused_with_the_reason(path: Path, tmp_path: Path) -> None:
    site = load_site(path)
    data = tmp_path / "data.npz"
    few = _street(cars=5)
    np.savez(data, boxes=few.boxes, reports=few.reports)
    with pytest.raises(ConfigError, match="only 5 connected vehicles"):
        calibrate_cars.take_over(
            path,
            camera=site.camera[0].name,
            data=data,
            agreed=True,
            say=lambda _line: None,
            ask=lambda _text: True,
        )
    data.write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="does not read"):
        read_data(data)


def test_proposal_is_written_for_health_and_command(path: Path) -> None:
    site = load_site(path)
    camera = site.camera[0]
    document = propose(site, camera, CarData(np.empty((0, 8)), np.empty((0, 10))))
    assert document == read_document(proposal_path(site.state_directory, camera.name), camera)


def _report(number: int, second: float) -> V2xReport:
    stamp = Stamp(T0 + round(second * NS_PER_S), TimeSource.SENSOR)
    return V2xReport(
        "v", "j2735-2020", f"{number:08x}", stamp, stamp.capture_ns, second, 0.0, None, 0.0, 8.0, 0.0
    )


async def test_node_solves_in_a_child_and_says_why_nothing_came(path: Path) -> None:
    site = load_site(path)
    camera = site.camera[0]
    board = HealthBoard(now_ns=lambda: T0)
    node = SelfCalibration(site, path, board)
    component = f"camera.{camera.name}.calibration.cars"
    await node.look(camera)
    assert "0 connected vehicles so far" in _message(board, component)
    node.hear([_report(car, 0.1 * k) for car in range(7) for k in range(20)])
    await asyncio.wait_for(node.look(camera), 60.0)
    assert "no image track follows" in _message(board, component)
    assert board.state(component) is HealthState.OK
    assert board.counters(component)["refused"] == 1


def _message(board: HealthBoard, component: str) -> str:
    return next(found.message for found in board.snapshot() if found.component == component)


@pytest.mark.parametrize(("mode", "state"), [("propose", HealthState.DEGRADED), ("apply", HealthState.OK)])
def test_accepted_proposal_is_told_or_applied(path: Path, mode: str, state: HealthState) -> None:
    site = _with(load_site(path), mode)
    camera = site.camera[0]
    board = HealthBoard(now_ns=lambda: T0)
    node = SelfCalibration(site, path, board)
    node._tell(camera, _document(site))
    component = f"camera.{camera.name}.calibration.cars"
    assert board.state(component) is state
    applied = read_document(proposal_path(site.state_directory, camera.name, "applied"), camera)
    assert (applied is not None) == (mode == "apply")
    assert [event.kind for event in board.events] == ["calibration_applied"] * (mode == "apply")


def test_change_beyond_bounds_is_never_applied(path: Path) -> None:
    site = _with(load_site(path), "apply")
    camera = site.camera[0]
    board = HealthBoard(now_ns=lambda: T0)
    document = _document(site)
    document["pose"]["yaw_rad"] += 0.2
    SelfCalibration(site, path, board)._tell(camera, document)
    assert read_document(proposal_path(site.state_directory, camera.name, "applied"), camera) is None
    assert board.state(f"camera.{camera.name}.calibration.cars") is HealthState.DEGRADED
