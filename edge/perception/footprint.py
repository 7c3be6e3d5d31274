"""From boxes to footprints: what each box may be, how far its edges can be trusted, and the fit; compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, TYPICAL_SIZE_M, ObjectClass
from edge.perception.compiled import kernel
from edge.perception.cuboid_kernel import CANDIDATE_COLUMNS, HEADINGS, fit_one, moments
from edge.perception.lens_kernel import see_locally

Floats = NDArray[np.float64]
BUS = int(ObjectClass.BUS)
ARTICULATED_BUS_M = (18.0, 2.55, 3.1)
"""Length of UN Regulation 107 class I buses with a joint, as most makers build them."""


def _class_sizes() -> Floats:
    sizes = TYPICAL_SIZE_M[:, None, :] * np.array([1.0, 0.85, 1.15])[None, :, None]
    sizes[BUS, 2] = ARTICULATED_BUS_M
    return np.ascontiguousarray(sizes, dtype=np.float64)


CLASS_SIZES_M = _class_sizes()
"""(7, 3, 3) sizes of each class, length width height; the usual one comes first, see `fit_one`."""
SIZE_LOG_PRIOR = np.log(np.tile([1.0, 0.6, 0.6], (CLASS_COUNT, 1)))
SIZE_LOG_PRIOR[BUS, 2] = math.log(0.2)
"""Articulated buses are rare; half a bus behind others is not taken for the half of one."""
SIZES = 4
LEAST_SECOND, LEAST_SECOND_WHEN_CUT = 0.02, 0.4
"""Odds of the second likeliest class: half a bus at the border of the image passes for a truck."""
EDGE_NOISE_SHARE, TOP_NOISE_SHARE = 0.04, 0.12
"""How far a detector's edge is off, as a share of the box; heights within a class differ most."""
WHEELS_NOISE_SHARE = 0.15
"""Detectors lose the lower half of thin wheels."""
HIDDEN_NOISE_SHARE = 0.5
"""An edge behind another road user's box only looks like an edge."""
BORDER_PX, BORDER_WEIGHT = 2.0, 1.0 / 1.5**2
NEARER_SHARE = 0.05
BICYCLE, MOTORCYCLE = int(ObjectClass.BICYCLE), int(ObjectClass.MOTORCYCLE)
# Columns of the result.
OUT_X, OUT_Y, OUT_XX, OUT_XY, OUT_YY, OUT_LENGTH, OUT_WIDTH, OUT_HEIGHT, OUT_MISFIT, OUT_CUT = range(10)
OUT_COLUMNS = 10


class CameraTerms(NamedTuple):
    """What the kernels need of a camera.

    Attributes:
        projection: (3, 4) ground and height to pixels, of the ideal picture where there is a lens.
        to_ground: (3, 3) pixels to ground.
        eye: (2,) foot of the camera, m.
        limit: (2,) width and height of the image.
        noise_px: one-sigma noise of a box edge.
        plane: (3, 3) ground to pixels.
        doubt: (9, 9) covariance of its elements.
        floor_m: one-sigma error of the ground plane.
        cut_share: one-sigma error of a road user that is cut, as a share of its length.
        height_share: one-sigma error of the road's height, as a share of the camera's.
        lens: see `lens_kernel`; empty where the picture is a pinhole's.
    """

    projection: Floats
    to_ground: Floats
    eye: Floats
    limit: Floats
    noise_px: float
    plane: Floats
    doubt: Floats
    floor_m: float
    cut_share: float
    height_share: float
    lens: Floats


class FitSpace(NamedTuple):
    """Scratch of one camera."""

    rows: Floats
    arms: Floats
    weight: Floats
    size: Floats
    log_prior: Floats
    near: Floats
    projection: Floats
    to_ground: Floats


def fit_space() -> FitSpace:
    """Empty scratch."""
    return FitSpace(
        np.empty((SIZES * HEADINGS, CANDIDATE_COLUMNS)),
        np.empty((3, 3)),
        np.empty(4),
        np.empty((SIZES, 3)),
        np.empty(SIZES),
        np.empty(2),
        np.empty((3, 4)),
        np.empty((3, 3)),
    )


