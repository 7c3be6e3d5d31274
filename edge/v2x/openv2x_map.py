"""MAP as OpenV2X keeps it: the fields of T/CSAE 53 in JSON, lists named by their elements, numbers as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge.core.intersection import Intersection
from edge.v2x.codec import message_codec
from edge.v2x.csae_map import encode_map

_ELEMENT = {
    "nodes": "Node",
    "inLinks": "Link",
    "lanes": "Lane",
    "points": "RoadPoint",
    "connectsTo": "Connection",
    "movements": "Movement",
    "speedLimits": "RegulatorySpeedLimit",
}


def write_map(intersection: Intersection, *, message_count: int) -> bytes:
    """An intersection to the payload of `MAP/UP`; points are places, not offsets. Raises `CodecError`."""
    octets = encode_map(intersection, message_count=message_count, now_ns=None)
    value: Mapping[str, Any] = message_codec("csae-a/MapData").decode(octets)
    found = _text(value, value["nodes"][0]["refPos"])
    return json.dumps(found, separators=(",", ":")).encode()


def _text(value: Any, reference: Mapping[str, int], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _text(entry, reference, name) for name, entry in value.items()}
    if isinstance(value, list):
        return {_ELEMENT[key]: [_text(entry, reference) for entry in value]}
    if isinstance(value, tuple) and isinstance(value[0], bytes):
        octets, bits = value
        return f"{int.from_bytes(octets, 'big'):0{8 * len(octets)}b}"[:bits]
    if isinstance(value, tuple) and key == "offsetLL":
        return _place(value[1], reference)
    if isinstance(value, tuple):
        return {value[0]: _text(value[1], reference, value[0])}
    return str(value)


def _place(offset: Mapping[str, int], reference: Mapping[str, int]) -> dict[str, Any]:
    longitude = "long" if "long" in reference else "lon"
    whole = {
        "lon": str(reference[longitude] + offset["lon"]),
        "lat": str(reference["lat"] + offset["lat"]),
    }
    return {"position-LatLon": whole}
