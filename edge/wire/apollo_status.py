"""What an Apollo car says of itself (`CarStatus`) to a V2X report."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError

from edge.apollo import v2x_pb2
from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.mercator import SiteGrid
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.core.v2x import CarShape, RadioFrame, V2xReport

DIALECT = "apollo-6"
GPS_EPOCH_S = 315_964_800
LEAP_SECONDS = 18
"""Of GPS time against UTC since 2017; see IERS Bulletin C."""
OLDEST_NS, NEWEST_NS = 1_000 * NS_PER_MS, 100 * NS_PER_MS
"""A time farther than this before or after its arrival is of another clock."""
STATED_ERROR_NS, ARRIVAL_ERROR_NS = 20 * NS_PER_MS, 60 * NS_PER_MS
FASTEST_MPS = 80.0
LEAST_SIGMA_M = 0.05
SHORTEST_QUATERNION, LONGEST_QUATERNION = 0.9, 1.1
"""Of one that means a rotation; its length should be 1."""
LONGEST_JUNCTION = 128
"""Octets of its id, which goes back with every light."""
FARTHEST_S = 1e11
"""From 1970: what is beyond is no time."""


@dataclass(frozen=True, slots=True)
class CarWord:
    """One message of a car.

    Attributes:
        report: where it is.
        junction_id: of the junction ahead on the car's map; empty: it names none.
        junction_m: mean of that junction's outline, metres of the site; None: it has no outline.
    """

    report: V2xReport
    junction_id: bytes
    junction_m: tuple[float, float] | None


class CarStatusDecoder:
    """What fusion reads off the frames of the gateway; their sender is the car's pseudonym."""

    def __init__(self, grid: SiteGrid, shape: CarShape) -> None:
        self._grid, self._shape = grid, shape
        self.counters: dict[str, int] = {}

    def prepare(self) -> None:
        """Nothing has to be compiled."""

    def decode(self, frame: RadioFrame) -> V2xReport:
        """The report of a frame. Raises `CodecError`."""
        return read_status(
            frame.payload,
            self._grid,
            shape=self._shape,
            link=frame.link,
            temporary_id=frame.sender,
            arrival_ns=frame.arrival_ns,
        ).report


def read_status(
    octets: bytes, grid: SiteGrid, *, shape: CarShape, link: str, temporary_id: str, arrival_ns: int
) -> CarWord:
    """Read a `CarStatus`.

    Raises:
        CodecError: no such message, or one without a usable position.
    """
    message = v2x_pb2.CarStatus()
    try:
        message.ParseFromString(octets)
    except DecodeError as error:
        raise CodecError("apollo CarStatus", str(error)) from error
    pose = message.localization.pose
    place = (pose.position.x, pose.position.y)
    velocity = (pose.linear_velocity.x, pose.linear_velocity.y)
    heading = _heading_rad(pose)
    if not (pose.HasField("position") and pose.position.HasField("x") and pose.position.HasField("y")):
        raise CodecError("apollo CarStatus", "no position")
    if not all(math.isfinite(v) for v in (*place, *velocity, heading)):
        raise CodecError("apollo CarStatus", "position, velocity or heading is no number")
    if math.hypot(*velocity) > FASTEST_MPS:
        raise CodecError("apollo CarStatus", f"a speed of {math.hypot(*velocity):.0f} m/s")
    yaw = math.remainder(heading - grid.turn_rad, math.tau)
    x_m, y_m = grid.to_frame(np.array([place]))[0]
    report = V2xReport(
        link=link,
        dialect=DIALECT,
        temporary_id=temporary_id,
        stamp=_stamp(message.localization, arrival_ns),
        arrival_ns=arrival_ns,
        x_m=float(x_m) + shape.axle_to_centre_m * math.cos(yaw),
        y_m=float(y_m) + shape.axle_to_centre_m * math.sin(yaw),
        ellipse_m=_ellipse(message.localization.uncertainty.position_std_dev),
        speed_mps=math.hypot(*velocity) if pose.HasField("linear_velocity") else None,
        yaw_rad=yaw,
        length_m=shape.length_m,
        width_m=shape.width_m,
        object_class=ObjectClass.CAR,
    )
    identity = message.junction.id.id
    if len(identity) > LONGEST_JUNCTION:
        raise CodecError("apollo CarStatus", f"the id of a junction has {len(identity)} octets")
    return CarWord(report, identity, _middle(message.junction, grid))


def _heading_rad(pose: v2x_pb2.Pose) -> float:
    """Counter-clockwise from grid east. The quaternion turns east-north-up into right-forward-up: forward is its y."""
    if pose.HasField("heading") and math.isfinite(pose.heading):
        return float(pose.heading)
    if not pose.HasField("orientation"):
        raise CodecError("apollo CarStatus", "no heading and no orientation")
    q = pose.orientation
    qx, qy, qz, qw = q.qx, q.qy, q.qz, q.qw
    vector = math.hypot(qx, qy, qz)
    if not q.HasField("qw"):  # Apollo: it may be left out, and is then what makes the length 1
        qw = math.sqrt(max(0.0, 1.0 - vector**2)) if vector <= LONGEST_QUATERNION else math.nan
    if not SHORTEST_QUATERNION <= math.hypot(vector, qw) <= LONGEST_QUATERNION:
        raise CodecError("apollo CarStatus", "an orientation that is no rotation")
    turn = math.atan2(2.0 * (qw * qz + qx * qy), 1.0 - 2.0 * (qy**2 + qz**2))
    return math.remainder(turn + math.pi / 2, math.tau)


def _stamp(localization: v2x_pb2.LocalizationEstimate, arrival_ns: int) -> Stamp:
    """The time of measurement, of either epoch; else that of sending; else that of arrival."""
    measured_s = localization.measurement_time
    for stated_s in (
        measured_s,
        measured_s + GPS_EPOCH_S - LEAP_SECONDS,
        localization.header.timestamp_sec,
    ):
        if not abs(stated_s) <= FARTHEST_S:
            continue
        stated_ns = round(stated_s * NS_PER_S)
        if -NEWEST_NS <= arrival_ns - stated_ns <= OLDEST_NS:
            return Stamp(stated_ns, TimeSource.SENSOR, STATED_ERROR_NS)
    return Stamp(arrival_ns, TimeSource.ARRIVAL, ARRIVAL_ERROR_NS)


def _ellipse(deviation: v2x_pb2.Point3) -> tuple[float, float] | None:
    """A circle of the larger deviation; None where the car tells none."""
    told = max(deviation.x, deviation.y)
    if not (math.isfinite(told) and told > 0.0):
        return None
    return (max(told, LEAST_SIGMA_M),) * 2


def _middle(junction: v2x_pb2.Junction, grid: SiteGrid) -> tuple[float, float] | None:
    points = np.array([(point.x, point.y) for point in junction.polygon.point], dtype=np.float64)
    if len(points) < 3 or not np.isfinite(points).all():
        return None
    x_m, y_m = grid.to_frame(points.mean(axis=0)[None])[0]
    return float(x_m), float(y_m)
