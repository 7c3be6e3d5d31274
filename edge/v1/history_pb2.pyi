from edge.v1 import command_pb2 as _command_pb2
from edge.v1 import common_pb2 as _common_pb2
from edge.v1 import scene_pb2 as _scene_pb2
from edge.v1 import signals_pb2 as _signals_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GapReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GAP_REASON_UNSPECIFIED: _ClassVar[GapReason]
    GAP_REASON_SIZE: _ClassVar[GapReason]
    GAP_REASON_AGE: _ClassVar[GapReason]
    GAP_REASON_DISK: _ClassVar[GapReason]
    GAP_REASON_ACKNOWLEDGED: _ClassVar[GapReason]
GAP_REASON_UNSPECIFIED: GapReason
GAP_REASON_SIZE: GapReason
GAP_REASON_AGE: GapReason
GAP_REASON_DISK: GapReason
GAP_REASON_ACKNOWLEDGED: GapReason

class Gap(_message.Message):
    __slots__ = ("first_sequence", "reason")
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    first_sequence: int
    reason: GapReason
    def __init__(self, first_sequence: _Optional[int] = ..., reason: _Optional[_Union[GapReason, str]] = ...) -> None: ...

class HistoryRecord(_message.Message):
    __slots__ = ("sequence", "stamp_ns", "signals", "event", "lanes", "command", "gap")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STAMP_NS_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    stamp_ns: int
    signals: _signals_pb2.Signals
    event: _common_pb2.HealthEvent
    lanes: _scene_pb2.Lanes
    command: _command_pb2.CommandResult
    gap: Gap
    def __init__(self, sequence: _Optional[int] = ..., stamp_ns: _Optional[int] = ..., signals: _Optional[_Union[_signals_pb2.Signals, _Mapping]] = ..., event: _Optional[_Union[_common_pb2.HealthEvent, _Mapping]] = ..., lanes: _Optional[_Union[_scene_pb2.Lanes, _Mapping]] = ..., command: _Optional[_Union[_command_pb2.CommandResult, _Mapping]] = ..., gap: _Optional[_Union[Gap, _Mapping]] = ...) -> None: ...

class HistoryBatch(_message.Message):
    __slots__ = ("node_id", "epoch", "records")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    epoch: int
    records: _containers.RepeatedCompositeFieldContainer[HistoryRecord]
    def __init__(self, node_id: _Optional[str] = ..., epoch: _Optional[int] = ..., records: _Optional[_Iterable[_Union[HistoryRecord, _Mapping]]] = ...) -> None: ...

class HistoryAck(_message.Message):
    __slots__ = ("acked_sequence",)
    ACKED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    acked_sequence: int
    def __init__(self, acked_sequence: _Optional[int] = ...) -> None: ...

class ReadHistoryRequest(_message.Message):
    __slots__ = ("node_id", "after_epoch", "after_sequence", "limit")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    after_epoch: int
    after_sequence: int
    limit: int
    def __init__(self, node_id: _Optional[str] = ..., after_epoch: _Optional[int] = ..., after_sequence: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...
