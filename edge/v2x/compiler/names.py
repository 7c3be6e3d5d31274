"""The names of the types behind every field, for reading and writing values as JSON with their units.

Compiled types have lost the names of simple types (Latitude, Speed), to which units belong; the parsed text has them.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import asn1tools

Description = str | tuple[str, Any]
"""Name of a type, or `("SEQUENCE" | "CHOICE", {field: Description})`, or `("SEQUENCE OF", Description)`."""


def source_of(folder: Path, variant: str) -> str:
    """Text of the module that describes the types of one variant of a set."""
    described = tomllib.loads((folder / "set.toml").read_text(encoding="utf-8"))
    files = described["variants"][variant]["modules"]
    parsed = asn1tools.parse_string("\n".join((folder / file).read_text(encoding="ascii") for file in files))
    types = {
        name: _describe(node) for module in parsed.values() for name, node in sorted(module["types"].items())
    }
    roots = {name: entry["type"] for name, entry in described["messages"].items()}
    opens = {
        entry["sequence"]: (entry["id"], entry["value"], {_key(k): v for k, v in entry["types"].items()})
        for entry in described.get("open", ())
    }
    parts: tuple[tuple[str, dict[str, Any]], ...] = (("TYPES", types), ("ROOTS", roots), ("OPENS", opens))
    return "\n".join(f"{name} = {{\n{_lines(value)}}}\n" for name, value in parts)


def _lines(entries: dict[str, Any]) -> str:
    return "".join(f"    {key!r}: {value!r},\n" for key, value in entries.items())


def _describe(node: dict[str, Any]) -> Description:
    kind = node["type"]
    if kind in ("SEQUENCE", "CHOICE"):
        return kind, {member["name"]: _describe(member) for member in _flat(node["members"])}
    if kind == "SEQUENCE OF":
        return kind, _describe(node["element"])
    size = node.get("size")
    if kind == "BIT STRING" and size and len(size) == 1 and isinstance(size[0], int):
        return f"BIT STRING {size[0]}"
    return str(kind)


def _flat(members: list[Any]) -> list[dict[str, Any]]:
    """Members without extension markers, addition groups opened."""
    found: list[dict[str, Any]] = []
    for member in members:
        if isinstance(member, list):
            found += _flat(member)
        elif isinstance(member, dict):
            found.append(member)
    return found


def _key(text: str) -> int | str:
    return int(text) if text.isdigit() else text
