"""The still part of a rendered picture: grass, roads with markings, buildings, trees, poles."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hw.sim.pinhole import PinholeCamera
from hw.sim.render_draw import SHIFT, fill_world
from hw.sim.render_light import Light

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]

REACH_M = 95.0
CELL_M = 0.125
_ROAD_KINDS = {"vehicle", "bicycle"}


def draw_background(
    camera: PinholeCamera, geometry: dict[str, Any], light: Light, generator: np.random.Generator
) -> Picture:
    """(height, width, 3) uint8 picture without road users, drawn at twice the size and averaged."""
    middle = np.array(camera.position_m[:2])
    plan = _Plan(middle, generator)
    plan.paint(geometry)
    large = PinholeCamera(
        camera.position_m,
        camera.yaw_rad,
        camera.pitch_rad,
        camera.roll_rad,
        camera.focal_px * 2,
        camera.width * 2,
        camera.height * 2,
    )
    picture = _ground(large, plan)
    _sky(picture, large, generator)
    _buildings(picture, large, geometry, light, generator)
    small = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    lit = small.astype(np.float32) * (light.exposure * np.array(light.tint, dtype=np.float32))
    return np.clip(lit, 0, 255).astype(np.uint8)


def _ground(camera: PinholeCamera, plan: _Plan) -> Picture:
    """The ground plan seen through the camera."""
    plan_to_world = np.array(
        [
            [CELL_M, 0.0, plan.origin_m[0] + CELL_M / 2],
            [0.0, CELL_M, plan.origin_m[1] + CELL_M / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    to_centres = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5], [0.0, 0.0, 1.0]])
    homography = to_centres @ camera.ground_to_pixel() @ plan_to_world
    size = (camera.width, camera.height)
    return np.asarray(
        cv2.warpPerspective(
            plan.picture, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
    )


def _sky(picture: Picture, camera: PinholeCamera, generator: np.random.Generator) -> None:
    """Haze and sky above the horizon; the warp has no meaning there."""
    rows, columns = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([columns + 0.5, rows + 0.5], axis=-1)
    ground = camera.ground_points(pixels)
    far = np.isnan(ground[..., 0]) | (
        np.linalg.norm(ground - np.array(camera.position_m[:2]), axis=-1) > REACH_M * 4
    )
    colour = np.array([215.0, 205.0, 195.0]) * generator.uniform(0.75, 1.1)
    picture[far] = np.clip(colour, 0, 255).astype(np.uint8)


class _Plan:
    """A map of the ground colours round the camera, seen from above."""

    def __init__(self, middle_m: Floats, generator: np.random.Generator) -> None:
        self.origin_m = middle_m - REACH_M
        self._generator = generator
        cells = int(2 * REACH_M / CELL_M)
        grass = np.array([generator.uniform(40, 80), generator.uniform(85, 130), generator.uniform(70, 115)])
        self.picture: Picture = np.empty((cells, cells, 3), dtype=np.uint8)
        self.picture[:] = grass.astype(np.uint8)
        self._mottle(22.0, 60)

    def paint(self, geometry: dict[str, Any]) -> None:
        """Roads, pavements, markings, in the order in which they lie on each other."""
        generator = self._generator
        grey = generator.uniform(72, 125)
        asphalt = _colour(generator, grey, 4.0)
        paving = _colour(generator, generator.uniform(130, 175), 6.0)
        cycle = (75, 75, 150) if generator.random() < 0.4 else _colour(generator, grey * 1.05, 3.0)
        white = _colour(generator, generator.uniform(195, 235), 4.0)
        lanes = [lane for lane in geometry.get("lanes", []) if len(lane["points"]) >= 2]
        for lane in lanes:
            if lane["kind"] == "sidewalk":
                self._strip(lane["points"], lane["width_m"] + 0.3, paving)
        for lane in lanes:
            if lane["kind"] in _ROAD_KINDS:
                self._strip(lane["points"], lane["width_m"] + 0.5, asphalt)
        if len(geometry.get("junction", [])) >= 3:
            self._area(geometry["junction"], asphalt)
        for lane in lanes:
            if lane["kind"] == "bicycle":
                self._strip(lane["points"], lane["width_m"] - 0.1, cycle)
        self._wear(lanes, grey)
        for lane in lanes:
            if lane["kind"] in _ROAD_KINDS:
                self._edges(lane, white)
            elif lane["kind"] == "crossing":
                self._zebra(lane, white)
        for line in geometry.get("stop_lines", []):
            self._strip(line, 0.4, white)
        self._mottle(7.0, 240)
        self._speckle()

    def _cells(self, points: Any) -> NDArray[np.int32]:
        cells = (np.asarray(points, dtype=float) - self.origin_m) / CELL_M - 0.5
        return np.asarray(np.rint(np.clip(cells, -20000, 20000) * (1 << SHIFT)), dtype=np.int32)

    def _area(self, points: Any, colour: tuple[float, ...]) -> None:
        cv2.fillPoly(self.picture, [self._cells(points)], colour, cv2.LINE_AA, SHIFT)

    def _strip(self, points: Any, width_m: float, colour: tuple[float, ...]) -> None:
        """A band along a line, with square ends."""
        line = np.asarray(points, dtype=float)
        along = np.diff(line, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        aside = np.stack([-along[:, 1], along[:, 0]], axis=1) * (width_m / 2)
        for i in range(len(along)):
            quad = [line[i] + aside[i], line[i + 1] + aside[i], line[i + 1] - aside[i], line[i] - aside[i]]
            self._area(quad, colour)

    def _edges(self, lane: dict[str, Any], white: tuple[float, ...]) -> None:
        """Dashes on both sides of a lane, as long as it is not a path across the junction."""
        line = np.asarray(lane["points"], dtype=float)
        for side in (-1.0, 1.0):
            border = beside_line(line, side * lane["width_m"] / 2)
            for start in np.arange(0.0, length_of(border) - 3.0, 6.0):
                self._strip([along_line(border, start), along_line(border, start + 3.0)], 0.13, white)

    def _zebra(self, lane: dict[str, Any], white: tuple[float, ...]) -> None:
        """Bars across the way of the walkers."""
        line = np.asarray(lane["points"], dtype=float)
        for start in np.arange(0.5, length_of(line) - 0.5, 1.0):
            self._strip([along_line(line, start), along_line(line, start + 0.5)], lane["width_m"], white)

    def _wear(self, lanes: list[dict[str, Any]], grey: float) -> None:
        """Darker wheel tracks and some patches of other asphalt."""
        generator = self._generator
        tracks = self.picture.copy()
        kept, self.picture = self.picture, tracks
        for lane in lanes:
            if lane["kind"] == "vehicle":
                for side in (-0.8, 0.8):
                    border = beside_line(np.asarray(lane["points"], dtype=float), side)
                    self._strip(border, 0.5, (grey * 0.85,) * 3)
            if lane["kind"] == "vehicle" and generator.random() < 0.5:
                start = generator.uniform(0, length_of(np.asarray(lane["points"], dtype=float)))
                patch = [
                    along_line(np.asarray(lane["points"], dtype=float), start + d)
                    for d in (0.0, generator.uniform(1, 8))
                ]
                self._strip(patch, generator.uniform(0.8, 2.5), (grey * generator.uniform(0.7, 1.2),) * 3)
        share = float(generator.uniform(0.2, 0.6))
        self._blend(tracks, share, kept, 1.0 - share, 0.0)

    def _mottle(self, strength: float, cells: int) -> None:
        """Slow changes of brightness over the whole plan."""
        coarse = self._generator.normal(128, strength, (cells, cells)).clip(0, 255).astype(np.uint8)
        field = cv2.resize(coarse, self.picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        grey = cv2.merge([field, field, field])
        self._blend(self.picture, 1.0, grey, 0.5, -64.0)

    def _speckle(self) -> None:
        """Grain of the surface."""
        tile = self._generator.normal(128, 9, (256, 256)).clip(0, 255).astype(np.uint8)
        times = -(-self.picture.shape[0] // 256)
        field = np.tile(tile, (times, times))[: self.picture.shape[0], : self.picture.shape[1]]
        self._blend(self.picture, 1.0, cv2.merge([field, field, field]), 0.6, -76.8)

    def _blend(self, first: Any, weight: float, second: Any, other_weight: float, offset: float) -> None:
        self.picture = np.asarray(
            cv2.addWeighted(first, weight, second, other_weight, offset), dtype=np.uint8
        )


def _colour(generator: np.random.Generator, grey: float, spread: float) -> tuple[float, ...]:
    return tuple(float(v) for v in np.clip(grey + generator.normal(0, spread, 3), 0, 255))


def length_of(line: Floats) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def along_line(line: Floats, distance_m: float) -> Floats:
    """The point that far along a line; its end when the line is shorter."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    reached = np.concatenate([[0.0], np.cumsum(steps)])
    return np.array([np.interp(distance_m, reached, line[:, 0]), np.interp(distance_m, reached, line[:, 1])])


