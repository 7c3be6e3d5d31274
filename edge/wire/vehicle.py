"""Vehicle reports and advice: `edge.v1.VehicleReport` to what fusion hears, and advice to `edge.v1.Advice`."""

from __future__ import annotations

import math

from google.protobuf.message import DecodeError

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.signals import GroupState
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.core.v2x import VERIFIED_BY_TLS, RadioFrame, V2xReport
from edge.v1 import common_pb2, vehicle_pb2
from edge.wire.signals import to_group

DIALECT = "edge.v1"
LONGEST_ID = 32
FASTEST_MPS = 100.0
LONGEST_M = 60.0
ADVICE_LIFE_NS = NS_PER_S
GNSS_SIGMA_M = 2.5
"""Of a vehicle that does not say how well it knows its place."""
_STAMP_ERROR_NS = 10 * NS_PER_MS
_SOURCE = "VehicleReport"


def parse_report(octets: bytes) -> vehicle_pb2.VehicleReport:
    """The message, checked: every number in its range.

    Raises:
        CodecError: it is no such message, or says what cannot be.
    """
    try:
        message = vehicle_pb2.VehicleReport.FromString(octets)
    except DecodeError as error:
        raise CodecError(_SOURCE, "is no VehicleReport") from error
    place = message.position
    _check(0 < len(message.vehicle_id) <= LONGEST_ID, "vehicle_id", f"1 to {LONGEST_ID} characters")
    _check(message.vehicle_id.isprintable(), "vehicle_id", "printable")
    _check(message.HasField("position"), "position", "there")
    _check(abs(place.latitude_deg) <= 90.0 and abs(place.longitude_deg) <= 180.0, "position", "WGS-84")
    _check(message.stamp_ns > 0, "stamp_ns", "UTC nanoseconds")
    _check(0.0 <= message.speed_mps <= FASTEST_MPS, "speed_mps", f"0 to {FASTEST_MPS:g}")
    _check(0.0 <= message.speed_limit_mps <= FASTEST_MPS, "speed_limit_mps", f"0 to {FASTEST_MPS:g}")
    _check(abs(message.yaw_rad) <= 2.0 * math.pi, "yaw_rad", "within two pi")
    for name in ("length_m", "width_m"):
        known = message.HasField(name)
        _check(not known or 0.1 <= getattr(message, name) <= LONGEST_M, name, f"0.1 to {LONGEST_M:g}")
    known = message.HasField("position_sigma_m")
    _check(not known or 0.0 < message.position_sigma_m <= 1000.0, "position_sigma_m", "above 0")
    return message


def _check(right: bool, field: str, words: str) -> None:
    if not right:
        raise CodecError(_SOURCE, f"{field} must be {words}")


class VehicleReportDecoder:
    """Reports of one node's gRPC clients for fusion; the sender says whether the channel proved who it is."""

    def __init__(self, frame: LocalFrame) -> None:
        self._frame, self.counters = frame, dict[str, int]()

    def prepare(self) -> None:
        """Nothing to compile."""

    def decode(self, frame: RadioFrame) -> V2xReport:
        """The report of a frame. Raises `CodecError`."""
        message = parse_report(frame.payload)
        x_m, y_m = self._frame.to_local(message.position.latitude_deg, message.position.longitude_deg)
        sigma_m = message.position_sigma_m if message.HasField("position_sigma_m") else GNSS_SIGMA_M
        return V2xReport(
            link=frame.link,
            dialect=DIALECT,
            temporary_id=message.vehicle_id,
            stamp=Stamp(message.stamp_ns, TimeSource.SENSOR, _STAMP_ERROR_NS),
            arrival_ns=frame.arrival_ns,
            x_m=x_m,
            y_m=y_m,
            ellipse_m=(sigma_m, sigma_m),
            speed_mps=message.speed_mps if message.HasField("speed_mps") else None,
            yaw_rad=message.yaw_rad if message.HasField("yaw_rad") else None,
            length_m=message.length_m if message.HasField("length_m") else None,
            width_m=message.width_m if message.HasField("width_m") else None,
            object_class=_class_of(message.object_class),
            verified=VERIFIED_BY_TLS if frame.sender.startswith(f"{VERIFIED_BY_TLS}:") else None,
        )


def _class_of(value: int) -> ObjectClass:
    if value == common_pb2.OBJECT_CLASS_UNSPECIFIED:
        return ObjectClass.CAR
    if value not in common_pb2.ObjectClass.values():
        return ObjectClass.UNKNOWN
    return ObjectClass[common_pb2.ObjectClass.Name(value).removeprefix("OBJECT_CLASS_")]


def to_advice(
    report: vehicle_pb2.VehicleReport,
    *,
    kind: int,
    reason: str,
    now_ns: int,
    lane: int = 0,
    distance_m: float | None = None,
    group: GroupState | None = None,
    speed_mps: tuple[float, float] | None = None,
) -> vehicle_pb2.Advice:
    """The message of an advice; see `edge.situation.advice`."""
    low_mps, high_mps = speed_mps or (None, None)
    return vehicle_pb2.Advice(
        stamp_ns=report.stamp_ns,
        published_ns=now_ns,
        valid_until_ns=now_ns + ADVICE_LIFE_NS,
        kind=vehicle_pb2.AdviceKind.Name(kind),
        lane=lane,
        distance_m=distance_m,
        signal=None if group is None else to_group(group),
        speed_low_mps=low_mps,
        speed_high_mps=high_mps,
        reason=reason,
    )
