"""What a vehicle says of itself, and the advice that it gets."""

from __future__ import annotations

from dataclasses import dataclass

from edge.sdk.updates import SignalGroup, read_group
from edge.v1 import common_pb2, vehicle_pb2


@dataclass(frozen=True, slots=True)
class VehicleState:
    """Where a vehicle is.

    Attributes:
        vehicle_id: temporary id, up to 32 characters; change it as often as on the radio.
        stamp_ns: when it was there, UTC ns.
        latitude_deg, longitude_deg: WGS-84, centre of the vehicle on the ground.
        position_sigma_m: one sigma on each axis; None unknown.
        speed_mps: None unknown; without it there is no advice.
        yaw_rad: direction it faces, counter-clockwise from east; None unknown.
        length_m, width_m: None unknown.
        kind: `car`, `truck`, `bus`, `motorcycle`, `bicycle` or `pedestrian`.
        maneuver: where it means to go: `straight`, `left`, `right` or `u_turn`; None: not said.
        speed_limit_mps: the fastest that it may and will go here; None: no faster than now.
    """

    vehicle_id: str
    stamp_ns: int
    latitude_deg: float
    longitude_deg: float
    position_sigma_m: float | None = None
    speed_mps: float | None = None
    yaw_rad: float | None = None
    length_m: float | None = None
    width_m: float | None = None
    kind: str = "car"
    maneuver: str | None = None
    speed_limit_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about the next signal; never a permission.

    Attributes:
        kind: `none`, `keep`, `slow_down` or `stop`.
        reason: one sentence.
        lane: LaneID; 0 none.
        distance_m: to the stop line; None unknown.
        signal: what the signal group shows; None: there is none, or it is withdrawn.
        speed_mps: slowest and fastest advised; None: no speed is advised.
        stamp_ns: of the report that it answers.
        valid_until_ns: drop it after this.
    """

    kind: str
    reason: str
    lane: int
    distance_m: float | None
    signal: SignalGroup | None
    speed_mps: tuple[float, float] | None
    stamp_ns: int
    valid_until_ns: int


def report_message(vehicle: VehicleState) -> vehicle_pb2.VehicleReport:
    """The message of a state.

    Raises:
        ValueError: no such kind or maneuver.
    """
    kind, maneuver = f"OBJECT_CLASS_{vehicle.kind.upper()}", vehicle.maneuver or "unspecified"
    return vehicle_pb2.VehicleReport(
        vehicle_id=vehicle.vehicle_id,
        stamp_ns=vehicle.stamp_ns,
        position=common_pb2.GeoPoint(latitude_deg=vehicle.latitude_deg, longitude_deg=vehicle.longitude_deg),
        position_sigma_m=vehicle.position_sigma_m,
        speed_mps=vehicle.speed_mps,
        yaw_rad=vehicle.yaw_rad,
        length_m=vehicle.length_m,
        width_m=vehicle.width_m,
        object_class=kind,
        maneuver=f"MANEUVER_{maneuver.upper()}",
        speed_limit_mps=vehicle.speed_limit_mps,
    )


def read_advice(message: vehicle_pb2.Advice) -> Advice:
    """The value of a message; a kind of a later version reads as `none`."""
    known = message.kind in vehicle_pb2.AdviceKind.values()
    kind = vehicle_pb2.AdviceKind.Name(message.kind).removeprefix("ADVICE_KIND_").lower() if known else "none"
    speeds = message.HasField("speed_low_mps") and message.HasField("speed_high_mps")
    return Advice(
        kind="none" if kind == "unspecified" else kind,
        reason=message.reason,
        lane=message.lane,
        distance_m=message.distance_m if message.HasField("distance_m") else None,
        signal=read_group(message.signal) if message.HasField("signal") else None,
        speed_mps=(message.speed_low_mps, message.speed_high_mps) if speeds else None,
        stamp_ns=message.stamp_ns,
        valid_until_ns=message.valid_until_ns,
    )
