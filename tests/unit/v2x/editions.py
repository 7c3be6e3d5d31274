"""asn1tools on whole messages of a set, in our edition of the schema or in one with changes."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.v2x.compiler.build import SCHEMA
from edge.v2x.compiler.tree import OpenTable, Tree
from edge.v2x.compiler.types import Type

FRAME = "FrameOfOthers"
_IT = "it"
_ROOTS = 5
"""Alternatives of the MessageFrame of T/CSAE 53."""
LATER = {
    "SEQUENCE": "later-octets OCTET STRING OPTIONAL, later-number INTEGER (0..65535) OPTIONAL",
    "CHOICE": "later-alternative OCTET STRING",
    "ENUMERATED": "later-name",
}
_TOKEN = re.compile(r"[{}()]|\b(?:SEQUENCE|CHOICE|ENUMERATED)\b|\.\.\.|[^\s{}()]+")


@dataclass(frozen=True, slots=True)
class Edition:
    """asn1tools' codec of one set, and its type tree.

    Attributes:
        name: of the set, as in `csae-a`.
        tool: what asn1tools compiled.
        tree: the types, open types included.
        entries: the messages of `set.toml`.
        opens: ASN.1 type by id and by the SEQUENCE that holds the open type.
    """

    name: str
    tool: Any
    tree: Tree
    entries: dict[str, Any]
    opens: dict[str, dict[str, str]]

    def root(self, message: str) -> Type:
        return self.tree.named(self.entries[message]["type"])

    def encode(self, message: str, value: Any) -> bytes:
        """Octets of a whole message, with the bits that come before its body."""
        entry = self.entries[message]
        if "prefix" not in entry:
            return bytes(self.tool.encode(entry["type"], value)) or b"\0"
        return bytes(self.tool.encode(FRAME, (f"{_IT}{int(entry['prefix'][1:], 2)}", value)))

    def decode(self, message: str, octets: bytes) -> Any:
        """Value of a whole message, ranges checked; ValueError where it is another message."""
        entry = self.entries[message]
        if "prefix" not in entry:
            return self.tool.decode(entry["type"], octets, check_constraints=True)
        name, value = self.tool.decode(FRAME, octets, check_constraints=True)
        if name != f"{_IT}{int(entry['prefix'][1:], 2)}":
            raise ValueError("another message")
        return value


@functools.cache
def edition(name: str, change: Callable[[str], str] | None = None) -> Edition:
    """A set as it is, or with each of its texts changed."""
    import asn1tools

    stem, _, variant = name.partition("-")
    described = tomllib.loads((SCHEMA / stem / "set.toml").read_text(encoding="utf-8"))
    files = described["variants"][variant]["modules"]
    texts = [(SCHEMA / stem / file).read_text(encoding="ascii") for file in files]
    if change is not None:
        texts = [change(text) for text in texts]
    tool = asn1tools.compile_string("\n".join([*texts, _frame(described, texts)]), "uper")
    opens = {
        entry["sequence"]: OpenTable(
            entry["id"],
            entry["value"],
            {int(key) if key.isdigit() else key: kind for key, kind in entry["types"].items()},
        )
        for entry in described.get("open", ())
    }
    named = {kind: made for types in tool.modules.values() for kind, made in types.items()}
    types = {entry["sequence"]: entry["types"] for entry in described.get("open", ())}
    return Edition(name, tool, Tree(named, opens), described["messages"], types)


def _frame(described: dict[str, Any], texts: list[str]) -> str:
    """A CHOICE of the messages that have a prefix."""
    found = {int(e["prefix"][1:], 2): e["type"] for e in described["messages"].values() if "prefix" in e}
    if not found:
        return ""
    owner = {
        kind: text.split()[0]
        for text in map(_bare, texts)
        for kind in found.values()
        if f"\n{kind} ::=" in text
    }
    imports = " ".join(f"{kind} FROM {owner[kind]}" for kind in found.values())
    alternatives = ", ".join(f"{_IT}{index} {found.get(index, 'NULL')}" for index in range(_ROOTS))
    return (
        f"ModuleOfOthers DEFINITIONS AUTOMATIC TAGS ::= BEGIN IMPORTS {imports};"
        f" {FRAME} ::= CHOICE {{ {alternatives}, ... }} END"
    )


def _bare(text: str) -> str:
    return re.sub(r"--.*", "", text)


def later(text: str) -> str:
    """A schema with additions at the end of everything that is extensible."""
    text = _bare(text)
    found: list[str] = []
    braces: list[tuple[str, bool]] = []
    kind, depth, position = "", 0, 0
    for token in _TOKEN.finditer(text):
        word = token.group()
        found.append(text[position : token.start()])
        position = token.end()
        if word == "{":
            braces.append((kind, False))
        elif word == "}":
            inside, extensible = braces.pop()
            found.append(f", {LATER[inside]} " if extensible else "")
        elif word in "()":
            depth += 1 if word == "(" else -1
        elif word.startswith("...") and not depth and braces:
            braces[-1] = (braces[-1][0], True)
        kind = word if word in LATER else ""
        found.append(word)
    return "".join([*found, text[position:]])
