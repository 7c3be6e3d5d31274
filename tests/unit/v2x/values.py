"""Random values of any message of the schema, every branch of it."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Any

from edge.v2x.compiler.build import Message, message_sets, messages_of
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

LONGEST_LIST = 3
EDGES = 0.2
"""Share of numbers that are the first or last of their range."""


@functools.cache
def all_messages() -> dict[str, Message]:
    """Every message of every set by key."""
    return {message.key: message for folder in message_sets() for message in messages_of(folder)}


@dataclass(slots=True)
class Values:
    """Makes values.

    Attributes:
        random: where chance comes from.
        optional: how likely an optional field is there.
        additions: whether extension additions, and sizes and numbers beyond the root, are made.
        budget: leaves that may still be made; without any left, lists are short and options absent.
    """

    random: random.Random
    optional: float = 0.5
    additions: bool = True
    budget: int = 300

    def of(self, kind: Type) -> Any:  # noqa: PLR0911 - one return per kind of type
        """A value of a type."""
        self.budget -= 1
        match kind:
            case Integer():
                return self._integer(kind)
            case Boolean():
                return self.random.random() < 0.5
            case Null():
                return None
            case Enumerated():
                more = kind.additions if self.additions and kind.additions else ()
                return self.random.choice((*kind.root, *more))
            case Bits():
                size = self._size(kind.low, kind.high, 24)
                return (self.random.getrandbits(size) << -size % 8).to_bytes((size + 7) // 8, "big"), size
            case Octets():
                return self.random.randbytes(self._size(kind.low, kind.high, 20))
            case Text():
                return self._text(kind)
            case ListOf():
                return [self.of(kind.element) for _ in range(self._size(kind.low, kind.high, LONGEST_LIST))]
            case Struct():
                return self._struct(kind)
            case Union():
                return self._union(kind)
        raise AssertionError(kind)

    def _integer(self, kind: Integer) -> int:
        low, high = -(2**31) if kind.low is None else kind.low, 2**31 if kind.high is None else kind.high
        if kind.extensible and self.additions and self.random.random() < 0.1:
            return self.random.choice((low - 1, high + 1, high * 2 + 300))
        if self.random.random() < EDGES:
            return self.random.choice((low, high))
        return self.random.randint(low, high)

    def _size(self, low: int, high: int | None, longest: int) -> int:
        top = longest if high is None else high
        if self.budget <= 0:
            return low
        if self.random.random() < 0.02 and top <= 64:
            return top
        return self.random.randint(low, max(low, min(top, low + longest)))

    def _text(self, kind: Text) -> str:
        size = self._size(kind.low, kind.high, 12)
        letters = {8: "aß路", 7: "".join(map(chr, range(32, 127))), 4: " 0123456789"}[kind.width]
        return "".join(self.random.choice(letters) for _ in range(size))

    def _wanted(self) -> bool:
        return self.budget > 0 and self.random.random() < self.optional

    def _struct(self, kind: Struct) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for member in kind.members:
            if member.default:
                value[member.name] = self.of(member.type) if self._wanted() else member.default[0]
            elif not member.optional or self._wanted():
                value[member.name] = (
                    self._open(member.type, value) if isinstance(member.type, Open) else self.of(member.type)
                )
        if kind.additions and self.additions and self.random.random() < 0.3:
            self._extend(kind.additions, value)
        return value

    def _open(self, kind: Open, fields: dict[str, Any]) -> Any:
        """An open type with the id beside it: one that is known, or octets under another."""
        selector, alternative = self.random.choice(kind.alternatives)
        if self.random.random() < 0.1:
            known = {key for key, _ in kind.alternatives}
            if fields[kind.selector] not in known:
                return self.random.randbytes(5)
        fields[kind.selector] = selector
        return self.of(alternative)

    def _extend(self, additions: tuple[Member, ...], value: dict[str, Any]) -> None:
        """The first few additions: asn1tools stops at the first that is absent."""
        for member in additions[: self.random.randint(1, len(additions))]:
            if isinstance(member.type, Null):
                return
            if member.name:
                value[member.name] = self.of(member.type)
            else:
                group = self.of(member.type)
                if not group:
                    return
                value.update(group)

    def _union(self, kind: Union) -> tuple[str, Any]:
        more = kind.additions if self.additions and kind.additions else ()
        usable = [member for member in more if not isinstance(member.type, Null)]
        choices = [*kind.root, *usable]
        if self.budget <= 0:
            choices = [min(kind.root, key=lambda member: isinstance(member.type, Struct | ListOf))]
        member = self.random.choice(choices)
        return member.name, self.of(member.type)


def random_value(key: str, seed: int, **settings: Any) -> Any:
    """A value of a message."""
    return Values(random.Random(seed), **settings).of(all_messages()[key].root)
