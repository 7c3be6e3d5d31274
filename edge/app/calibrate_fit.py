"""The answer to every change on the calibration page: the fit, its errors per point, and in words what is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.perception.ground import DEFAULT_GROUND_SIGMA_M, GroundProjection
from edge.perception.homography import DegenerateError, Homography
from edge.perception.lens import Lens
from edge.perception.plane_fit import FitKind, PlaneFit, fit_plane

Floats = NDArray[np.float64]

FEWEST = 4
ADVISED = 6
SUSPECT_RATIO = 3.0
"""A point is suspect when the others agree this many times better without it."""
_SUSPECT_FLOOR_PX = 1.0
_FAR_OFF_PX = 30.0
"""Points that agree no better than a third of this are all to be looked at."""
_DISTANCES_M = (20.0, 40.0, 60.0)


@dataclass(frozen=True, slots=True)
class FitTerms:
    """What the points are fitted with, see `GroundProjection.from_points`."""

    image_size: tuple[int, int]
    range_m: float
    lens: Lens | None = None
    kind: FitKind = "auto"
    ground_sigma_m: float = DEFAULT_GROUND_SIGMA_M


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit, or why there is none.

    Attributes:
        state: `few` points, `refused`, or `fitted`.
        message: one sentence for the engineer.
        projection: the calibrated camera; None unless fitted.
        answer: all that the page shows, ready for JSON.
    """

    state: str
    message: str
    projection: GroundProjection | None
    answer: dict[str, Any]


def fit_points(points: Floats, terms: FitTerms) -> Fit:
    """Fit (n, 4) rows u, v, x, y; never raises for points that do not fit."""
    count = len(points)
    if count < FEWEST:
        return _result("few", _few(count), None, {"residual_px": [None] * count, "error_m": [None] * count})
    figures = _point_figures(points, terms)
    try:
        projection = GroundProjection.from_points(
            points,
            image_size=terms.image_size,
            range_m=terms.range_m,
            lens=terms.lens,
            fit=terms.kind,
            ground_sigma_m=terms.ground_sigma_m,
        )
    except ConfigError as error:
        remedy = error.remedy.replace(
            "check u v x y of each", "check each of them in the picture and on the map"
        )
        return _result("refused", f"{_sentence(error.problem)} {_sentence(remedy)}", None, figures)
    except np.linalg.LinAlgError:
        message = "The points do not determine the camera. Spread them over the whole road area."
        return _result("refused", message, None, figures)
    message = "" if count >= ADVISED else f"{ADVISED - count} more would show how well the points agree."
    return _result("fitted", message, projection, figures | _camera_figures(projection))


def _few(count: int) -> str:
    missing = FEWEST - count
    more = "one more point" if missing == 1 else f"{missing} more points"
    return f"Mark {more}: {FEWEST} fix the view, {ADVISED} or more show the errors."


def _result(state: str, message: str, projection: GroundProjection | None, figures: dict[str, Any]) -> Fit:
    return Fit(state, message, projection, {"state": state, "message": message, **figures})


def _plane(points: Floats, terms: FitTerms) -> PlaneFit | None:
    try:
        return fit_plane(points, image_size=terms.image_size, lens=terms.lens, kind=terms.kind)
    except (DegenerateError, np.linalg.LinAlgError):
        return None


def _point_figures(points: Floats, terms: FitTerms) -> dict[str, Any]:
    """Errors of each point, and the map from ground to pixels; also where the whole is refused."""
    found = _plane(points, terms)
    if found is None:
        nothing = [None] * len(points)
        return {"residual_px": nothing, "error_m": nothing, "suspect": _suspect(points, None, terms)}
    plane, error = found.plane, found.point_error_m
    residual = np.hypot(*plane.residual.T)
    known = error[np.isfinite(error)]
    return {
        "residual_px": _numbers(residual),
        "error_m": _numbers(error),
        "median_error_m": float(np.median(known)) if len(known) else None,
        "worst_error_m": float(known.max()) if len(known) else None,
        "to_pixels": [float(v) for v in plane.matrix.reshape(-1)],
        "lens": None if terms.lens is None else terms.lens.facts(),
        "fit": found.kind,
        "suspect": _suspect(points, plane, terms),
    }


def _suspect(points: Floats, plane: Homography | None, terms: FitTerms) -> dict[str, Any] | None:
    """The one point without which the others agree far better; None where there is no such point."""
    count = len(points)
    whole = math.inf if plane is None else _spread_px(plane)
    if count < ADVISED or whole < _SUSPECT_FLOOR_PX:
        return None
    without = [math.inf] * count
    for row in range(count):
        rest = _plane(np.delete(points, row, axis=0), terms)
        without[row] = math.inf if rest is None else _spread_px(rest.plane)
    worst = int(np.argmin(without))
    if not without[worst] * SUSPECT_RATIO <= min(whole, _FAR_OFF_PX):
        return None
    if not _accepted(np.delete(points, worst, axis=0), terms):
        return None
    return {"point": worst, "rest_px": without[worst]}


def _accepted(points: Floats, terms: FitTerms) -> bool:
    """Whether a camera could see the points so: a mirrored map fits itself well."""
    try:
        GroundProjection.from_points(
            points, image_size=terms.image_size, range_m=terms.range_m, lens=terms.lens, fit=terms.kind
        )
    except (ConfigError, np.linalg.LinAlgError):
        return False
    return True


def _spread_px(plane: Homography) -> float:
    """One-sigma error of a pixel that the residuals tell; eight of the degrees of freedom are the map's own."""
    freedom = max(2 * len(plane.residual) - 8, 1)
    return float(np.sqrt((plane.residual**2).sum() / freedom))


def _camera_figures(projection: GroundProjection) -> dict[str, Any]:
    """Where the camera stands, and the one-sigma error that the points leave on the ground ahead of it."""
    view = projection.view
    width, height = projection.image_size
    ahead = _ahead(projection)
    expected = []
    for distance in _DISTANCES_M:
        spot = view.position_m[:2] + distance * ahead
        pixel = projection.pixels(spot)
        inside = bool(np.isfinite(pixel).all() and 0 <= pixel[0] <= width and 0 <= pixel[1] <= height)
        sigma = (
            math.sqrt(float(np.trace(projection.calibration_covariance(spot[None])[0]))) if inside else None
        )
        expected.append({"distance_m": distance, "sigma_m": sigma})
    return {
        "camera": {
            "x": float(view.position_m[0]),
            "y": float(view.position_m[1]),
            "height_m": float(view.position_m[2]),
            "heading_deg": float(np.degrees(np.arctan2(ahead[0], ahead[1])) % 360.0),
            "focal_px": view.focal_px,
            "assumed_focal": view.assumed_focal,
        },
        "expected": expected,
        "noise_px": projection.point_noise_px,
    }


def _ahead(projection: GroundProjection) -> Floats:
    """(2,) unit direction on the ground from the foot of the camera to what stands low in the middle of the picture."""
    width, height = projection.image_size
    for share in (0.7, 0.9, 1.0):
        spot = projection.ground_points(np.array([0.5 * width, share * height]))
        step = spot - projection.view.position_m[:2]
        length = float(np.hypot(*step))
        if np.isfinite(length) and length > 1e-6:
            return np.asarray(step / length)
    return np.array([0.0, 1.0])


def _numbers(values: Floats) -> list[float | None]:
    """Plain numbers; None for unknown and infinite."""
    return [float(v) if math.isfinite(v) else None for v in values]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
