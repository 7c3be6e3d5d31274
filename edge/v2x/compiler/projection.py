"""Writes a flat decoder: it reads a few fields of a message into a tuple and passes over the rest.

The structure of the whole message is followed to its end, so a truncated or over-long one is found; ranges are checked
only of what is read. Runs of optional fields that nobody wants are passed over in one step by a table of their presence
bits. Paths name fields with dots; `{7}` after a list takes the element whose open type has the id 7, and what follows
is read from the head of its content; a `?` at the end asks only whether the field is there. Leaves of fixed width are
given as numbers: an enumeration by its index, bits as an unsigned integer; octets as they are. A `#` at the end asks
for the number that is on the wire: counted from the lowest of its range, and not compared with the highest.

On the way to what every message has, the common form is expected: no additions, and the alternative that holds what is
wanted. So there is one run of fields with few breaks. Another form is refused like a broken one; whoever asked has the
decoder of the whole message to decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from edge.v2x.compiler.fields import STATE, Item, offset
from edge.v2x.compiler.lines import Module
from edge.v2x.compiler.reader import Reader
from edge.v2x.compiler.types import (
    Bits,
    Boolean,
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
from edge.v2x.uper import MAX_MESSAGE_BYTES

Wanted = Mapping[str, Any]
"""Output variable, or `Wanted`, by field name."""
_TABLE_FLAGS = 8


def wanted_tree(paths: Sequence[str]) -> dict[str, Any]:
    """Paths to nested names; the outputs are `o0`, `o1` ... in their order."""
    tree: dict[str, Any] = {}
    for index, path in enumerate(paths):
        *parents, leaf = path.replace("{", ".{").split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        name = leaf.rstrip("?#")
        node[name] = f"{leaf[len(name) :]}o{index}"
    return tree


def outputs(wanted: Wanted) -> list[str]:
    """Every output variable below."""
    found: list[str] = []
    for value in wanted.values():
        found += [value.lstrip("?#")] if isinstance(value, str) else outputs(value)
    return found


class Projector(Reader):
    """Code of one flat decoder; arguments as of `Reader`."""

    def __init__(self, module: Module, shared: frozenset[Type]) -> None:
        super().__init__(module, shared)
        self._assigned: list[str] = []
        self._inside: set[str] | None = None
        self._depth = 0

    @contextmanager
    def _branch(self, head: str) -> Iterator[None]:
        self._depth += 1
        with super()._branch(head):
            yield
        self._depth -= 1

    def _expect(self, condition: str, label: str, found: str) -> None:
        """Refuse another form once the pending run is read."""
        self._assigned.append(f"if {condition}: _bad({label!r}, {found})")

    def flush(self) -> None:
        super().flush()
        for line in self._assigned:
            self.lines.add(line)
        self._assigned = []

    def _need(self, width: int) -> None:
        """The whole message is in the window: a read beyond it is an error of its own."""

    def _finished(self) -> bool:
        """Whether the rest of an open type does not matter, for its length is known."""
        return self._inside is not None and not self._inside

    def project(self, kind: Type, wanted: Wanted | str | None, label: str) -> None:
        """Emit what reads the wanted leaves of a type."""
        if wanted is None:
            self._skip(kind, label)
        elif isinstance(wanted, str):
            self._leaf(kind, wanted, label)
        elif isinstance(kind, Struct):
            self._project_struct(kind, wanted, label)
        elif isinstance(kind, Union):
            self._project_union(kind, wanted, label)
        elif isinstance(kind, ListOf):
            self._project_list(kind, wanted, label)
        else:
            raise ValueError(f"{label}: {type(kind).__name__} has no fields")

    def _leaf(self, kind: Type, output: str, label: str) -> None:
        name = output.lstrip("?#")
        if self._inside is not None:
            self._inside.discard(name)
        if not output.startswith("?"):
            self._number(kind, name, label, raw=output != name)
            return
        self._assigned.append(f"{name} = True")
        if not self._finished():
            self._skip(kind, label)

    def _number(self, kind: Type, output: str, label: str, *, raw: bool) -> None:
        """A leaf as a number; one of variable size as its value."""
        if isinstance(kind, Bits) and kind.extensible and kind.low == kind.high:
            self._flags(kind, output)
            return
        width = fixed_width(kind)
        if width is None or isinstance(kind, Struct):
            expression = self.value(kind, label)
            self._assigned.append(f"{output} = {expression}")
            return
        excess = None
        if isinstance(kind, Octets):
            self._run.append(Item(width, output, "r"))
            return
        if isinstance(kind, Integer):
            assert kind.low is not None
            assert kind.high is not None
            if kind.low and not raw:
                self._assigned.append(f"{output} = {offset(output, kind.low)}")
            if kind.high - kind.low + 1 < 1 << width and not raw:
                excess = (label, kind.high - kind.low, kind.low)
        if isinstance(kind, Enumerated) and len(kind.root) < 1 << width and not raw:
            excess = (label, len(kind.root) - 1, 0)
        self._run.append(Item(width, output, excess=excess))

    def _flags(self, kind: Bits, output: str) -> None:
        """Bits of an extensible size: a number where they are of the root size, else octets and their count."""
        number = self._now(kind.low + 1)
        with self._branch(f"if {number} < {1 << kind.low}:"):
            self.lines.add(f"{output} = {number}")
        with self._branch("else:"):
            self._unread(kind.low)
            self.lines.add(f"{output} = {self._support('read_bit_string', self._length())}")

    def _project_struct(self, kind: Struct, wanted: Wanted, label: str) -> None:
        missing = wanted.keys() - {member.name for member in kind.members}
        if missing:
            raise ValueError(f"{label} has no field {', '.join(sorted(missing))}")
        flags, extension = kind.flags, int(kind.additions is not None)
        width = len(flags) + extension
        head = self._bits(width) if width else ""
        passed: list[Member] = []
        for member in kind.members:
            if self._finished():
                return
            plain = member.name not in wanted and fixed_width(member.type) is not None
            if plain and member.flagged:
                passed.append(member)
                continue
            if plain:
                self._pass(fixed_width(member.type) or 0)
                continue
            self._pass_flagged(passed, kind, head)
            passed = []
            if not member.flagged:
                self.project(member.type, wanted.get(member.name), member.name)
                continue
            self.flush()
            with self._branch(f"if {head} & {1 << len(flags) - 1 - flags.index(member)}:"):
                self.project(member.type, wanted.get(member.name), member.name)
        self._pass_flagged(passed, kind, head)
        if extension and not self._depth:
            self._expect(f"{head} & {1 << len(flags)}", label, head)
        elif extension and not self._finished():
            self.flush()
            with self._branch(f"if {head} & {1 << len(flags)}:"):
                self._move("skip_additions")

    def _pass(self, width: int) -> None:
        self._run.append(Item(width, ""))

    def _pass_flagged(self, members: list[Member], kind: Struct, head: str) -> None:
        """Pass over optional fields of fixed width, which are neighbours among the flags."""
        flags, extended = kind.flags, kind.additions is not None
        while members:
            group, members = members[:_TABLE_FLAGS], members[_TABLE_FLAGS:]
            self.flush()
            last = len(flags) - 1 - flags.index(group[-1])
            widths = [fixed_width(member.type) or 0 for member in reversed(group)]
            if len(group) == 1:
                self.lines.add(f"if {head} & {1 << last}: p -= {widths[0]}")
                continue
            sums = [
                sum(w for i, w in enumerate(widths) if number >> i & 1) for number in range(1 << len(group))
            ]
            table = self._module.constant("W", repr(tuple(sums)))
            shifted = f"{head} >> {last}" if last else head
            mask = "" if group[0] is flags[0] and not extended else f" & {(1 << len(group)) - 1}"
            self.lines.add(f"p -= {table}[{shifted}{mask}]")

    def _move(self, name: str, *arguments: str) -> None:
        self.flush()
        self.lines.add(f"{STATE} = _u.{name}({', '.join(('b', STATE, *arguments))})")
        self.forget()

    def _project_union(self, kind: Union, wanted: Wanted, label: str) -> None:
        extension = int(kind.additions is not None)
        width = width_of(len(kind.root))
        if not self._depth and wanted:
            self._project_alternative(kind, wanted, label)
            return
        index = self._now(width + extension) if width + extension else ""
        if not index:
            self.project(kind.root[0].type, wanted.get(kind.root[0].name), kind.root[0].name)
            return
        for number, member in enumerate(kind.root):
            with self._branch(f"{'elif' if number else 'if'} {index} == {number}:"):
                self.project(member.type, wanted.get(member.name), member.name)
        if extension:
            with self._branch(f"elif {index} >> {width}:"):
                self._unread(width)
                self._move("skip_alternative")
        with self._branch("else:"):
            self.lines.add(f"_bad({label!r}, {index})")

    def _project_alternative(self, kind: Union, wanted: Wanted, label: str) -> None:
        """The one alternative that holds what is wanted."""
        ((name, below),) = wanted.items()
        (number,) = (number for number, member in enumerate(kind.root) if member.name == name)
        index = self._bits(width_of(len(kind.root)) + int(kind.additions is not None))
        self._expect(f"{index} != {number}", label, index)
        self.project(kind.root[number].type, below, name)

    def _project_list(self, kind: ListOf, wanted: Wanted, label: str) -> None:
        """A list of open types with an id."""
        element = kind.element
        assert isinstance(element, Struct)
        (opened,) = (member for member in element.members if isinstance(member.type, Open))
        assert isinstance(opened.type, Open)
        known = {f"{{{key}}}": (key, alternative) for key, alternative in opened.type.alternatives}
        count = self._count(kind.low, kind.high, label)
        self.flush()
        self.forget()
        with self._branch(f"for _ in range({count}):"):
            selector = self._project_head(element, opened)
            self._open_heads(selector, wanted, known, label)

    def _open_heads(
        self, selector: str, wanted: Wanted, known: Mapping[str, tuple[int | str, Type]], label: str
    ) -> None:
        """Read the heads of the open types that are wanted, and pass over their contents."""
        size, end = self._length(), self.lines.name("n")
        self.lines.add(f"{end} = p - 8 * {size}")
        self.lines.add(f"if {end} < 0: raise _u.UperError('truncated')")
        for number, (name, below) in enumerate(wanted.items()):
            key, alternative = known[name]
            with self._branch(f"{'elif' if number else 'if'} {selector} == {key!r}:"):
                self.forget()
                self._inside = set(outputs({name: below}))
                self.project(alternative, below, label)
                self.flush()
                self.lines.add(f"if p < {end}: raise _u.UperError('truncated')")
                self._inside = None
        self.lines.add(f"p = {end}")
        self.forget()

    def _project_head(self, element: Struct, opened: Member) -> str:
        """The id of an element that has nothing but an id and an open type."""
        first, second = element.members
        if second is not opened or element.additions is not None or element.flags:
            raise ValueError(f"{element.name} is more than an id and an open type")
        return self.value(first.type, first.name)

    # passing over

    def _skip(self, kind: Type, label: str) -> None:
        width = fixed_width(kind)
        if width is not None:
            self._pass(width)
        elif isinstance(kind, Struct):
            self._project_struct(kind, {}, label)
        elif isinstance(kind, Union):
            self._project_union(kind, {}, label)
        elif isinstance(kind, ListOf) and not kind.extensible:
            self._skip_list(kind, label)
        elif isinstance(kind, Octets | Bits | Text) and not kind.extensible:
            self._skip_sized(kind, label)
        elif isinstance(kind, Open):
            self._move("skip_open")
        elif isinstance(kind, Enumerated):
            self._skip_enumerated(kind, label)
        else:
            assert not isinstance(kind, Boolean)
            self.value(kind, label)

    def _skip_list(self, kind: ListOf, label: str) -> None:
        count, width = self._count(kind.low, kind.high, label), fixed_width(kind.element)
        if width is not None:
            self._move("skip_bits", f"({count}) * {width}")
            return
        self.flush()
        self.forget()
        with self._branch(f"for _ in range({count}):"):
            self._skip(kind.element, label)
        self.forget()

    def _skip_enumerated(self, kind: Enumerated, label: str) -> None:
        """An extensible enumeration: the index, or an extension bit and a small number."""
        width = width_of(len(kind.root))
        if not self._depth:
            index = self._bits(width + 1)
            self._expect(f"{index} >= {len(kind.root)}", label, index)
            return
        index = self._now(width + 1)
        with self._branch(f"if {index} >> {width}:"):
            self._unread(width)
            self._support("read_small")
        if len(kind.root) < 1 << width:
            self.lines.add(f"elif {index} >= {len(kind.root)}: _bad({label!r}, {index})")

    def _skip_sized(self, kind: Octets | Bits | Text, label: str) -> None:
        unit = 1 if isinstance(kind, Bits) else 8 if isinstance(kind, Octets) else kind.width
        count = self._count(kind.low, kind.high, label)
        self._move("skip_bits", f"({count}) * {unit}")


def _always(kind: Type, wanted: Wanted) -> set[str]:
    """Outputs that every message has."""
    found: set[str] = set()
    members = kind.members if isinstance(kind, Struct) else kind.root if isinstance(kind, Union) else ()
    for member in members:
        below = wanted.get(member.name)
        if below is not None and not member.flagged:
            found |= set(outputs({"": below})) if isinstance(below, str) else _always(member.type, below)
    return found


def function_of(
    kind: Type, paths: Sequence[str], module: Module, shared: frozenset[Type], *, check: str
) -> str:
    """Source of `report(b)`: a tuple of the fields at `paths`, None where absent."""
    tree = wanted_tree(paths)
    projector = Projector(module, shared)
    optional = [name for name in outputs(tree) if name not in _always(kind, tree)]
    if optional:
        projector.lines.add(f"{' = '.join(optional)} = None")
    projector.project(kind, tree, "message")
    projector.flush()
    found = ", ".join(f"o{index}" for index in range(len(paths)))
    names = ", ".join(path.rpartition(".")[2].rstrip("?#") for path in paths)
    return f'''def report(b):
 """A few fields of a whole message: {names}."""
 q = len(b)
 if q > {MAX_MESSAGE_BYTES}: raise _u.UperError("too long")
 x = _whole(b); p = 8 * q
{check}{projector.lines.text()}
 if not 0 <= p <= 7: _u.not_whole(b, p, q)
 return {found}
'''
