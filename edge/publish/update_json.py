"""Messages of `edge.v1` as JSON: protobuf's JSON format with the names of the protos, in less time and fewer octets.

As in protobuf's: 64-bit integers are strings, enumerations are names, octets are base64, absent is absent; fields that
cannot be absent are always there. Decimals are cut to what they can mean, by the unit in the field's name.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from edge.publish.hub import Publication, Slot
from edge.v1 import common_pb2

DIGITS = {"_deg": 7, "_m": 3, "_mps": 3}
"""Decimals by unit; a centimetre on the ground is 1e-7 degrees."""
OTHER_DIGITS = 4
Convert = Callable[[Any], Any]
_WIDE = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}
_DECIMAL = {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}


def to_json(message: Message) -> bytes:
    """One line of JSON."""
    values = _fields(message.DESCRIPTOR)(message)
    try:
        return json.dumps(values, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
    except ValueError:  # not a number, or infinite: the slow way has words for it
        text = json_format.MessageToJson(
            message, preserving_proto_field_name=True, indent=None, always_print_fields_with_no_presence=True
        )
        return text.encode()


@functools.cache
def _fields(descriptor: Descriptor) -> Convert:
    """The converter of a message type to a dict."""
    plain = [(f.name, _converter(f)) for f in descriptor.fields if not f.has_presence]
    optional = [(f.name, _converter(f)) for f in descriptor.fields if f.has_presence]

    def convert(message: Message) -> dict[str, Any]:
        found = {}
        for name, converted in plain:
            value = getattr(message, name)
            found[name] = value if converted is None else converted(value)
        for name, converted in optional:
            if message.HasField(name):
                value = getattr(message, name)
                found[name] = value if converted is None else converted(value)
        return found

    return convert


def _converter(field: FieldDescriptor) -> Convert | None:
    """How a field's value is written; None as it is."""
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        one = _single(message.fields_by_name["value"])
        return lambda values: {str(key): one(value) if one else value for key, value in values.items()}
    single = _single(field)
    if not field.is_repeated:
        return single
    return list if single is None else lambda values: [single(value) for value in values]


def _single(field: FieldDescriptor) -> Convert | None:
    if field.message_type is not None:
        return _fields(field.message_type)
    if field.enum_type is not None:
        names = {value.number: value.name for value in field.enum_type.values}
        return lambda number: names.get(number, number)
    if field.type in _DECIMAL:
        digits = DIGITS.get("_" + field.name.rpartition("_")[2], OTHER_DIGITS)
        return lambda value: round(value, digits)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda octets: base64.b64encode(octets).decode("ascii")
    return str if field.type in _WIDE else None


class JsonUpdates:
    """The updates of a hub as JSON, each serialised when the first client needs it, for all clients.

    Attributes:
        serialised: how many were.
    """

    def __init__(self) -> None:
        self._made: dict[Slot, tuple[Publication, bytes]] = {}
        self.serialised = 0

    def text(self, publication: Publication) -> bytes:
        """The update as JSON."""
        known = self._made.get(publication.slot)
        if known is None or known[0] is not publication:
            known = self._made[publication.slot] = (publication, to_json(publication.update))
            self.serialised += 1
        return known[1]


LAYER_NAMES = {
    name.removeprefix("LAYER_").lower(): number
    for name, number in common_pb2.Layer.items()
    if number != common_pb2.LAYER_UNSPECIFIED
}
"""Layers as they stand in addresses and topics."""
NAMES_OF_LAYERS = {number: name for name, number in LAYER_NAMES.items()}
