from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CommandOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMMAND_OUTCOME_UNSPECIFIED: _ClassVar[CommandOutcome]
    COMMAND_OUTCOME_APPLIED: _ClassVar[CommandOutcome]
    COMMAND_OUTCOME_STAGED: _ClassVar[CommandOutcome]
    COMMAND_OUTCOME_REFUSED: _ClassVar[CommandOutcome]

class CommandRefusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMMAND_REFUSAL_UNSPECIFIED: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_MALFORMED: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_SIGNATURE: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_NODE: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_EXPIRED: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_REPLAYED: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_NOT_ALLOWED: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_INVALID: _ClassVar[CommandRefusal]
    COMMAND_REFUSAL_UNABLE: _ClassVar[CommandRefusal]
COMMAND_OUTCOME_UNSPECIFIED: CommandOutcome
COMMAND_OUTCOME_APPLIED: CommandOutcome
COMMAND_OUTCOME_STAGED: CommandOutcome
COMMAND_OUTCOME_REFUSED: CommandOutcome
COMMAND_REFUSAL_UNSPECIFIED: CommandRefusal
COMMAND_REFUSAL_MALFORMED: CommandRefusal
COMMAND_REFUSAL_SIGNATURE: CommandRefusal
COMMAND_REFUSAL_NODE: CommandRefusal
COMMAND_REFUSAL_EXPIRED: CommandRefusal
COMMAND_REFUSAL_REPLAYED: CommandRefusal
COMMAND_REFUSAL_NOT_ALLOWED: CommandRefusal
COMMAND_REFUSAL_INVALID: CommandRefusal
COMMAND_REFUSAL_UNABLE: CommandRefusal

class SignedCommand(_message.Message):
    __slots__ = ("payload", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Command(_message.Message):
    __slots__ = ("command_id", "node_id", "counter", "issued_ns", "expires_ns", "configuration", "map", "plan_advice")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    ISSUED_NS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_NS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    MAP_FIELD_NUMBER: _ClassVar[int]
    PLAN_ADVICE_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    node_id: str
    counter: int
    issued_ns: int
    expires_ns: int
    configuration: Configuration
    map: NewMap
    plan_advice: PlanAdvice
    def __init__(self, command_id: _Optional[str] = ..., node_id: _Optional[str] = ..., counter: _Optional[int] = ..., issued_ns: _Optional[int] = ..., expires_ns: _Optional[int] = ..., configuration: _Optional[_Union[Configuration, _Mapping]] = ..., map: _Optional[_Union[NewMap, _Mapping]] = ..., plan_advice: _Optional[_Union[PlanAdvice, _Mapping]] = ...) -> None: ...

class Configuration(_message.Message):
    __slots__ = ("values",)
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.ScalarMap[str, str]
    def __init__(self, values: _Optional[_Mapping[str, str]] = ...) -> None: ...

class NewMap(_message.Message):
    __slots__ = ("map_json",)
    MAP_JSON_FIELD_NUMBER: _ClassVar[int]
    map_json: bytes
    def __init__(self, map_json: _Optional[bytes] = ...) -> None: ...

class PlanAdvice(_message.Message):
    __slots__ = ("cycle_s", "offset_s", "green_s", "valid_from_ns", "valid_until_ns")
    class GreenSEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: float
        def __init__(self, key: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...
    CYCLE_S_FIELD_NUMBER: _ClassVar[int]
    OFFSET_S_FIELD_NUMBER: _ClassVar[int]
    GREEN_S_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_NS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    cycle_s: float
    offset_s: float
    green_s: _containers.ScalarMap[int, float]
    valid_from_ns: int
    valid_until_ns: int
    def __init__(self, cycle_s: _Optional[float] = ..., offset_s: _Optional[float] = ..., green_s: _Optional[_Mapping[int, float]] = ..., valid_from_ns: _Optional[int] = ..., valid_until_ns: _Optional[int] = ...) -> None: ...

class CommandResult(_message.Message):
    __slots__ = ("command_id", "digest", "outcome", "refusal", "message")
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    command_id: str
    digest: bytes
    outcome: CommandOutcome
    refusal: CommandRefusal
    message: str
    def __init__(self, command_id: _Optional[str] = ..., digest: _Optional[bytes] = ..., outcome: _Optional[_Union[CommandOutcome, str]] = ..., refusal: _Optional[_Union[CommandRefusal, str]] = ..., message: _Optional[str] = ...) -> None: ...
