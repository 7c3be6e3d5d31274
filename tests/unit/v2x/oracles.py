"""Two codecs of other people on our schema: asn1tools, which reads it for our generator too, and pycrate."""

from __future__ import annotations

import copy
import functools
import importlib
import importlib.util
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from edge.v2x.compiler.build import SCHEMA
from edge.v2x.compiler.types import Bits, ListOf, Member, Null, Open, Struct, Type, Union
from tests.unit.v2x.values import all_messages


def _set_of(key: str) -> tuple[Path, str]:
    folder, _, variant = key.partition("/")[0].partition("-")
    return SCHEMA / folder, variant


@functools.cache
def _described(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "set.toml").read_text(encoding="utf-8"))


def root_of(key: str) -> str:
    """ASN.1 type of a message."""
    name: str = _described(_set_of(key)[0])["messages"][key.partition("/")[2]]["type"]
    return name


def prefix_of(key: str) -> str:
    """Bits before the body."""
    return all_messages()[key].prefix


def opens_of(key: str) -> dict[str, dict[str, str]]:
    """ASN.1 types of open types by the SEQUENCE that holds them, by id."""
    return {entry["sequence"]: entry["types"] for entry in _described(_set_of(key)[0]).get("open", ())}


def _texts(folder: Path, variant: str) -> list[str]:
    names = _described(folder)["variants"][variant]["modules"]
    return [(folder / name).read_text(encoding="ascii") for name in names]


@functools.cache
def asn1tools_of(folder: Path, variant: str) -> Any:
    """asn1tools on a set."""
    import asn1tools

    return asn1tools.compile_string("\n".join(_texts(folder, variant)), "uper")


def asn1tools_for(key: str) -> Any:
    return asn1tools_of(*_set_of(key))


@functools.cache
def _pycrate_of(folder: Path, variant: str) -> dict[str, Any]:
    """pycrate's types by name, from code that it generates of our schema."""
    compiler = importlib.import_module("pycrate_asn1c.asnproc")
    compiler.GLOBAL.clear()
    compiler.compile_text(_texts(folder, variant))
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / f"by_pycrate_{folder.name}_{variant}.py"
        compiler.generate_modules(compiler.PycrateGenerator, str(file))
        specification = importlib.util.spec_from_file_location(file.stem, file)
        assert specification is not None
        assert specification.loader is not None
        made = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(made)
    found: dict[str, Any] = {}
    for name, module in made.GLOBAL.MOD.items():
        if not name.startswith("_"):
            found.update({kind: module[kind] for kind in module if not kind.startswith("_")})
    return found


def pycrate_for(key: str) -> dict[str, Any]:
    return _pycrate_of(*_set_of(key))


class Translator:
    """Values of ours in the form of another codec: open types as octets, and for pycrate its own numbers and bits."""

    def __init__(self, key: str, *, pycrate: bool) -> None:
        self._key, self._pycrate = key, pycrate
        self._opens = opens_of(key)

    def encode_type(self, name: str, value: Any) -> bytes:
        """Octets of a named type by the other codec."""
        if not self._pycrate:
            return bytes(asn1tools_for(self._key).encode(name, value)) or b"\0"
        other = pycrate_for(self._key)[name]
        other.set_val(copy.deepcopy(value))  # it takes out of the value what equals its default
        return bytes(other.to_uper()) or b"\0"

    def decode_type(self, name: str, octets: bytes) -> Any:
        """Value of a named type by the other codec."""
        if not self._pycrate:
            return asn1tools_for(self._key).decode(name, octets)
        other = pycrate_for(self._key)[name]
        other.from_uper(octets)
        return other.get_val()

    def form(self, kind: Type, value: Any) -> Any:
        """A value of ours as the other codec wants it."""
        match kind:
            case Struct():
                return self._struct(kind, value)
            case ListOf(element=element):
                return [self.form(element, entry) for entry in value]
            case Union(root=root, additions=additions):
                name, inside = value
                (member,) = (m for m in (*root, *(additions or ())) if m.name == name)
                return name, self.form(member.type, inside)
            case Bits() if self._pycrate:
                octets, size = value
                return int.from_bytes(octets, "big") >> -size % 8, size
            case Null() if self._pycrate:
                return 0
            case _:
                return value

    def _struct(self, kind: Struct, value: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for member in _all_members(kind):
            if member.name in value:
                found[member.name] = self._member(kind, member, value)
        return found

    def _member(self, kind: Struct, member: Member, value: dict[str, Any]) -> Any:
        inside = value[member.name]
        if not isinstance(member.type, Open) or isinstance(inside, bytes):
            return inside if isinstance(member.type, Open) else self.form(member.type, inside)
        selector = value[member.type.selector]
        alternative = dict(member.type.alternatives)[selector]
        return self.encode_type(self._opens[kind.name][str(selector)], self.form(alternative, inside))


def _all_members(kind: Struct) -> list[Member]:
    """Root members and additions, groups opened."""
    found = list(kind.members)
    for member in kind.additions or ():
        if member.name:
            found.append(member)
        elif isinstance(member.type, Struct):
            found += member.type.members
    return found
