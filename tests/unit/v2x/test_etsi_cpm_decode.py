"""CPMs of other stations, and broken ones."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, Sensing
from edge.v2x.etsi_cam import encode_cam
from edge.v2x.etsi_cpm_decode import read_cpm
from edge.v2x.etsi_perceived import Covariance
from edge.v2x.frame import OtherMessageError
from tests.unit.v2x.cpm_samples import CODEC, TRUCK, container, decode, encode, perceived
from tests.unit.v2x.mutations import bodies, mutated
from tests.unit.v2x.oracles import asn1tools_for
from tests.unit.v2x.samples import FRAME, report


def changed(change: Callable[[dict[str, Any], dict[str, Any]], None], sent: PerceivedObject = TRUCK) -> bytes:
    """The CPM of one object with its value and that of the object changed in place."""
    [payload] = encode(perceived(sent))
    value = CODEC.decode(payload)
    change(value, container(value, 5)["perceivedObjects"][0])
    return CODEC.encode(value)


def one_with(**fields: Any) -> PerceivedObject:
    """The truck as it is heard with some of its elements replaced; None: without."""

    def change(_: dict[str, Any], entry: dict[str, Any]) -> None:
        for name, field in fields.items():
            entry.pop(name, None)
            if field is not None:
                entry[name] = field

    [found] = decode(changed(change)).objects
    return found


@pytest.mark.parametrize(
    ("components", "columns", "expected"),
    [
        ((b"\xc0\x00", 13), [[50]], 0.5),
        ((b"\xe0\x00", 13), [[-50, 9], [9]], -0.5),
        ((b"\xa0\x00", 13), [[50]], 0.0),
        ((b"\xc0\x00", 13), [[101]], 0.0),
        ((b"\xc0\x00", 13), [[-100]], -0.995),
    ],
    ids=["xy", "xyz", "xz", "unavailable", "full"],
)
def test_correlation_of_others(components: Any, columns: Any, expected: float) -> None:
    """Both confidences are 196 cm: one sigma of 1 m; the axes are then the roots of one more and one less."""
    coordinate = {"value": 0, "confidence": 196}
    found = one_with(
        position={"xCoordinate": coordinate, "yCoordinate": coordinate},
        lowerTriangularCorrelationMatrices=[
            {"componentsIncludedIntheMatrix": components, "matrix": columns},
        ],
    )
    longer, shorter = math.sqrt(1.0 + abs(expected)), math.sqrt(1.0 - abs(expected))
    assert found.ellipse_m == (pytest.approx(longer), pytest.approx(shorter))
    if expected:
        assert found.ellipse_yaw_rad == pytest.approx(math.copysign(math.pi / 4.0, expected))


def test_the_doubt_of_the_reference_position_adds() -> None:
    """3 m of the reference and 4 m of the object make 5 m; an axis of 30 m is out of range."""
    sent = perceived(replace(TRUCK, ellipse_m=(4.0, 4.0), ellipse_yaw_rad=0.0))
    [payload] = encode(sent, reference_sigma_m=3.0)
    [heard] = decode(payload).objects
    assert heard.ellipse_m == (pytest.approx(5.0, abs=0.01), pytest.approx(5.0, abs=0.01))
    [unsure] = decode(encode(perceived(replace(TRUCK, ellipse_m=(30.0, 1.0))))[0]).objects
    assert unsure.ellipse_m is None


@pytest.mark.parametrize("orientation", [0, 900, 3601])
def test_a_vehicle_tells_east_and_north_too(orientation: int) -> None:
    """TS 103 324 V2.1.1: the axes are those of the earth, however the vehicle stands."""

    def drive(value: dict[str, Any], _: dict[str, Any]) -> None:
        value["payload"]["cpmContainers"][0] = {
            "containerId": 1,
            "containerData": {"orientationAngle": {"value": orientation, "confidence": 127}},
        }

    [found] = decode(changed(drive)).objects
    assert (found.x_m, found.y_m) == pytest.approx((30.0, -12.0), abs=0.01)
    assert found.yaw_rad == pytest.approx(math.radians(100.0))


def component(value: int, confidence: int = 49) -> dict[str, int]:
    return {"value": value, "confidence": confidence}


def test_cartesian_motion() -> None:
    """4 m/s west and 3 m/s north are 5 m/s; 49 cm/s are one sigma of 0.25, which is 0.05 rad at that speed."""
    velocity = {"xVelocity": component(-400), "yVelocity": component(300, 20)}
    acceleration = {"xAcceleration": component(-20), "yAcceleration": component(15)}
    found = one_with(
        velocity=("cartesianVelocity", velocity),
        acceleration=("cartesianAcceleration", acceleration),
        angles=None,
    )
    assert found.speed_mps == pytest.approx(5.0)
    assert found.speed_sigma_mps == pytest.approx(0.25)
    assert found.yaw_rad == pytest.approx(math.atan2(3.0, -4.0))
    assert found.yaw_sigma_rad == pytest.approx(0.05, abs=0.001)
    assert found.acceleration_mps2 == pytest.approx(2.5)


@pytest.mark.parametrize("bad", [16383, 16382, -16383])
def test_cartesian_motion_that_is_not_said(bad: int) -> None:
    velocity = {"xVelocity": component(bad), "yVelocity": component(300)}
    acceleration = {"xAcceleration": component(161), "yAcceleration": component(15)}
    found = one_with(
        velocity=("cartesianVelocity", velocity),
        acceleration=("cartesianAcceleration", acceleration),
        angles=None,
    )
    assert (found.speed_mps, found.speed_sigma_mps, found.yaw_rad, found.acceleration_mps2) == (None,) * 4


def test_standing_has_no_direction_of_motion() -> None:
    still = ("cartesianVelocity", {"xVelocity": component(0), "yVelocity": component(0)})
    found = one_with(velocity=still, angles=None)
    assert (found.speed_mps, found.yaw_rad) == (0.0, None)
    assert one_with(velocity=still).yaw_rad == pytest.approx(math.radians(100.0))


@pytest.mark.parametrize(
    ("speed", "direction", "expected_deg"),
    [(300, 2810, 280.0), (20, 2810, 100.0), (300, 1150, 100.0), (300, 3601, 100.0), (16383, 2810, 100.0)],
    ids=["reverses", "creeps", "slips", "unsaid", "no speed"],
)
def test_the_box_is_turned_to_where_it_moves(speed: int, direction: int, expected_deg: float) -> None:
    polar = {
        "velocityMagnitude": {"speedValue": speed, "speedConfidence": 10},
        "velocityDirection": {"value": direction, "confidence": 10},
    }
    found = one_with(velocity=("polarVelocity", polar))
    assert found.yaw_rad is not None
    assert math.cos(found.yaw_rad - math.radians(expected_deg)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([(("vehicleSubClass", 5), 40), (("vehicleSubClass", 6), 60)], (ObjectClass.BUS, 0.6)),
        ([(("vehicleSubClass", 5), 40), (("vehicleSubClass", 6), 101)], (ObjectClass.CAR, 0.4)),
        ([(("vehicleSubClass", 6), 101)], (ObjectClass.BUS, None)),
        ([(("vehicleSubClass", 11), 90)], (ObjectClass.UNKNOWN, None)),
        ([(("vehicleSubClass", 7), 90)], (ObjectClass.CAR, 0.9)),
        ([(("vruSubClass", ("bicyclistAndLightVruVehicle", 3)), 90)], (ObjectClass.BICYCLE, 0.9)),
        ([(("vruSubClass", ("animal", 0)), 90)], (ObjectClass.UNKNOWN, None)),
        ([(("otherSubClass", 1), 90)], (ObjectClass.UNKNOWN, None)),
        ([(("groupSubClass", {"clusterCardinalitySize": 4}), 90)], (ObjectClass.UNKNOWN, None)),
        (
            [(("groupSubClass", {"clusterCardinalitySize": 4, "clusterProfiles": (b"\x80", 4)}), 90)],
            (ObjectClass.PEDESTRIAN, 0.9),
        ),
        (
            [(("groupSubClass", {"clusterCardinalitySize": 4, "clusterProfiles": (b"\xc0", 4)}), 90)],
            (ObjectClass.UNKNOWN, None),
        ),
        ([((0, b"\x01\x02"), 90)], (ObjectClass.UNKNOWN, None)),
    ],
    ids=str,
)
def test_classes(classes: Any, expected: tuple[ObjectClass, float | None]) -> None:
    found = one_with(classification=[{"objectClass": kind, "confidence": level} for kind, level in classes])
    assert (found.object_class, found.class_confidence) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"objectId": None},
        {"measurementDeltaTime": -2048},
        {"measurementDeltaTime": 2047},
        {"position": {"xCoordinate": component(131071), "yCoordinate": component(0)}},
        {"position": {"xCoordinate": component(0), "yCoordinate": component(-131072)}},
    ],
    ids=str,
)
def test_what_has_no_id_place_or_time_is_left_out(fields: dict[str, Any]) -> None:
    def change(_: dict[str, Any], entry: dict[str, Any]) -> None:
        entry |= {name: field for name, field in fields.items() if field is not None}
        for name in (name for name, field in fields.items() if field is None):
            del entry[name]

    part = read_cpm(changed(change), frame=FRAME)
    assert (part.perceived.objects, part.known) == ((), 1)


@pytest.mark.parametrize(
    ("sensor_type", "expected"),
    [(1, Sensing.RADAR), (4, Sensing.CAMERA), (12, Sensing.NONE), (13, Sensing.V2X), (31, Sensing.NONE)],
)
def test_sensors_of_others(sensor_type: int, expected: Sensing) -> None:
    """Sensor 200 is of some type, 7 is not explained, 1 explains itself twice."""

    def change(value: dict[str, Any], entry: dict[str, Any]) -> None:
        container(value, 3)[:] = [
            {"sensorId": 200, "sensorType": sensor_type, "shadowingApplies": True},
            {"sensorId": 1, "sensorType": 2, "shadowingApplies": True},
            {"sensorId": 1, "sensorType": 8, "shadowingApplies": True},
        ]
        entry["sensorIdList"] = [200, 7]

    [found] = decode(changed(change)).objects
    assert found.sensing is expected


def test_a_message_without_objects_and_with_containers_of_later_editions() -> None:
    def change(value: dict[str, Any], _: dict[str, Any]) -> None:
        value["payload"]["cpmContainers"][1:] = [{"containerId": 9, "containerData": b"\x01\x02"}]

    part = read_cpm(changed(change), frame=FRAME)
    assert (part.perceived.objects, part.number, part.of, part.known) == ((), 1, 1, 0)


def test_broken_messages_are_refused() -> None:
    [payload] = encode(perceived(TRUCK))
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    with pytest.raises(OtherMessageError, match="CAM"):
        decode(encode_cam(report(), frame=FRAME))
    with pytest.raises(CodecError, match="version 1"):
        decode(b"\x01" + payload[1:])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"referenceTime": 4_398_046_511_103}, "hundred years"),
        ({"segmentationInfo": {"totalMsgNo": 2, "thisMsgNo": 3}}, "3 of 2"),
    ],
)
def test_senseless_heads_are_refused(changes: dict[str, Any], reason: str) -> None:
    payload = changed(lambda value, _: value["payload"]["managementContainer"].update(changes))
    with pytest.raises(CodecError, match=reason):
        decode(payload)


def test_no_position_is_no_message() -> None:
    def lose(value: dict[str, Any], _: dict[str, Any]) -> None:
        value["payload"]["managementContainer"]["referencePosition"]["longitude"] = 1800000001

    with pytest.raises(CodecError, match="no position"):
        decode(changed(lose))


def finite(found: PerceivedObject) -> bool:
    axes: Covariance | tuple[float, ...] = found.ellipse_m or ()
    said = (found.x_m, found.y_m, found.speed_mps, found.yaw_rad, found.acceleration_mps2, *axes)
    return all(math.isfinite(value) for value in said if value is not None)


def test_hostile_octets_raise_nothing_else() -> None:
    """Random messages of every shape, and broken ones: each is objects of finite numbers, or a CodecError."""
    whole = bodies("etsi/CollectivePerceptionMessage", count=40) + list(encode(perceived(*[TRUCK] * 40)))
    heard = refused = 0
    for octets in itertools.chain(whole, itertools.islice(mutated(whole, random.Random(14)), 3000)):
        try:
            part = read_cpm(b"\x02\x0e" + octets[2:], frame=FRAME)
        except CodecError:
            refused += 1
            continue
        heard += 1
        assert all(finite(found) for found in part.perceived.objects)
    assert heard > 150
    assert refused > 300


def test_a_container_longer_than_its_fields_is_refused() -> None:
    [payload] = encode(perceived(TRUCK))
    value = CODEC.decode(payload)
    entry = value["payload"]["cpmContainers"][-1]
    others = asn1tools_for("etsi/CollectivePerceptionMessage")
    octets = others.encode("PerceivedObjectContainer", entry["containerData"])
    assert read_cpm(CODEC.encode(value), frame=FRAME).perceived.objects
    entry["containerData"] = octets + b"\x00"
    with pytest.raises(CodecError, match="octets follow the fields of container 5"):
        read_cpm(CODEC.encode(value), frame=FRAME)
