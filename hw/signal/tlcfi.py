"""TLC-FI on the wire: JSON-RPC 2.0 objects one after the other on a TCP stream, and the calls of a consumer.

Source: the Dutch iVRI interface TLC-FI 1.1; there is no framing, so that braces are counted outside of strings.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from edge.core.errors import CodecError
from edge.core.signals import LampState

Rpc = dict[str, Any]
DEFAULT_PORT = 11501
"""Of a published sample configuration; the interface names none."""
MESSAGE_LIMIT = 1024 * 1024
"""Octets of one object; the largest are the states of all inputs and outputs, some 10 kB."""
TICK_WRAP = 1 << 32
PROTOCOL_VERSION = {"major": 1, "minor": 1, "revision": 0}
CONSUMER = 0
MAX_PREDICTIONS = 16
METHOD_NOT_FOUND = -32601
_OUTSIDE = re.compile(rb'["{}]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = b" \t\r\n,[]\x00"  # blanks, and the commas and brackets of a batch


class ObjectType(enum.IntEnum):
    """Kinds of objects."""

    SESSION = 0
    FACILITIES = 1
    INTERSECTION = 2
    SIGNAL_GROUP = 3


LAMPS = (
    LampState.UNKNOWN,  # unavailable
    LampState.DARK,
    LampState.FLASHING_RED,  # stop then proceed
    LampState.RED,  # stop and remain
    LampState.RED_YELLOW,  # pre-movement
    LampState.GREEN,  # permissive movement
    LampState.GREEN,  # protected movement
    LampState.YELLOW,  # permissive clearance
    LampState.YELLOW,  # protected clearance
    LampState.FLASHING_YELLOW,  # caution, conflicting traffic
    LampState.FLASHING_GREEN,  # permissive movement, pre-clearance
    LampState.FLASHING_GREEN,  # protected movement, pre-clearance
)
"""Lamp by SignalGroupState. Permissive or protected is the site's to say, not the lamp's."""

ERRORS = {
    1: "not authorised: see controller.username and controller.password_file",
    2: "no rights for this",
    3: "it speaks another version of the protocol",
    4: "another application is registered with this name",
    5: "unknown object type",
    6: "missing attribute",
    7: "invalid attribute type",
    8: "invalid attribute value",
    9: "unknown object",
}


class BraceReader:
    """Cuts a stream into JSON objects by their braces. Bounded.

    Attributes:
        broken: an object is longer than the limit: where the next begins is not known any more.
        noise: octets outside of objects that are neither blanks nor part of a batch.
    """

    def __init__(self, limit: int = MESSAGE_LIMIT) -> None:
        self._limit, self._rest = limit, bytearray()
        self._depth, self._at, self._in_string = 0, 0, False
        self.broken, self.noise = False, 0

    def feed(self, data: bytes) -> list[bytes]:
        """The objects that these octets complete."""
        found: list[bytes] = []
        if self.broken:
            return found
        self._rest += data
        while (end := self._object_end()) is not None:
            found.append(bytes(self._rest[:end]))
            del self._rest[:end]
            self._at = 0
        if len(self._rest) > self._limit:
            self.broken = True
            self._rest.clear()
        return found

    @property
    def waiting(self) -> int:
        """Octets of the object that is not complete yet."""
        return len(self._rest)

    def _object_end(self) -> int | None:
        """Where the first object ends; None: it goes on."""
        if self._depth == 0 and not self._skip_to_object():
            return None
        while (hit := (_INSIDE if self._in_string else _OUTSIDE).search(self._rest, self._at)) is not None:
            mark, self._at = hit.group(), hit.end()
            if mark == b"\\":
                if self._at >= len(self._rest):
                    self._at -= 1  # what it escapes has not come yet
                    return None
                self._at += 1
            elif mark == b'"':
                self._in_string = not self._in_string
            else:
                self._depth += 1 if mark == b"{" else -1
            if self._depth == 0:
                return self._at
        self._at = len(self._rest)
        return None

    def _skip_to_object(self) -> bool:
        start = self._rest.find(b"{")
        before = self._rest if start < 0 else self._rest[:start]
        self.noise += len(before.translate(None, _BETWEEN))
        del self._rest[: len(before)]
        self._at = 0
        return start >= 0


def parse_rpc(frame: bytes) -> Rpc:
    """One call, answer or notification.

    Raises:
        CodecError: `utf8`, `json`, or no JSON-RPC (`content`): the first word of the problem says which.
    """
    try:
        rpc = json.loads(frame.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CodecError("TLC-FI", f"utf8: {error.reason}", offset=error.start) from None
    except (ValueError, RecursionError) as error:
        raise CodecError("TLC-FI", f"json: {error}") from None
    if not isinstance(rpc, dict):
        raise CodecError("TLC-FI", "content: no object")
    if not isinstance(rpc.get("id"), int | str | None):
        raise CodecError("TLC-FI", "content: id is neither number nor text")
    if isinstance(rpc.get("method"), str) or (("result" in rpc or "error" in rpc) and "method" not in rpc):
        return rpc
    raise CodecError("TLC-FI", "content: neither method nor result")


def encode_rpc(rpc: Mapping[str, object]) -> bytes:
    """The octets of a call or an answer."""
    return json.dumps({"jsonrpc": "2.0", **rpc}, separators=(",", ":")).encode()


def call(number: int, method: str, params: Mapping[str, object]) -> bytes:
    """A call that wants an answer."""
    return encode_rpc({"id": number, "method": method, "params": params})


def answer(number: object, result: object) -> bytes:
    """The answer to a call."""
    return encode_rpc({"id": number, "result": result})


def fault(number: object, code: int, message: str) -> bytes:
    """That a call failed."""
    return encode_rpc({"id": number, "error": {"code": code, "message": message}})


def objects(kind: ObjectType, ids: Sequence[str]) -> Rpc:
    """A reference to objects."""
    return {"ids": list(ids), "type": int(kind)}


def registration(*, username: str, password: str, uri: str) -> Rpc:
    """Parameters of Register: as a consumer, which may not control."""
    return {
        "username": username,
        "password": password,
        "type": CONSUMER,
        "version": PROTOCOL_VERSION,
        "uri": uri,
    }


def lamp_of(state: object) -> LampState:
    """The lamp of a SignalGroupState; UNKNOWN where it is none."""
    return LAMPS[state] if is_number(state, len(LAMPS)) else LampState.UNKNOWN


def is_number(value: object, limit: int) -> TypeGuard[int]:
    """Whether it is a whole number from 0 to below a limit."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit


