"""Road users as messages share them (RSM, SDSM, CPM, SSM): what one station says that it perceives."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from edge.core.kinds import ObjectClass


class Sensing(enum.IntFlag):
    """By what a road user was perceived. What was only heard is never passed on as sensed."""

    NONE = 0
    CAMERA = 1
    RADAR = 2
    LIDAR = 4
    LOOP = 8
    V2X = 16


@dataclass(frozen=True, slots=True)
class PerceivedObject:
    """One road user.

    Attributes:
        object_id: 0..65535, the sender's own, stable while it is tracked.
        measured_ns: UTC ns that the state is valid for.
        object_class: UNKNOWN where the sender does not say.
        x_m, y_m: ENU metres of the site, centre of the road user on the ground.
        sensing: by what it was perceived.
        ellipse_m: one-sigma semi-major and semi-minor axis; None unknown.
        ellipse_yaw_rad: direction of the semi-major axis, counter-clockwise from east.
        speed_mps, yaw_rad, acceleration_mps2: None unknown; yaw counter-clockwise from east.
        speed_sigma_mps, yaw_sigma_rad: one sigma; None unknown.
        length_m, width_m, height_m: None unknown.
        class_confidence, existence: 0..1; None unknown.
        age_ms: how long the sender has tracked it; None unknown.
        temporary_id: pseudonym under which it speaks itself, hexadecimal; empty: none known.
    """

    object_id: int
    measured_ns: int
    object_class: ObjectClass
    x_m: float
    y_m: float
    sensing: Sensing = Sensing.NONE
    ellipse_m: tuple[float, float] | None = None
    ellipse_yaw_rad: float = 0.0
    speed_mps: float | None = None
    yaw_rad: float | None = None
    acceleration_mps2: float | None = None
    speed_sigma_mps: float | None = None
    yaw_sigma_rad: float | None = None
    length_m: float | None = None
    width_m: float | None = None
    height_m: float | None = None
    class_confidence: float | None = None
    existence: float | None = None
    age_ms: int | None = None
    temporary_id: str = ""


@dataclass(frozen=True, slots=True)
class PerceivedObjects:
    """What one station perceives at one instant.

    Attributes:
        station: the sender's id, hexadecimal; its width depends on the message set.
        stamp_ns: UTC ns of the message's reference time.
        x_m, y_m: ENU metres of the sender's reference position.
        objects: in any order.
    """

    station: str
    stamp_ns: int
    x_m: float
    y_m: float
    objects: tuple[PerceivedObject, ...]
