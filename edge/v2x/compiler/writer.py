"""Writes the encoder of a type: the mirror image of `edge.v2x.compiler.reader`.

Every value is checked against its range before it is shifted into place. A SEQUENCE counts its fields, so that a
misspelt or unknown one is an error.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.v2x.compiler.lines import Lines, Module
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
    fixed_width,
    width_of,
)

STATE = "x, n"
_FLUSH_BITS = 512


class Writer:
    """Code of one encoding function; arguments as of `Reader`."""

    def __init__(self, module: Module, shared: frozenset[Type]) -> None:
        self.lines = Lines()
        self._module, self._shared = module, shared
        self._run: list[tuple[str, int]] = []

    def value(self, kind: Type, source: str, label: str) -> None:
        """Emit what writes the value of expression `source`."""
        if kind in self._shared and fixed_width(kind) is None:
            self._call(kind, source)
            return
        emit: dict[type, Callable[[Type, str, str], None]] = {
            Integer: self._integer,
            Boolean: self._boolean,
            Null: self._null,
            Enumerated: self._enumerated,
            Bits: self._bits,
            Octets: self._octets,
            Text: self._text,
            ListOf: self._list,
            Struct: self._struct,
            Union: self._union,
        }
        emit[type(kind)](kind, source, label)

    def flush(self) -> None:
        """Emit the pending run."""
        total = sum(width for _, width in self._run)
        if total:
            left, terms = total, []
            for expression, width in self._run:
                left -= width
                if width and expression != "0":
                    terms.append(f"{expression} << {left}" if left else expression)
            self.lines.add(f"x = {' | '.join((f'x << {total}', *terms))}; n += {total}")
        self._run = []

    def _put(self, expression: str, width: int) -> None:
        """Append bits; the expression binds at least as tightly as a shift, or is in brackets."""
        self._run.append((expression, width))

    def _local(self, source: str) -> str:
        name = self.lines.name("v")
        self.lines.add(f"{name} = {source}")
        return name

    def _call(self, kind: Type, source: str) -> None:
        self.flush()
        self.lines.add(f"{STATE} = {self._function(kind)}(out, {source}, {STATE})")

    def _support(self, name: str, *arguments: str) -> None:
        self.flush()
        self.lines.add(f"{STATE} = _w.{name}({', '.join((STATE, *arguments))})")

    def _function(self, kind: Type) -> str:
        name, fresh = self._module.function("e", kind)
        if fresh:
            self._module.functions.append(function_of(kind, name, self._module, self._shared))
        return name

    def _content(self, kind: Type) -> str:
        """Name of the function from a value to the octets of an open type."""
        return self._module.constant("C", f"_w.content({self._function(kind)})")

    # simple types

    def _integer(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, Integer)
        value = self._local(source)
        if kind.low is None or kind.high is None:
            self._support("put_whole_number", value)
            return
        width = width_of(kind.high - kind.low + 1)
        inside = f"{kind.low} <= {value} <= {kind.high}"
        offset = (
            value
            if not kind.low
            else f"({value} - {kind.low})"
            if kind.low > 0
            else f"({value} + {-kind.low})"
        )
        if not kind.extensible:
            self.lines.add(f"if not {inside}: _bad({label!r}, {value})")
            self._put(offset, width)
            return
        self.flush()
        with self.lines.block(f"if {inside}:"):
            self._put(offset, width + 1)
            self.flush()
        with self.lines.block("else:"):
            self._put("1", 1)
            self._support("put_whole_number", value)

    def _boolean(self, _kind: Type, source: str, label: str) -> None:
        value = self._local(source)
        self.lines.add(f"if {value} is not True and {value} is not False: _bad({label!r}, {value})")
        self._put(value, 1)

    def _null(self, _kind: Type, source: str, label: str) -> None:
        value = self._local(source)
        self.lines.add(f"if {value} is not None: _bad({label!r}, {value})")

    def _enumerated(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, Enumerated)
        width = width_of(len(kind.root))
        table = self._module.constant("N", repr({name: index for index, name in enumerate(kind.root)}))
        if kind.additions is None:
            self._put(self._local(f"{table}[{source}]"), width)
            return
        value, index = self._local(source), self.lines.name("v")
        self.lines.add(f"{index} = {table}.get({value})")
        self.flush()
        with self.lines.block(f"if {index} is None:"):
            names = self._module.constant("N", repr({name: i for i, name in enumerate(kind.additions)}))
            self._put("1", 1)
            self._support("put_small", f"{value} if type({value}) is int else {names}[{value}]")
        with self.lines.block("else:"):
            self._put(index, width + 1)
            self.flush()

    # sized types

    def _size(self, kind: Octets | Bits | Text | ListOf, size: str, label: str) -> None:
        """Emit the size of a value; flushes where it depends."""
        if kind.high is None:
            self._support("put_length", size)
            return
        width = width_of(kind.high - kind.low + 1)
        test = (
            f"{size} != {kind.low}" if kind.low == kind.high else f"not {kind.low} <= {size} <= {kind.high}"
        )
        offset = f"({size} - {kind.low})" if kind.low else size
        if not kind.extensible:
            self.lines.add(f"if {test}: _bad({label!r}, {size})")
            self._put(offset, width)
            return
        self.flush()
        with self.lines.block(f"if {test}:"):
            self._put("1", 1)
            self._support("put_length", size)
        with self.lines.block("else:"):
            self._put(offset if width else "0", width + 1)
            self.flush()

    def _bits(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, Bits)
        value, size = self.lines.name("v"), self.lines.name("v")
        self.lines.add(f"{value}, {size} = {source}")
        if fixed_width(kind) is not None:
            octets, pad = (kind.low + 7) // 8, -kind.low % 8
            self.lines.add(f"if {size} != {kind.low} or len({value}) != {octets}: _bad({label!r}, {size})")
            number = f"_whole({value})"
            self._put(f"({number} >> {pad})" if pad else number, kind.low)
            return
        self._size(kind, size, label)
        self._support("put_bit_string", value, size)

    def _octets(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, Octets)
        value = self._local(source)
        if fixed_width(kind) is not None:
            self.lines.add(f"if len({value}) != {kind.low}: _bad({label!r}, {value})")
            self._put(f"_whole({value})", 8 * kind.low)
            return
        size = self._local(f"len({value})")
        self._size(kind, size, label)
        self.flush()
        self.lines.add(f"x = x << 8 * {size} | _whole({value}); n += 8 * {size}")

    def _text(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, Text)
        if kind.width == 8:
            self._support("put_open", f'{source}.encode("utf-8")')
            return
        value = self._local(f'{source}.encode("ascii")' if kind.width == 7 else source)
        self._size(kind, self._local(f"len({value})"), label)
        self._support("put_text" if kind.width == 7 else "put_digits", value)

    # structure

    def _list(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, ListOf)
        value = self._local(source)
        self._size(kind, self._local(f"len({value})"), label)
        self.flush()
        element = self.lines.name("i")
        with self.lines.block(f"for {element} in {value}:"):
            self.lines.add(f"if n > {_FLUSH_BITS}: {STATE} = _flush(out, {STATE})")
            self.value(kind.element, element, label)
            self.flush()

    def _union(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, Union)
        name, value = self.lines.name("k"), self.lines.name("v")
        self.lines.add(f"{name}, {value} = {source}")
        self.flush()
        width = width_of(len(kind.root)) + int(kind.additions is not None)
        for number, member in enumerate(kind.root):
            with self.lines.block(f"{'elif' if number else 'if'} {name} == {member.name!r}:"):
                self._put(str(number), width)
                self.value(member.type, value, member.name)
                self.flush()
        with self.lines.block("else:"):
            if kind.additions is None:
                self.lines.add(f"raise _w.no_choice({name})")
            else:
                known = self._additions(kind.additions)
                self.lines.add(
                    f"{STATE} = _w.put_alternative(*_flush(out, {STATE}), {name}, {value}, {known})"
                )

    def _struct(self, kind: Type, source: str, label: str) -> None:
        assert isinstance(kind, Struct)
        fields = self._local(source)
        names = self._module.constant("F", f"frozenset({tuple(m.name for m in kind.members)!r})")
        extended = self._head(kind, fields, names)
        for member in kind.members:
            if not member.flagged:
                self._member(member, fields)
                continue
            self.flush()
            with self.lines.block(f"if {_present(member, fields)}:"):
                self._member(member, fields)
                self.flush()
        if kind.additions is not None:
            self.flush()
            with self.lines.block(f"if {extended}:"):
                known = self._additions(kind.additions)
                self.lines.add(f"{STATE} = _w.put_additions(out, {STATE}, {fields}, {names}, {known})")

    def _head(self, kind: Struct, fields: str, names: str) -> str:
        """Emit the extension bit and the presence bits; the name of the extension bit."""
        flags = kind.flags
        plain = len(kind.members) - len(flags)
        count = str(plain)
        if any(member.default for member in flags):
            count = " + ".join([count, *(f"({member.name!r} in {fields})" for member in flags)])
            for member in flags:
                self._put(f"({_present(member, fields)})", 1)
        elif flags:
            head = self._local(
                " | ".join(
                    f"({m.name!r} in {fields})" + (f" << {len(flags) - 1 - i}" if i < len(flags) - 1 else "")
                    for i, m in enumerate(flags)
                )
            )
            count = f"{plain} + {head}.bit_count()" if len(flags) > 1 else f"{plain} + {head}"
            self._put(head, len(flags))
        if kind.additions is None:
            self.lines.add(f"if len({fields}) != {count}: _w.no_field({fields}, {names})")
            return ""
        extended = self._local(f"len({fields}) != {count}")
        position = len(self._run) - (len(flags) if any(m.default for m in flags) else int(bool(flags)))
        self._run.insert(position, (extended, 1))
        return extended

    def _member(self, member: Member, fields: str) -> None:
        source = f"{fields}[{member.name!r}]"
        if not isinstance(member.type, Open):
            self.value(member.type, source, member.name)
            return
        table = self._module.constant("T", self._table(member.type))
        selector = f"{fields}[{member.type.selector!r}]"
        self._support("put_open", f"_w.open_content({source}, {table}.get({selector}))")

    def _table(self, kind: Open) -> str:
        entries = (f"{key!r}: {self._content(alternative)}" for key, alternative in kind.alternatives)
        return "{" + ", ".join(entries) + "}"

    def _additions(self, additions: tuple[Member, ...]) -> str:
        known = []
        for member in additions:
            entry = self._content(member.type)
            if not member.name:
                assert isinstance(member.type, Struct)
                entry = f"({tuple(m.name for m in member.type.members)!r}, {entry})"
            known.append(f"({member.name!r}, {entry})")
        return self._module.constant("A", "(" + "".join(f"{entry}, " for entry in known) + ")")


def _present(member: Member, fields: str) -> str:
    """Whether a flagged member is sent: a default is not."""
    found = f"{member.name!r} in {fields}"
    return f"{found} and {fields}[{member.name!r}] != {member.default[0]!r}" if member.default else found


def function_of(kind: Type, name: str, module: Module, shared: frozenset[Type]) -> str:
    """Source of the function that appends a value."""
    writer = Writer(module, shared - {kind})
    writer.value(kind, "value", getattr(kind, "name", "") or "value")
    writer.flush()
    return f"def {name}(out, value, {STATE}):\n{writer.lines.text()}\n return {STATE}"
