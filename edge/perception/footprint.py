"""From boxes to footprints: what each box may be, how far its edges can be trusted, and the fit; compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT, TYPICAL_SIZE_M, ObjectClass
from edge.perception.compiled import kernel
from edge.perception.cuboid_kernel import CANDIDATE_COLUMNS, HEADINGS, fit_one, moments

Floats = NDArray[np.float64]
USUAL_M = np.ascontiguousarray(TYPICAL_SIZE_M, dtype=np.float64)
SCALES = np.array([1.0, 0.85, 1.15])
"""Sizes of the likeliest class; the usual one comes first, see `fit_one`."""
SCALE_LOG_PRIOR = np.log([1.0, 0.6, 0.6])
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
        projection: (3, 4) ground and height to pixels.
        to_ground: (3, 3) pixels to ground.
        eye: (2,) foot of the camera, m.
        limit: (2,) width and height of the image.
        noise_px: one-sigma noise of a box edge.
        plane: (3, 3) ground to pixels.
        doubt: (9, 9) covariance of its elements.
        floor_m: one-sigma error of the ground plane.
        cut_share: one-sigma error of a road user that is cut, as a share of its length.
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


class FitSpace(NamedTuple):
    """Scratch of one camera."""

    rows: Floats
    arms: Floats
    weight: Floats
    size: Floats
    log_prior: Floats
    near: Floats


def fit_space() -> FitSpace:
    """Empty scratch."""
    return FitSpace(
        np.empty((SIZES * HEADINGS, CANDIDATE_COLUMNS)),
        np.empty((3, 3)),
        np.empty(4),
        np.empty((SIZES, 3)),
        np.empty(SIZES),
        np.empty(2),
    )


@kernel
def near_point(camera: CameraTerms, box: Floats, out: Floats) -> bool:
    """Ground below the middle of the lower edge of a box; False at and above the horizon."""
    u, v = 0.5 * (box[0] + box[2]), box[3]
    m = camera.to_ground
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
    camera: CameraTerms, box: Floats, i: int, lower_share: float, look_behind: bool, out: Floats
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
        out[edge] = 1.0 / (camera.noise_px**2 + (extent * share) ** 2)
        if box[i, edge] <= BORDER_PX or box[i, edge] >= top - BORDER_PX:
            out[edge] *= BORDER_WEIGHT
            cut = True
    return cut


@kernel
def sizes_of(log_odds: Floats, cut: bool, size: Floats, log_prior: Floats) -> None:
    """The likeliest class at three scales, and the second likeliest."""
    first = second = -1
    for c in range(CLASS_COUNT):
        if first < 0 or log_odds[c] > log_odds[first]:
            first, second = c, first
        elif second < 0 or log_odds[c] > log_odds[second]:
            second = c
    for s in range(SIZES - 1):
        log_prior[s] = SCALE_LOG_PRIOR[s]
        for j in range(3):
            size[s, j] = USUAL_M[first, j] * SCALES[s]
    least = LEAST_SECOND_WHEN_CUT if cut else LEAST_SECOND
    log_prior[SIZES - 1] = max(log_odds[second] - log_odds[first], math.log(least))
    for j in range(3):
        size[SIZES - 1, j] = USUAL_M[second, j]


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
    for i in range(len(box)):
        out[i, OUT_X] = np.nan
        if not near_point(camera, box[i], space.near):
            above += 1
            continue
        if math.hypot(space.near[0] - camera.eye[0], space.near[1] - camera.eye[1]) > range_m:
            far += 1
            continue
        clip_box(camera, box[i], clipped)
        kind = best_of(log_odds[i])
        cut = weigh_edges(camera, box, i, lower_noise(kind), True, space.weight)
        sizes_of(log_odds[i], cut, space.size, space.log_prior)
        count = fit_one(
            camera.projection, camera.eye, space.near, clipped, space.weight, camera.limit, space.size,
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
    for i in range(len(box)):
        out[i] = np.inf
        if not near_point(camera, box[i], space.near):
            continue
        clip_box(camera, box[i], clipped)
        for kind in range(CLASS_COUNT):
            weigh_edges(camera, box, i, lower_noise(kind), False, space.weight)
            for s in range(SIZES - 1):
                space.log_prior[s] = SCALE_LOG_PRIOR[s]
                for j in range(3):
                    space.size[s, j] = USUAL_M[kind, j] * SCALES[s]
            count = fit_one(
                camera.projection, camera.eye, space.near, clipped, space.weight, camera.limit,
                space.size[: SIZES - 1], space.log_prior, space.rows, space.arms,
            )  # fmt: skip
            moments(space.rows, count, SIZES - 1, found)
            out[i, kind] = found[OUT_MISFIT]
