from edge.v1 import command_pb2 as _command_pb2
from edge.v1 import history_pb2 as _history_pb2
from edge.v1 import intersection_pb2 as _intersection_pb2
from edge.v1 import node_pb2 as _node_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Refusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_UNSPECIFIED: _ClassVar[Refusal]
    REFUSAL_DUPLICATE_NODE: _ClassVar[Refusal]
    REFUSAL_BAD_HELLO: _ClassVar[Refusal]
    REFUSAL_FULL: _ClassVar[Refusal]

class NodeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATUS_UNSPECIFIED: _ClassVar[NodeStatus]
    NODE_STATUS_LIVE: _ClassVar[NodeStatus]
    NODE_STATUS_STALE: _ClassVar[NodeStatus]
    NODE_STATUS_OFFLINE: _ClassVar[NodeStatus]
REFUSAL_UNSPECIFIED: Refusal
REFUSAL_DUPLICATE_NODE: Refusal
REFUSAL_BAD_HELLO: Refusal
REFUSAL_FULL: Refusal
NODE_STATUS_UNSPECIFIED: NodeStatus
NODE_STATUS_LIVE: NodeStatus
NODE_STATUS_STALE: NodeStatus
NODE_STATUS_OFFLINE: NodeStatus

class NodeBatch(_message.Message):
    __slots__ = ("node_id", "epoch", "sequence", "hello", "updates", "results")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    epoch: int
    sequence: int
    hello: _intersection_pb2.Intersection
    updates: _containers.RepeatedCompositeFieldContainer[_node_pb2.Update]
    results: _containers.RepeatedCompositeFieldContainer[_command_pb2.CommandResult]
    def __init__(self, node_id: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., hello: _Optional[_Union[_intersection_pb2.Intersection, _Mapping]] = ..., updates: _Optional[_Iterable[_Union[_node_pb2.Update, _Mapping]]] = ..., results: _Optional[_Iterable[_Union[_command_pb2.CommandResult, _Mapping]]] = ...) -> None: ...

class CentreReply(_message.Message):
    __slots__ = ("acked_sequence", "refusal", "message", "commands")
    ACKED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    acked_sequence: int
    refusal: Refusal
    message: str
    commands: _containers.RepeatedCompositeFieldContainer[_command_pb2.SignedCommand]
    def __init__(self, acked_sequence: _Optional[int] = ..., refusal: _Optional[_Union[Refusal, str]] = ..., message: _Optional[str] = ..., commands: _Optional[_Iterable[_Union[_command_pb2.SignedCommand, _Mapping]]] = ...) -> None: ...

class SendCommandRequest(_message.Message):
    __slots__ = ("node_id", "command")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    command: _command_pb2.SignedCommand
    def __init__(self, node_id: _Optional[str] = ..., command: _Optional[_Union[_command_pb2.SignedCommand, _Mapping]] = ...) -> None: ...

class IntersectionSummary(_message.Message):
    __slots__ = ("node_id", "name", "status", "last_heard_ns", "updates_total")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LAST_HEARD_NS_FIELD_NUMBER: _ClassVar[int]
    UPDATES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    name: str
    status: NodeStatus
    last_heard_ns: int
    updates_total: int
    def __init__(self, node_id: _Optional[str] = ..., name: _Optional[str] = ..., status: _Optional[_Union[NodeStatus, str]] = ..., last_heard_ns: _Optional[int] = ..., updates_total: _Optional[int] = ...) -> None: ...

class ListIntersectionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListIntersectionsResponse(_message.Message):
    __slots__ = ("intersections",)
    INTERSECTIONS_FIELD_NUMBER: _ClassVar[int]
    intersections: _containers.RepeatedCompositeFieldContainer[IntersectionSummary]
    def __init__(self, intersections: _Optional[_Iterable[_Union[IntersectionSummary, _Mapping]]] = ...) -> None: ...

class GetIntersectionStateRequest(_message.Message):
    __slots__ = ("node_id",)
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    def __init__(self, node_id: _Optional[str] = ...) -> None: ...

class IntersectionState(_message.Message):
    __slots__ = ("summary", "intersection", "state")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    INTERSECTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    summary: IntersectionSummary
    intersection: _intersection_pb2.Intersection
    state: _node_pb2.State
    def __init__(self, summary: _Optional[_Union[IntersectionSummary, _Mapping]] = ..., intersection: _Optional[_Union[_intersection_pb2.Intersection, _Mapping]] = ..., state: _Optional[_Union[_node_pb2.State, _Mapping]] = ...) -> None: ...

class WatchIntersectionsRequest(_message.Message):
    __slots__ = ("node_ids",)
    NODE_IDS_FIELD_NUMBER: _ClassVar[int]
    node_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, node_ids: _Optional[_Iterable[str]] = ...) -> None: ...