@kernel
def near_point(m: Floats, box: Floats, out: Floats) -> bool:
    """Ground below the middle of the lower edge of a box, by its (3, 3) map; False at and above the horizon."""
    u, v = 0.5 * (box[0] + box[2]), box[3]
    w = m[2, 0] * u + m[2, 1] * v + m[2, 2]
    if not w > 0.0:
        return False
    out[0] = (m[0, 0] * u + m[0, 1] * v + m[0, 2]) / w
    out[1] = (m[1, 0] * u + m[1, 1] * v + m[1, 2]) / w
    return bool(math.isfinite(out[0]) and math.isfinite(out[1]))


@kernel
def covered(box: Floats, i: int, x: float, y: float) -> bool:
    """Whether a pixel of box i lies in the box of a nearer road user: one whose box ends lower."""
    lowest = box[i, 3] + NEARER_SHARE * (box[i, 3] - box[i, 1])
    for k in range(len(box)):  # noqa: SIM110 - kernels know no generators
        if box[k, 3] > lowest and box[k, 0] < x < box[k, 2] and box[k, 1] < y < box[k, 3]:
            return True
    return False


@kernel
def is_hidden(box: Floats, i: int, edge: int) -> bool:
    """Whether two of three points of an edge (x1 y1 x2 y2) of box i lie behind a nearer road user."""
    count = 0
    for share in (0.2, 0.5, 0.8):
        x = box[i, 0] + share * (box[i, 2] - box[i, 0])
        y = box[i, 1] + share * (box[i, 3] - box[i, 1])
        if edge & 1:
            y = box[i, edge]
        else:
            x = box[i, edge]
        count += 1 if covered(box, i, x, y) else 0
    return count >= 2


@kernel
def weigh_edges(
    camera: CameraTerms,
    box: Floats,
    i: int,
    lower_share: float,
    look_behind: bool,
    blur_px: float,
    out: Floats,
) -> bool:
    """One over the variance of each edge of box i; returns whether the image or a road user cuts the box."""
    cut = False
    crowded = False
    for k in range(len(box)):
        apart = (
            box[k, 0] >= box[i, 2]
            or box[k, 2] <= box[i, 0]
            or box[k, 3] <= box[i, 1]
            or box[k, 1] >= box[i, 3]
        )
        crowded |= k != i and not apart and box[k, 3] > box[i, 3]
    for edge in range(4):
        top = camera.limit[edge & 1]
        extent = box[i, (edge & 1) + 2] - box[i, edge & 1]
        share = EDGE_NOISE_SHARE
        if edge == 1:
            share = TOP_NOISE_SHARE
        elif edge == 3:
            share = lower_share
        if look_behind and crowded and is_hidden(box, i, edge):
            share, cut = HIDDEN_NOISE_SHARE, True
        out[edge] = 1.0 / (camera.noise_px**2 + blur_px**2 + (extent * share) ** 2)
        if box[i, edge] <= BORDER_PX or box[i, edge] >= top - BORDER_PX:
            out[edge] *= BORDER_WEIGHT
            cut = True
    return cut


@kernel
def sizes_of(log_odds: Floats, cut: bool, size: Floats, log_prior: Floats) -> None:
    """Three sizes of the likeliest class, and the usual one of the second likeliest."""
    first = second = -1
    for c in range(CLASS_COUNT):
        if first < 0 or log_odds[c] > log_odds[first]:
            first, second = c, first
        elif second < 0 or log_odds[c] > log_odds[second]:
            second = c
    for s in range(SIZES - 1):
        log_prior[s] = SIZE_LOG_PRIOR[first, s]
        for j in range(3):
            size[s, j] = CLASS_SIZES_M[first, s, j]
    least = LEAST_SECOND_WHEN_CUT if cut else LEAST_SECOND
    log_prior[SIZES - 1] = max(log_odds[second] - log_odds[first], math.log(least))
    for j in range(3):
        size[SIZES - 1, j] = CLASS_SIZES_M[second, 0, j]


