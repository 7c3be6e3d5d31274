"""Messages as JSON, for people and for files: the JSON encoding rules of ITU-T X.697, or values in SI units.

Octets are hexadecimal; a bit string of fixed size is hexadecimal too, of variable size `{"value", "length"}`; a CHOICE
is an object with one name. What a later edition added, as `edge.v2x.codec` keeps it, goes the same way: additions of a
SEQUENCE under `"..."`, an unknown alternative or enumeration by its number.
"""

from __future__ import annotations

import importlib
from typing import Any

from edge.core.errors import CodecError
from edge.v2x.codec import messages
from edge.v2x.quantities import quantity
from edge.v2x.uper import BITS, EXTRA

Json = Any


def to_json(message: str, value: Any, *, units: bool = False) -> Json:
    """The value of a message (`j2735/SPAT`) as JSON.

    Args:
        message: key of the message.
        value: as `message_codec` decodes it.
        units: quantities as `{"value", "unit"}`, None where the sender says unavailable; else as the standard counts.
    """
    names = _Names(message)
    return names.write(names.root, value, units=units)


def from_json(message: str, data: Json) -> Any:
    """The value that `to_json` without units makes this of. Raises `CodecError` where the form is another."""
    names = _Names(message)
    try:
        return names.read(names.root, data)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise CodecError(names.root, f"not the JSON of one: {error}") from error


class _Names:
    """The types of one set, walked along a value."""

    def __init__(self, message: str) -> None:
        self._set, name = message.split("/")
        package = messages()[message][0].partition(".")[0]
        generated = importlib.import_module(f"edge.v2x.generated.{package}.names")
        self._types: dict[str, Any] = generated.TYPES
        self._opens: dict[str, Any] = generated.OPENS
        self.root: str = generated.ROOTS[name]

    def _resolve(self, kind: Any) -> tuple[Any, str]:
        """What a type is, and the last name on the way there."""
        name = ""
        while isinstance(kind, str) and kind in self._types:
            name, kind = kind, self._types[kind]
        return kind, name

    def write(self, kind: Any, value: Any, *, units: bool) -> Json:
        found, name = self._resolve(kind)
        if isinstance(found, tuple):
            return self._write_structure(found, name, value, units=units)
        if units and (known := quantity(self._set, name)) is not None:
            return known.shown(value)
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, tuple):
            octets, size = value
            return (
                octets.hex() if found.startswith("BIT STRING ") else {"value": octets.hex(), "length": size}
            )
        return value

    def _write_structure(self, found: tuple[str, Any], name: str, value: Any, *, units: bool) -> Json:
        form, below = found
        if form == "SEQUENCE OF":
            return [self.write(below, element, units=units) for element in value]
        if form == "CHOICE":
            chosen, inside = value
            if isinstance(chosen, int):
                return {str(chosen): inside.hex()}
            return {chosen: self.write(below[chosen], inside, units=units)}
        shown = {
            field: self._write_field(name, field, below[field], value, units=units)
            for field in below
            if field in value
        }
        if EXTRA in value:
            shown[EXTRA] = {str(k): v if k == BITS else v.hex() for k, v in value[EXTRA].items()}
        return shown

    def _write_field(self, name: str, field: str, kind: Any, fields: dict[str, Any], *, units: bool) -> Json:
        selector, opened, types = self._opens.get(name, ("", "", {}))
        value = fields[field]
        if field == opened and not isinstance(value, bytes):
            kind = types[fields[selector]]
        return self.write(kind, value, units=units)

    def read(self, kind: Any, data: Json) -> Any:
        found, name = self._resolve(kind)
        if isinstance(found, tuple):
            return self._read_structure(found, name, data)
        if found == "OCTET STRING":
            return bytes.fromhex(data)
        if found == "BIT STRING":
            return bytes.fromhex(data["value"]), data["length"]
        if found.startswith("BIT STRING "):
            return bytes.fromhex(data), int(found.rpartition(" ")[2])
        return data

    def _read_structure(self, found: tuple[str, Any], name: str, data: Json) -> Any:
        form, below = found
        if form == "SEQUENCE OF":
            return [self.read(below, element) for element in data]
        if form == "CHOICE":
            ((chosen, inside),) = data.items()
            if chosen.isdigit():
                return int(chosen), bytes.fromhex(inside)
            return chosen, self.read(below[chosen], inside)
        if not isinstance(data, dict):
            raise TypeError(f"{name or 'a SEQUENCE'} is an object, not a {type(data).__name__}")
        value = {field: self._read_field(name, field, below, data) for field in data if field != EXTRA}
        if EXTRA in data:
            value[EXTRA] = {
                k if k == BITS else int(k): v if k == BITS else bytes.fromhex(v)
                for k, v in data[EXTRA].items()
            }
        return value

    def _read_field(self, name: str, field: str, below: dict[str, Any], data: dict[str, Json]) -> Any:
        selector, opened, types = self._opens.get(name, ("", "", {}))
        kind = below[field]
        if field == opened and not isinstance(data[field], str):
            kind = types[data[selector]]
        return self.read(kind, data[field])
