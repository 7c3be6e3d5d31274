"""Self-calibration: the camera's pose and time offset from connected cars, taken only after a held-out check.

Vehicles, never single boxes, are held out: the rest gives a pose, and that must place the held-out vehicles nearer to
where they say they are than the present calibration does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.perception import homography
from edge.perception.car_data import CarData, Track, Vehicle, tracks_of, vehicles_of
from edge.perception.car_match import Pair, ground_offset, match, vote
from edge.perception.car_solve import Solution, gather, solve, start_of
from edge.perception.ground import GroundProjection
from edge.perception.pose import CameraPose, boxes_of, pose_of_vector, pose_of_view, projection_of_vector

Floats = NDArray[np.float64]
FEWEST_VEHICLES = 6
FOLDS = 4
CHECKED_M = 40.0
"""Errors are judged within that distance of the camera."""
LEAST_EXPLAINED = 0.35
"""Share of the time of connected vehicles in plain view at which a track must follow them."""
WELL_EXPLAINED = 0.6
"""No other guess is tried then."""
MOST_SCALE = 2.5
MOST_SIGMA_M, MOST_WORST_SIGMA_M = 0.2, 0.4
"""GNSS errors of vehicles average out: about thirty are needed with those of usual receivers."""
BETTER, BETTER_VEHICLES = 0.8, 0.6
LEAST_CHANGE_M, LEAST_CHANGE_SIGMAS = 0.3, 1.5
MOST_CHANGE = (1.5, 1.5, 1.0, 0.1, 0.1, 0.1, 0.08)
"""Metres, radians and share of the focal length beyond which a camera is to be calibrated by hand."""
LEAST_TURN_DEG, LEAST_LIFT_M, LEAST_ZOOM = 0.3, 0.3, 0.01
"""A camera that moved by that little but lies metres aside has hardly moved: the positions or the map are off."""
LEAST_WIDTH_M = 2.0
BLURS = (5.0, 2.0, 1.0, 1.0)
GATES_M = (4.0, 3.0, 3.0)
PARAMETERS = (
    *("x_m", "y_m", "z_m", "yaw_deg", "pitch_deg", "roll_deg", "focal_share", "offset_s"),
    "tight_share",
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What connected cars say of a camera.

    Attributes:
        verdict: `accepted`, `agrees` (the present calibration is as good) or `refused`.
        reason: one sentence for the engineer.
        pose: the proposed pose; None where nothing could be fitted.
        offset_s: a picture shows the world of its stamp plus this; None likewise.
        sigma: one-sigma error of each of `PARAMETERS`.
        figures: for people and files: vehicles, tracks, errors in metres before and after, and so on.
        points: (k, 4) rows u px, v px, x m, y m that stand for the pose; empty unless accepted.
    """

    verdict: str
    reason: str
    pose: CameraPose | None = None
    offset_s: float | None = None
    sigma: tuple[float, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)
    points: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class _Scene:
    """The camera as it is calibrated now, and what was seen and heard."""

    projection: Floats
    prior: Floats
    size: tuple[int, int]
    range_m: float
    tracks: list[Track]
    vehicles: list[Vehicle]


def calibrate_from_cars(data: CarData, present: GroundProjection, *, range_m: float) -> Proposal:
    """Find the pose under which image tracks and connected vehicles agree.

    Args:
        data: boxes and reports of some minutes.
        present: the calibration that is in use.
        range_m: of the camera.
    """
    size = present.image_size
    tracks, vehicles = tracks_of(data.boxes, image_size=size), vehicles_of(data.reports)
    start = start_of(pose_of_view(present.view, image_size=size).vector())
    scene = _Scene(present.view.projection, start, size, range_m, tracks, vehicles)
    if len(vehicles) < FEWEST_VEHICLES:
        return _refused(f"only {len(vehicles)} connected vehicles were heard, {FEWEST_VEHICLES} are needed")
    found = _fit(scene)
    if found is None:
        return _refused("no image track follows any connected vehicle: is this the right link and camera?")
    solution, pairs = found
    return _judge(scene, solution, pairs)


def _refused(reason: str) -> Proposal:
    return Proposal("refused", reason)


