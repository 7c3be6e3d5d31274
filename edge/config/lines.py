"""Which line of a TOML file a key stands on, so that an error can point at it."""

from __future__ import annotations

import re
from collections import Counter

Path = tuple[str | int, ...]

_TABLE = re.compile(r"^\s*\[\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\s*(#.*)?$")
_ARRAY_TABLE = re.compile(r"^\s*\[\[\s*([A-Za-z0-9_.\-\"' ]+?)\s*\]\]\s*(#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+|\"[^\"]+\")(?:\s*\.\s*[A-Za-z0-9_\-.]+)?\s*=")


def key_lines(text: str) -> dict[Path, int]:
    """Map of key path to 1-based line, e.g. `("camera", 0, "source") -> 12`.

    Reads the common shape of a site file: tables, arrays of tables and plain keys. Keys inside inline tables and
    multi-line strings are not found; the nearest enclosing key then serves.
    """
    lines: dict[Path, int] = {}
    counts: Counter[Path] = Counter()
    prefix: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        array = _ARRAY_TABLE.match(line)
        table = None if array else _TABLE.match(line)
        key = None if array or table else _KEY.match(line)
        if array:
            path = _resolve(_split(array[1]), counts)
            prefix = (*path, counts[path])
            counts[path] += 1
            lines.setdefault(path, number)
            lines.setdefault(prefix, number)
        elif table:
            prefix = _resolve(_split(table[1]), counts)
            lines.setdefault(prefix, number)
        elif key:
            lines.setdefault((*prefix, key[1].strip('"')), number)
    return lines


def nearest_line(lines: dict[Path, int], path: Path) -> int | None:
    """The line of the key or of the nearest key around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _split(name: str) -> list[str]:
    return [part.strip().strip("\"'") for part in name.split(".")]


def _resolve(parts: list[str], counts: Counter[Path]) -> Path:
    """Insert the index of the open element wherever the path runs through an array of tables."""
    path: Path = ()
    for index, part in enumerate(parts):
        path = (*path, part)
        if index < len(parts) - 1 and counts[path]:
            path = (*path, counts[path] - 1)
    return path