def decode_frames(data: bytes) -> Iterator[dict[str, object]]:
    """Every object of a recorded stream, for people: the call or answer, and the lamps where it tells them.

    What does not decode comes as `{"error": ...}`; nothing is raised.
    """
    reader = BraceReader()
    for frame in reader.feed(data):
        try:
            rpc = parse_rpc(frame)
        except CodecError as error:
            yield {"error": str(error)}
            continue
        lamps = list(_lamps_of(rpc))
        yield {"message": rpc} | ({"groups": lamps} if lamps else {})
    if reader.noise:
        yield {"error": f"TLC-FI: {reader.noise} octets outside of objects"}
    if reader.broken or reader.waiting:
        yield {"error": "TLC-FI: the last object is not complete"}


def group_states(body: object, *, values: str) -> Iterator[tuple[str, Rpc]]:
    """Ids and states of signal groups in the result of Subscribe (`values` is `data`) or an update (`states`)."""
    if not isinstance(body, dict) or not isinstance(body.get("objects"), dict):
        return
    ids, states = body["objects"].get("ids"), body.get(values)
    if (
        body["objects"].get("type") == ObjectType.SIGNAL_GROUP
        and isinstance(ids, list)
        and isinstance(states, list)
    ):
        yield from (
            (str(one), state) for one, state in zip(ids, states, strict=False) if isinstance(state, dict)
        )


def _lamps_of(rpc: Rpc) -> Iterator[dict[str, object]]:
    found = list(group_states(rpc.get("result"), values="data"))
    params = rpc.get("params")
    updates = params.get("update") if isinstance(params, dict) else None
    for update in updates if isinstance(updates, list) else ():
        found += group_states(update, values="states")
    for name, state in found:
        lamp = {"lamp": lamp_of(state["state"]).name.lower()} if "state" in state else {}
        told = {"predictions": state["predictions"]} if state.get("predictions") else {}
        yield {"id": name} | lamp | told