@kernel
def best_of(log_odds: Floats) -> int:
    """Column of the likeliest class."""
    best = 0
    for c in range(1, CLASS_COUNT):
        if log_odds[c] > log_odds[best]:
            best = c
    return best


@kernel
def lower_noise(kind: int) -> float:
    """One-sigma noise of the lower edge as a share of the height of the box."""
    return WHEELS_NOISE_SHARE if kind in (BICYCLE, MOTORCYCLE) else EDGE_NOISE_SHARE


@kernel
def clip_box(camera: CameraTerms, box: Floats, out: Floats) -> None:
    """A box within the image."""
    for edge in range(4):
        out[edge] = min(max(box[edge], 0.0), camera.limit[edge & 1])


@kernel
def add_doubt(camera: CameraTerms, row: Floats) -> None:
    """Add to a covariance what the calibration leaves uncertain there, and what the road's shape does."""
    matrix, covariance = camera.plane, camera.doubt
    ray = (row[OUT_X], row[OUT_Y], 1.0)
    w = matrix[2, 0] * ray[0] + matrix[2, 1] * ray[1] + matrix[2, 2]
    u = (matrix[0, 0] * ray[0] + matrix[0, 1] * ray[1] + matrix[0, 2]) / w
    v = (matrix[1, 0] * ray[0] + matrix[1, 1] * ray[1] + matrix[1, 2]) / w
    uu = uv = vv = 0.0
    for a in range(3):
        for b in range(3):
            s = ray[a] * ray[b] / (w * w)
            # Elements 0-2 make u, 3-5 v, and 6-8 both through the depth.
            deep = covariance[6 + a, 6 + b]
            uu += s * (covariance[a, b] - u * (covariance[a, 6 + b] + covariance[6 + a, b]) + u * u * deep)
            vv += s * (
                covariance[3 + a, 3 + b]
                - v * (covariance[3 + a, 6 + b] + covariance[6 + a, 3 + b])
                + v * v * deep
            )
            uv += s * (
                covariance[a, 3 + b] - v * covariance[a, 6 + b] - u * covariance[6 + a, 3 + b] + u * v * deep
            )
    j00, j01 = (matrix[0, 0] - u * matrix[2, 0]) / w, (matrix[0, 1] - u * matrix[2, 1]) / w
    j10, j11 = (matrix[1, 0] - v * matrix[2, 0]) / w, (matrix[1, 1] - v * matrix[2, 1]) / w
    det = j00 * j11 - j01 * j10
    i00, i01, i10, i11 = j11 / det, -j01 / det, -j10 / det, j00 / det
    floor = camera.floor_m + row[OUT_CUT] * camera.cut_share * row[OUT_LENGTH]
    # Ground that lies higher by h is seen h / tan(depression) too far away.
    far_x = camera.height_share * (row[OUT_X] - camera.eye[0])
    far_y = camera.height_share * (row[OUT_Y] - camera.eye[1])
    row[OUT_XX] += far_x * far_x
    row[OUT_XY] += far_x * far_y
    row[OUT_YY] += far_y * far_y
    row[OUT_XX] += floor * floor + (i00 * i00 * uu + 2.0 * i00 * i01 * uv + i01 * i01 * vv)
    row[OUT_XY] += i00 * i10 * uu + (i00 * i11 + i01 * i10) * uv + i01 * i11 * vv
    row[OUT_YY] += floor * floor + (i10 * i10 * uu + 2.0 * i10 * i11 * uv + i11 * i11 * vv)


