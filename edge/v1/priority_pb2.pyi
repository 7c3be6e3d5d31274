from edge.v1 import signals_pb2 as _signals_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PriorityRequestType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITY_REQUEST_TYPE_UNSPECIFIED: _ClassVar[PriorityRequestType]
    PRIORITY_REQUEST_TYPE_REQUEST: _ClassVar[PriorityRequestType]
    PRIORITY_REQUEST_TYPE_UPDATE: _ClassVar[PriorityRequestType]
    PRIORITY_REQUEST_TYPE_CANCELLATION: _ClassVar[PriorityRequestType]

class RequestedRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REQUESTED_ROLE_UNSPECIFIED: _ClassVar[RequestedRole]
    REQUESTED_ROLE_EMERGENCY: _ClassVar[RequestedRole]
    REQUESTED_ROLE_FIRE: _ClassVar[RequestedRole]
    REQUESTED_ROLE_AMBULANCE: _ClassVar[RequestedRole]
    REQUESTED_ROLE_POLICE: _ClassVar[RequestedRole]
    REQUESTED_ROLE_PUBLIC_TRANSPORT: _ClassVar[RequestedRole]
    REQUESTED_ROLE_FREIGHT: _ClassVar[RequestedRole]

class PrioritizationResponseStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRIORITIZATION_RESPONSE_STATUS_UNSPECIFIED: _ClassVar[PrioritizationResponseStatus]
    PRIORITIZATION_RESPONSE_STATUS_REQUESTED: _ClassVar[PrioritizationResponseStatus]
    PRIORITIZATION_RESPONSE_STATUS_PROCESSING: _ClassVar[PrioritizationResponseStatus]
    PRIORITIZATION_RESPONSE_STATUS_WATCH_OTHER_TRAFFIC: _ClassVar[PrioritizationResponseStatus]
    PRIORITIZATION_RESPONSE_STATUS_GRANTED: _ClassVar[PrioritizationResponseStatus]
    PRIORITIZATION_RESPONSE_STATUS_REJECTED: _ClassVar[PrioritizationResponseStatus]
    PRIORITIZATION_RESPONSE_STATUS_MAX_PRESENCE: _ClassVar[PrioritizationResponseStatus]
    PRIORITIZATION_RESPONSE_STATUS_RESERVICE_LOCKED: _ClassVar[PrioritizationResponseStatus]
PRIORITY_REQUEST_TYPE_UNSPECIFIED: PriorityRequestType
PRIORITY_REQUEST_TYPE_REQUEST: PriorityRequestType
PRIORITY_REQUEST_TYPE_UPDATE: PriorityRequestType
PRIORITY_REQUEST_TYPE_CANCELLATION: PriorityRequestType
REQUESTED_ROLE_UNSPECIFIED: RequestedRole
REQUESTED_ROLE_EMERGENCY: RequestedRole
REQUESTED_ROLE_FIRE: RequestedRole
REQUESTED_ROLE_AMBULANCE: RequestedRole
REQUESTED_ROLE_POLICE: RequestedRole
REQUESTED_ROLE_PUBLIC_TRANSPORT: RequestedRole
REQUESTED_ROLE_FREIGHT: RequestedRole
PRIORITIZATION_RESPONSE_STATUS_UNSPECIFIED: PrioritizationResponseStatus
PRIORITIZATION_RESPONSE_STATUS_REQUESTED: PrioritizationResponseStatus
PRIORITIZATION_RESPONSE_STATUS_PROCESSING: PrioritizationResponseStatus
PRIORITIZATION_RESPONSE_STATUS_WATCH_OTHER_TRAFFIC: PrioritizationResponseStatus
PRIORITIZATION_RESPONSE_STATUS_GRANTED: PrioritizationResponseStatus
PRIORITIZATION_RESPONSE_STATUS_REJECTED: PrioritizationResponseStatus
PRIORITIZATION_RESPONSE_STATUS_MAX_PRESENCE: PrioritizationResponseStatus
PRIORITIZATION_RESPONSE_STATUS_RESERVICE_LOCKED: PrioritizationResponseStatus

class PriorityRequest(_message.Message):
    __slots__ = ("vehicle_id", "request_id", "type", "role", "stamp_ns", "inbound_lane", "outbound_lane", "arrival_ns", "duration_s")
    VEHICLE_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    INBOUND_LANE_FIELD_NUMBER: _ClassVar[int]
    OUTBOUND_LANE_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_NS_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    vehicle_id: str
    request_id: int
    type: PriorityRequestType
    role: RequestedRole
    stamp_ns: int
    inbound_lane: int
    outbound_lane: int
    arrival_ns: int
    duration_s: float
    def __init__(self, vehicle_id: _Optional[str] = ..., request_id: _Optional[int] = ..., type: _Optional[_Union[PriorityRequestType, str]] = ..., role: _Optional[_Union[RequestedRole, str]] = ..., stamp_ns: _Optional[int] = ..., inbound_lane: _Optional[int] = ..., outbound_lane: _Optional[int] = ..., arrival_ns: _Optional[int] = ..., duration_s: _Optional[float] = ...) -> None: ...

class PriorityStatus(_message.Message):
    __slots__ = ("request_id", "stamp_ns", "published_ns", "valid_until_ns", "status", "reason", "signal")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    stamp_ns: int
    published_ns: int
    valid_until_ns: int
    status: PrioritizationResponseStatus
    reason: str
    signal: _signals_pb2.SignalGroup
    def __init__(self, request_id: _Optional[int] = ..., stamp_ns: _Optional[int] = ..., published_ns: _Optional[int] = ..., valid_until_ns: _Optional[int] = ..., status: _Optional[_Union[PrioritizationResponseStatus, str]] = ..., reason: _Optional[str] = ..., signal: _Optional[_Union[_signals_pb2.SignalGroup, _Mapping]] = ...) -> None: ...
