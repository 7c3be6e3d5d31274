"""What a later edition adds anywhere in any message is kept and sent on unchanged.

The schema is extended after every extension marker: two fields in each SEQUENCE, a name in each ENUMERATED, an
alternative in each CHOICE. asn1tools encodes random values of that later edition; our codec of this edition reads them.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from edge.v2x.codec import message_codec, messages
from edge.v2x.compiler.types import Enumerated, ListOf, Member, Octets, Open, Struct, Type, Union
from edge.v2x.uper import MAX_MESSAGE_BYTES
from tests.unit.v2x.editions import Edition, edition, later
from tests.unit.v2x.values import Values

EXAMPLES = 25
LATER = ("later-octets", "later-number", "later-name", "later-alternative")


class LaterValues(Values):
    """Values full of additions; some are longer than a length determinant of one octet says."""

    def of(self, kind: Type) -> Any:
        if isinstance(kind, Octets) and kind.high is None and self.random.random() < 0.2:
            return self.random.randbytes(self.random.choice((127, 128, 200)))
        if isinstance(kind, Enumerated) and kind.additions and self.random.random() < 0.3:
            return kind.additions[-1]
        if isinstance(kind, Union) and kind.additions and self.budget > 0 and self.random.random() < 0.3:
            return kind.additions[-1].name, self.of(kind.additions[-1].type)
        return super().of(kind)

    def _extend(self, additions: tuple[Member, ...], value: dict[str, Any]) -> None:
        """All of them more often than not: asn1tools stops at the first that is absent."""
        for _ in range(3):
            super()._extend(additions, value)


def as_sent(kind: Type, value: Any, sender: Edition) -> Any:
    """A value with its open types encoded."""
    match kind:
        case Struct():
            return {name: _field(kind, name, value, sender) for name in value}
        case ListOf(element=element):
            return [as_sent(element, entry, sender) for entry in value]
        case Union():
            return value[0], as_sent(_members(kind)[value[0]].type, value[1], sender)
    return value


def _field(kind: Struct, name: str, value: dict[str, Any], sender: Edition) -> Any:
    member = _members(kind)[name]
    if not isinstance(member.type, Open):
        return as_sent(member.type, value[name], sender)
    if isinstance(value[name], bytes):
        return value[name]
    selector = value[member.type.selector]
    inner = as_sent(dict(member.type.alternatives)[selector], value[name], sender)
    return bytes(sender.tool.encode(sender.opens[kind.name][str(selector)], inner)) or b"\0"


def kept(kind: Type, sent: Any, found: Any, seen: Counter[str]) -> bool:
    """Whether what we know of a value came through; what we do not know is counted by kind."""
    match kind:
        case Struct():
            seen["additions"] += "..." in found
            known = sent.keys() - set(LATER)
            return found.keys() - {"..."} == known and all(
                kept(_type_of(kind, name, sent), sent[name], found[name], seen) for name in known
            )
        case ListOf(element=element):
            return len(sent) == len(found) and all(
                kept(element, *pair, seen) for pair in zip(sent, found, strict=True)
            )
        case Union() if sent[0] in LATER:
            seen["alternatives"] += 1
            return isinstance(found[0], int) and isinstance(found[1], bytes)
        case Union():
            return sent[0] == found[0] and kept(_members(kind)[sent[0]].type, sent[1], found[1], seen)
        case Enumerated() if sent in LATER:
            seen["names"] += 1
            return isinstance(found, int)
    return bool(sent == found)


def _type_of(kind: Struct, name: str, value: dict[str, Any]) -> Type:
    """The type of a field, of an open type by its id; Octets where that is not known."""
    found = _members(kind)[name].type
    if not isinstance(found, Open):
        return found
    return (
        Octets(0, None) if isinstance(value[name], bytes) else dict(found.alternatives)[value[found.selector]]
    )


def _members(kind: Struct | Union) -> dict[str, Member]:
    found = list(kind.members if isinstance(kind, Struct) else kind.root)
    for member in kind.additions or ():
        inside = member.type.members if not member.name and isinstance(member.type, Struct) else (member,)
        found += inside
    return {member.name: member for member in found}


@pytest.mark.parametrize("key", sorted(messages()))
def test_additions_of_a_later_edition_survive(key: str) -> None:
    name, _, message = key.partition("/")
    sender, codec, seen = edition(name, later), message_codec(key), Counter[str]()
    kind = sender.root(message)
    for seed in range(EXAMPLES):
        value = LaterValues(random.Random(seed), optional=(0.1, 0.4, 0.8)[seed % 3]).of(kind)
        octets = sender.encode(message, as_sent(kind, value, sender))
        if len(octets) > MAX_MESSAGE_BYTES:
            continue
        found = codec.decode(octets)
        assert codec.encode(found) == octets, (seed, value)
        assert kept(kind, value, found, seen), (seed, value)
    assert seen["additions"] >= EXAMPLES // 4
