"""Lines of truth and of tracks to figures."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ConfigError
from edge.evaluation.assign import least_cost, needed
from edge.evaluation.figures import Figures
from edge.evaluation.gospa import gospa
from edge.evaluation.instants import Instant, Line, instants

FloatArray = NDArray[np.float64]
SIMILAR_M = 4.0
"""Similarity of a pair falls from 1 to 0 over this distance."""
PAIR_M = 2.0
"""Pairs within it count for RMSE, NEES and the confirm delay."""
HALF = 0.5


def score(
    truth: Iterable[Line], tracks: Iterable[Line], *, radius_m: float | None = None, skip_s: float = 0.0
) -> Figures:
    """Figures of tracks against the truth.

    Args:
        truth, tracks: lines as in edge/fusion/README.md.
        radius_m, skip_s: see `instants`.

    Raises:
        CodecError: a line has no such form.
        ConfigError: nothing to score, or the extra `evaluate` is not installed.
    """
    found = instants(truth, tracks, radius_m=radius_m, skip_s=skip_s)
    if not any(instant.truth_ids for instant in found):
        raise ConfigError("--truth", "has no road user to score")
    _refuse_apart(found)
    distances = [instant.distances() for instant in found]
    multi = _multi_object(found, distances)
    parts = [gospa(distance) for distance in distances]
    pairs = [_near_pairs(distance) for distance in distances]
    delays, never = _confirm_delays(found, pairs)
    return Figures(
        **multi,
        gospa=float(np.mean([part.distance for part in parts])),
        gospa_location=float(np.mean([part.location for part in parts])),
        gospa_missed=float(np.mean([part.missed for part in parts])),
        gospa_false=float(np.mean([part.false for part in parts])),
        **_errors(found, pairs),
        confirm_median_s=float(np.median(delays)) if delays else float("nan"),
        confirm_p95_s=float(np.percentile(delays, 95)) if delays else float("nan"),
        never_found=never,
        instants=len(found),
        objects=sum(len(instant.truth_ids) for instant in found),
        tracks=sum(len(instant.track_ids) for instant in found),
    )


def _refuse_apart(found: Sequence[Instant]) -> None:
    """Truth and tracks that never speak of one time are not compared."""
    if not any(instant.shown for instant in found):
        raise ConfigError(
            "--tracks",
            f"has no line at a time of the truth, which begins at t_ns = {found[0].t_ns}",
            remedy="both need lines at the same t_ns; edge fuse writes multiples of 100 ms UTC",
        )


def _multi_object(found: Sequence[Instant], distances: Sequence[FloatArray]) -> dict[str, Any]:
    """HOTA, CLEAR and identity figures of trackeval on similarity on the ground."""
    metrics = needed("trackeval.metrics")
    users, tracks = _numbers(i.truth_ids for i in found), _numbers(i.track_ids for i in found)
    data = {
        "gt_ids": users[0],
        "tracker_ids": tracks[0],
        "similarity_scores": [np.clip(1.0 - distance / SIMILAR_M, 0.0, 1.0) for distance in distances],
        "num_gt_dets": sum(map(len, users[0])),
        "num_tracker_dets": sum(map(len, tracks[0])),
        "num_gt_ids": users[1],
        "num_tracker_ids": tracks[1],
        "num_timesteps": len(found),
    }
    settings = {"THRESHOLD": HALF, "PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):  # trackeval prints as it goes
        hota = metrics.HOTA().eval_sequence(data)
        clear = metrics.CLEAR(settings).eval_sequence(data)
        identity = metrics.Identity(settings).eval_sequence(data)
    return {
        "hota": 100.0 * float(np.mean(hota["HOTA"])),
        "deta": 100.0 * float(np.mean(hota["DetA"])),
        "assa": 100.0 * float(np.mean(hota["AssA"])),
        "idf1": 100.0 * float(identity["IDF1"]),
        "mota": 100.0 * float(clear["MOTA"]),
        "id_switches": int(clear["IDSW"]),
        "fragments": int(clear["Frag"]),
        "false_positives": int(clear["CLR_FP"]),
        "misses": int(clear["CLR_FN"]),
    }


def _numbers(ids: Iterable[tuple[str, ...]]) -> tuple[list[NDArray[np.int64]], int]:
    """Ids as numbers from 0 on, and how many there are."""
    known: dict[str, int] = {}
    rows = [np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64) for names in ids]
    return rows, len(known)


def _near_pairs(distance: FloatArray) -> list[tuple[int, int]]:
    if not distance.size:
        return []
    return [(i, j) for i, j in least_cost(np.minimum(distance, PAIR_M) ** 2) if distance[i, j] < PAIR_M]


def _errors(found: Sequence[Instant], pairs: Sequence[list[tuple[int, int]]]) -> dict[str, Any]:
    """RMSE of position and velocity, and NEES, over the pairs."""
    squares, speeds, nees = [], [], []
    for instant, near in zip(found, pairs, strict=True):
        for i, j in near:
            error = instant.tracks[j] - instant.truth[i]
            squares.append(float(error[:2] @ error[:2]))
            speeds.append(float(error[2:] @ error[2:]))
            nees.append(_normalised(error[:2], instant.covariance[j]))
    return {
        "rmse_m": _mean(squares) ** 0.5,
        "velocity_rmse_mps": _mean(speeds) ** 0.5,
        "nees": _mean(nees),
    }


def _normalised(error: FloatArray, covariance: FloatArray) -> float:
    (xx, xy), (_, yy) = covariance
    det = xx * yy - xy * xy
    if not (det > 0.0 and xx > 0.0):
        return float("nan")
    return float((yy * error[0] ** 2 - 2.0 * xy * error[0] * error[1] + xx * error[1] ** 2) / det)


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _confirm_delays(
    found: Sequence[Instant], pairs: Sequence[list[tuple[int, int]]]
) -> tuple[list[float], int]:
    """Seconds from a road user's first instant to its first pair, and how many never had one."""
    begun: dict[str, int] = {}
    paired: dict[str, int] = {}
    for instant, near in zip(found, pairs, strict=True):
        for name in instant.truth_ids:
            begun.setdefault(name, instant.t_ns)
        for i, _track in near:
            paired.setdefault(instant.truth_ids[i], instant.t_ns)
    return [(paired[name] - begun[name]) * 1e-9 for name in begun if name in paired], len(begun) - len(paired)