def _fit(scene: _Scene) -> tuple[Solution, list[Pair]] | None:
    """The best of the guesses; None where nothing fits."""
    best: tuple[float, Solution, list[Pair]] | None = None
    for offset, pairs in vote(scene.projection, scene.tracks, scene.vehicles, width=scene.size[0]):
        start = scene.prior.copy()
        start[7] = offset
        found = _refined(scene, start, pairs)
        if found is not None and (best is None or len(found[1]) > best[0]):
            best = (float(len(found[1])), *found)
            if _explained(scene, *found) > WELL_EXPLAINED:
                break
    return None if best is None else best[1:]


def _refined(scene: _Scene, start: Floats, pairs: list[Pair]) -> tuple[Solution, list[Pair]] | None:
    """Solve and match in turns; the noise of the edges is taken large at first, then as it is."""
    solution = None
    for turn, blur in enumerate(BLURS):
        if len({pair.vehicle for pair in pairs}) < 3:
            return None
        samples = gather(scene.tracks, scene.vehicles, pairs)
        solution = solve(start, scene.vehicles, samples, image_size=scene.size, prior=scene.prior, blur=blur)
        start = solution.vector
        if turn < len(GATES_M):
            projection = projection_of_vector(start[:7], image_size=scene.size)
            pairs = match(
                projection,
                scene.tracks,
                scene.vehicles,
                offset_s=float(start[7]),
                gate_m=GATES_M[turn],
                tight=solution.tight,
            )
    return None if solution is None else (solution, pairs)


def _judge(scene: _Scene, solution: Solution, pairs: list[Pair]) -> Proposal:
    figures = _figures(scene, solution, pairs)
    before, after = _held_out(scene, solution, pairs)
    figures |= {
        "held_out_vehicles": float(len(before)),
        "before_m": _median(before),
        "after_m": _median(after),
        "better_share": float((after < before).mean()) if len(before) else 0.0,
    }
    pose = pose_of_vector(solution.vector[:7])
    sigma = np.sqrt(np.diag(solution.covariance))
    sigma[3:6] = np.degrees(sigma[3:6])
    verdict, reason = _verdict(figures, solution.vector - scene.prior)
    points = standing_points(scene, solution) if verdict == "accepted" else ()
    return Proposal(
        verdict, reason, pose, float(solution.vector[7]), tuple(float(v) for v in sigma), figures, points
    )


def _verdict(figures: dict[str, float], change: Floats) -> tuple[str, str]:
    """Accepted, agrees or refused, and why."""
    for bad, reason in _refusals(figures, change):
        if bad:
            return "refused", reason
    before, after = figures["before_m"], figures["after_m"]
    words = f"held-out vehicles are {before:.2f} m off with the present calibration, {after:.2f} m with the new one"
    small = figures["change_m"] < max(LEAST_CHANGE_M, LEAST_CHANGE_SIGMAS * figures["sigma_m"])
    if small or after > BETTER * before or figures["better_share"] < BETTER_VEHICLES:
        return "agrees", words
    if _is_shift(change):
        return "refused", (
            f"all vehicles say to be the same {figures['change_m']:.1f} m aside, and the camera has not turned: rather "
            "their GNSS or the map is off; calibrate with edge calibrate if it is the camera"
        )
    return "accepted", f"{words}, if their positions are right on average"


def _is_shift(change: Floats) -> bool:
    """Whether the camera would only be elsewhere: a mast that bends turns it, an error of all receivers does not."""
    turned = bool((np.abs(change[3:6]) >= np.radians(LEAST_TURN_DEG)).any())
    return not turned and abs(change[2]) < LEAST_LIFT_M and abs(change[6]) < LEAST_ZOOM


