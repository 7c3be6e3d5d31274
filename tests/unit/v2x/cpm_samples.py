"""A perceived lorry, and short ways to its CPM and back."""

from __future__ import annotations

import math
from typing import Any

from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.stamp import NS_PER_MS
from edge.v2x.codec import message_codec
from edge.v2x.etsi_cpm import encode_cpm
from edge.v2x.etsi_cpm_decode import decode_cpm
from tests.unit.v2x.samples import FRAME, NOW_NS

CODEC = message_codec("etsi/CollectivePerceptionMessage")
SIGMAS_OF_LINE = 1.96

TRUCK = PerceivedObject(
    object_id=12,
    measured_ns=NOW_NS - 80 * NS_PER_MS,
    object_class=ObjectClass.TRUCK,
    x_m=30.0,
    y_m=-12.0,
    sensing=Sensing.CAMERA | Sensing.RADAR,
    ellipse_m=(0.4, 0.3),
    ellipse_yaw_rad=math.pi / 2.0,
    speed_mps=9.0,
    yaw_rad=math.radians(100.0),
    acceleration_mps2=-1.5,
    speed_sigma_mps=0.5,
    yaw_sigma_rad=math.radians(2.0),
    length_m=8.5,
    width_m=2.5,
    height_m=3.2,
    class_confidence=0.87,
    existence=0.95,
    age_ms=700,
)


def perceived(*objects: PerceivedObject, **changes: Any) -> PerceivedObjects:
    values: dict[str, Any] = {
        "station": "00000101",
        "stamp_ns": NOW_NS,
        "x_m": 5.0,
        "y_m": -2.0,
        "objects": objects,
    }
    return PerceivedObjects(**(values | changes))


def encode(sent: PerceivedObjects, **changes: Any) -> tuple[bytes, ...]:
    return encode_cpm(sent, frame=FRAME, **changes)


def decode(payload: bytes) -> PerceivedObjects:
    return decode_cpm(payload, frame=FRAME)


def container(value: dict[str, Any], kind: int) -> Any:
    [found] = [e["containerData"] for e in value["payload"]["cpmContainers"] if e["containerId"] == kind]
    return found
