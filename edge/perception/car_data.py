"""What self-calibration works on: boxes of image tracks, and the ways that connected vehicles say they went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import TYPICAL_SIZE_M, ObjectClass
from edge.perception.pose import LONG_M

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SMOOTHING_S = 0.6
"""Reports of a vehicle up to that far away in time, moved on by its own speed, are averaged."""
LONGEST_GAP_S = 1.5
"""Between reports; what a vehicle did in a longer one is not known."""
DEFAULT_GNSS_M = 0.8
"""One-sigma GNSS error that stays for tens of seconds, where a vehicle says nothing or less."""
MOST_BOXES = 24
"""Of one track, evenly spread: a detector errs alike from picture to picture."""
# Columns of a table of boxes, and of a table of reports; times in seconds from any common origin.
BOX_COLUMNS = ("time_s", "track", "x1", "y1", "x2", "y2", "kind", "bad_edges")
REPORT_COLUMNS = (
    "time_s",
    "vehicle",
    "x_m",
    "y_m",
    "yaw_rad",
    "speed_mps",
    "length_m",
    "width_m",
    "kind",
    "sigma_m",
)


@dataclass(frozen=True, slots=True)
class CarData:
    """Boxes of one camera and reports heard at the same time.

    Attributes:
        boxes: (n, 8) float64 in the order of `BOX_COLUMNS`: pixels of the calibration's picture without distortion;
            `bad_edges` has bit 1, 2, 4, 8 set where edge x1, y1, x2, y2 is hidden or cut.
        reports: (m, 10) float64 in the order of `REPORT_COLUMNS`; NaN unknown.
    """

    boxes: Floats
    reports: Floats


@dataclass(frozen=True, slots=True)
class Track:
    """One image track: (n,) times, (n, 4) boxes, (n, 4) whether each edge can be used."""

    time_s: Floats
    box: Floats
    usable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One connected vehicle's smoothed way.

    Attributes:
        time_s, x_m, y_m, yaw_rad: (n,); yaw goes on over pi.
        size_m: (3,).
        gnss_m: one-sigma constant error of its positions, per axis.
    """

    time_s: Floats
    x_m: Floats
    y_m: Floats
    yaw_rad: Floats
    size_m: Floats
    gnss_m: float

    def at(self, time_s: Floats) -> Floats:
        """(n,) times to (n, 3) x, y, yaw; NaN outside of the reports and in gaps."""
        state = np.stack(
            [np.interp(time_s, self.time_s, line) for line in (self.x_m, self.y_m, self.yaw_rad)], axis=1
        )
        after = np.searchsorted(self.time_s, time_s).clip(1, len(self.time_s) - 1)
        wide = self.time_s[after] - self.time_s[after - 1] > LONGEST_GAP_S
        outside = (time_s < self.time_s[0]) | (time_s > self.time_s[-1])
        state[wide | outside] = np.nan
        return state


def tracks_of(boxes: Floats, *, image_size: tuple[int, int], least: int = 4) -> list[Track]:
    """Image tracks of vehicles with at least that many boxes; edges at the border of the picture are of no use."""
    found = []
    limit = np.array([*image_size, *image_size], dtype=float)
    # Cars, trucks and buses: what a rider's box shows hangs on how the rider sits.
    boxes = boxes[np.isfinite(boxes).all(axis=1) & (boxes[:, 6] <= ObjectClass.BUS)]
    for rows in _groups(boxes[:, 1]):
        if len(rows) < least:
            continue
        chosen = np.unique(np.linspace(0, len(rows) - 1, MOST_BOXES).round().astype(np.int64))
        part = boxes[rows[np.argsort(boxes[rows, 0], kind="stable")][chosen]]
        box = part[:, 2:6]
        inside = (box > 2.0) & (box < limit - 2.0)
        hidden = (part[:, 7].astype(np.int64)[:, None] >> np.arange(4)) & 1
        found.append(Track(part[:, 0], box, inside & (hidden == 0)))
    return found


