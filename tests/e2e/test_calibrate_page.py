"""The calibration page in a real browser: an engineer marks a rendered camera, sees the errors, and saves."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.app.calibrate import make_server
from edge.app.calibrate_plan import plan_of
from edge.app.camera_parts import projection_of
from edge.app.demo_site import SCENE_DIRECTORY, free_ports, write_site
from edge.config import load_site
from edge.config.marks import Mark, Marks
from edge.config.save import save_marks
from edge.core.geodesy import LocalFrame
from edge.road import load_intersection
from hw.sim.camera import read_geometry
from hw.sim.camera_placement import calibration_points, load_cameras
from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState, empty_rows
from hw.sim.render import Renderer
from tests.e2e.browser import Browser, browser, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "a browser is there")

CAMERA = "south_west"
REMARK = "# The pole at the corner of First Street; keep in mind that the crossing was repainted."
MARKS = 8
HOSTILE = "<img src=x onerror=alert(1)>"
NEAR_M = 40.0


@pytest.fixture
def pinhole() -> PinholeCamera:
    return load_cameras(SCENE_DIRECTORY / "cameras.toml")[CAMERA]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The demo's site file before its first camera has any points."""
    path = write_site(tmp_path, free_ports())
    lines = path.read_text().splitlines()
    start = next(k for k, line in enumerate(lines) if line == f'name = "{CAMERA}"')
    wanted = ("image_size", "points")
    mine = [k for k in range(start, start + 8) if lines[k].split(" ")[0] in wanted][:2]
    kept = [line for k, line in enumerate(lines) if k not in mine]
    kept.insert(start, REMARK)
    path.write_text("\n".join(kept) + "\n")
    return path


@pytest.fixture
def address(site: Path, pinhole: PinholeCamera, tmp_path: Path) -> Iterator[str]:
    """The page, served over a rendered picture."""
    renderer = Renderer(pinhole, read_geometry(SCENE_DIRECTORY), seed=3)
    image = tmp_path / "picture.png"
    cv2.imwrite(str(image), renderer.render(WorldState(0, (), empty_rows(0)), at_ns=0))
    server = make_server(site, camera=CAMERA, image=image)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def spread_marks(pinhole: PinholeCamera) -> list[dict[str, Any]]:
    """Spots of the map that the picture shows, far from each other, with their true pixels."""
    plan = plan_of(load_intersection(SCENE_DIRECTORY / "map.json", frame=demo_frame()))
    spots = []
    for snap in plan["snaps"]:
        pixel, depth = pinhole.project(np.array([snap["x"], snap["y"], 0.0]))
        inside = 6 < pixel[0] < pinhole.width - 6 and 6 < pixel[1] < pinhole.height - 6
        if depth > 0 and inside and np.hypot(snap["x"], snap["y"]) < NEAR_M:
            spots.append({**snap, "u": float(pixel[0]), "v": float(pixel[1])})
    places = np.array([[spot["u"], spot["v"]] for spot in spots])
    chosen = [int(np.argmax(places[:, 1]))]
    while len(chosen) < MARKS:
        gaps = np.linalg.norm(places[:, None] - places[chosen], axis=2).min(axis=1)
        chosen.append(int(np.argmax(gaps)))
    return [spots[k] for k in chosen]


def demo_frame() -> LocalFrame:
    import tomllib

    return LocalFrame(**tomllib.loads((SCENE_DIRECTORY / "scene.toml").read_text())["origin"])


def where(page: Browser, pane: str, x: float, y: float) -> tuple[float, float]:
    """Window place of a pixel of the picture, or of metres on the map."""
    method = {"picture": "onPicture", "plan": "onPlan"}[pane]
    script = f"""
        const box = document.querySelector('#{pane}').getBoundingClientRect();
        const at = window.__calibration.{method}({x}, {y});
        return [box.left + at[0], box.top + at[1]];"""
    found = page.run(script)
    return float(found[0]), float(found[1])


def click_closely(page: Browser, pane: str, x: float, y: float) -> None:
    """Zoom in on a spot, click it, zoom out again."""
    page.wheel(*where(page, pane, x, y), -1800)
    at = where(page, pane, x, y)
    page.click(round(at[0]), round(at[1]))
    page.run(f"document.querySelector('#{pane}-zoom [data-view=fit]').click()")


def settle(page: Browser, points: int) -> dict[str, Any]:
    page.wait_for(f"window.__calibration.settled && window.__calibration.points === {points}")
    fit = page.run("return window.__calibration.fit")
    assert isinstance(fit, dict)
    return fit


def shown_errors(page: Browser) -> list[str]:
    script = "return [...document.querySelectorAll('#points td.error')].map(e => e.textContent)"
    return [str(text) for text in page.run(script)]


def test_engineer_marks_a_new_camera_sees_the_errors_and_saves(
    address: str, site: Path, pinhole: PinholeCamera, tmp_path: Path
) -> None:
    marks = spread_marks(pinhole)
    with browser(tmp_path / "profile") as page:
        page.open(address)
        page.wait_for("window.__calibration && window.__calibration.settled")
        assert "Mark 4 more points" in page.text("#verdict-text")
        assert page.run("return document.querySelector('#save').disabled") is True
        for count, mark in enumerate(marks, start=1):
            click_closely(page, "picture", mark["u"], mark["v"])
            assert f"Point {count}: now click the same spot on the map" in page.text("#step")
            page.click(*(round(v) for v in where(page, "plan", mark["x"], mark["y"])))
            settle(page, count)
        check_good(page)
        check_a_mistake_turns_red_and_can_be_undone(page, marks[2])
        page.run("document.querySelector('#save').click()")
        page.wait_for("document.querySelector('#notice').dataset.kind === 'saved'")
        assert "8 points and the image size written" in page.text("#notice-text")
        keep(page, "calibrate")
        assert page.errors() == []
    check_site(site, pinhole)


