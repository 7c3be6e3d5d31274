"""A GB/T 20999 frame as fields for people and programs."""

from __future__ import annotations

from typing import Any

from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import DataValue, Frame, FrameType


def frame_fields(frame: Frame) -> dict[str, Any]:
    """Every field: numbers as they are, values with name, raw octets and what they mean where that is known."""
    return {
        "type": type_name(frame.kind),
        "type_code": frame.kind,
        "version": f"{frame.version >> 8}.{frame.version & 0xFF:02}",
        "upper_id": frame.upper_id,
        "controller_id": frame.controller_id,
        "crossing": frame.crossing,
        "sequence": frame.sequence,
        "values": [_value(value, kind=frame.kind) for value in frame.values],
    }


def type_name(kind: int) -> str:
    """Name of a frame type; `UNKNOWN` where the standard has none."""
    try:
        return FrameType(kind).name
    except ValueError:
        return "UNKNOWN"


def _value(value: DataValue, *, kind: int) -> dict[str, Any]:
    shown: dict[str, Any] = {"index": value.index}
    if value.address is None:
        return shown
    found = objects.OBJECTS.get(value.address[:3])
    shown["address"] = str(value.address)
    shown["name"] = None if found is None else found.name
    if not value.data:
        return shown
    shown["raw"] = value.data.hex()
    error = objects.error_of(value, kind=kind)
    if error is not None:
        return shown | {"error_code": value.data[0], "refused": error.name}
    parts = objects.elements(value)
    meanings = {number: objects.readable(value.address, data) for number, data in parts.items()}
    if value.address.element in meanings:
        shown["value"] = meanings[value.address.element]
    else:
        shown["elements"] = {str(number): meaning for number, meaning in meanings.items()}
    return shown | ({"unit": found.unit} if found is not None and found.unit else {})