def vehicles_of(reports: Floats, *, least: int = 8) -> list[Vehicle]:
    """Vehicles with at least that many usable reports, smoothed."""
    found = []
    good = np.isfinite(reports[:, [0, 1, 2, 3, 4]]).all(axis=1)
    # A basic safety message need not say what sent it; size tells.
    good &= (reports[:, 8] <= ObjectClass.BUS) | (reports[:, 8] == ObjectClass.UNKNOWN)
    reports = reports[good]
    for rows in _groups(reports[:, 1]):
        part = reports[rows]
        _, first = np.unique(part[:, 0], return_index=True)
        part = part[first]
        if len(part) >= least:
            found.append(_vehicle(part))
    return found


def _vehicle(part: Floats) -> Vehicle:
    time, yaw = part[:, 0], np.unwrap(part[:, 4])
    speed = np.nan_to_num(part[:, 5])
    velocity = speed[:, None] * np.stack([np.cos(yaw), np.sin(yaw)], axis=1)
    total, count = np.zeros((len(part), 2)), np.zeros(len(part))
    row = np.arange(len(part))
    for step in range(-8, 9):
        other = (row + step).clip(0, len(part) - 1)
        gap = time - time[other]
        near = (np.abs(gap) <= SMOOTHING_S) & (other == row + step)
        moved = part[other, 2:4] + 0.5 * (velocity + velocity[other]) * gap[:, None]
        total += np.where(near[:, None], moved, 0.0)
        count += near
    place = total / count[:, None]
    kind = int(np.median(part[:, 8]))
    size = np.array(TYPICAL_SIZE_M[kind], dtype=float)
    for column, axis in ((6, 0), (7, 1)):
        known = part[np.isfinite(part[:, column]) & (part[:, column] > 0.3), column]
        size[axis] = float(np.median(known)) if len(known) else size[axis]
    if kind == ObjectClass.UNKNOWN and size[0] > LONG_M:
        size[2] = TYPICAL_SIZE_M[ObjectClass.TRUCK, 2]
    sigma = part[np.isfinite(part[:, 9]), 9]
    gnss = max(DEFAULT_GNSS_M, float(np.median(sigma)) if len(sigma) else 0.0)
    return Vehicle(time, place[:, 0], place[:, 1], yaw, size, min(gnss, 5.0))


def _groups(key: Floats) -> list[Ints]:
    """Rows of equal keys."""
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    return [part for part in np.split(order, cuts) if len(part)]


def hidden_edges(box: Floats) -> Ints:
    """(n,) bits 1, 2, 4, 8 where two of three points of edge x1, y1, x2, y2 of a (n, 4) box lie in a nearer one.

    Nearer is a box that ends clearly lower.
    """
    bits = np.zeros(len(box), dtype=np.int64)
    if not len(box):
        return bits
    share = np.array([0.2, 0.5, 0.8])
    lowest = box[:, 3] + 0.05 * (box[:, 3] - box[:, 1])
    nearer = box[None, :, 3] > lowest[:, None]
    x = box[:, :1] + share * (box[:, 2:3] - box[:, :1])
    y = box[:, 1:2] + share * (box[:, 3:] - box[:, 1:2])
    for edge in range(4):
        u = x if edge & 1 else np.repeat(box[:, edge : edge + 1], 3, axis=1)
        v = np.repeat(box[:, edge : edge + 1], 3, axis=1) if edge & 1 else y
        inside = (u[:, None] > box[None, :, :1]) & (u[:, None] < box[None, :, 2:3])
        inside &= (v[:, None] > box[None, :, 1:2]) & (v[:, None] < box[None, :, 3:])
        covered = (inside & nearer[:, :, None]).any(axis=1).sum(axis=1) >= 2
        bits |= covered.astype(np.int64) << edge
    return bits
