"""Units of the standards' quantities by the name of their type: step, unit, and the code for unavailable.

SAE J2735-2020 clause 7 and J3224-2022; T/CSAE 53-2020 clause 5.2.4 took most over; ETSI TS 102 894-2.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quantity:
    """How a number counts.

    Attributes:
        step: SI units (or degrees) per count.
        unit: name of the unit.
        unavailable: counts that say nothing.
    """

    step: float
    unit: str
    unavailable: tuple[int, ...] = ()

    def shown(self, count: object) -> dict[str, object] | None:
        """The count in its unit; None unavailable."""
        if not isinstance(count, int) or count in self.unavailable:
            return None
        return {"value": float(f"{count * self.step:.9g}"), "unit": self.unit}


_CM, _DM = Quantity(0.01, "m"), Quantity(0.1, "m")
_LL, _DEGREE = 1e-7, "deg"
_SHARED: dict[str, Quantity] = {
    "Latitude": Quantity(_LL, _DEGREE, (900000001,)),
    "Longitude": Quantity(_LL, _DEGREE, (1800000001,)),
    "Elevation": Quantity(0.1, "m", (-4096,)),
    "Speed": Quantity(0.02, "m/s", (8191,)),
    "Heading": Quantity(0.0125, _DEGREE, (28800,)),
    "CoarseHeading": Quantity(1.5, _DEGREE, (240,)),
    "SteeringWheelAngle": Quantity(1.5, _DEGREE, (127,)),
    "Acceleration": Quantity(0.01, "m/s2", (2001,)),
    "VerticalAcceleration": Quantity(0.02, "g", (-127,)),
    "YawRate": Quantity(0.01, "deg/s"),
    "PitchRate": Quantity(0.01, "deg/s"),
    "RollRate": Quantity(0.01, "deg/s"),
    "SemiMajorAxisAccuracy": Quantity(0.05, "m", (255,)),
    "SemiMinorAxisAccuracy": Quantity(0.05, "m", (255,)),
    "SemiMajorAxisOrientation": Quantity(360.0 / 65535.0, _DEGREE, (65535,)),
    "VehicleLength": Quantity(0.01, "m", (0,)),
    "VehicleWidth": Quantity(0.01, "m", (0,)),
    "VehicleHeight": Quantity(0.05, "m", (127,)),
    "LaneWidth": _CM,
    "DSecond": Quantity(0.001, "s", (65535,)),
    "MinuteOfTheYear": Quantity(1.0, "min", (527040,)),
    "TimeOffset": Quantity(0.01, "s", (65535,)),
    "RadiusOfCurvature": Quantity(0.1, "m", (32767,)),
    "Confidence": Quantity(0.5, "%"),
    "SizeValue": _DM,
} | {f"OffsetLL-B{bits}": Quantity(_LL, _DEGREE) for bits in (12, 14, 16, 18, 22, 24)}
_J2735: dict[str, Quantity] = {
    "Angle": Quantity(0.0125, _DEGREE, (28800,)),
    "SpeedAdvice": Quantity(0.1, "m/s", (500,)),
    "Velocity": Quantity(0.02, "m/s", (8191,)),
    "TimeMark": Quantity(0.1, "s of the UTC hour", (36111, 36001)),
    "MinutesDuration": Quantity(1.0, "min"),
    "ZoneLength": Quantity(1.0, "m"),
    "ObjectDistance": _DM,
    "ObstacleDistance": Quantity(1.0, "m"),
    "MeasurementTimeOffset": Quantity(0.001, "s"),
    "YawDetected": Quantity(0.0125, _DEGREE),
    "PitchDetected": Quantity(0.0125, _DEGREE),
    "RollDetected": Quantity(0.0125, _DEGREE),
    "DeltaTime": Quantity(10.0, "s", (-122,)),
    "OffsetLL-B18": Quantity(_LL, _DEGREE, (-131072,)),
    "VertOffset-B12": Quantity(0.1, "m", (-2048,)),
    "VertOffset-B07": Quantity(0.1, "m", (-64,)),
    "PersonalClusterRadius": Quantity(1.0, "m"),
    "TrailerWeight": Quantity(1.0, "kg"),
    "DrivenLineOffsetSm": _CM,
    "DrivenLineOffsetLg": _CM,
} | {f"Offset-B{bits:02}": _CM for bits in (9, 10, 11, 12, 13, 14, 16)}
_CSAE: dict[str, Quantity] = {
    "TimeMark": Quantity(0.1, "s", (36001,)),
    "Radius": _DM,
} | {f"VertOffset-B{bits:02}": _DM for bits in (7, 8, 9, 10, 11, 12)}
_OF_19091 = (
    *("Elevation", "Velocity", "SpeedAdvice", "Angle", "DSecond", "MinuteOfTheYear", "Latitude", "Longitude"),
    *("TimeMark", "ZoneLength", "DrivenLineOffsetSm", "DrivenLineOffsetLg", "DeltaTime"),
    *(f"Offset-B{bits}" for bits in (10, 11, 12, 13, 14, 16)),
)
_PER_SECOND2, _TENTH_DEGREE = "m/s2", Quantity(0.1, _DEGREE, (3601,))
_ETSI: dict[str, Quantity] = (
    {
        "AccelerationConfidence": Quantity(0.1, _PER_SECOND2, (101, 102)),
        "AccelerationMagnitudeValue": Quantity(0.1, _PER_SECOND2, (161,)),
        "AltitudeValue": Quantity(0.01, "m", (800001,)),
        "AngleConfidence": Quantity(0.1, _DEGREE, (126, 127)),
        "CartesianAngleValue": _TENTH_DEGREE,
        "CartesianAngularVelocityComponentValue": Quantity(1.0, "deg/s", (256,)),
        "CartesianCoordinate": _CM,
        "CartesianCoordinateLarge": _CM,
        "CartesianCoordinateSmall": _CM,
        "ConfidenceLevel": Quantity(1.0, "%", (101,)),
        "CoordinateConfidence": Quantity(0.01, "m", (4095, 4096)),
        "CorrelationCellValue": Quantity(1.0, "%", (101,)),
        "CurvatureValue": Quantity(0.0001, "1/m", (1023,)),
        "DeltaAltitude": Quantity(0.01, "m", (12800,)),
        "DeltaLatitude": Quantity(_LL, _DEGREE, (131072,)),
        "DeltaLongitude": Quantity(_LL, _DEGREE, (131072,)),
        "DeltaTimeMilliSecondSigned": Quantity(0.001, "s"),
        "DeltaTimeMilliSecondPositive": Quantity(0.001, "s"),
        "DeltaTimeQuarterSecond": Quantity(0.25, "s", (255,)),
        "DeltaTimeSecond": Quantity(1.0, "s"),
        "DeltaTimeTenSeconds": Quantity(10.0, "s"),
        "DeltaTimeTenthOfSecond": Quantity(0.1, "s", (127,)),
        "GenerationDeltaTime": Quantity(0.001, "s"),
        "HeadingConfidence": Quantity(0.1, _DEGREE, (126, 127)),
        "HeadingValue": _TENTH_DEGREE,
        "LaneWidth": _CM,
        "LaneWidthDSRC": _CM,
        "LongitudinalLanePositionConfidence": Quantity(0.1, "m", (1023,)),
        "LongitudinalLanePositionValue": Quantity(0.1, "m", (32767,)),
        "ObjectDimensionConfidence": Quantity(0.1, "m", (31, 32)),
        "ObjectDimensionValue": Quantity(0.1, "m", (256,)),
        "PathDeltaTime": Quantity(0.01, "s"),
        "ProtectedZoneRadius": Quantity(1.0, "m"),
        "SemiAxisLength": Quantity(0.01, "m", (4094, 4095)),
        "SpeedConfidence": Quantity(0.01, "m/s", (126, 127)),
        "SpeedLimit": Quantity(1.0, "km/h"),
        "SpeedValue": Quantity(0.01, "m/s", (16383,)),
        "StabilityLossProbability": Quantity(2.0, "%", (63,)),
        "StandardLength12b": _DM,
        "StandardLength1B": _DM,
        "StandardLength2B": _DM,
        "StandardLength9b": _DM,
        "SteeringWheelAngleValue": Quantity(1.5, _DEGREE, (512,)),
        "TimestampIts": Quantity(0.001, "s of TAI since 2004"),
        "TrajectoryInterceptionProbability": Quantity(2.0, "%", (63,)),
        "VehicleLengthValue": Quantity(0.1, "m", (1022, 1023)),
        "VehicleWidth": Quantity(0.1, "m", (61, 62)),
        "VelocityComponentValue": Quantity(0.01, "m/s", (16383,)),
        "Wgs84AngleConfidence": Quantity(0.1, _DEGREE, (126, 127)),
        "Wgs84AngleValue": _TENTH_DEGREE,
        "YawRateValue": Quantity(0.01, "deg/s", (32767,)),
    }
    | {
        name: Quantity(0.1, _PER_SECOND2, (161,))
        for name in (
            "AccelerationValue",
            "LateralAccelerationValue",
            "LongitudinalAccelerationValue",
            "VerticalAccelerationValue",
        )
    }
    | {name: (_SHARED | _J2735)[name] for name in _OF_19091}
)
"""The common data dictionary; what ISO/TS 19091 took from SAE J2735 keeps its units."""
_SETS = {"j2735": _SHARED | _J2735, "csae-a": _SHARED | _CSAE, "csae-b": _SHARED | _CSAE, "etsi": _ETSI}


def quantity(message_set: str, type_name: str) -> Quantity | None:
    """The quantity of a type; None: a plain number or no number."""
    return _SETS.get(message_set, {}).get(type_name)