def beside_line(line: Floats, offset_m: float) -> Floats:
    """A line moved to its left."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    return np.asarray(line + offset_m * np.stack([-along[:, 1], along[:, 0]], axis=1))


def _buildings(
    picture: Picture,
    camera: PinholeCamera,
    geometry: dict[str, Any],
    light: Light,
    generator: np.random.Generator,
) -> None:
    """Blocks and trees away from the roads, the farthest first; none may hide a piece of road."""
    road = road_samples(geometry)
    eye = np.array(camera.position_m[:2])
    found = []
    for _ in range(70):
        centre = eye + generator.uniform(-1.5 * REACH_M, 1.5 * REACH_M, 2)
        tree = generator.random() < 0.5
        size = generator.uniform(2.0, 5.0, 2) if tree else generator.uniform(7.0, 26.0, 2)
        clear = np.linalg.norm(road - centre, axis=1).min(initial=np.inf) > np.linalg.norm(size) / 2 + 3.5
        if clear and np.linalg.norm(centre - eye) > 14.0:
            found.append((float(np.linalg.norm(centre - eye)), centre, size, tree))
    road_px, road_depth = camera.project(np.column_stack([road, np.full(len(road), 1.5)]))
    seen = road_px[(road_depth > 1.0) & (np.linalg.norm(road - eye, axis=1) < 85.0)]
    for _, centre, size, tree in sorted(found, key=lambda item: -item[0]):
        height = generator.uniform(3.0, 8.0) if tree else generator.uniform(4.0, 22.0)
        angle = math.pi / 2 * generator.integers(2) + generator.normal(0, 0.08)
        _block(picture, camera, (centre, size, height, angle), light, generator, seen, tree=tree)


def road_samples(geometry: dict[str, Any]) -> Floats:
    """(n, 2) points a few metres apart on all lanes and over the junction."""
    lines = [np.asarray(lane["points"], dtype=float) for lane in geometry.get("lanes", [])]
    corners = np.asarray(geometry.get("junction", []), dtype=float).reshape(-1, 2)
    lines += [np.stack([corners.mean(axis=0), corner]) for corner in corners]
    samples = [along_line(line, at) for line in lines for at in np.arange(0.0, length_of(line), 4.0)]
    return np.array(samples).reshape(-1, 2)


def _block(
    picture: Picture,
    camera: PinholeCamera,
    place: tuple[Floats, Floats, float, float],
    light: Light,
    generator: np.random.Generator,
    road_px: Floats,
    *,
    tree: bool,
) -> None:
    centre, size, height, angle = place
    cos, sin = math.cos(angle), math.sin(angle)
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * size
    ground = unit @ np.array([[cos, sin], [-sin, cos]]) + centre
    low, high = (np.column_stack([ground, np.full(4, z)]) for z in (0.0, height))
    pixels, depth = camera.project(np.concatenate([low, high]))
    if depth.min() < 1.0:
        return
    hull = cv2.convexHull(pixels.astype(np.float32))
    if any(cv2.pointPolygonTest(hull, (float(u), float(v)), measureDist=False) >= 0 for u, v in road_px):
        return
    colour = np.array([35.0, 75.0, 50.0]) if tree else generator.uniform(90, 200) + generator.normal(0, 18, 3)
    eye = np.array(camera.position_m)
    for i in range(4):
        j = (i + 1) % 4
        normal = np.array([(ground[j] - ground[i])[1], -(ground[j] - ground[i])[0], 0.0])
        normal /= np.linalg.norm(normal)
        if normal @ (eye - low[i]) <= 0:
            continue
        wall = np.array([low[i], low[j], high[j], high[i]])
        shade = float(light.shade(normal)) / light.exposure
        fill_world(picture, camera, wall, tuple(np.clip(colour * shade, 0, 255)))
        if not tree:
            _windows(picture, camera, wall, tuple(np.clip(colour * shade * 0.55, 0, 255)))
    if camera.position_m[2] > height:
        fill_world(picture, camera, high, tuple(np.clip(colour * 0.9, 0, 255)))


def _windows(picture: Picture, camera: PinholeCamera, wall: Floats, colour: tuple[float, ...]) -> None:
    """Rows of windows on one wall."""
    across, up = wall[1] - wall[0], wall[3] - wall[0]
    columns, storeys = max(1, int(np.linalg.norm(across) / 3.0)), max(1, int(up[2] / 3.2))
    for column in range(columns):
        for storey in range(storeys):
            corners = [(0.2, 0.3), (0.8, 0.3), (0.8, 0.8), (0.2, 0.8)]
            pane = [
                wall[0] + across * ((column + a) / columns) + up * ((storey + b) / storeys)
                for a, b in corners
            ]
            fill_world(picture, camera, np.array(pane), colour)