@kernel
def place_boxes(
    camera: CameraTerms, box: Floats, log_odds: Floats, range_m: float, space: FitSpace, out: Floats
) -> tuple[int, int]:
    """Fit n boxes; `out` (n, OUT_COLUMNS), x NaN where there is nothing.

    Returns:
        Boxes above the horizon, and boxes farther than `range_m`.
    """
    above = far = 0
    clipped = np.empty(4)
    bent = len(camera.lens) > 0
    projection = space.projection if bent else camera.projection
    to_ground = space.to_ground if bent else camera.to_ground
    blur = 0.0
    for i in range(len(box)):
        out[i, OUT_X] = np.nan
        clip_box(camera, box[i], clipped)
        if bent:
            blur = see_locally(
                camera.lens, clipped, camera.projection, camera.to_ground, projection, to_ground
            )
        if not (math.isfinite(blur) and near_point(to_ground, box[i], space.near)):
            above += 1
            continue
        if math.hypot(space.near[0] - camera.eye[0], space.near[1] - camera.eye[1]) > range_m:
            far += 1
            continue
        kind = best_of(log_odds[i])
        cut = weigh_edges(camera, box, i, lower_noise(kind), True, blur, space.weight)
        sizes_of(log_odds[i], cut, space.size, space.log_prior)
        count = fit_one(
            projection, camera.eye, space.near, clipped, space.weight, camera.limit, space.size,
            space.log_prior, space.rows, space.arms,
        )  # fmt: skip
        moments(space.rows, count, SIZES, out[i])
        out[i, OUT_CUT] = 1.0 if cut else 0.0
        if not math.hypot(out[i, OUT_X] - camera.eye[0], out[i, OUT_Y] - camera.eye[1]) <= range_m:
            out[i, OUT_X] = np.nan
            far += 1
            continue
        add_doubt(camera, out[i])
    return above, far


@kernel
def place_all(
    camera: CameraTerms, box: Floats, log_odds: Floats, range_m: float, space: FitSpace
) -> tuple[NDArray[np.int64], Floats, Floats, Floats, int, int]:
    """Fit n boxes.

    Returns:
        Rows of the m boxes that are on the ground, their (m, 2) positions, (m, 2, 2) covariances and (m, 3) sizes, and
        how many boxes are above the horizon and farther than `range_m`.
    """
    out = np.empty((len(box), OUT_COLUMNS))
    above, far = place_boxes(camera, box, log_odds, range_m, space, out)
    m = len(box) - above - far
    index, position = np.empty(m, dtype=np.int64), np.empty((m, 2))
    covariance, size = np.empty((m, 2, 2)), np.empty((m, 3))
    k = 0
    for i in range(len(box)):
        row = out[i]
        if not math.isfinite(row[OUT_X]):
            continue
        index[k] = i
        position[k, 0], position[k, 1] = row[OUT_X], row[OUT_Y]
        covariance[k, 0, 0], covariance[k, 1, 1] = row[OUT_XX], row[OUT_YY]
        covariance[k, 0, 1] = covariance[k, 1, 0] = row[OUT_XY]
        for j in range(3):
            size[k, j] = row[OUT_LENGTH + j]
        k += 1
    return index[:k], position[:k], covariance[:k], size[:k], above, far


@kernel
def misfits(camera: CameraTerms, box: Floats, space: FitSpace, out: Floats) -> None:
    """How badly a road user of each class would fill each of n boxes; `out` (n, 6), inf off the ground."""
    found, clipped = np.empty(OUT_COLUMNS), np.empty(4)
    bent = len(camera.lens) > 0
    projection = space.projection if bent else camera.projection
    to_ground = space.to_ground if bent else camera.to_ground
    blur = 0.0
    for i in range(len(box)):
        out[i] = np.inf
        clip_box(camera, box[i], clipped)
        if bent:
            blur = see_locally(
                camera.lens, clipped, camera.projection, camera.to_ground, projection, to_ground
            )
        if not (math.isfinite(blur) and near_point(to_ground, box[i], space.near)):
            continue
        for kind in range(CLASS_COUNT):
            weigh_edges(camera, box, i, lower_noise(kind), False, blur, space.weight)
            for s in range(SIZES - 1):
                space.log_prior[s] = SIZE_LOG_PRIOR[kind, s]
                for j in range(3):
                    space.size[s, j] = CLASS_SIZES_M[kind, s, j]
            count = fit_one(
                projection, camera.eye, space.near, clipped, space.weight, camera.limit,
                space.size[: SIZES - 1], space.log_prior, space.rows, space.arms,
            )  # fmt: skip
            moments(space.rows, count, SIZES - 1, found)
            out[i, kind] = found[OUT_MISFIT]