def _refusals(figures: dict[str, float], change: Floats) -> tuple[tuple[bool, str], ...]:
    """What would speak against a result, and whether it does."""
    vehicles = int(figures["vehicles"])
    return (
        (
            vehicles < FEWEST_VEHICLES,
            f"only {vehicles} connected vehicles were followed, {FEWEST_VEHICLES} are needed",
        ),
        (
            figures["explained_share"] < LEAST_EXPLAINED,
            f"image tracks follow connected vehicles for {figures['explained_share']:.0%} of their time in view only",
        ),
        (
            figures["scale"] > MOST_SCALE,
            f"the residuals are {figures['scale']:.1f} times as large as boxes are noisy",
        ),
        (
            figures["width_m"] < LEAST_WIDTH_M,
            "all vehicles drove along one line: it needs traffic of several lanes or directions",
        ),
        (
            figures["sigma_m"] > MOST_SIGMA_M or figures["worst_sigma_m"] > MOST_WORST_SIGMA_M,
            (
                f"the ground would be known to {figures['sigma_m']:.2f} m only, in places to "
                f"{figures['worst_sigma_m']:.2f} m: more vehicles are needed, over the whole view"
            ),
        ),
        (
            bool((np.abs(change[:7]) > MOST_CHANGE).any()),
            "the camera moved farther than this method may correct: calibrate it anew with edge calibrate",
        ),
        (figures["held_out_vehicles"] < FEWEST_VEHICLES, "too few vehicles could be held out"),
    )


def _held_out(scene: _Scene, solution: Solution, pairs: list[Pair]) -> tuple[Floats, Floats]:
    """(n,) metres that each held-out vehicle is off, with the present calibration and with that of the others."""
    names = sorted({pair.vehicle for pair in pairs})
    before, after = [], []
    for fold in range(FOLDS):
        out = set(names[fold::FOLDS])
        rest = [pair for pair in pairs if pair.vehicle not in out]
        if len({pair.vehicle for pair in rest}) < 3:
            continue
        samples = gather(scene.tracks, scene.vehicles, rest)
        fitted = solve(solution.vector, scene.vehicles, samples, image_size=scene.size, prior=scene.prior)
        new = projection_of_vector(fitted.vector[:7], image_size=scene.size)
        for name in sorted(out):
            mine = [pair for pair in pairs if pair.vehicle == name]
            old_m, new_m = (_off(scene, p, mine, fitted) for p in (scene.projection, new))
            if np.isfinite(old_m) and np.isfinite(new_m):
                before.append(old_m)
                after.append(new_m)
    return np.array(before), np.array(after)


def _off(scene: _Scene, projection: Floats, pairs: list[Pair], fitted: Solution) -> float:
    """How far from where it says it is one vehicle is seen, on average, near the camera.

    Time offset and tightness are those of the other vehicles under either projection: it is the pose that is judged.
    """
    found = []
    for pair in pairs:
        track, vehicle = scene.tracks[pair.track], scene.vehicles[pair.vehicle]
        state = vehicle.at(track.time_s[pair.rows] + fitted.vector[7])
        near = np.hypot(*(state[:, :2] - scene.prior[:2]).T) < CHECKED_M
        if near.any():
            rows, size = pair.rows[near], vehicle.size_m
            found.append(ground_offset(projection, track, rows, state[near], size, tight=fitted.tight))
    if not found:
        return float("nan")
    offset = np.concatenate(found)
    offset = offset[np.isfinite(offset).all(axis=1)]
    return float(np.hypot(*np.median(offset, axis=0))) if len(offset) else float("nan")


def _figures(scene: _Scene, solution: Solution, pairs: list[Pair]) -> dict[str, float]:
    sigma, change = _ground_figures(scene, solution)
    return {
        "tracks": float(len(pairs)),
        "vehicles": float(len({pair.vehicle for pair in pairs})),
        "boxes": float(sum(len(pair.rows) for pair in pairs)),
        "explained_share": _explained(scene, solution, pairs),
        "scale": solution.scale,
        "residual_px": solution.residual_px,
        "width_m": _width(scene, pairs),
        "sigma_m": _median(sigma),
        "worst_sigma_m": float(np.percentile(sigma, 95)) if len(sigma) else float("inf"),
        "change_m": _median(change),
    }


