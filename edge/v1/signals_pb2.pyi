from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MovementState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MOVEMENT_STATE_UNSPECIFIED: _ClassVar[MovementState]
    MOVEMENT_STATE_UNAVAILABLE: _ClassVar[MovementState]
    MOVEMENT_STATE_DARK: _ClassVar[MovementState]
    MOVEMENT_STATE_STOP_THEN_PROCEED: _ClassVar[MovementState]
    MOVEMENT_STATE_STOP_AND_REMAIN: _ClassVar[MovementState]
    MOVEMENT_STATE_PRE_MOVEMENT: _ClassVar[MovementState]
    MOVEMENT_STATE_PERMISSIVE_MOVEMENT_ALLOWED: _ClassVar[MovementState]
    MOVEMENT_STATE_PROTECTED_MOVEMENT_ALLOWED: _ClassVar[MovementState]
    MOVEMENT_STATE_PERMISSIVE_CLEARANCE: _ClassVar[MovementState]
    MOVEMENT_STATE_PROTECTED_CLEARANCE: _ClassVar[MovementState]
    MOVEMENT_STATE_CAUTION_CONFLICTING_TRAFFIC: _ClassVar[MovementState]
    MOVEMENT_STATE_FLASHING_GREEN: _ClassVar[MovementState]
MOVEMENT_STATE_UNSPECIFIED: MovementState
MOVEMENT_STATE_UNAVAILABLE: MovementState
MOVEMENT_STATE_DARK: MovementState
MOVEMENT_STATE_STOP_THEN_PROCEED: MovementState
MOVEMENT_STATE_STOP_AND_REMAIN: MovementState
MOVEMENT_STATE_PRE_MOVEMENT: MovementState
MOVEMENT_STATE_PERMISSIVE_MOVEMENT_ALLOWED: MovementState
MOVEMENT_STATE_PROTECTED_MOVEMENT_ALLOWED: MovementState
MOVEMENT_STATE_PERMISSIVE_CLEARANCE: MovementState
MOVEMENT_STATE_PROTECTED_CLEARANCE: MovementState
MOVEMENT_STATE_CAUTION_CONFLICTING_TRAFFIC: MovementState
MOVEMENT_STATE_FLASHING_GREEN: MovementState

class SignalGroup(_message.Message):
    __slots__ = ("signal_group", "state", "min_end_ns", "max_end_ns", "likely_end_ns", "confidence", "next_state")
    SIGNAL_GROUP_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MIN_END_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_END_NS_FIELD_NUMBER: _ClassVar[int]
    LIKELY_END_NS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    NEXT_STATE_FIELD_NUMBER: _ClassVar[int]
    signal_group: int
    state: MovementState
    min_end_ns: int
    max_end_ns: int
    likely_end_ns: int
    confidence: float
    next_state: MovementState
    def __init__(self, signal_group: _Optional[int] = ..., state: _Optional[_Union[MovementState, str]] = ..., min_end_ns: _Optional[int] = ..., max_end_ns: _Optional[int] = ..., likely_end_ns: _Optional[int] = ..., confidence: _Optional[float] = ..., next_state: _Optional[_Union[MovementState, str]] = ...) -> None: ...

class Signals(_message.Message):
    __slots__ = ("intersection", "revision", "map_revision", "capture_ns", "time_source", "capture_error_ns", "alive_ns", "published_ns", "valid_until_ns", "groups", "status", "withdrawn", "reasons")
    INTERSECTION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    MAP_REVISION_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_NS_FIELD_NUMBER: _ClassVar[int]
    TIME_SOURCE_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_ERROR_NS_FIELD_NUMBER: _ClassVar[int]
    ALIVE_NS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    intersection: int
    revision: int
    map_revision: int
    capture_ns: int
    time_source: str
    capture_error_ns: int
    alive_ns: int
    published_ns: int
    valid_until_ns: int
    groups: _containers.RepeatedCompositeFieldContainer[SignalGroup]
    status: _containers.RepeatedScalarFieldContainer[str]
    withdrawn: bool
    reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, intersection: _Optional[int] = ..., revision: _Optional[int] = ..., map_revision: _Optional[int] = ..., capture_ns: _Optional[int] = ..., time_source: _Optional[str] = ..., capture_error_ns: _Optional[int] = ..., alive_ns: _Optional[int] = ..., published_ns: _Optional[int] = ..., valid_until_ns: _Optional[int] = ..., groups: _Optional[_Iterable[_Union[SignalGroup, _Mapping]]] = ..., status: _Optional[_Iterable[str]] = ..., withdrawn: bool = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...
