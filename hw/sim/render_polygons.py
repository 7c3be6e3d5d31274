"""Road users of a world state as coloured polygons in the image, in drawing order."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import ObjectClass
from hw.sim.pinhole import NEAR_M, PinholeCamera
from hw.sim.poses import WorldState
from hw.sim.render_light import Light
from hw.sim.render_order import back_to_front
from hw.sim.render_shapes import Material, Shape, shapes_of

Floats = NDArray[np.float64]
MAXIMUM_EXTRAPOLATION_S = 0.5
_GAIT_NS = 260_000_000


@dataclass(frozen=True, slots=True)
class Placed:
    """n road users in front of a camera at one instant.

    Attributes:
        row: (n,) index into the rows of the world state.
        centre_m: (n, 2) centre on the ground.
        yaw_rad: (n,) heading.
        size_m: (n, 3) length, width, height.
        kind: (n,) `ObjectClass`.
        look: (n,) a number that is stable per road user, for colours and variants.
        colour: (n, 3) red green blue 0..255.
        gait: (n,) which phase of a walk, 0 standing.
    """

    row: NDArray[np.intp]
    centre_m: Floats
    yaw_rad: Floats
    size_m: Floats
    kind: NDArray[np.intp]
    look: NDArray[np.int64]
    colour: Floats
    gait: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Faces:
    """q faces in drawing order, those that look at the camera only.

    Attributes:
        pixels: (q, 4, 2) corners.
        camera_m: (q, 4, 3) corners in camera axes.
        owner: (q,) index into `Placed`.
        colour: (q, 3) blue green red, 0..255.
        solid: (q,) true for faces that make the outline.
        cut: (q,) true where a corner lies behind `NEAR_M`: clip before drawing.
    """

    pixels: Floats
    camera_m: Floats
    owner: NDArray[np.intp]
    colour: Floats
    solid: NDArray[np.bool_]
    cut: NDArray[np.bool_]


def place(state: WorldState, camera: PinholeCamera, *, at_ns: int) -> Placed:
    """Move road users along their heading to `at_ns` and keep those that can be in the image."""
    rows = state.rows
    ahead_s = float(
        np.clip((at_ns - state.stamp_ns) * 1e-9, -MAXIMUM_EXTRAPOLATION_S, MAXIMUM_EXTRAPOLATION_S)
    )
    yaw = rows["yaw"].astype(float)
    travel_m = rows["speed"].astype(float) * ahead_s
    centre = np.stack([rows["x"] + travel_m * np.cos(yaw), rows["y"] + travel_m * np.sin(yaw)], axis=1)
    size = np.stack([rows["length"], rows["width"], rows["height"]], axis=1).astype(float)
    kept = np.flatnonzero(_may_be_seen(camera, centre, size))
    kind = np.minimum(rows["kind"][kept].astype(np.intp), int(ObjectClass.UNKNOWN))
    look = np.array([zlib.crc32(state.ids[i].encode()) for i in kept], dtype=np.int64)
    phase = (at_ns // _GAIT_NS + look) % 2 + 1
    return Placed(
        row=kept,
        centre_m=centre[kept].astype(float),
        yaw_rad=yaw[kept],
        size_m=np.maximum(size[kept], 0.1),
        kind=kind,
        look=look,
        colour=rows["colour"][kept].astype(float),
        gait=np.where(rows["speed"][kept] > 0.3, phase, 0).astype(np.intp),
    )


def _may_be_seen(camera: PinholeCamera, centre_m: Floats, size_m: Floats) -> NDArray[np.bool_]:
    """(n,) whether the sphere round each road user meets the view pyramid."""
    middle = np.column_stack([centre_m, size_m[:, 2] / 2])
    radius = np.linalg.norm(size_m, axis=1) / 2 + 0.3
    across, down, depth = camera.to_camera(middle).T
    half = camera.view_slopes()
    slant = np.sqrt(1 + half**2)
    inside = (np.abs(across) - depth * half[0] < radius * slant[0]) & (
        np.abs(down) - depth * half[1] < radius * slant[1]
    )
    return np.asarray(inside & (depth > -radius) & (depth < 250.0))


def faces_of(placed: Placed, camera: PinholeCamera, light: Light) -> Faces:
    """The faces of all placed road users, far road users first and within one from the ground upwards."""
    if not len(placed.row):
        return _no_faces()
    shapes = [_shape_of(placed, i) for i in range(len(placed.row))]
    owner = np.repeat(np.arange(len(shapes)), [len(shape.material) for shape in shapes])
    world = _stretch(np.concatenate([shape.quads for shape in shapes]), placed, owner)
    camera_m = camera.to_camera(world)
    order = _drawing_order(placed, shapes, owner, camera)
    order = order[_facing(camera_m)[order]]
    owner, camera_m = owner[order], camera_m[order]
    material = np.concatenate([shape.material for shape in shapes])[order]
    return Faces(
        pixels=camera.to_pixels(camera_m),
        camera_m=camera_m,
        owner=owner,
        colour=_colours(placed, world[order], owner, material, light),
        solid=np.concatenate([shape.solid for shape in shapes])[order],
        cut=np.asarray(np.any(camera_m[..., 2] < NEAR_M, axis=1)),
    )


def _drawing_order(
    placed: Placed, shapes: list[Shape], owner: NDArray[np.intp], camera: PinholeCamera
) -> NDArray[np.intp]:
    """(q,) faces from first to last: by road user, then layer, then the farther part."""
    eye = np.array(camera.position_m)
    rank = np.empty(len(shapes), dtype=np.intp)
    rank[back_to_front(footprints(placed), eye[:2])] = np.arange(len(shapes))
    centres = np.concatenate([shape.part_centre[shape.part] for shape in shapes])
    nearness = -np.linalg.norm(_stretch(centres[:, None], placed, owner)[:, 0] - eye, axis=-1)
    layer = np.concatenate([shape.layer for shape in shapes])
    return np.lexsort((np.arange(len(owner)), nearness, layer, rank[owner]))


def footprints(placed: Placed) -> Floats:
    """(n, 4, 2) ground corners of every road user, counter-clockwise."""
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    local = unit[None] * placed.size_m[:, None, :2]
    return np.asarray(_turn(local, placed.yaw_rad) + placed.centre_m[:, None])


def _turn(points: Floats, yaw_rad: Floats) -> Floats:
    """(n, k, 2) points turned by (n,) angles."""
    cos, sin = np.cos(yaw_rad)[:, None], np.sin(yaw_rad)[:, None]
    return np.stack(
        [points[..., 0] * cos - points[..., 1] * sin, points[..., 0] * sin + points[..., 1] * cos], axis=-1
    )


def _shape_of(placed: Placed, index: int) -> Shape:
    """The shape of one road user: by class, gait, height and look."""
    kind = ObjectClass(int(placed.kind[index]))
    variants = shapes_of(kind)
    if kind is ObjectClass.PEDESTRIAN:
        return variants[int(placed.gait[index])]
    if len(variants) == 1:
        return variants[0]
    return variants[2] if placed.size_m[index, 2] > 1.75 else variants[int(placed.look[index]) % 2]


def _stretch(unit: Floats, placed: Placed, owner: NDArray[np.intp]) -> Floats:
    """(q, k, 3) unit points of the shapes of (q,) owners as world points."""
    local = unit * placed.size_m[owner, None]
    level = _turn(local[..., :2], placed.yaw_rad[owner]) + placed.centre_m[owner, None]
    return np.concatenate([level, local[..., 2:]], axis=-1)


def _colours(
    placed: Placed, world: Floats, owner: NDArray[np.intp], material: NDArray[np.intp], light: Light
) -> Floats:
    """(q, 3) blue green red of lit faces."""
    normals = _cross(world[:, 1] - world[:, 0], world[:, 3] - world[:, 0])
    normals /= np.maximum(np.sqrt((normals**2).sum(axis=1, keepdims=True)), 1e-9)
    glow = np.where(np.isin(material, (Material.HEADLAMP, Material.TAILLAMP)), light.lamps, 0.0)
    shade = light.shade(normals) * (1 - glow) + glow
    own = _palettes(placed, light)[owner, material]
    return np.asarray(np.clip(own * shade[:, None] * np.array(light.tint), 0, 255))


def _palettes(placed: Placed, light: Light) -> Floats:
    """(n, materials, 3) blue green red per road user."""
    look = placed.look
    own = placed.colour[:, ::-1]
    grey = np.ones((len(look), 3))

    def varied(shift: int) -> Floats:
        return np.asarray(((look >> shift) & 0xFF) / 255.0)[:, None]

    skin = np.array([95.0, 125.0, 175.0]) * (0.55 + 0.6 * varied(3))
    lit = 120 + 135 * light.lamps
    colours = {
        Material.BODY: own,
        Material.GLASS: grey * (28 + 40 * varied(5)) + np.array([14.0, 8.0, 0.0]),
        Material.TRIM: grey * (60 + 60 * varied(7)),
        Material.TYRE: grey * (18 + 14 * varied(9)),
        Material.HEADLAMP: grey * lit,
        Material.TAILLAMP: grey * np.array([0.2, 0.2, 1.0]) * lit,
        Material.CARGO: np.where(varied(11) < 0.5, grey * 215, own * 0.8 + 40),
        Material.CLOTH: own,
        Material.TROUSERS: np.array([70.0, 55.0, 45.0]) * (0.3 + 1.3 * varied(13)),
        Material.SKIN: skin,
        Material.HAIR: np.where(varied(15) < 0.6, grey * 30, own * 0.6 + 60),
    }
    table = np.empty((len(look), len(Material), 3))
    for material in Material:
        table[:, material] = colours[material]
    return table


def _facing(camera_m: Floats) -> NDArray[np.bool_]:
    """(q,) whether the outer side of each face looks at the lens and some of it lies in front."""
    normal = _cross(camera_m[:, 1] - camera_m[:, 0], camera_m[:, 3] - camera_m[:, 0])
    towards = np.einsum("ij,ij->i", normal, camera_m[:, 0]) < 0
    return np.asarray(towards & (camera_m[..., 2].max(axis=1) > NEAR_M))


def _cross(a: Floats, b: Floats) -> Floats:
    """(q, 3) cross products."""
    return np.stack(
        [
            a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
            a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
            a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
        ],
        axis=1,
    )


def _no_faces() -> Faces:
    none = np.zeros(0, dtype=np.intp)
    flag = np.zeros(0, dtype=np.bool_)
    return Faces(np.zeros((0, 4, 2)), np.zeros((0, 4, 3)), none, np.zeros((0, 3)), flag, flag)
