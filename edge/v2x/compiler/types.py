"""The types of a message as the code writers see them: frozen, compared by structure.

Sizes and ranges are PER-visible constraints (ITU-T X.691 clause 10): `low` and `high` None means unbounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Integer:
    low: int | None
    high: int | None
    extensible: bool = False


@dataclass(frozen=True, slots=True)
class Boolean:
    pass


@dataclass(frozen=True, slots=True)
class Null:
    pass


@dataclass(frozen=True, slots=True)
class Enumerated:
    """`additions` None: no extension marker."""

    root: tuple[str, ...]
    additions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Bits:
    low: int
    high: int | None
    extensible: bool = False


@dataclass(frozen=True, slots=True)
class Octets:
    low: int
    high: int | None
    extensible: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A known-multiplier string of `width` bits per character; width 8 and unbounded: UTF-8."""

    kind: str
    width: int
    low: int
    high: int | None
    extensible: bool = False


@dataclass(frozen=True, slots=True)
class ListOf:
    element: Type
    low: int
    high: int | None
    extensible: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """An open type that is decoded by the value of the field `selector` beside it."""

    selector: str
    alternatives: tuple[tuple[int | str, Type], ...]


@dataclass(frozen=True, slots=True)
class Member:
    """`default` is a one-element tuple when there is a default."""

    name: str
    type: Type
    optional: bool = False
    default: tuple[Any, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether a presence bit precedes it."""
        return self.optional or bool(self.default)


@dataclass(frozen=True, slots=True)
class Struct:
    """A SEQUENCE; an addition with an empty name is an extension addition group."""

    name: str
    members: tuple[Member, ...]
    additions: tuple[Member, ...] | None = None

    @property
    def flags(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.flagged)


@dataclass(frozen=True, slots=True)
class Union:
    """A CHOICE; alternatives in the order of their tags."""

    root: tuple[Member, ...]
    additions: tuple[Member, ...] | None = None


Type = Integer | Boolean | Null | Enumerated | Bits | Octets | Text | ListOf | Open | Struct | Union


def width_of(count: int) -> int:
    """Bits of a constrained whole number with `count` values (X.691 clause 11.5)."""
    return (count - 1).bit_length()


def fixed_width(kind: Type) -> int | None:
    """Bits on the wire where they are always as many and need no branch; else None."""
    match kind:
        case Integer(low=int() as low, high=int() as high, extensible=False):
            return width_of(high - low + 1)
        case Boolean():
            return 1
        case Null():
            return 0
        case Enumerated(root=root, additions=None):
            return width_of(len(root))
        case Bits(low=low, high=high, extensible=False) if low == high:
            return low
        case Octets(low=low, high=high, extensible=False) if low == high:
            return 8 * low
        case Struct(members=members, additions=None):
            widths = [None if member.flagged else fixed_width(member.type) for member in members]
            return None if None in widths else sum(width for width in widths if width)
        case _:
            return None


def children(kind: Type) -> tuple[Type, ...]:
    """The types directly inside one."""
    match kind:
        case ListOf(element=element):
            return (element,)
        case Open(alternatives=alternatives):
            return tuple(alternative for _, alternative in alternatives)
        case Struct(members=members, additions=additions):
            return tuple(member.type for member in (*members, *(additions or ())))
        case Union(root=root, additions=additions):
            return tuple(member.type for member in (*root, *(additions or ())))
        case _:
            return ()


def weight(kind: Type) -> int:
    """Number of leaves: how much code a type makes."""
    return sum(weight(child) for child in children(kind)) or 1
