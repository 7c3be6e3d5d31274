from edge.v1 import common_pb2 as _common_pb2
from edge.v1 import intersection_pb2 as _intersection_pb2
from edge.v1 import priority_pb2 as _priority_pb2
from edge.v1 import scene_pb2 as _scene_pb2
from edge.v1 import signals_pb2 as _signals_pb2
from edge.v1 import vehicle_pb2 as _vehicle_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetIntersectionRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTimeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class NodeTime(_message.Message):
    __slots__ = ("received_ns", "sent_ns")
    RECEIVED_NS_FIELD_NUMBER: _ClassVar[int]
    SENT_NS_FIELD_NUMBER: _ClassVar[int]
    received_ns: int
    sent_ns: int
    def __init__(self, received_ns: _Optional[int] = ..., sent_ns: _Optional[int] = ...) -> None: ...

class State(_message.Message):
    __slots__ = ("signals", "scene", "lanes", "health")
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    SCENE_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    signals: _signals_pb2.Signals
    scene: _scene_pb2.Scene
    lanes: _scene_pb2.Lanes
    health: _common_pb2.Health
    def __init__(self, signals: _Optional[_Union[_signals_pb2.Signals, _Mapping]] = ..., scene: _Optional[_Union[_scene_pb2.Scene, _Mapping]] = ..., lanes: _Optional[_Union[_scene_pb2.Lanes, _Mapping]] = ..., health: _Optional[_Union[_common_pb2.Health, _Mapping]] = ...) -> None: ...

class Circle(_message.Message):
    __slots__ = ("centre", "radius_m")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    centre: _common_pb2.LocalPoint
    radius_m: float
    def __init__(self, centre: _Optional[_Union[_common_pb2.LocalPoint, _Mapping]] = ..., radius_m: _Optional[float] = ...) -> None: ...

class GeoCircle(_message.Message):
    __slots__ = ("centre", "radius_m")
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    RADIUS_M_FIELD_NUMBER: _ClassVar[int]
    centre: _common_pb2.GeoPoint
    radius_m: float
    def __init__(self, centre: _Optional[_Union[_common_pb2.GeoPoint, _Mapping]] = ..., radius_m: _Optional[float] = ...) -> None: ...

class Box(_message.Message):
    __slots__ = ("south_west", "north_east")
    SOUTH_WEST_FIELD_NUMBER: _ClassVar[int]
    NORTH_EAST_FIELD_NUMBER: _ClassVar[int]
    south_west: _common_pb2.LocalPoint
    north_east: _common_pb2.LocalPoint
    def __init__(self, south_west: _Optional[_Union[_common_pb2.LocalPoint, _Mapping]] = ..., north_east: _Optional[_Union[_common_pb2.LocalPoint, _Mapping]] = ...) -> None: ...

class GeoBox(_message.Message):
    __slots__ = ("south_west", "north_east")
    SOUTH_WEST_FIELD_NUMBER: _ClassVar[int]
    NORTH_EAST_FIELD_NUMBER: _ClassVar[int]
    south_west: _common_pb2.GeoPoint
    north_east: _common_pb2.GeoPoint
    def __init__(self, south_west: _Optional[_Union[_common_pb2.GeoPoint, _Mapping]] = ..., north_east: _Optional[_Union[_common_pb2.GeoPoint, _Mapping]] = ...) -> None: ...

class Area(_message.Message):
    __slots__ = ("circle", "box", "geo_circle", "geo_box")
    CIRCLE_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    GEO_CIRCLE_FIELD_NUMBER: _ClassVar[int]
    GEO_BOX_FIELD_NUMBER: _ClassVar[int]
    circle: Circle
    box: Box
    geo_circle: GeoCircle
    geo_box: GeoBox
    def __init__(self, circle: _Optional[_Union[Circle, _Mapping]] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., geo_circle: _Optional[_Union[GeoCircle, _Mapping]] = ..., geo_box: _Optional[_Union[GeoBox, _Mapping]] = ...) -> None: ...

class SubscribeRequest(_message.Message):
    __slots__ = ("layers", "area", "max_rate_hz")
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    AREA_FIELD_NUMBER: _ClassVar[int]
    MAX_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    layers: _containers.RepeatedScalarFieldContainer[_common_pb2.Layer]
    area: Area
    max_rate_hz: float
    def __init__(self, layers: _Optional[_Iterable[_Union[_common_pb2.Layer, str]]] = ..., area: _Optional[_Union[Area, _Mapping]] = ..., max_rate_hz: _Optional[float] = ...) -> None: ...

class CreditRequest(_message.Message):
    __slots__ = ("subscribe", "read_count", "window")
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    READ_COUNT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    subscribe: SubscribeRequest
    read_count: int
    window: int
    def __init__(self, subscribe: _Optional[_Union[SubscribeRequest, _Mapping]] = ..., read_count: _Optional[int] = ..., window: _Optional[int] = ...) -> None: ...

class RadioFrame(_message.Message):
    __slots__ = ("kind", "dialect", "payload")
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    kind: str
    dialect: str
    payload: bytes
    def __init__(self, kind: _Optional[str] = ..., dialect: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Update(_message.Message):
    __slots__ = ("sequence", "layer", "epoch", "capture_ns", "published_ns", "valid_until_ns", "signals", "scene", "lanes", "health", "radio_frame")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_NS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    SCENE_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    RADIO_FRAME_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    layer: _common_pb2.Layer
    epoch: int
    capture_ns: int
    published_ns: int
    valid_until_ns: int
    signals: _signals_pb2.Signals
    scene: _scene_pb2.Scene
    lanes: _scene_pb2.Lanes
    health: _common_pb2.Health
    radio_frame: RadioFrame
    def __init__(self, sequence: _Optional[int] = ..., layer: _Optional[_Union[_common_pb2.Layer, str]] = ..., epoch: _Optional[int] = ..., capture_ns: _Optional[int] = ..., published_ns: _Optional[int] = ..., valid_until_ns: _Optional[int] = ..., signals: _Optional[_Union[_signals_pb2.Signals, _Mapping]] = ..., scene: _Optional[_Union[_scene_pb2.Scene, _Mapping]] = ..., lanes: _Optional[_Union[_scene_pb2.Lanes, _Mapping]] = ..., health: _Optional[_Union[_common_pb2.Health, _Mapping]] = ..., radio_frame: _Optional[_Union[RadioFrame, _Mapping]] = ...) -> None: ...
