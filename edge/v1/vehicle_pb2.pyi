from edge.v1 import common_pb2 as _common_pb2
from edge.v1 import signals_pb2 as _signals_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Maneuver(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MANEUVER_UNSPECIFIED: _ClassVar[Maneuver]
    MANEUVER_STRAIGHT: _ClassVar[Maneuver]
    MANEUVER_LEFT: _ClassVar[Maneuver]
    MANEUVER_RIGHT: _ClassVar[Maneuver]
    MANEUVER_U_TURN: _ClassVar[Maneuver]

class AdviceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADVICE_KIND_UNSPECIFIED: _ClassVar[AdviceKind]
    ADVICE_KIND_NONE: _ClassVar[AdviceKind]
    ADVICE_KIND_KEEP: _ClassVar[AdviceKind]
    ADVICE_KIND_SLOW_DOWN: _ClassVar[AdviceKind]
    ADVICE_KIND_STOP: _ClassVar[AdviceKind]
MANEUVER_UNSPECIFIED: Maneuver
MANEUVER_STRAIGHT: Maneuver
MANEUVER_LEFT: Maneuver
MANEUVER_RIGHT: Maneuver
MANEUVER_U_TURN: Maneuver
ADVICE_KIND_UNSPECIFIED: AdviceKind
ADVICE_KIND_NONE: AdviceKind
ADVICE_KIND_KEEP: AdviceKind
ADVICE_KIND_SLOW_DOWN: AdviceKind
ADVICE_KIND_STOP: AdviceKind

class VehicleReport(_message.Message):
    __slots__ = ("vehicle_id", "stamp_ns", "position", "position_sigma_m", "speed_mps", "yaw_rad", "length_m", "width_m", "object_class", "maneuver", "speed_limit_mps")
    VEHICLE_ID_FIELD_NUMBER: _ClassVar[int]
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_SIGMA_M_FIELD_NUMBER: _ClassVar[int]
    SPEED_MPS_FIELD_NUMBER: _ClassVar[int]
    YAW_RAD_FIELD_NUMBER: _ClassVar[int]
    LENGTH_M_FIELD_NUMBER: _ClassVar[int]
    WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    OBJECT_CLASS_FIELD_NUMBER: _ClassVar[int]
    MANEUVER_FIELD_NUMBER: _ClassVar[int]
    SPEED_LIMIT_MPS_FIELD_NUMBER: _ClassVar[int]
    vehicle_id: str
    stamp_ns: int
    position: _common_pb2.GeoPoint
    position_sigma_m: float
    speed_mps: float
    yaw_rad: float
    length_m: float
    width_m: float
    object_class: _common_pb2.ObjectClass
    maneuver: Maneuver
    speed_limit_mps: float
    def __init__(self, vehicle_id: _Optional[str] = ..., stamp_ns: _Optional[int] = ..., position: _Optional[_Union[_common_pb2.GeoPoint, _Mapping]] = ..., position_sigma_m: _Optional[float] = ..., speed_mps: _Optional[float] = ..., yaw_rad: _Optional[float] = ..., length_m: _Optional[float] = ..., width_m: _Optional[float] = ..., object_class: _Optional[_Union[_common_pb2.ObjectClass, str]] = ..., maneuver: _Optional[_Union[Maneuver, str]] = ..., speed_limit_mps: _Optional[float] = ...) -> None: ...

class Advice(_message.Message):
    __slots__ = ("stamp_ns", "published_ns", "valid_until_ns", "kind", "lane", "distance_m", "signal", "speed_low_mps", "speed_high_mps", "reason")
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LANE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    SPEED_LOW_MPS_FIELD_NUMBER: _ClassVar[int]
    SPEED_HIGH_MPS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    stamp_ns: int
    published_ns: int
    valid_until_ns: int
    kind: AdviceKind
    lane: int
    distance_m: float
    signal: _signals_pb2.SignalGroup
    speed_low_mps: float
    speed_high_mps: float
    reason: str
    def __init__(self, stamp_ns: _Optional[int] = ..., published_ns: _Optional[int] = ..., valid_until_ns: _Optional[int] = ..., kind: _Optional[_Union[AdviceKind, str]] = ..., lane: _Optional[int] = ..., distance_m: _Optional[float] = ..., signal: _Optional[_Union[_signals_pb2.SignalGroup, _Mapping]] = ..., speed_low_mps: _Optional[float] = ..., speed_high_mps: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...
