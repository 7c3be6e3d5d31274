"""Reads the message sets and makes the text of their generated modules."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asn1tools

from edge.v2x.compiler import projection, reader, writer
from edge.v2x.compiler.lines import Module, shared_types
from edge.v2x.compiler.tree import OpenTable, Tree
from edge.v2x.compiler.types import Type
from edge.v2x.uper import WINDOW_BYTES

SCHEMA = Path(__file__).parents[1] / "schema"
_UNION_CONSTRAINT = re.compile(r"\(\s*-?\w+(\s*\.\.\s*-?\w+)?\s*\|")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one set.

    Attributes:
        key: as of `message_codec`, e.g. `csae-a/SPAT`.
        root: its type.
        prefix: bits before the body, e.g. `0011`.
        edition: standard, edition and clause.
        report: paths of the fields that the flat decoder reads; empty: it has none.
        frame: DSRCmsgID of the MessageFrame around the body, which the flat decoder takes with it; None: no frame.
    """

    key: str
    root: Type
    prefix: str
    edition: str
    report: tuple[str, ...] = ()
    frame: int | None = None


def module_name(key: str) -> str:
    """Dotted name of a generated module below `generated`."""
    return ".".join(part.replace("-", "_").lower() for part in key.split("/"))


def message_sets() -> list[Path]:
    """Folders of the schema that describe a set."""
    return sorted(path.parent for path in SCHEMA.glob("*/set.toml"))


def variants_of(folder: Path) -> list[str]:
    """Names of the variants of a set; the empty name where there is but one."""
    return list(tomllib.loads((folder / "set.toml").read_text(encoding="utf-8"))["variants"])


def messages_of(folder: Path) -> Iterator[Message]:
    """Every message of a set, in each variant."""
    described = tomllib.loads((folder / "set.toml").read_text(encoding="utf-8"))
    opens = {
        entry["sequence"]: OpenTable(
            entry["id"], entry["value"], {_number(key): name for key, name in entry["types"].items()}
        )
        for entry in described.get("open", ())
    }
    for variant, settings in described["variants"].items():
        named = compiled_types(folder, settings["modules"])
        tree = Tree(named, opens)
        for name, entry in described["messages"].items():
            key = f"{folder.name}-{variant}/{name}" if variant else f"{folder.name}/{name}"
            root, report = tree.named(entry["type"]), tuple(entry.get("report", ()))
            yield Message(key, root, entry.get("prefix", ""), entry["edition"], report, entry.get("frame"))


def compiled_types(folder: Path, modules: list[str]) -> dict[str, Any]:
    """asn1tools' compiled types of some schema files by name."""
    texts = [(folder / module).read_text(encoding="ascii") for module in modules]
    for module, text in zip(modules, texts, strict=True):
        if _UNION_CONSTRAINT.search(re.sub(r"--.*", "", text)):
            raise ValueError(f"{folder.name}/{module}: a union of ranges is encoded wrongly by asn1tools")
    specification = asn1tools.compile_string("\n".join(texts), "uper")
    found: dict[str, Any] = {}
    for types in specification.modules.values():
        for name, compiled in types.items():
            if name in found:
                raise ValueError(f"{folder.name}: type {name} is defined twice")
            found[name] = compiled
    return found


def source_of(message: Message) -> str:
    """Text of the generated module of a message."""
    module = Module()
    shared = shared_types((message.root,))
    body, expression = reader.body_of(message.root, module, shared, 8 * WINDOW_BYTES - len(message.prefix))
    flat = ""
    if message.report:
        check = _prefix_check(message.prefix) if message.frame is None else _FRAME_CHECK.format(message.frame)
        flat = projection.function_of(message.root, message.report, module, shared, check=check)
    write = writer.function_of(message.root, "_write", module, shared)
    head = f"{int(message.prefix or '0', 2)}, {len(message.prefix)}"
    return f'''from edge.v2x import uper as _u, uper_put as _w
from edge.v2x.uper import bad as _bad, more as _more, start as _start, whole as _whole
from edge.v2x.uper_put import flush as _flush

{module.source_functions()}

def decode(b):
 """The value of a whole message."""
{reader.WINDOW}{_prefix_check(message.prefix)}{body}
 if not 0 <= 8 * (len(b) - q) + p <= 7: _u.not_whole(b, p, q)
 return {expression}

{flat}

{write}

def encode(value):
 """The octets of a message."""
 out = bytearray()
 return _w.finish(out, *_write(out, value, {head}))


{module.source_constants()}
'''


_FRAME_CHECK = """ n = b[2]
 if n < 128: p -= 24
 else: n = (n & 63) << 8 | b[3] if n < 192 else -1; p -= 32
 if p != 8 * n or b[1] != {} or b[0]: raise _u.UperError("another message")
"""


def _prefix_check(prefix: str) -> str:
    if not prefix:
        return ""
    return f' p -= {len(prefix)}\n if x >> p != {int(prefix, 2)}: raise _u.UperError("another message")\n'


def _number(key: str) -> int | str:
    return int(key) if key.lstrip("-").isdigit() else key
