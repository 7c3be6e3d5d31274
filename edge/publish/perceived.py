"""Tracks to the perceived objects that messages carry (RSM, SDSM, CPM)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from edge.core.kinds import most_likely
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.sensed import sensing_of
from edge.core.tracks import FloatArray, Tracks

MOVING_MPS = 0.5
"""Below it a course is noise."""


def perceived_objects(
    tracks: Tracks,
    rows: Sequence[int],
    *,
    ids: Mapping[int, int],
    sensor_kinds: Mapping[str, str],
    station: str,
) -> PerceivedObjects:
    """These rows, in their order, as one station at the site's origin tells them.

    Args:
        ids: the id that others see, by track id.
        sensor_kinds: kind per sensor, for the source of each object.
        station: of the sender, hexadecimal.
    """
    sensing = sensing_of(tracks, sensor_kinds)
    classes, shares = most_likely(tracks.class_log_odds)
    found = []
    for row in rows:
        x_m, y_m, vx, vy = (float(value) for value in tracks.state[row])
        speed = math.hypot(vx, vy)
        covariance = tracks.covariance[row]
        axes, turn = _ellipse(covariance[:2, :2])
        found.append(
            PerceivedObject(
                object_id=ids[int(tracks.track_id[row])],
                measured_ns=tracks.stamp_ns,
                object_class=classes[row],
                x_m=x_m,
                y_m=y_m,
                sensing=Sensing(int(sensing[row])),
                ellipse_m=axes,
                ellipse_yaw_rad=turn,
                speed_mps=speed,
                yaw_rad=_yaw(float(tracks.yaw_rad[row]), vx, vy),
                speed_sigma_mps=_along(covariance[2:, 2:], vx, vy, speed),
                length_m=_known(tracks.size_m[row, 0]),
                width_m=_known(tracks.size_m[row, 1]),
                height_m=_known(tracks.size_m[row, 2]),
                class_confidence=shares[row] or None,
                existence=float(tracks.existence[row]),
            )
        )
    return PerceivedObjects(station, tracks.stamp_ns, 0.0, 0.0, tuple(found))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _yaw(yaw_rad: float, vx: float, vy: float) -> float | None:
    if not math.isnan(yaw_rad):
        return yaw_rad
    return math.atan2(vy, vx) if math.hypot(vx, vy) >= MOVING_MPS else None


def _ellipse(covariance: FloatArray) -> tuple[tuple[float, float], float]:
    """One-sigma axes, the longer first, and the direction of that one."""
    xx, xy, yy = float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])
    mean, spread = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    major, minor = math.sqrt(max(0.0, mean + spread)), math.sqrt(max(0.0, mean - spread))
    return (major, minor), math.atan2(2 * xy, xx - yy) / 2


def _along(covariance: FloatArray, vx: float, vy: float, speed: float) -> float:
    """One sigma of the speed: along the course where there is one."""
    if speed < MOVING_MPS:
        return math.sqrt(float(max(covariance[0, 0], covariance[1, 1])))
    course = np.array([vx, vy]) / speed
    return math.sqrt(max(0.0, float(course @ covariance @ course)))
