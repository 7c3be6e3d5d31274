"""Writes the decoder of a type: straight-line code on a window of the message (see `edge.v2x.uper`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.v2x.compiler.fields import STATE, FieldReader
from edge.v2x.compiler.lines import Module
from edge.v2x.compiler.types import (
    Bits,
    Enumerated,
    Integer,
    ListOf,
    Member,
    Octets,
    Open,
    Struct,
    Text,
    Type,
    Union,
    fixed_width,
    width_of,
)
from edge.v2x.uper import LONG_BYTES, WINDOW_BYTES

WINDOW = f""" q = len(b)
 if q > {LONG_BYTES}: x, p, q = _start(b)
 else: x = _whole(b) << {8 * WINDOW_BYTES}; q += {WINDOW_BYTES}; p = 8 * q
"""
"""Head of a function on octets."""


@dataclass(slots=True)
class _Fields:
    """A SEQUENCE value under construction."""

    display: list[tuple[str, str]] = field(default_factory=list)
    late: list[tuple[str, str]] = field(default_factory=list)
    variable: str = ""

    def set(self, name: str, expression: str) -> None:
        (self.late if self.variable else self.display).append((name, expression))

    def get(self, name: str) -> str:
        return dict(self.display + self.late)[name]


class Reader(FieldReader):
    """Code of one decoding function; arguments as of `FieldReader`."""

    def value(self, kind: Type, label: str) -> str:
        """Emit what reads a value; an expression of it, valid after the next `flush`."""
        if kind in self._shared and fixed_width(kind) is None:
            return self._call(kind)
        if fixed_width(kind) is not None:
            return self._fixed(kind, label)
        emit: dict[type, Callable[[Type, str], str]] = {
            Integer: self._integer,
            Enumerated: self._enumerated,
            Bits: self._sized,
            Octets: self._sized,
            Text: self._text,
            ListOf: self._list,
            Struct: self._struct,
            Union: self._union,
        }
        return emit[type(kind)](kind, label)

    def _call(self, kind: Type) -> str:
        self.flush()
        name, fresh = self._module.function("d", kind)
        if fresh:
            self._module.functions.append(function_of(kind, name, self._module, self._shared))
        found = self.lines.name("r")
        self.lines.add(f"{found}, {STATE} = {name}(b, {STATE})")
        self.forget()
        return found

    def _list(self, kind: Type, label: str) -> str:
        assert isinstance(kind, ListOf)
        if kind.extensible:
            plain, rare = ListOf(kind.element, kind.low, kind.high), ListOf(kind.element, 0, None)
            return self._extended(kind, label, plain, lambda: self.value(rare, label))
        count, found = self._count(kind.low, kind.high, label), self.lines.name("l")
        self.flush()
        self.lines.add(f"{found} = []")
        self.forget()
        with self._branch(f"for _ in range({count}):"):
            expression = self.value(kind.element, label)
            self.flush()
            self.lines.add(f"{found}.append({expression})")
        self.forget()
        return found

    def _union(self, kind: Type, label: str) -> str:
        assert isinstance(kind, Union)
        extension = int(kind.additions is not None)
        width = width_of(len(kind.root))
        index, found = self._now(width + extension), self.lines.name("r")
        for number, member in enumerate(kind.root):
            with self._branch(f"{'elif' if number else 'if'} {index} == {number}:"):
                expression = self.value(member.type, member.name)
                self.flush()
                self.lines.add(f"{found} = ({member.name!r}, {expression})")
        if kind.additions is not None:
            with self._branch(f"elif {index} >> {width}:"):
                self._unread(width)
                known = self._additions(kind.additions)
                self.lines.add(f"{found} = {self._support('read_alternative', known)}")
        with self._branch("else:"):
            self.lines.add(f"_bad({label!r}, {index})")
        return found

    def _struct(self, kind: Type, label: str) -> str:
        assert isinstance(kind, Struct)
        flags, extension = kind.flags, int(kind.additions is not None)
        width, fields = len(flags) + extension, _Fields()
        head = self._bits(width) if width else ""
        seldom = _seldom(kind)
        for member in kind.members[: len(kind.members) - len(seldom)]:
            if member.flagged:
                self._materialise(fields)
                self._flagged(member, fields, _bit(kind, member, head))
            else:
                fields.set(member.name, self._member(member, fields))
        self._materialise(fields)
        for name, expression in fields.late:
            self.lines.add(f"{fields.variable}[{name!r}] = {expression}")
        if len(seldom) + extension > 1:
            mask = (1 << len(seldom)) - 1 | extension << len(flags)
            with self._branch(f"if {head} & {mask}:"):
                self._rest(kind, fields, seldom, head)
        else:
            self._rest(kind, fields, seldom, head)
        return fields.variable

    def _rest(self, kind: Struct, fields: _Fields, seldom: tuple[Member, ...], head: str) -> None:
        """The members that are seldom there, and the extension additions."""
        for member in seldom:
            self._flagged(member, fields, _bit(kind, member, head))
        if kind.additions is not None:
            self._struct_additions(kind, fields, head, len(kind.flags))

    def _flagged(self, member: Member, fields: _Fields, test: str) -> None:
        self.flush()
        with self._branch(f"if {test}:"):
            expression = self._member(member, fields)
            self.flush()
            self.lines.add(f"{fields.variable}[{member.name!r}] = {expression}")
        if member.default:
            with self._branch("else:"):
                self.lines.add(f"{fields.variable}[{member.name!r}] = {member.default[0]!r}")

    def _struct_additions(self, kind: Struct, fields: _Fields, head: str, flags: int) -> None:
        test = f"{head} & {1 << flags}" if flags else head
        with self._branch(f"if {test}:"):
            known = self._additions(kind.additions or ())
            self.lines.add(f"{STATE} = _u.read_additions(b, {STATE}, {fields.variable}, {known})")
            self.forget()

    def _materialise(self, fields: _Fields) -> None:
        if fields.variable:
            self.flush()
            return
        self.flush()
        fields.variable = self.lines.name("d")
        shown = ", ".join(f"{name!r}: {expression}" for name, expression in fields.display)
        self.lines.add(f"{fields.variable} = {{{shown}}}")

    def _member(self, member: Member, fields: _Fields) -> str:
        if not isinstance(member.type, Open):
            return self.value(member.type, member.name)
        data = self._support("read_octets", self._length())
        table = self._module.constant("T", self._table(member.type))
        selector = fields.get(member.type.selector)
        return f"{table}.get({selector}, _u.same)({data})"

    def _table(self, kind: Open) -> str:
        entries = (f"{key!r}: {self._content(alternative)}" for key, alternative in kind.alternatives)
        return "{" + ", ".join(entries) + "}"

    def _content(self, kind: Type) -> str:
        """Name of the function from the octets of an open type to its value."""
        name, fresh = self._module.function("o", kind)
        if fresh:
            body, expression = body_of(kind, self._module, self._shared, 8 * WINDOW_BYTES)
            self._module.functions.append(
                f"def {name}(b):\n{WINDOW}{body}\n"
                f" return {expression} if 0 <= 8 * (len(b) - q) + p <= 7 else _u.odd(b, p, q, {expression})"
            )
        return name

    def _additions(self, additions: tuple[Member, ...]) -> str:
        known = [f"({member.name!r}, {self._content(member.type)})" for member in additions]
        return self._module.constant("A", "(" + "".join(f"{entry}, " for entry in known) + ")")


def _seldom(kind: Struct) -> tuple[Member, ...]:
    """The last members where all of them are optional and long: regional extensions and the like."""
    found: list[Member] = []
    for member in reversed(kind.members):
        if not member.optional or fixed_width(member.type) is not None:
            break
        found.insert(0, member)
    return tuple(found)


def _bit(kind: Struct, member: Member, head: str) -> str:
    """Test of a presence bit."""
    flags = kind.flags
    if len(flags) == 1 and kind.additions is None:
        return head
    return f"{head} & {1 << len(flags) - 1 - flags.index(member)}"


def body_of(kind: Type, module: Module, shared: frozenset[Type], ready: int = 0) -> tuple[str, str]:
    """Source that reads a type from a window of at least `ready` bits, and the expression of its value."""
    reader = Reader(module, shared - {kind})
    reader.begin(ready)
    expression = reader.value(kind, getattr(kind, "name", "") or "value")
    reader.flush()
    return reader.lines.text(), expression


def function_of(kind: Type, name: str, module: Module, shared: frozenset[Type]) -> str:
    """Source of the function that reads a type from a window."""
    body, expression = body_of(kind, module, shared)
    return f"def {name}(b, {STATE}):\n{body}\n return {expression}, {STATE}"
