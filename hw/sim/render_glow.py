"""Light that spills: head lamps and tail lamps with glare and beams, mirrored vehicles on a wet road."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import ObjectClass
from hw.sim.pinhole import NEAR_M, PinholeCamera
from hw.sim.render_draw import fill_world
from hw.sim.render_light import Light
from hw.sim.render_polygons import Placed
from hw.sim.render_weather import Weather

Floats = NDArray[np.float64]
Picture = NDArray[np.uint8]
Owners = NDArray[np.uint16]
_HEAD, _TAIL = np.array([215.0, 240.0, 255.0]), np.array([40.0, 40.0, 255.0])
_LAMP_HEIGHT = {ObjectClass.CAR: 0.42, ObjectClass.TRUCK: 0.24, ObjectClass.BUS: 0.2}


def add_beams(
    picture: Picture, camera: PinholeCamera, placed: Placed, light: Light, weather: Weather
) -> None:
    """Lit road in front of vehicles by night, drawn before the road users."""
    if not weather.night:
        return
    half = _half(camera)
    small = np.zeros((half.height, half.width, 3), dtype=np.uint8)
    for centre, yaw, size in _with_lamps(placed):
        forward = np.array([np.cos(yaw), np.sin(yaw)])
        aside = np.array([-forward[1], forward[0]])
        start = centre + forward * size[0] / 2
        for reach, share in ((6.0, 0.22), (13.0, 0.16)):
            corners = [start + aside * 0.7, start - aside * 0.7]
            corners += [
                start + forward * reach - aside * (0.8 + reach / 6),
                start + forward * reach + aside * (0.8 + reach / 6),
            ]
            cone = np.column_stack([np.array(corners), np.zeros(4)])
            layer = np.zeros_like(small)
            fill_world(layer, half, cone, tuple((_HEAD * share * light.lamps).tolist()))
            cv2.add(small, layer, dst=small)
    spread = cv2.resize(cv2.GaussianBlur(small, (0, 0), 3.0), picture.shape[1::-1])
    cv2.add(picture, spread, dst=picture)


def add_glare(
    picture: Picture, camera: PinholeCamera, placed: Placed, owners: Owners, light: Light, weather: Weather
) -> None:
    """Lamps that shine into the lens, as far as nothing hides them; on a wet road also below the vehicle."""
    if light.lamps < 0.55:
        return
    canvas = np.zeros((picture.shape[0] // 2, picture.shape[1] // 2, 3), dtype=np.float32)
    eye = np.array(camera.position_m)
    for index, (centre, yaw, size, kind) in enumerate(
        zip(placed.centre_m, placed.yaw_rad, placed.size_m, placed.kind, strict=True)
    ):
        if kind in (ObjectClass.PEDESTRIAN,):
            continue
        forward = np.array([np.cos(yaw), np.sin(yaw)])
        aside, towards = np.array([-forward[1], forward[0]]), eye[:2] - centre
        facing = float(forward @ towards) / max(1.0, float(np.linalg.norm(towards)))
        colour = _HEAD if facing > 0 else _TAIL
        end = centre + forward * size[0] / 2 * np.sign(facing)
        single = kind in (ObjectClass.MOTORCYCLE, ObjectClass.BICYCLE)
        height = size[2] * _LAMP_HEIGHT.get(ObjectClass(int(kind)), 0.45)
        for side in (0.0,) if single else (-0.36, 0.36):
            lamp = np.array([*(end + aside * side * size[1]), height])
            power = (
                abs(facing) * (0.25 if kind == ObjectClass.BICYCLE else 1.0) * (2.2 if facing > 0 else 0.9)
            )
            _shine(canvas, camera, lamp, owners, index, colour * power * light.lamps)
    glow = _spread(canvas, weather)
    large = cv2.resize(glow, picture.shape[1::-1])
    picture[:] = np.clip(picture + large, 0, 255).astype(np.uint8)


def _shine(
    canvas: NDArray[np.float32],
    camera: PinholeCamera,
    lamp: Floats,
    owners: Owners,
    index: int,
    colour: Floats,
) -> None:
    pixel, depth = camera.project(lamp)
    column, row = int(pixel[0]), int(pixel[1])
    inside = 0 <= column < owners.shape[1] and 0 <= row < owners.shape[0]
    if depth < NEAR_M or not inside or owners[row, column] != index:
        return
    radius = max(0.5, 0.09 * camera.focal_px / float(depth) / 2)
    layer = (float(value) for value in colour)
    cv2.circle(canvas, (column // 2, row // 2), max(1, round(radius)), tuple(layer), -1)


def _spread(canvas: NDArray[np.float32], weather: Weather) -> NDArray[np.float32]:
    """The lamps themselves, their haze, and their streaks on a wet road."""
    haze = 0.35 + min(1.0, weather.fog_per_m * 30.0) + 0.3 * weather.rain
    glow = 0.7 * cv2.GaussianBlur(canvas, (0, 0), 0.8) + haze * (
        1.2 * cv2.GaussianBlur(canvas, (0, 0), 3.0) + 2.5 * cv2.GaussianBlur(canvas, (0, 0), 9.0)
    )
    if weather.wet > 0.2:
        kernel = np.zeros((41, 3), dtype=np.float32)
        kernel[:20] = np.linspace(0.0, 1.0, 20, dtype=np.float32)[:, None]
        streak = cv2.filter2D(canvas, -1, kernel / 30.0, borderType=cv2.BORDER_CONSTANT)
        glow = glow + weather.wet * cv2.GaussianBlur(streak, (0, 0), 0.8)
    return np.asarray(glow, dtype=np.float32)


def add_mirror(picture: Picture, boxes_px: Floats, owners: Owners, weather: Weather) -> None:
    """Dim upside-down copies below road users on a wet road; what stands there keeps its own colours."""
    if weather.wet < 0.2:
        return
    height, width = owners.shape
    free = owners == np.iinfo(np.uint16).max
    source = picture.copy()
    for left, top, right, bottom in np.nan_to_num(boxes_px).astype(int):
        tall = min(bottom - top, height - bottom)
        if tall < 6 or right - left < 4 or left < 0 or right > width or top < 0:
            continue
        fade = np.linspace(0.45 * weather.wet, 0.0, tall)[:, None, None]
        copy = source[bottom - tall : bottom, left:right][::-1].astype(np.float64)
        below = np.s_[bottom : bottom + tall, left:right]
        share = fade * free[below][..., None]
        picture[below] = (picture[below] * (1.0 - share) + copy * share).astype(np.uint8)


def _with_lamps(placed: Placed) -> list[tuple[Floats, float, Floats]]:
    rows = zip(placed.centre_m, placed.yaw_rad, placed.size_m, placed.kind, strict=True)
    return [
        (centre, float(yaw), size)
        for centre, yaw, size, kind in rows
        if kind not in (ObjectClass.PEDESTRIAN, ObjectClass.BICYCLE)
    ]


def _half(camera: PinholeCamera) -> PinholeCamera:
    """The same view at half the size, without the bend of the lens: beams are soft."""
    return PinholeCamera(
        camera.position_m,
        camera.yaw_rad,
        camera.pitch_rad,
        camera.roll_rad,
        camera.focal_px / 2,
        camera.width // 2,
        camera.height // 2,
    )
