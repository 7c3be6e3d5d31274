"""Ground points of one camera in the text of a site file: found with their comments, and replaced in place."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any, Literal

from edge.config.toml_text import Statement, statements, tokens
from edge.core.errors import ConfigError

MarkKey = Literal["points", "points_wgs84"]
MARK_KEYS: tuple[MarkKey, ...] = ("points", "points_wgs84")
LONGEST_NOTE = 80
_GROUND_DECIMALS = {"points": 3, "points_wgs84": 8}
_PIXEL_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of `points` or `points_wgs84`.

    Attributes:
        pixel: u, v of the picture.
        ground: x, y in metres, or latitude, longitude in degrees.
        note: the comment behind the row.
    """

    pixel: tuple[float, float]
    ground: tuple[float, float]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """All rows of a camera under one key, and the size of the picture that they refer to."""

    key: MarkKey
    rows: tuple[Mark, ...]
    image_size: tuple[int, int]

    def values(self) -> list[list[float]]:
        """The rows as the file will hold them."""
        decimals = _GROUND_DECIMALS[self.key]
        return [
            [round(v, _PIXEL_DECIMALS) for v in row.pixel] + [round(v, decimals) for v in row.ground]
            for row in self.rows
        ]


def read_notes(text: str, camera: str) -> dict[MarkKey, list[str]]:
    """The comments behind the rows of a camera's points; an empty text where a row has none."""
    keys = _keys_of(text, camera)
    return {key: _rows(text, keys[key])[1] for key in MARK_KEYS if key in keys}


def with_marks(text: str, camera: str, marks: Marks) -> str:
    """The text of a site file with the points of one camera replaced; nothing else changes.

    Raises:
        ConfigError: the camera is not written as a section `[[camera]]` of its own.
    """
    keys = _keys_of(text, camera)
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = _indent(text, keys["name"])
    old = [keys[key] for key in sorted(MARK_KEYS, key=lambda key: key != marks.key) if key in keys]
    kept = [comment for statement in old for comment in _rows(text, statement)[0]]
    body = newline.join(_render(marks, indent, kept))
    size = f"image_size = [{marks.image_size[0]}, {marks.image_size[1]}]"
    edits: list[tuple[int, int, str]] = []
    if "image_size" in keys:
        edits.append((keys["image_size"].start, keys["image_size"].end, size))
    else:
        body = f"{size}{newline}{indent}{body}"
    if old:
        edits.append((old[0].start, old[0].end, body))
        edits += [_removed(text, extra) for extra in old[1:]]
    else:
        last = max(keys.values(), key=lambda s: s.end)
        at = _line_end(text, last.end)
        edits.append((at, at, f"{newline}{indent}{body}"))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def lines_of_marks(text: str, camera: str, key: MarkKey) -> tuple[int, int]:
    """First and last line of a camera's points, from 1."""
    found = _keys_of(text, camera)[key]
    first = text.count("\n", 0, found.start) + 1
    return first, first + text.count("\n", found.start, found.end)


def clean_note(note: str) -> str:
    """A note that fits into a comment: one printable line of bounded length."""
    return "".join(c for c in note if c.isprintable()).strip()[:LONGEST_NOTE].strip()


def camera_values(text: str, camera: str) -> dict[str, Any]:
    """What a site file says about one camera.

    Raises:
        ConfigError: there is no such camera.
    """
    cameras = tomllib.loads(text).get("camera", [])
    found = [entry for entry in cameras if isinstance(entry, dict) and entry.get("name") == camera]
    if not found:
        names = ", ".join(str(entry.get("name")) for entry in cameras if isinstance(entry, dict))
        raise ConfigError("camera", f"no camera named {camera!r}", remedy=f"use one of {names or 'none'}")
    return dict(found[0])


def _keys_of(text: str, camera: str) -> dict[str, Statement]:
    """The keys of a camera's section, by name."""
    camera_values(text, camera)
    section: dict[str, Statement] = {}
    inside = False
    for statement in statements(text):
        if statement.kind != "key":
            if _is_named(text, section, camera):
                break
            section, inside = {}, statement.kind == "array" and statement.key == ("camera",)
        elif inside and len(statement.key) == 1:
            section[statement.key[0]] = statement
    if not _is_named(text, section, camera):
        raise ConfigError(
            "camera",
            f"{camera!r} is not a section of its own",
            remedy="write it as [[camera]] with its keys below",
        )
    return section


def _is_named(text: str, section: dict[str, Statement], camera: str) -> bool:
    name = section.get("name")
    return name is not None and tomllib.loads(f"name = {text[name.value : name.end]}")["name"] == camera


def _rows(text: str, statement: Statement) -> tuple[list[str], list[str]]:
    """Comments on lines of their own inside an array of rows, and the comment behind each row."""
    alone: list[str] = []
    behind: list[str] = []
    depth, on_line = 0, False
    for token in tokens(text, statement.value, statement.end):
        if token.text == "\n":
            on_line = False
        elif token.text.startswith("#"):
            comment = token.text.strip()
            if on_line and behind:
                behind[-1] = " ".join(filter(None, [behind[-1], comment.lstrip("#").strip()]))
            else:
                alone.append(comment)
        elif token.text in "[]":
            depth += 1 if token.text == "[" else -1
            on_line = on_line or depth > 1
            if token.text == "[" and depth == 2:
                behind.append("")
    return alone, behind


def _render(marks: Marks, indent: str, comments: list[str]) -> list[str]:
    decimals = _GROUND_DECIMALS[marks.key]
    rows = []
    for row, values in zip(marks.rows, marks.values(), strict=True):
        u, v, first, second = values
        note = clean_note(row.note)
        pair = (
            f"{u:.{_PIXEL_DECIMALS}f}, {v:.{_PIXEL_DECIMALS}f}, {first:.{decimals}f}, {second:.{decimals}f}"
        )
        rows.append(f"{indent}  [{pair}]," + (f"  # {note}" if note else ""))
    return [f"{marks.key} = [", *(f"{indent}  {comment}" for comment in comments), *rows, f"{indent}]"]


def _removed(text: str, statement: Statement) -> tuple[int, int, str]:
    """The edit that takes a statement out: its whole line, or only itself where a comment stands behind it."""
    start = text.rfind("\n", 0, statement.start) + 1
    end = _line_end(text, statement.end)
    if text[statement.end : end].strip():
        return statement.start, statement.end, ""
    after = text.find("\n", end)
    return start, len(text) if after < 0 else after + 1, ""


def _line_end(text: str, at: int) -> int:
    """Where the line ends that a character is in, in front of its line break."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if end > at and text[end - 1] == "\r" else end


def _indent(text: str, statement: Statement) -> str:
    line = text[text.rfind("\n", 0, statement.start) + 1 : statement.start]
    return line if not line.strip() else ""
