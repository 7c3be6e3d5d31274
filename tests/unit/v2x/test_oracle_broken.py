"""Broken frames of every message, judged by asn1tools: what one takes and the other refuses has a reason.

asn1tools reads on past the end of an addition that is too short, takes octets after the message, does not look into
open types, and has no extended sizes of strings. All else has to agree, in the values too.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x.codec import MessageCodec, message_codec, messages
from edge.v2x.compiler.types import Enumerated, ListOf, Open, Struct, Type, Union, children
from tests.unit.v2x.editions import Edition, edition
from tests.unit.v2x.mutations import bodies, mutated

FRAMES = int(os.environ.get("EDGE_BROKEN_FRAMES", "250"))
"""Broken frames per message; the long form is 20000."""
MESSAGES = sorted(messages())
_STRICTER = ("follow the message", "an extension without additions", "a fragmented length")
"""Reasons for which we refuse what asn1tools takes; X.691 clauses 11.1, 19.1 and 11.9.3.8, the last in additions."""


def agrees(kind: Type, ours: Any, theirs: Any) -> bool:
    """Whether two values are the same; asn1tools says nothing of what it does not know and of open types."""
    match kind:
        case Struct():
            members = {m.name: m.type for m in (*kind.members, *_additions(kind))}
            known = ours.keys() - {"..."}
            return bool(theirs.keys() == known) and all(
                agrees(members[name], ours[name], theirs[name]) for name in known
            )
        case ListOf(element=element):
            return len(ours) == len(theirs) and all(
                agrees(element, *pair) for pair in zip(ours, theirs, strict=True)
            )
        case Union() if isinstance(ours[0], int):
            return bool(theirs == (None, None))
        case Union():
            (inside,) = (m.type for m in (*kind.root, *(kind.additions or ())) if m.name == ours[0])
            return bool(theirs[0] == ours[0]) and agrees(inside, ours[1], theirs[1])
        case Open():
            return isinstance(theirs, bytes) and (not isinstance(ours, bytes) or ours == theirs)
        case Enumerated() if isinstance(ours, int):
            return theirs is None
    return bool(ours == theirs)


def _additions(kind: Struct) -> list[Any]:
    found = []
    for member in kind.additions or ():
        found += member.type.members if not member.name and isinstance(member.type, Struct) else (member,)
    return found


def has_open(kind: Type) -> bool:
    """Whether a type holds an open type that we decode."""
    return isinstance(kind, Open) or any(has_open(child) for child in children(kind))


def raw(value: Any) -> bool:
    """Whether known additions were kept as octets: they hold more than we know, and asn1tools loses its place there."""
    if isinstance(value, dict):
        return "..." in value or any(map(raw, value.values()))
    return any(map(raw, value)) if isinstance(value, list | tuple) else False


def theirs_of(judge: Edition, message: str, octets: bytes) -> tuple[Any, Exception | None]:
    """asn1tools' value, or why it has none."""
    try:
        return judge.decode(message, octets), None
    except Exception as error:
        return None, error


def ours_of(codec: MessageCodec, octets: bytes) -> tuple[Any, CodecError | None]:
    """Our value, or why there is none."""
    try:
        return codec.decode(octets), None
    except CodecError as error:
        return None, error


@pytest.mark.parametrize("key", MESSAGES)
def test_broken_frames_are_judged_alike(key: str) -> None:
    name, _, message = key.partition("/")
    judge, codec, counts = edition(name), message_codec(key), Counter[str]()
    kind = judge.root(message)
    stream = mutated(bodies(key, count=8), random.Random(key))
    for _ in range(FRAMES):
        octets = next(stream)
        theirs, refusal = theirs_of(judge, message, octets)
        if isinstance(refusal, NotImplementedError):
            continue
        ours, reason = ours_of(codec, octets)
        if reason is not None:
            counts["refused"] += 1
            stricter = any(words in str(reason) for words in _STRICTER) or has_open(kind)
            assert refusal is not None or stricter, (octets.hex(), str(reason))
            continue
        counts["taken"] += 1
        again = codec.encode(ours)
        assert codec.decode(again) == ours, octets.hex()
        assert raw(ours) or (refusal is None and agrees(kind, ours, theirs)), (octets.hex(), ours, theirs)
    assert counts["refused"] > FRAMES // 4
    assert counts["taken"] > FRAMES // 50


@pytest.mark.parametrize("key", MESSAGES)
def test_every_cut_and_every_surplus_octet_is_refused(key: str) -> None:
    codec = message_codec(key)
    for octets in bodies(key, count=3):
        for size in range(len(octets)):
            with pytest.raises(CodecError):
                codec.decode(octets[:size])
        for surplus in (b"\x00", b"\xff", b"\x00\x00"):
            with pytest.raises(CodecError, match="follow"):
                codec.decode(octets + surplus)
