"""What a sensor on a pole can see of the road users: inside its field of view, and not behind another one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import ObjectClass
from hw.sim.sensing.layout import Mount
from hw.sim.sensing.motion import Users

FloatArray = NDArray[np.float64]
CORNERS = np.array([[0.5, 0.5], [0.5, -0.5], [-0.5, -0.5], [-0.5, 0.5]])
NARROW_M = 0.9
"""Half of the width at which hiding is judged, at most: the middle of a long body may still be seen."""


def polar(users: Users, mount: Mount) -> tuple[FloatArray, FloatArray]:
    """(n,) range in m and (n,) bearing of the centres."""
    offset = users.centre - np.array([mount.x_m, mount.y_m])
    return np.hypot(offset[:, 0], offset[:, 1]), np.arctan2(offset[:, 1], offset[:, 0])


def wrapped(angle: FloatArray) -> FloatArray:
    """Angles within -pi and pi."""
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def in_view(users: Users, mount: Mount) -> NDArray[np.bool_]:
    """(n,) whether a centre is inside the field of view."""
    reach, bearing = polar(users, mount)
    inside: NDArray[np.bool_] = reach <= mount.range_m
    return inside & (np.abs(wrapped(bearing - mount.direction_rad)) <= 0.5 * mount.angle_rad)


def hidden_share(users: Users, mount: Mount) -> FloatArray:
    """(n,) share of three rays to each road user that a nearer one blocks: 0, 1/3, 2/3 or 1. People hide nobody."""
    count = len(users)
    if count == 0:
        return np.zeros(0)
    reach, bearing = polar(users, mount)
    extent = 0.25 * (users.size[:, 0] + users.size[:, 1])
    left, right = _edges(users, mount, bearing)
    half = np.minimum(NARROW_M, extent) / np.maximum(reach, 1.0)
    before = reach[None, :] < reach[:, None] - extent[:, None]
    before &= (reach[None, :] > 1.0) & (users.kind[None, :] != int(ObjectClass.PEDESTRIAN))
    blocked = np.zeros(count)
    for side in (-1.0, 0.0, 1.0):
        ray = wrapped((bearing + side * half)[:, None] - bearing[None, :])
        blocked += (before & (ray >= right[None, :]) & (ray <= left[None, :])).any(axis=1)
    return blocked / 3.0


def _edges(users: Users, mount: Mount, bearing: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) bearings of the left and right edge of each body, relative to that of its centre."""
    c, s = np.cos(users.yaw)[:, None], np.sin(users.yaw)[:, None]
    ahead, aside = CORNERS[:, 0] * users.size[:, :1], CORNERS[:, 1] * users.size[:, 1:2]
    x = users.centre[:, :1] + c * ahead - s * aside - mount.x_m
    y = users.centre[:, 1:] + s * ahead + c * aside - mount.y_m
    relative = wrapped(np.arctan2(y, x) - bearing[:, None])
    return relative.max(axis=1), relative.min(axis=1)


def rotated(along: float, across: float, bearing: float) -> tuple[float, float]:
    """A vector along and across a line of sight, as x and y."""
    c, s = math.cos(bearing), math.sin(bearing)
    return along * c - across * s, along * s + across * c


def ellipse(along: float, across: float, bearing: float) -> list[float]:
    """Covariance xx, xy, yy of one-sigma errors along and across a line of sight."""
    c, s, a, b = math.cos(bearing), math.sin(bearing), along * along, across * across
    return [round(value, 6) for value in (a * c * c + b * s * s, (a - b) * c * s, a * s * s + b * c * c)]