def _explained(scene: _Scene, solution: Solution, pairs: list[Pair]) -> float:
    """Share of the seconds of connected vehicles in the picture at which a matched track follows them."""
    projection = projection_of_vector(solution.vector[:7], image_size=scene.size)
    offset = solution.vector[7]
    seen = followed = 0
    width, height = scene.size
    for j, vehicle in enumerate(scene.vehicles):
        time = np.arange(vehicle.time_s[0], vehicle.time_s[-1], 1.0)
        state = vehicle.at(time)
        box = boxes_of(projection, state[:, :2], state[:, 2], np.broadcast_to(vehicle.size_m, (len(time), 3)))
        inside = (box[:, 0] > 0) & (box[:, 1] > 0) & (box[:, 2] < width) & (box[:, 3] < height)
        inside &= np.hypot(*(state[:, :2] - scene.prior[:2]).T) < min(scene.range_m, CHECKED_M)
        spans = [scene.tracks[pair.track].time_s for pair in pairs if pair.vehicle == j]
        covered = np.zeros(len(time), dtype=bool)
        for span in spans:
            covered |= (time >= span[0] + offset - 0.5) & (time <= span[-1] + offset + 0.5)
        seen += int(inside.sum())
        followed += int((inside & covered).sum())
    return followed / seen if seen else 0.0


def _width(scene: _Scene, pairs: list[Pair]) -> float:
    """One-sigma spread of the vehicles' places across the line along which they spread most."""
    places = []
    for pair in pairs:
        track = scene.tracks[pair.track]
        places.append(scene.vehicles[pair.vehicle].at(track.time_s[pair.rows])[:, :2])
    place = np.concatenate(places)
    place = place[np.isfinite(place).all(axis=1)]
    return (
        float(np.linalg.svd(place - place.mean(axis=0))[1][1] / np.sqrt(len(place)))
        if len(place) > 2
        else 0.0
    )


def _ground_figures(scene: _Scene, solution: Solution) -> tuple[Floats, Floats]:
    """(k,) one-sigma error that the fit leaves on the ground near the camera, and how far it moves the ground there."""
    width, height = scene.size
    grid = np.stack(
        np.meshgrid(np.linspace(0.05, 0.95, 9) * width, np.linspace(0.05, 0.95, 9) * height), axis=-1
    )
    pixels = grid.reshape(-1, 2)
    vector = solution.vector[:7]
    base = _ground(projection_of_vector(vector, image_size=scene.size), pixels)
    near = np.hypot(*(base - vector[:2]).T) < CHECKED_M
    pixels, base = pixels[near], base[near]
    slope = np.empty((len(base), 2, 7))
    for k in range(7):
        moved = vector.copy()
        moved[k] += 1e-5
        slope[..., k] = (_ground(projection_of_vector(moved, image_size=scene.size), pixels) - base) / 1e-5
    spread = np.einsum("nik,kl,nil->n", slope, solution.covariance[:7, :7], slope)
    change = np.hypot(*(_ground(scene.projection, pixels) - base).T)
    return np.sqrt(spread), np.nan_to_num(change, nan=1e3)


def _ground(projection: Floats, pixels: Floats) -> Floats:
    return homography.apply(np.asarray(np.linalg.inv(projection[:, [0, 1, 3]]), dtype=np.float64), pixels)


def standing_points(scene: _Scene, solution: Solution) -> tuple[tuple[float, float, float, float], ...]:
    """Points over the visible ground that say the same as the pose, for the site file."""
    width, height = scene.size
    projection = projection_of_vector(solution.vector[:7], image_size=scene.size)
    rows = np.linspace(0.97, 0.03, 48) * height
    middle = _ground(projection, np.stack([np.full(48, 0.5 * width), rows], axis=1))
    distance = np.hypot(*(middle - solution.vector[:2]).T)
    seen = np.flatnonzero(np.isfinite(distance) & (distance < scene.range_m))
    chosen = rows[seen[[0, len(seen) // 3, 2 * len(seen) // 3, len(seen) - 1]]]
    pixels = np.stack(np.meshgrid(np.array([0.08, 0.5, 0.92]) * width, chosen), axis=-1).reshape(-1, 2)
    ground = _ground(projection, pixels)
    good = np.isfinite(ground).all(axis=1)
    return tuple(
        (float(u), float(v), float(x), float(y))
        for (u, v), (x, y) in zip(pixels[good], ground[good], strict=True)
    )


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else float("inf")
