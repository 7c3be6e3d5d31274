"""The standards' own ASN.1, as pycrate carries it compiled: its types in the form of ours, and where two types differ.

Nothing of it is read when our schema is compiled, so it judges the schema itself, not only the codecs.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from edge.v2x.compiler.types import (
    Bits,
    Boolean,
    Enumerated,
    Integer,
    ListOf,
    Member,
    Null,
    Octets,
    Open,
    Struct,
    Text,
    Type,
    Union,
)

ORIGINALS = {
    "etsi/CAM": ("ITS_CAM_2", "CAM_PDU_Descriptions", "CAM"),
    "etsi/DENM": ("ITS_DENM_3", "DENM_PDU_Descriptions", "DENM"),
    "etsi/VAM": ("ITS_VAM_3", "VAM_PDU_Descriptions", "VAM"),
    "etsi/SPATEM": ("ITS_IS", "SPATEM_PDU_Descriptions", "SPATEM"),
    "etsi/MAPEM": ("ITS_IS", "MAPEM_PDU_Descriptions", "MAPEM"),
    "etsi/SREM": ("ITS_IS", "SREM_PDU_Descriptions", "SREM"),
    "etsi/SSEM": ("ITS_IS", "SSEM_PDU_Descriptions", "SSEM"),
}
_TEXT_WIDTHS = {"IA5String": 7, "VisibleString": 7, "PrintableString": 7, "NumericString": 4}
OPEN = Octets(0, None)


def original(key: str) -> Any:
    """pycrate's object of a message."""
    package, module, name = ORIGINALS[key]
    return getattr(getattr(importlib.import_module(f"pycrate_asn1dir.{package}"), module), name)


def type_of(node: Any) -> Type:  # noqa: C901, PLR0911 - one return per kind of type
    """A type of pycrate's in the form of our compiler."""
    match node.TYPE:
        case "INTEGER":
            return Integer(*_bounds(node._const_val))
        case "BOOLEAN":
            return Boolean()
        case "NULL":
            return Null()
        case "ENUMERATED":
            return Enumerated(tuple(node._root), None if node._ext is None else tuple(node._ext))
        case "BIT STRING":
            return Bits(*_sizes(node))
        case "OCTET STRING":
            return Octets(*_sizes(node))
        case "UTF8String":
            return Text("UTF8String", 8, *_sizes(node))
        case "SEQUENCE OF":
            return ListOf(type_of(node._cont), *_sizes(node))
        case "SEQUENCE":
            return Struct(node._name, _members(node, node._root), _additions(node))
        case "CHOICE":
            return Union(_members(node, node._root), _additions(node))
        case "OPEN_TYPE":
            return OPEN
        case kind if kind in _TEXT_WIDTHS:
            return Text(kind, _TEXT_WIDTHS[kind], *_sizes(node))
    raise AssertionError(node.TYPE)


def _members(node: Any, names: Any) -> tuple[Member, ...]:
    return tuple(_member(node._cont[name]) for name in names)


def _member(node: Any) -> Member:
    default = () if node._def is None else (_plain(node._def),)
    return Member(node._name, type_of(node), bool(node._opt), default)


def _additions(node: Any) -> tuple[Member, ...] | None:
    if node._ext is None:
        return None
    assert not getattr(node, "_ext_group", None), f"{node._name}: addition groups are not read"
    return _members(node, node._ext)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and isinstance(value[0], int):
        return (value[0] << -value[1] % 8).to_bytes((value[1] + 7) // 8, "big"), value[1]
    return value


def _sizes(node: Any) -> tuple[int, int | None, bool]:
    low, high, extensible = _bounds(node._const_sz)
    return low or 0, high, extensible


def _bounds(found: Any) -> tuple[int | None, int | None, bool]:
    """What PER sees of a constraint: the covering range of its root."""
    if found is None:
        return None, None, False
    lows = [*found._rv, *(part.lb for part in found._rr)]
    highs = [*found._rv, *(part.ub for part in found._rr)]
    low, high = (None if None in lows else min(lows)), (None if None in highs else max(highs))
    return low, high, found._ev is not None


def differences(ours: Type, theirs: Type, where: str = "") -> Iterator[str]:
    """Where two types are not the same on the wire; names of fields do not matter."""
    match ours, theirs:
        case Struct(), Struct():
            yield from _in_members(ours.members, theirs.members, where)
            yield from _in_additions(ours.additions, theirs.additions, where)
        case Union(), Union():
            yield from _in_members(ours.root, theirs.root, where)
            yield from _in_additions(ours.additions, theirs.additions, where)
        case ListOf(), ListOf():
            if (ours.low, ours.high, ours.extensible) != (theirs.low, theirs.high, theirs.extensible):
                yield f"{where}: size {_shown(ours)} is not {_shown(theirs)}"
            yield from differences(ours.element, theirs.element, f"{where}[]")
        case Enumerated(), Enumerated():
            yield from _in_names(ours, theirs, where)
        case _:
            if _on_the_wire(ours) != _on_the_wire(theirs):
                yield f"{where}: {_shown(ours)} is not {_shown(theirs)}"


def _on_the_wire(kind: Type) -> Type:
    """What PER sees: open types are octets, the size of a UTF8String is not written (X.691 clause 30.6)."""
    match kind:
        case Open():
            return OPEN
        case Text(kind="UTF8String"):
            return Text("UTF8String", 8, 0, None)
    return kind


def _in_members(ours: tuple[Member, ...], theirs: tuple[Member, ...], where: str) -> Iterator[str]:
    for one, other in zip_longest(ours, theirs):
        if one is None or other is None:
            yield f"{where}.{(one or other).name}: only in {'ours' if one else 'theirs'}"
            continue
        place = f"{where}.{one.name}"
        if (one.optional, one.default) != (other.optional, other.default):
            yield f"{place}: optional {one.optional}, {one.default} is not {other.optional}, {other.default}"
        yield from differences(one.type, other.type, place)


def _in_additions(
    ours: tuple[Member, ...] | None, theirs: tuple[Member, ...] | None, where: str
) -> Iterator[str]:
    if (ours is None) != (theirs is None):
        yield f"{where}: extensible {ours is not None} is not {theirs is not None}"
    yield from _in_members(ours or (), theirs or (), f"{where}...")


def _in_names(ours: Enumerated, theirs: Enumerated, where: str) -> Iterator[str]:
    if len(ours.root) != len(theirs.root) or (ours.additions is None) != (theirs.additions is None):
        yield f"{where}: {_shown(ours)} is not {_shown(theirs)}"
    elif len(ours.additions or ()) != len(theirs.additions or ()):
        yield f"{where}: additions {ours.additions} are not {theirs.additions}"


def _shown(kind: Type) -> str:
    match kind:
        case Integer(low, high, extensible) | Bits(low, high, extensible) | Octets(low, high, extensible):
            return f"{type(kind).__name__} {low}..{high}{', ...' if extensible else ''}"
        case ListOf(_, low, high, extensible):
            return f"{low}..{high}{', ...' if extensible else ''}"
        case Enumerated(root, additions):
            return f"{len(root)} names{'' if additions is None else ', ...'}"
    return str(kind)
