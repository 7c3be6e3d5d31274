"""How much of every road user a camera can see: the truth against which detections are judged."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hw.sim.pinhole import PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_draw import Fixed, clip_near, fill, to_fixed
from hw.sim.render_light import Light
from hw.sim.render_polygons import Faces, Placed, faces_of, place

Floats = NDArray[np.float64]
_LARGEST_CANVAS_PX = 160
_NOBODY = 0xFFFF


@dataclass(frozen=True, slots=True)
class Visibility:
    """What one camera sees of the n road users of a world state, in the order of its rows.

    Attributes:
        box_px: (n, 4) float64 x1 y1 x2 y2 round the whole outline, cut to the image; NaN when out of view.
        height_px: (n,) height of that box; 0 when out of view.
        fraction: (n,) 0..1 share of its own pixels that is neither hidden by other road users nor outside the image.
        distance_m: (n,) ground distance to the camera.
    """

    box_px: Floats
    height_px: Floats
    fraction: Floats
    distance_m: Floats


def visibility(
    state: WorldState,
    camera: PinholeCamera,
    *,
    at_ns: int | None = None,
    screen_m: NDArray[np.float32] | None = None,
) -> Visibility:
    """Boxes and visible shares of all road users, at the stamp of the state unless said otherwise.

    `screen_m` (height, width) holds the distance of the trees and poles that hide what is farther, infinite elsewhere.
    """
    now_ns = state.stamp_ns if at_ns is None else at_ns
    placed = place(state, camera, at_ns=now_ns)
    faces = _solid_only(faces_of(placed, camera, Light()))
    count = len(state.ids)
    box_px, fraction = np.full((count, 4), np.nan), np.zeros(count)
    outlines = _outlines(faces, camera)
    hides = None if screen_m is None else (screen_m, _distance_m(placed, camera))
    seen = _seen_pixels(outlines, faces.owner, camera, len(placed.row), hides)
    for member, own in _by_owner(outlines, faces.owner).items():
        row = placed.row[member]
        corners = np.concatenate(own)
        whole = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        cut = camera.clip_boxes(whole[None])[0]
        if cut[2] - cut[0] > 0.5 and cut[3] - cut[1] > 0.5:
            box_px[row] = cut
            fraction[row] = min(1.0, seen[member] / max(1.0, _silhouette_px(own, whole)))
    height = np.nan_to_num(box_px[:, 3] - box_px[:, 1])
    offset = np.stack([state.rows["x"], state.rows["y"]], axis=1) - np.array(camera.position_m[:2])
    return Visibility(box_px, height, fraction, np.linalg.norm(offset, axis=1))


def _distance_m(placed: Placed, camera: PinholeCamera) -> Floats:
    """(n,) from the lens to the foot of each road user."""
    level = np.linalg.norm(placed.centre_m - np.array(camera.position_m[:2]), axis=1)
    return np.asarray(np.hypot(level, camera.position_m[2]))


def _by_owner(outlines: list[Floats], owner: NDArray[np.intp]) -> dict[int, list[Floats]]:
    """The outlines of every road user that has any."""
    found: dict[int, list[Floats]] = {}
    for corners, member in zip(outlines, owner.tolist(), strict=True):
        if len(corners) >= 3:
            found.setdefault(member, []).append(corners)
    return found


def _solid_only(faces: Faces) -> Faces:
    keep = faces.solid
    return Faces(
        faces.pixels[keep],
        faces.camera_m[keep],
        faces.owner[keep],
        faces.colour[keep],
        faces.solid[keep],
        faces.cut[keep],
    )


def _outlines(faces: Faces, camera: PinholeCamera) -> list[Floats]:
    """Pixel corners of every face, clipped in front of the lens."""
    found = list(faces.pixels)
    for i in np.flatnonzero(faces.cut):
        found[i] = camera.to_pixels(clip_near(faces.camera_m[i]))
    return found


def _seen_pixels(
    outlines: list[Floats],
    owner: NDArray[np.intp],
    camera: PinholeCamera,
    count: int,
    hides: tuple[NDArray[np.float32], Floats] | None,
) -> NDArray[np.intp]:
    """(n,) pixels of the image that each road user owns after all are drawn far to near.

    `hides` is the screen and the distance of each road user.
    """
    buffer = np.full((camera.height, camera.width), _NOBODY, dtype=np.uint16)
    for corners, member in zip(outlines, owner.tolist(), strict=True):
        if len(corners) >= 3:
            fill(buffer, to_fixed(corners), float(member), smooth=False)
    if hides is not None:
        away = np.append(hides[1], -np.inf)[np.minimum(buffer, count)]
        buffer[hides[0] < away] = _NOBODY
    return np.asarray(np.bincount(buffer[buffer != _NOBODY], minlength=count))


def _silhouette_px(outlines: list[Floats], box_px: Floats) -> float:
    """Pixels of a road user drawn alone, with all that lies outside the image."""
    size = box_px[2:] - box_px[:2]
    scale = min(1.0, _LARGEST_CANVAS_PX / max(1.0, float(size.max())))
    width, height = (np.ceil(size * scale).astype(int) + 2).tolist()
    canvas = np.zeros((height, width), dtype=np.uint8)
    # Without scaling, keep the sub-pixel phase of the image, so that both counts agree.
    origin = np.floor(box_px[:2]) if scale == 1.0 else box_px[:2]
    for corners in outlines:
        fill(canvas, _moved(corners, origin, scale), 1.0, smooth=False)
    return float(cv2.countNonZero(canvas)) / scale**2


def _moved(corners: Floats, origin: Floats, scale: float) -> Fixed:
    return to_fixed((corners - origin) * scale)
