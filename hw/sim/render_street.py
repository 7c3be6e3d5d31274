"""The still part of a varied scene: textured ground, buildings, and trees and poles that hide road users."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hw.sim.pinhole import PinholeCamera
from hw.sim.render_background import along_line, beside_line, length_of, road_samples
from hw.sim.render_draw import SHIFT, fill_world
from hw.sim.render_draws import Draws
from hw.sim.render_light import Light
from hw.sim.render_textures import HELD, TRAINED, Texture
from hw.sim.render_weather import Weather, through_fog

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]

REACH_M = 90.0
CELL_M = 0.16
_SKY_M = 1e4
_NEAR_M = 65.0
_GRASS, _ROAD, _PAVING, _CYCLE, _PAINT, _PATCH = range(6)


@dataclass(frozen=True, slots=True)
class Street:
    """What stands still, as the camera's pinhole sees it.

    Attributes:
        picture: (h, w, 3) uint8 blue green red, lit and in its fog.
        distance_m: (h, w) float32 from the lens to what is seen; 10,000 in the sky.
        screen_m: (h, w) float32 distance of the trees and poles that may hide road users; infinite where none is.
        lamps_m: (k, 2) ground points below street lamps.
    """

    picture: Picture
    distance_m: NDArray[np.float32]
    screen_m: NDArray[np.float32]
    lamps_m: Floats


def draw_street(
    camera: PinholeCamera, geometry: dict[str, Any], light: Light, weather: Weather, draws: Draws
) -> Street:
    """Draw ground, sky, buildings, trees and poles for one pinhole camera."""
    road = road_samples(geometry)
    near = road[np.linalg.norm(road - np.array(camera.position_m[:2]), axis=1) < _NEAR_M]
    lamps = _lamp_places(near, draws)
    plan = _Plan(np.array(camera.position_m[:2]), draws)
    plan.paint(geometry)
    lit = plan.coloured(light, weather, lamps)
    picture, distance = _seen_ground(camera, plan.origin_m, lit)
    picture[distance >= _SKY_M] = np.clip(_sky_colour(draws, weather, light), 0, 255)
    canvas = _Canvas(camera, picture, distance, np.full(distance.shape, np.inf, dtype=np.float32))
    _buildings(canvas, road, light, draws)
    _roadside(canvas, road, near, lamps, light, draws)
    hazy = through_fog(canvas.picture, canvas.distance_m, weather)
    return Street(np.clip(hazy, 0, 255).astype(np.uint8), canvas.distance_m, canvas.screen_m, lamps)


def _lamp_places(road: Floats, draws: Draws) -> Floats:
    """Points beside the roads, some 25 m apart."""
    chosen = road[draws.generator.integers(0, len(road), 14)]
    return np.asarray(chosen + draws.generator.normal(0, 2.5, chosen.shape))


def _sky_colour(draws: Draws, weather: Weather, light: Light) -> Floats:
    level = 45.0 if weather.night else 150.0 + 80.0 * light.exposure
    return np.array([level * draws.uniform(0.95, 1.1), level, level * draws.uniform(0.85, 1.02)])


class _Plan:
    """A map of the ground from above: what it is made of first, its colours afterwards."""

    def __init__(self, middle_m: Floats, draws: Draws) -> None:
        self.origin_m = middle_m - REACH_M
        self._draws = draws
        cells = int(2 * REACH_M / CELL_M)
        self.kind: Picture = np.zeros((cells, cells), dtype=np.uint8)

    def paint(self, geometry: dict[str, Any]) -> None:
        """Roads, pavements, patches and markings, in the order in which they lie on each other."""
        lanes = [lane for lane in geometry["lanes"] if len(lane["points"]) >= 2]
        for kind, material, wider in (
            ("sidewalk", _PAVING, 0.4),
            ("vehicle", _ROAD, 0.5),
            ("bicycle", _ROAD, 0.5),
        ):
            for lane in lanes:
                if lane["kind"] == kind:
                    self._strip(lane["points"], lane["width_m"] + wider, material)
        self._area(geometry["junction"], _ROAD)
        for lane in lanes:
            if lane["kind"] == "bicycle" and self._draws.chance(0.7):
                self._strip(lane["points"], lane["width_m"] - 0.1, _CYCLE)
            elif lane["kind"] == "vehicle":
                self._patches(np.asarray(lane["points"], dtype=float))
        for lane in lanes:
            if lane["kind"] == "crossing":
                self._bars(np.asarray(lane["points"], dtype=float), lane["width_m"])
            elif lane["kind"] != "sidewalk":
                self._dashes(np.asarray(lane["points"], dtype=float), lane["width_m"])
        for line in geometry["stop_lines"]:
            self._strip(line, 0.4, _PAINT)

    def _area(self, points: Any, material: int) -> None:
        cells = (np.asarray(points, dtype=float) - self.origin_m) / CELL_M - 0.5
        fixed = np.rint(np.clip(cells, -20000, 20000) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(self.kind, [fixed], float(material), cv2.LINE_8, SHIFT)

    def _strip(self, points: Any, width_m: float, material: int) -> None:
        line = np.asarray(points, dtype=float)
        left, right = beside_line(line, width_m / 2), beside_line(line, -width_m / 2)
        self._area(np.concatenate([left, right[::-1]]), material)

    def _patches(self, line: Floats) -> None:
        for _ in range(int(self._draws.generator.integers(0, 4))):
            start = self._draws.generator.uniform(0, length_of(line))
            piece = [along_line(line, start), along_line(line, start + self._draws.uniform(1, 12))]
            self._strip(piece, self._draws.uniform(0.5, 3.0), _PATCH)

    def _dashes(self, line: Floats, width_m: float) -> None:
        long, gap = self._draws.uniform(2, 6), self._draws.uniform(2, 9)
        for side in (-0.5, 0.5):
            border = beside_line(line, side * width_m)
            for start in np.arange(0.0, length_of(border) - long, long + gap):
                self._strip([along_line(border, start), along_line(border, start + long)], 0.16, _PAINT)

    def _bars(self, line: Floats, width_m: float) -> None:
        for start in np.arange(0.5, length_of(line) - 0.5, 1.0):
            self._strip([along_line(line, start), along_line(line, start + 0.5)], width_m, _PAINT)

    def coloured(self, light: Light, weather: Weather, lamps_m: Floats) -> NDArray[np.float32]:
        """(n, n, 3) colours of the plan under its light."""
        draws, shape = self._draws, self.kind.shape
        first, second = (_texture(draws)(shape, draws.generator) for _ in range(2))
        worn = (self.kind == _PAINT) & (second > draws.uniform(0.3, 3.0))
        kind = np.where(worn, _ROAD, self.kind)
        grey = draws.uniform(45, 150)
        red_lane, green_lane, blue_lane = (60.0, 60.0, 140.0), (75.0, 130.0, 80.0), (150.0, 105.0, 70.0)
        colours = np.array(
            [
                [draws.uniform(30, 95), draws.uniform(60, 140), draws.uniform(45, 140)],
                grey * np.array([draws.uniform(0.92, 1.1), 1.0, draws.uniform(0.92, 1.08)]),
                draws.uniform(95, 195) * np.array([draws.uniform(0.8, 1.05), 1.0, draws.uniform(0.95, 1.15)]),
                draws.pick((red_lane, green_lane), (blue_lane,)),
                draws.pick(
                    ((235.0, 235.0, 235.0), (205.0, 215.0, 220.0)),
                    ((90.0, 200.0, 235.0), (222.0, 222.0, 215.0)),
                ),
                np.full(3, grey * draws.uniform(0.5, 1.5)),
            ],
            dtype=np.float32,
        )
        strength = np.array(
            [draws.uniform(6, 30), *(draws.uniform(2, 16) for _ in range(5))], dtype=np.float32
        )
        shade = strength[kind] * np.where(kind == _GRASS, second, 0.8 * first + 0.3 * second)
        ground = colours[kind] + shade[..., None]
        wet = weather.wet * 0.5 * (kind != _GRASS)
        lit = light.exposure * (1.0 - wet) * self._glow(weather, lamps_m)
        ground *= lit[..., None] * np.array(light.tint, dtype=np.float32)
        if weather.night:
            ground *= 1.0 + 0.6 * (np.array(weather.lamp_colour, dtype=np.float32) - 1.0)
        return np.asarray(cv2.GaussianBlur(np.clip(ground, 0, 255), (0, 0), 0.7), dtype=np.float32)

    def _glow(self, weather: Weather, lamps_m: Floats) -> NDArray[np.float32]:
        """(n, n) factor: pools of lamp light by night, 1 by day."""
        if not weather.night:
            return np.ones(self.kind.shape, dtype=np.float32)
        coarse = self.kind.shape[0] // 8
        axis = (np.arange(coarse) + 0.5) * CELL_M * 8
        ground = np.stack(np.meshgrid(axis + self.origin_m[0], axis + self.origin_m[1]), axis=-1)
        pools = lamp_light(ground, weather, lamps_m).astype(np.float32)
        return np.asarray(cv2.resize(pools, self.kind.shape[::-1]))


def lamp_light(ground_m: Floats, weather: Weather, lamps_m: Floats) -> Floats:
    """(...) factor on the colours of what stands at (..., 2) ground points: more light under street lamps."""
    if not weather.night:
        return np.ones(ground_m.shape[:-1])
    square = ((ground_m[..., None, :] - lamps_m) ** 2).sum(axis=-1)
    return np.asarray(0.7 + 1.8 * np.exp(-square / 90.0).sum(axis=-1).clip(0, 1.2))


def _texture(draws: Draws) -> Texture:
    return draws.pick(TRAINED, HELD)


def _seen_ground(
    camera: PinholeCamera, origin_m: Floats, plan: NDArray[np.float32]
) -> tuple[Picture, NDArray[np.float32]]:
    """The plan through the camera, and the distance of every pixel."""
    to_world = np.array(
        [[CELL_M, 0, origin_m[0] + CELL_M / 2], [0, CELL_M, origin_m[1] + CELL_M / 2], [0, 0, 1.0]]
    )
    to_centres = np.array([[1.0, 0.0, -0.5], [0.0, 1.0, -0.5], [0.0, 0.0, 1.0]])
    homography = to_centres @ camera.ground_to_pixel() @ to_world
    size = (camera.width, camera.height)
    seen = cv2.warpPerspective(
        plan.astype(np.uint8), homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    ground = camera.ground_points(np.stack([columns, rows], axis=-1))
    level = np.linalg.norm(ground - np.array(camera.position_m[:2]), axis=-1)
    distance = np.hypot(level, camera.position_m[2])
    distance = np.where(np.isnan(distance) | (distance > 4 * REACH_M), _SKY_M, distance)
    return np.asarray(seen), distance.astype(np.float32)


@dataclass(slots=True)
class _Canvas:
    camera: PinholeCamera
    picture: Picture
    distance_m: NDArray[np.float32]
    screen_m: NDArray[np.float32]

    def fill(self, points_m: Floats, colour: Any, *, hides: bool = False) -> None:
        """A polygon of world points; `hides` makes it stand in front of road users."""
        fill_world(self.picture, self.camera, points_m, tuple(np.clip(colour, 0, 255).tolist()))
        away = float(np.linalg.norm(points_m - np.array(self.camera.position_m), axis=1).mean())
        mask = np.zeros(self.picture.shape[:2], dtype=np.uint8)
        fill_world(mask, self.camera, points_m, 255.0)
        inside = mask > 127
        self.distance_m[inside] = away
        if hides:
            self.screen_m[inside] = np.minimum(self.screen_m[inside], away)


def _buildings(canvas: _Canvas, road: Floats, light: Light, draws: Draws) -> None:
    """Blocks away from the roads, the farthest first."""
    generator, eye = draws.generator, np.array(canvas.camera.position_m[:2])
    places = eye + generator.uniform(-1.5 * REACH_M, 1.5 * REACH_M, (26, 2))
    for centre in sorted(places, key=lambda each: -float(np.linalg.norm(each - eye))):
        size = generator.uniform(7, 28, 2)
        clear = float(np.linalg.norm(road - centre, axis=1).min()) > np.linalg.norm(size) / 2 + 4.0
        if clear and np.linalg.norm(centre - eye) > np.linalg.norm(size) / 2 + 6.0:
            _house(canvas, centre, size, light, draws)


def _house(canvas: _Canvas, centre: Floats, size: Floats, light: Light, draws: Draws) -> None:
    angle, height = draws.generator.uniform(0, math.pi), draws.uniform(3.5, 24.0)
    cos, sin = math.cos(angle), math.sin(angle)
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * size
    ground = unit @ np.array([[cos, sin], [-sin, cos]]) + centre
    colour = draws.uniform(60, 215) * np.array([draws.uniform(0.7, 1.1), draws.uniform(0.85, 1.05), 1.0])
    eye, lit = np.array(canvas.camera.position_m), draws.chance(0.5)
    pattern = draws.pick((_panes, _bands), (_staggered, _columns))
    for i in range(4):
        low, next_low = ground[i], ground[(i + 1) % 4]
        normal = np.array([next_low[1] - low[1], low[0] - next_low[0], 0.0])
        normal /= np.linalg.norm(normal)
        if normal[:2] @ (eye[:2] - low) <= 0:
            continue
        wall = np.array([[*low, 0.0], [*next_low, 0.0], [*next_low, height], [*low, height]])
        shade = float(light.shade(normal))
        canvas.fill(wall, colour * shade)
        glass = (
            np.array([120.0, 200.0, 235.0]) * draws.uniform(0.3, 0.9)
            if lit and light.lamps > 0.6
            else colour * shade * draws.uniform(0.3, 0.8)
        )
        for u0, u1, v0, v1 in pattern(wall):
            across, up = wall[1] - wall[0], wall[3] - wall[0]
            pane = [wall[0] + across * u + up * v for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))]
            fill_world(canvas.picture, canvas.camera, np.array(pane), tuple(np.clip(glass, 0, 255).tolist()))
    if eye[2] > height:
        roof = np.column_stack([ground, np.full(4, height)])
        canvas.fill(roof, colour * light.exposure * 0.8)


Spans = list[tuple[float, float, float, float]]


def _counts(wall: Floats) -> tuple[int, int]:
    across, up = float(np.linalg.norm(wall[1] - wall[0])), float(wall[3, 2])
    return max(1, int(across / 3.2)), max(1, int(up / 3.2))


def _panes(wall: Floats) -> Spans:
    columns, storeys = _counts(wall)
    return [
        ((c + 0.2) / columns, (c + 0.8) / columns, (s + 0.3) / storeys, (s + 0.8) / storeys)
        for c in range(columns)
        for s in range(storeys)
    ]


def _bands(wall: Floats) -> Spans:
    _, storeys = _counts(wall)
    return [(0.02, 0.98, (s + 0.35) / storeys, (s + 0.8) / storeys) for s in range(storeys)]


def _staggered(wall: Floats) -> Spans:
    columns, storeys = _counts(wall)
    return [
        (
            (c + 0.1 + 0.4 * (s % 2)) / columns,
            (c + 0.5 + 0.4 * (s % 2)) / columns,
            (s + 0.15) / storeys,
            (s + 0.9) / storeys,
        )
        for c in range(columns)
        for s in range(storeys)
    ]


def _columns(wall: Floats) -> Spans:
    columns, _ = _counts(wall)
    return [((c + 0.3) / columns, (c + 0.7) / columns, 0.08, 0.95) for c in range(columns)]


def _roadside(
    canvas: _Canvas, road: Floats, near: Floats, lamps_m: Floats, light: Light, draws: Draws
) -> None:
    """Trees and poles near the roads, the farthest first; they hide what is behind them."""
    generator, eye = draws.generator, np.array(canvas.camera.position_m[:2])
    trees = near[generator.integers(0, len(near), 24)] + generator.normal(0, 8.0, (24, 2))
    things = [(place, True) for place in trees] + [(place, False) for place in lamps_m]
    for place, tree in sorted(things, key=lambda each: -float(np.linalg.norm(each[0] - eye))):
        away, beside = float(np.linalg.norm(place - eye)), float(np.linalg.norm(road - place, axis=1).min())
        if away > 6.0 and beside > (5.0 if tree else 3.0):
            _stand(canvas, place, light, draws, tree=tree)


def _stand(canvas: _Canvas, place: Floats, light: Light, draws: Draws, *, tree: bool) -> None:
    eye = np.array(canvas.camera.position_m[:2])
    sight = (place - eye) / np.linalg.norm(place - eye)
    aside = np.array([-sight[1], sight[0], 0.0])
    foot, up = np.array([*place, 0.0]), np.array([0.0, 0.0, 1.0])
    tall, half = (draws.uniform(2.0, 7.0), 0.16) if tree else (draws.uniform(5, 9), 0.09)
    trunk = np.array(
        [
            foot - aside * half,
            foot + aside * half,
            foot + aside * half + up * tall,
            foot - aside * half + up * tall,
        ]
    )
    tone = np.array([40.0, 50.0, 60.0]) if tree else np.full(3, draws.uniform(50, 170))
    canvas.fill(trunk, tone * light.exposure, hides=True)
    if not tree:
        return
    green = np.array([draws.uniform(20, 60), draws.uniform(50, 120), draws.uniform(25, 110)]) * light.exposure
    for _ in range(int(draws.generator.integers(4, 10))):
        radius = draws.uniform(0.5, 1.8)
        middle = foot + up * (tall + draws.generator.normal(0, 0.9)) + aside * draws.generator.normal(0, 1.0)
        turns = np.linspace(0, 2 * math.pi, 9)[:-1]
        wobble = radius * draws.generator.uniform(0.7, 1.2, 8)
        leaf = np.array(
            [
                middle + aside * r * math.cos(t) + up * r * math.sin(t)
                for r, t in zip(wobble, turns, strict=True)
            ]
        )
        leaf[:, 2] = np.maximum(leaf[:, 2], 0.3)
        canvas.fill(leaf, green * draws.generator.uniform(0.6, 1.35), hides=True)
