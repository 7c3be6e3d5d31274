"""From asn1tools' type tree to ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

_TEXT_WIDTHS = {"IA5String": 7, "VisibleString": 7, "PrintableString": 7, "NumericString": 4}


@dataclass(frozen=True, slots=True)
class OpenTable:
    """An open type of one SEQUENCE: the fields of the id and of the value, and the ASN.1 type of each id."""

    selector: str
    value: str
    types: Mapping[int | str, str]


class Tree:
    """Reads compiled types.

    Args:
        named: compiled types by ASN.1 name.
        opens: open types by the name of the SEQUENCE that holds them.
    """

    def __init__(self, named: Mapping[str, Any], opens: Mapping[str, OpenTable]) -> None:
        self._named, self._opens = named, opens
        self._known: dict[str, Type] = {}

    def named(self, name: str) -> Type:
        """A type by its ASN.1 name."""
        if name not in self._named:
            raise ValueError(f"the schema has no type {name}")
        if name not in self._known:
            self._known[name] = self.read(self._named[name].type)
        return self._known[name]

    def read(self, node: Any) -> Type:
        """One node of asn1tools' tree and all below it."""
        reader = getattr(self, "_" + type(node).__name__.lower(), None)
        if reader is None:
            raise ValueError(f"{node.name}: {type(node).__name__} is not supported")
        found: Type = reader(node)
        return found

    def _integer(self, node: Any) -> Type:
        return Integer(node.minimum, node.maximum, bool(node.has_extension_marker))

    def _boolean(self, _node: Any) -> Type:
        return Boolean()

    def _null(self, _node: Any) -> Type:
        return Null()

    def _enumerated(self, node: Any) -> Type:
        root = tuple(node.root_index_to_data[i] for i in range(len(node.root_index_to_data)))
        found = node.additions_index_to_data
        return Enumerated(root, None if found is None else tuple(found[i] for i in range(len(found))))

    def _bitstring(self, node: Any) -> Type:
        if node.has_named_bits and node.minimum != node.maximum:
            raise ValueError(
                f"{node.name}: named bits of variable size lose trailing zeros: leave the names out"
            )
        return Bits(*_size(node))

    def _octetstring(self, node: Any) -> Type:
        return Octets(*_size(node))

    def _text(self, node: Any) -> Type:
        kind = type(node).__name__
        return Text(kind, _TEXT_WIDTHS[kind], *_size(node))

    _ia5string = _visiblestring = _printablestring = _numericstring = _text

    def _utf8string(self, _node: Any) -> Type:
        return Text("UTF8String", 8, 0, None)

    def _sequenceof(self, node: Any) -> Type:
        return ListOf(self.read(node.element_type), *_size(node))

    def _sequence(self, node: Any) -> Type:
        table = self._opens.get(node.type_name)
        additions = None if node.additions is None else tuple(self._addition(a) for a in node.additions)
        return Struct(node.type_name, tuple(self._member(m, table) for m in node.root_members), additions)

    def _choice(self, node: Any) -> Type:
        root, more = node.root_index_to_member, node.additions_index_to_member
        return Union(
            tuple(self._member(root[i]) for i in range(len(root))),
            None if more is None else tuple(self._member(more[i]) for i in range(len(more))),
        )

    def _addition(self, node: Any) -> Member:
        if type(node).__name__ != "AdditionGroup":
            return self._member(node)
        return Member("", Struct("", tuple(self._member(member) for member in node.root_members)))

    def _member(self, node: Any, table: OpenTable | None = None) -> Member:
        default = () if node.default is None else (node.default,)
        kind = self.read(node)
        if table is not None and node.name == table.value:
            named = tuple((key, self.named(name)) for key, name in table.types.items())
            kind = Open(table.selector, named)
        return Member(node.name, kind, bool(node.optional), default)


def _size(node: Any) -> tuple[int, int | None, bool]:
    """Size constraint; a marker with unbounded size cannot be."""
    high = None if node.number_of_bits is None else node.maximum
    return node.minimum if node.number_of_bits is not None else 0, high, bool(node.has_extension_marker)
