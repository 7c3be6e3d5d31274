from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ObjectClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OBJECT_CLASS_UNSPECIFIED: _ClassVar[ObjectClass]
    OBJECT_CLASS_CAR: _ClassVar[ObjectClass]
    OBJECT_CLASS_TRUCK: _ClassVar[ObjectClass]
    OBJECT_CLASS_BUS: _ClassVar[ObjectClass]
    OBJECT_CLASS_MOTORCYCLE: _ClassVar[ObjectClass]
    OBJECT_CLASS_BICYCLE: _ClassVar[ObjectClass]
    OBJECT_CLASS_PEDESTRIAN: _ClassVar[ObjectClass]
    OBJECT_CLASS_UNKNOWN: _ClassVar[ObjectClass]

class Layer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LAYER_UNSPECIFIED: _ClassVar[Layer]
    LAYER_SIGNALS: _ClassVar[Layer]
    LAYER_SCENE: _ClassVar[Layer]
    LAYER_LANES: _ClassVar[Layer]
    LAYER_HEALTH: _ClassVar[Layer]
    LAYER_RADIO_FRAMES: _ClassVar[Layer]

class HealthState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_STATE_UNSPECIFIED: _ClassVar[HealthState]
    HEALTH_STATE_OK: _ClassVar[HealthState]
    HEALTH_STATE_STARTING: _ClassVar[HealthState]
    HEALTH_STATE_DEGRADED: _ClassVar[HealthState]
    HEALTH_STATE_DOWN: _ClassVar[HealthState]
OBJECT_CLASS_UNSPECIFIED: ObjectClass
OBJECT_CLASS_CAR: ObjectClass
OBJECT_CLASS_TRUCK: ObjectClass
OBJECT_CLASS_BUS: ObjectClass
OBJECT_CLASS_MOTORCYCLE: ObjectClass
OBJECT_CLASS_BICYCLE: ObjectClass
OBJECT_CLASS_PEDESTRIAN: ObjectClass
OBJECT_CLASS_UNKNOWN: ObjectClass
LAYER_UNSPECIFIED: Layer
LAYER_SIGNALS: Layer
LAYER_SCENE: Layer
LAYER_LANES: Layer
LAYER_HEALTH: Layer
LAYER_RADIO_FRAMES: Layer
HEALTH_STATE_UNSPECIFIED: HealthState
HEALTH_STATE_OK: HealthState
HEALTH_STATE_STARTING: HealthState
HEALTH_STATE_DEGRADED: HealthState
HEALTH_STATE_DOWN: HealthState

class LocalPoint(_message.Message):
    __slots__ = ("x_m", "y_m")
    X_M_FIELD_NUMBER: _ClassVar[int]
    Y_M_FIELD_NUMBER: _ClassVar[int]
    x_m: float
    y_m: float
    def __init__(self, x_m: _Optional[float] = ..., y_m: _Optional[float] = ...) -> None: ...

class GeoPoint(_message.Message):
    __slots__ = ("latitude_deg", "longitude_deg", "elevation_m")
    LATITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_DEG_FIELD_NUMBER: _ClassVar[int]
    ELEVATION_M_FIELD_NUMBER: _ClassVar[int]
    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    def __init__(self, latitude_deg: _Optional[float] = ..., longitude_deg: _Optional[float] = ..., elevation_m: _Optional[float] = ...) -> None: ...

class ComponentHealth(_message.Message):
    __slots__ = ("component", "state", "since_ns", "message", "counters")
    class CountersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_NS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    component: str
    state: HealthState
    since_ns: int
    message: str
    counters: _containers.ScalarMap[str, int]
    def __init__(self, component: _Optional[str] = ..., state: _Optional[_Union[HealthState, str]] = ..., since_ns: _Optional[int] = ..., message: _Optional[str] = ..., counters: _Optional[_Mapping[str, int]] = ...) -> None: ...

class HealthEvent(_message.Message):
    __slots__ = ("stamp_ns", "component", "kind", "text")
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    stamp_ns: int
    component: str
    kind: str
    text: str
    def __init__(self, stamp_ns: _Optional[int] = ..., component: _Optional[str] = ..., kind: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class Health(_message.Message):
    __slots__ = ("components", "events")
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    components: _containers.RepeatedCompositeFieldContainer[ComponentHealth]
    events: _containers.RepeatedCompositeFieldContainer[HealthEvent]
    def __init__(self, components: _Optional[_Iterable[_Union[ComponentHealth, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[HealthEvent, _Mapping]]] = ...) -> None: ...