def test_points_of_the_file_can_be_typed_over_in_degrees_and_deleted(
    address: str, site: Path, pinhole: PinholeCamera, tmp_path: Path
) -> None:
    typed = pinhole.ground_points(np.array([240.0, 200.0]))
    corners = [calibration_points(pinhole)[k] for k in (0, 2, 9, 11)]
    rows = tuple(Mark(row[:2], row[2:], HOSTILE) for row in corners)
    save_marks(site, CAMERA, Marks("points", rows, (pinhole.width, pinhole.height)))
    with browser(tmp_path / "profile", width=1000, height=700) as page:
        page.open(address)
        page.wait_for("window.__calibration && window.__calibration.settled")
        assert settle(page, 4)["state"] == "fitted"
        assert page.run("return document.querySelector('#points [data-cell=note]').value") == HOSTILE
        page.run("document.querySelector('#add').click()")
        page.run("document.querySelector('[data-unit=points_wgs84]').click()")
        latitude, longitude = demo_frame().to_geodetic(*typed)
        page.type("#points tr:last-child [data-cell=x]", f"{latitude:.8f}, {longitude:.8f}")
        page.type("#points tr:last-child [data-cell=u]", "240")
        page.type("#points tr:last-child [data-cell=v]", "200")
        page.wait_for("window.__calibration.settled && window.__calibration.fit.residual_px.length === 5")
        page.run("document.querySelector('[data-unit=points]').click()")
        cells = "[...document.querySelectorAll('#points tr:last-child input')].map(e => e.value)"
        u, v, x, y, _note = page.run(f"return {cells}")
        assert (float(u), float(v)) == (240.0, 200.0)
        assert (float(x), float(y)) == pytest.approx(tuple(typed), abs=0.002)
        page.run("document.querySelector('#points tr:last-child button').click()")
        assert settle(page, 4)["state"] == "fitted"
        page.run("document.querySelector('#points tr:last-child button').click()")
        assert settle(page, 3)["state"] == "few"
        assert page.run("return document.querySelector('#save').disabled") is True
        page.run("document.querySelector('#undo').click(); document.querySelector('#undo').click()")
        settle(page, 5)
        width = page.run("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert width[0] <= width[1], "nothing hangs over the side"
        save_marks(site, CAMERA, Marks("points", rows, (pinhole.width + 1, pinhole.height)))
        page.run("document.querySelector('#save').click()")
        page.wait_for("document.querySelector('#notice').dataset.kind === 'failed'")
        assert "reload the page" in page.text("#notice-text"), "somebody else has saved meanwhile"
        assert [error for error in page.errors() if "422" not in error] == []


def check_good(page: Browser) -> None:
    fit = page.run("return window.__calibration.fit")
    assert fit["state"] == "fitted"
    assert fit["camera"]["height_m"] == pytest.approx(9.5, abs=0.2)
    assert [float(text) < 0.3 for text in shown_errors(page)] == [True] * MARKS
    assert page.text("#verdict-word") == "Add points", "they agree, but none is far away"
    assert "at 60 m" in page.text("#verdict-text")
    assert page.run("return document.querySelector('#points input[data-cell=note]').value") != ""


def check_a_mistake_turns_red_and_can_be_undone(page: Browser, mark: dict[str, Any]) -> None:
    start = where(page, "picture", mark["u"], mark["v"])
    page.drag(start, (start[0] + 8, start[1] + 6), (start[0] + 12, start[1] + 10))
    settle(page, MARKS)
    keep(page, "calibrate-mistake")
    assert page.run("return document.querySelectorAll('#points tr[data-grade=bad]').length") > 0
    assert "Point 3 does not agree with the others" in page.text("#verdict-text")
    keep(page, "calibrate-mistake")
    page.run("document.querySelector('#undo').click()")
    settle(page, MARKS)
    check_good(page)


def check_site(site: Path, pinhole: PinholeCamera) -> None:
    assert REMARK in site.read_text()
    loaded = load_site(site)
    config = next(camera for camera in loaded.camera if camera.name == CAMERA)
    size = (pinhole.width, pinhole.height)
    assert config.image_size == size
    projection = projection_of(config, loaded, image_size=size)
    columns, rows = np.meshgrid(np.linspace(5, size[0] - 5, 12), np.linspace(60, size[1] - 5, 12))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    truth = pinhole.ground_points(pixels)
    near = np.hypot(*(truth - np.array(pinhole.position_m[:2])).T) < NEAR_M
    assert near.sum() > 80
    gap = np.hypot(*(projection.ground_points(pixels[near]) - truth[near]).T)
    assert gap.max() < 0.3


def keep(page: Browser, name: str) -> None:
    """Save a picture of the page where EDGE_SCREENSHOTS names a folder."""
    folder = os.environ.get("EDGE_SCREENSHOTS")
    if folder:
        page.screenshot(Path(folder) / f"{name}.png")
