from edge.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LaneKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_KIND_UNSPECIFIED: _ClassVar[LaneKind]
    LANE_KIND_VEHICLE: _ClassVar[LaneKind]
    LANE_KIND_BICYCLE: _ClassVar[LaneKind]
    LANE_KIND_CROSSWALK: _ClassVar[LaneKind]
    LANE_KIND_SIDEWALK: _ClassVar[LaneKind]
LANE_KIND_UNSPECIFIED: LaneKind
LANE_KIND_VEHICLE: LaneKind
LANE_KIND_BICYCLE: LaneKind
LANE_KIND_CROSSWALK: LaneKind
LANE_KIND_SIDEWALK: LaneKind

class Connection(_message.Message):
    __slots__ = ("to_lane", "signal_group", "straight", "left", "right", "u_turn")
    TO_LANE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_GROUP_FIELD_NUMBER: _ClassVar[int]
    STRAIGHT_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    U_TURN_FIELD_NUMBER: _ClassVar[int]
    to_lane: int
    signal_group: int
    straight: bool
    left: bool
    right: bool
    u_turn: bool
    def __init__(self, to_lane: _Optional[int] = ..., signal_group: _Optional[int] = ..., straight: bool = ..., left: bool = ..., right: bool = ..., u_turn: bool = ...) -> None: ...

class Lane(_message.Message):
    __slots__ = ("lane", "kind", "ingress", "egress", "width_m", "points", "connections", "signal_group", "name", "geo_points", "speed_limit_mps")
    LANE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    INGRESS_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_M_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_GROUP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    GEO_POINTS_FIELD_NUMBER: _ClassVar[int]
    SPEED_LIMIT_MPS_FIELD_NUMBER: _ClassVar[int]
    lane: int
    kind: LaneKind
    ingress: bool
    egress: bool
    width_m: float
    points: _containers.RepeatedCompositeFieldContainer[_common_pb2.LocalPoint]
    connections: _containers.RepeatedCompositeFieldContainer[Connection]
    signal_group: int
    name: str
    geo_points: _containers.RepeatedCompositeFieldContainer[_common_pb2.GeoPoint]
    speed_limit_mps: float
    def __init__(self, lane: _Optional[int] = ..., kind: _Optional[_Union[LaneKind, str]] = ..., ingress: bool = ..., egress: bool = ..., width_m: _Optional[float] = ..., points: _Optional[_Iterable[_Union[_common_pb2.LocalPoint, _Mapping]]] = ..., connections: _Optional[_Iterable[_Union[Connection, _Mapping]]] = ..., signal_group: _Optional[int] = ..., name: _Optional[str] = ..., geo_points: _Optional[_Iterable[_Union[_common_pb2.GeoPoint, _Mapping]]] = ..., speed_limit_mps: _Optional[float] = ...) -> None: ...

class Sensor(_message.Message):
    __slots__ = ("name", "kind")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...

class Intersection(_message.Message):
    __slots__ = ("node_id", "intersection", "region", "revision", "name", "origin", "lanes", "signal_groups", "sensors")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    INTERSECTION_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_GROUPS_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    intersection: int
    region: int
    revision: int
    name: str
    origin: _common_pb2.GeoPoint
    lanes: _containers.RepeatedCompositeFieldContainer[Lane]
    signal_groups: _containers.RepeatedScalarFieldContainer[int]
    sensors: _containers.RepeatedCompositeFieldContainer[Sensor]
    def __init__(self, node_id: _Optional[str] = ..., intersection: _Optional[int] = ..., region: _Optional[int] = ..., revision: _Optional[int] = ..., name: _Optional[str] = ..., origin: _Optional[_Union[_common_pb2.GeoPoint, _Mapping]] = ..., lanes: _Optional[_Iterable[_Union[Lane, _Mapping]]] = ..., signal_groups: _Optional[_Iterable[int]] = ..., sensors: _Optional[_Iterable[_Union[Sensor, _Mapping]]] = ...) -> None: ...
