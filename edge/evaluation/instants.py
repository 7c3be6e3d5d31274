"""Truth and tracks, instant by instant, without what is not to be scored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.errors import CodecError
from edge.evaluation.assign import least_cost

FloatArray = NDArray[np.float64]
IGNORE_M = 4.0
"""A track this near to a road user that is not scored is neither right nor wrong."""
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Instant:
    """What is scored at one instant.

    Attributes:
        t_ns: UTC ns.
        truth_ids, track_ids: n and m ids.
        truth: (n, 4) x y vx vy; velocity NaN where the truth does not say.
        tracks: (m, 4) likewise.
        covariance: (m, 2, 2) of the position; NaN where a track states none.
        shown: whether there was a line of tracks.
    """

    t_ns: int
    truth_ids: tuple[str, ...]
    track_ids: tuple[str, ...]
    truth: FloatArray
    tracks: FloatArray
    covariance: FloatArray
    shown: bool

    def distances(self) -> FloatArray:
        """(n, m) metres."""
        return distances(self.truth, self.tracks)


def distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """(n, m) metres between the places of n and m rows."""
    return np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])


def instants(
    truth: Iterable[Line], tracks: Iterable[Line], *, radius_m: float | None = None, skip_s: float = 0.0
) -> list[Instant]:
    """Every instant of the truth, with the tracks of the same time; one without a line of tracks has none.

    Args:
        truth, tracks: lines.
        radius_m: road users and tracks farther from the origin are left out; None: all count.
        skip_s: seconds at the beginning that are left out.

    Raises:
        CodecError: a line has no such form.
    """
    published: dict[int, Any] = {}
    for number, line in enumerate(tracks, start=1):
        published[_time(line, "tracks", number)] = (number, line)
    found: list[Instant] = []
    first: int | None = None
    for number, line in enumerate(truth, start=1):
        t_ns = _time(line, "truth", number)
        first = t_ns if first is None else first
        if t_ns - first < skip_s * 1e9:
            continue
        shown_number, shown = published.get(t_ns, (0, {"tracks": []}))
        users = _rows(line, "objects", f"truth line {number}")
        rows = _rows(shown, "tracks", f"tracks line {shown_number}")
        found.append(_instant(t_ns, users, rows, radius_m, shown=shown_number > 0))
    return found


def _instant(t_ns: int, users: list[Any], rows: list[Any], radius_m: float | None, *, shown: bool) -> Instant:
    if radius_m is not None:
        users = [row for row in users if math.hypot(row[1], row[2]) <= radius_m]
        rows = [row for row in rows if math.hypot(row[1], row[2]) <= radius_m]
    users = sorted(users, key=lambda row: bool(row[6]))
    scored = sum(not row[6] for row in users)
    places, states = _states(users), _states(rows)
    keep = np.ones(len(rows), dtype=bool)
    if users and rows:
        cost = np.minimum(distances(places, states), IGNORE_M)
        cost[scored:] += 1e-3  # who is scored comes first
        for user, track in least_cost(cost):
            if user >= scored and cost[user, track] < IGNORE_M:
                keep[track] = False
    return Instant(
        t_ns,
        tuple(row[0] for row in users[:scored]),
        tuple(row[0] for row, kept in zip(rows, keep, strict=True) if kept),
        places[:scored],
        states[keep],
        np.array([row[5] for row in rows], dtype=float).reshape(-1, 2, 2)[keep],
        shown,
    )


def _states(rows: list[Any]) -> FloatArray:
    return np.array([row[1:5] for row in rows], dtype=float).reshape(-1, 4)


def _time(line: Line, what: str, number: int) -> int:
    try:
        return int(line["t_ns"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CodecError(f"{what} line {number}", f"has no t_ns: {error}") from error


def _rows(line: Line, key: str, where: str) -> list[Any]:
    """id, x, y, vx, vy, covariance, ignore of every entry."""
    try:
        rows = [_row(entry) for entry in line[key]]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        problem = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise CodecError(where, f"not {{{key!r}: [{{id, x, y, ...}}]}}: {problem}") from error
    if len({row[0] for row in rows}) != len(rows):
        raise CodecError(where, "two entries have the same id")
    return rows


def _row(entry: Line) -> tuple[str, float, float, float, float, list[list[float]], bool]:
    vx, vy = (math.nan if entry.get(key) is None else float(entry[key]) for key in ("vx", "vy"))
    xx, xy, yy = entry.get("cov") or (math.nan, math.nan, math.nan)
    x, y = float(entry["x"]), float(entry["y"])
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError("x and y must be finite")
    covariance = [[float(xx), float(xy)], [float(xy), float(yy)]]
    return str(entry["id"]), x, y, vx, vy, covariance, bool(entry.get("ignore", False))
