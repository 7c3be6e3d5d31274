"""A report with a number that is none is never sent."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.v2x import V2xReport
from edge.v2x import csae, etsi, j2735
from tests.unit.v2x.samples import FRAME, report

LONG_ID = "0011223344556677"
CAR, PERSON = ObjectClass.CAR, ObjectClass.PEDESTRIAN
MOVING = ("x_m", "y_m", "speed_mps", "yaw_rad", "acceleration_mps2", "ellipse_yaw_rad")
SIZED = (*MOVING, "length_m", "width_m")
Encode = Callable[[V2xReport], bytes]
ENCODERS: dict[str, tuple[Encode, V2xReport, tuple[str, ...]]] = {
    "J2735 BSM": (
        lambda r: j2735.encode_bsm(r, frame=FRAME, message_count=1),
        report(object_class=CAR),
        SIZED,
    ),
    "J2735 PSM": (
        lambda r: j2735.encode_psm(r, frame=FRAME, message_count=1),
        report(object_class=PERSON),
        MOVING,
    ),
    "T/CSAE BSM": (
        lambda r: csae.encode_bsm(r, frame=FRAME, message_count=1),
        report(object_class=CAR, temporary_id=LONG_ID),
        SIZED,
    ),
    "T/CSAE PSM": (
        lambda r: csae.encode_psm(r, frame=FRAME, message_count=1, variant="a"),
        report(object_class=PERSON, temporary_id=LONG_ID, events=()),
        MOVING,
    ),
    "ETSI CAM": (lambda r: etsi.encode_cam(r, frame=FRAME), report(object_class=CAR), SIZED),
    "ETSI VAM": (lambda r: etsi.encode_vam(r, frame=FRAME), report(object_class=PERSON), MOVING),
}
CASES = [(name, field) for name, (_encode, _report, fields) in ENCODERS.items() for field in fields]


@pytest.mark.parametrize(("name", "field"), CASES)
def test_no_number_is_sent_for_what_is_none(name: str, field: str) -> None:
    encode, sound, _fields = ENCODERS[name]
    assert encode(sound)
    for value in (math.nan, math.inf, -math.inf):
        with pytest.raises(CodecError):
            encode(sound._replace(**{field: value}))


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("axes", [(math.nan, 1.0), (1.0, math.inf)])
def test_no_ellipse_is_sent_for_what_is_none(name: str, axes: tuple[float, float]) -> None:
    encode, sound, _fields = ENCODERS[name]
    with pytest.raises(CodecError):
        encode(sound._replace(ellipse_m=axes))
