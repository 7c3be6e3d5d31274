"""What a road user says about itself over the radio, and raw radio frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edge.core.kinds import ObjectClass
from edge.core.stamp import Stamp

VEHICLES = "vehicles"
"""The link of vehicles that report over gRPC; no other link has its name."""
VERIFIED_BY_TLS = "tls"
"""Who verified a report whose sender proved its certificate to the channel; senders so known begin with it."""


@dataclass(frozen=True, slots=True)
class RadioFrame:
    """Bytes as a link delivered them, before any decoding.

    Attributes:
        link: name of the link in the site configuration.
        arrival_ns: UTC ns of reception.
        sender: transport address or topic; the key of per-sender rate limits.
        payload: the datagram or MQTT payload.
    """

    link: str
    arrival_ns: int
    sender: str
    payload: bytes


class V2xReport(NamedTuple):
    """One road user's own word (BSM, CAM, PSM, VAM) in the node's units. A named tuple, for thousands come a second.

    Attributes:
        link: link that heard it.
        dialect: message set and edition, e.g. `j2735-2020`, `csae-53-a`.
        temporary_id: the pseudonym, hexadecimal.
        stamp: time of the position, UTC; the message carries milliseconds of the minute.
        arrival_ns: UTC ns of reception.
        x_m, y_m: ENU, centre of the vehicle on the ground.
        ellipse_m: one-sigma semi-major and semi-minor axis; None unknown.
        ellipse_yaw_rad: direction of the semi-major axis, counter-clockwise from east.
        speed_mps, yaw_rad, acceleration_mps2: None unknown; yaw counter-clockwise from east.
        length_m, width_m: None unknown.
        object_class: UNKNOWN where the message does not say.
        events: names of set event flags (hard braking, hazard lights).
        verified: None: unchecked; else the name of who verified the signature.
    """

    link: str
    dialect: str
    temporary_id: str
    stamp: Stamp
    arrival_ns: int
    x_m: float
    y_m: float
    ellipse_m: tuple[float, float] | None = None
    ellipse_yaw_rad: float = 0.0
    speed_mps: float | None = None
    yaw_rad: float | None = None
    acceleration_mps2: float | None = None
    length_m: float | None = None
    width_m: float | None = None
    object_class: ObjectClass = ObjectClass.UNKNOWN
    events: tuple[str, ...] = ()
    verified: str | None = None


@dataclass(frozen=True, slots=True)
class CarShape:
    """Shape of cars that do not tell theirs.

    Attributes:
        length_m, width_m: of the body.
        axle_to_centre_m: from the middle of the rear axle, which they report, forward to the middle of the body.
    """

    length_m: float
    width_m: float
    axle_to_centre_m: float
