"""Where statements stand in the text of a TOML file, so that one value can be changed and all else left as it is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=,.\n]"
    r"|[^\s\[\]{}=,.\#\"']+",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text; strings and comments are one piece."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """Just behind its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Statement:
    """`[table]`, `[[array]]` or `key = value`.

    Attributes:
        kind: table, array or key.
        key: the parts of its name.
        start, end: characters of the statement, without a comment behind it.
        value: first character of the value; the start for tables.
    """

    kind: str
    key: tuple[str, ...]
    start: int
    end: int
    value: int


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """All pieces between two characters, white space left out, line ends as pieces."""
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        yield Token(match.start(), match[0])


def statements(text: str) -> list[Statement]:
    """All statements of a text that `tomllib` takes, in order."""
    found = []
    line: list[Token] = []
    depth = 0
    for token in [*tokens(text), Token(len(text), "\n")]:
        in_value = any(part.text == "=" for part in line)
        if in_value:
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.text, 0)
        if token.text == "\n" and not depth:
            if line:
                found.append(_statement(line))
            line = []
        elif token.text != "\n" and not token.text.startswith("#"):
            line.append(token)
    return found


def _statement(line: list[Token]) -> Statement:
    start, end = line[0].start, line[-1].end
    if line[0].text == "[":
        kind = "array" if line[1].text == "[" else "table"
        names = [token for token in line if token.text not in {"[", "]", "."}]
        return Statement(kind, tuple(_name(token.text) for token in names), start, end, start)
    equals = next(index for index, token in enumerate(line) if token.text == "=")
    names = [token for token in line[:equals] if token.text != "."]
    return Statement("key", tuple(_name(token.text) for token in names), start, end, line[equals + 1].start)


def _name(text: str) -> str:
    """The part of a key, out of its quotes."""
    if text[0] in "\"'":
        return str(tomllib.loads(f"value = {text}")["value"])
    return text
