"""Reads fields: runs of fixed width, and the types that hold no others.

Fields of fixed width that follow one another are taken out of the window as one number and cut up by constant shifts;
only a presence bit, a choice or a length ends such a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge.v2x.compiler.lines import Lines, Module
from edge.v2x.compiler.types import (
    Bits,
    Boolean,
    Enumerated,
    Integer,
    Null,
    Octets,
    Struct,
    Text,
    Type,
    fixed_width,
    width_of,
)

_UNPACKED = 3
"""Runs of as many fields are unpacked by one call of `bitstruct`; shorter ones are cut from the window."""
_WIDEST = 64
"""Widest number that `bitstruct` unpacks."""
_LOOKAHEAD = 128
"""Bits made available at once, so that most reads need no check."""
_SMALL_ROOT = 7
"""Bits that an extension is sure to have where the root is not used: its index and a length."""
_TABLE_BITS = 8
"""Bit strings up to this size are looked up."""
STATE = "x, p, q"


@dataclass(slots=True)
class Item:
    """A field in a run.

    Attributes:
        width: bits.
        name: of its variable; empty: passed over.
        form: `u` an unsigned number, `r` octets, `b` a truth value, as in `bitstruct`.
        excess: message, first number that is too much, and offset.
    """

    width: int
    name: str
    form: str = "u"
    excess: tuple[str, int, int] | None = None


class FieldReader:
    """Code that reads numbers, bits, octets and texts.

    Args:
        module: takes constants and functions.
        shared: types that are functions.
    """

    def __init__(self, module: Module, shared: frozenset[Type]) -> None:
        self.lines = Lines()
        self._module, self._shared = module, shared
        self._run: list[Item] = []
        self._ready = 0

    def value(self, kind: Type, label: str) -> str:
        """Emit what reads a value; an expression of it, valid after the next `flush`."""
        raise NotImplementedError

    def flush(self) -> None:
        """Emit the pending run."""
        run, self._run = self._run, []
        total = sum(item.width for item in run)
        named = [item for item in run if item.name]
        if total:
            self._need(total)
            self._ready -= total
        if len(named) >= _UNPACKED and all(item.width <= _WIDEST or item.form == "r" for item in named):
            self._unpack(run, named, total)
        elif named and total:
            self._cut(run, total)
        elif total:
            self.lines.add(f"p -= {total}")
        self._check(named)

    def begin(self, ready: int) -> None:
        """The window has as many bits at the start."""
        self._ready = ready

    def forget(self) -> None:
        """What follows may run with any window."""
        self._ready = 0

    # runs

    def _bits(self, width: int, form: str = "u") -> str:
        """Reserve bits of the run; the name of their value after the next flush."""
        name = self.lines.name("v")
        self._run.append(Item(width, name, form))
        return name

    def _now(self, width: int) -> str:
        name = self._bits(width)
        self.flush()
        return name

    def _need(self, width: int) -> None:
        if self._ready >= width:
            return
        self._ready = max(width, _LOOKAHEAD)
        self.lines.add(f"if p < {self._ready}: {STATE} = _more(b, {STATE}, {self._ready})")

    def _unpack(self, run: list[Item], named: list[Item], total: int) -> None:
        """One call for all fields."""
        form = "".join(f"{item.form if item.name else 'p'}{item.width}" for item in run if item.width)
        function = self._module.constant("U", f"_u.unpacker({form!r})")
        names = ", ".join(item.name for item in named if item.width)
        self.lines.add(f"{names} = {function}(b, 8 * q - p); p -= {total}")

    def _cut(self, run: list[Item], total: int) -> None:
        """One number out of the window, and shifts."""
        cut = [item for item in run if item.width]
        if len(cut) == 1:
            self.lines.add(f"p -= {total}; {cut[0].name} = {_form(cut[0], f'x >> p & {(1 << total) - 1}')}")
            return
        self.lines.add(f"p -= {total}; c = x >> p & {(1 << total) - 1}")
        left = total
        for item in cut:
            left -= item.width
            if item.name:
                shifted = f"c >> {left}" if left else "c"
                mask = "" if item is cut[0] else f" & {(1 << item.width) - 1}"
                self.lines.add(f"{item.name} = {_form(item, shifted + mask)}")

    def _check(self, named: list[Item]) -> None:
        for item in named:
            if not item.width:
                self.lines.add(f"{item.name} = {_form(item, '0')}")
            elif item.excess:
                label, excess, low = item.excess
                self.lines.add(f"if {item.name} > {excess}: _bad({label!r}, {offset(item.name, low)})")

    # types of fixed width

    def _fixed(self, kind: Type, label: str) -> str:
        if isinstance(kind, Struct):
            fields = [f"{m.name!r}: {self._fixed(m.type, m.name)}" for m in kind.members]
            return "{" + ", ".join(fields) + "}"
        if isinstance(kind, Null):
            return "None"
        width = fixed_width(kind)
        assert width is not None
        if isinstance(kind, Octets | Bits):
            if isinstance(kind, Bits) and width <= _TABLE_BITS:
                return f"{self._module.constant('B', f'_u.bit_strings({width})')}[{self._bits(width)}]"
            if width % 8 == 0:
                octets = self._bits(width, "r")
                return octets if isinstance(kind, Octets) else f"({octets}, {width})"
            number = f"({self._bits(width)} << {-width % 8})"
            return f'({number}.to_bytes({(width + 7) // 8}, "big"), {width})'
        if isinstance(kind, Boolean):
            return self._bits(1, "b")
        if isinstance(kind, Enumerated):
            return f"{self._names(kind)}[{self._bits(width)}]"
        assert isinstance(kind, Integer)
        return self._ranged(kind, width, label)

    def _names(self, kind: Enumerated) -> str:
        return self._module.constant("E", repr(kind.root))

    def _ranged(self, kind: Integer, width: int, label: str) -> str:
        assert kind.low is not None
        assert kind.high is not None
        name = self._bits(width)
        if kind.high - kind.low + 1 < 1 << width:
            self._run[-1].excess = (label, kind.high - kind.low, kind.low)
        return offset(name, kind.low)

    # variable types

    def _support(self, name: str, *arguments: str) -> str:
        """A call of the run-time support, which moves the window as it likes."""
        self.flush()
        found = self.lines.name("r")
        self.lines.add(f"{found}, {STATE} = _u.{name}({', '.join(('b', STATE, *arguments))})")
        self.forget()
        return found

    def _extended(self, kind: Type, label: str, plain: Type, rare: Callable[[], str]) -> str:
        """A type whose first bit says that it is outside its root."""
        flag, found = self._now(1), self.lines.name("r")
        with self._branch(f"if {flag}:"):
            self.lines.add(f"{found} = {rare()}")
        with self._branch("else:"):
            expression = self.value(plain, label)
            self.flush()
            self.lines.add(f"{found} = {expression}")
        return found

    def _small(self, width: int, plain: Callable[[str], str], rare: Callable[[], str]) -> str:
        """As `_extended` for a root of a few bits, which are read with the first one and given back where it is set."""
        number, found = self._now(width + 1), self.lines.name("r")
        with self._branch(f"if {number} < {1 << width}:"):
            self.lines.add(f"{found} = {plain(number)}")
        with self._branch("else:"):
            self._unread(width)
            self.lines.add(f"{found} = {rare()}")
        return found

    @contextmanager
    def _branch(self, head: str) -> Iterator[None]:
        """A block after which no more bits are at hand than before and at its end."""
        before = self._ready
        with self.lines.block(head):
            yield
            self.flush()
        self._ready = min(before, self._ready)

    def _integer(self, kind: Type, label: str) -> str:
        assert isinstance(kind, Integer)
        if kind.low is None or kind.high is None:
            return self._support("read_whole_number")
        plain = Integer(kind.low, kind.high)
        return self._extended(kind, label, plain, lambda: self._support("read_whole_number"))

    def _enumerated(self, kind: Type, label: str) -> str:
        assert isinstance(kind, Enumerated)

        def rare() -> str:
            index = self._support("read_small")
            names = self._module.constant("E", repr(kind.additions))
            return f"{names}[{index}] if {index} < {len(kind.additions or ())} else {index}"

        width = width_of(len(kind.root))
        if width > _SMALL_ROOT:
            return self._extended(kind, label, Enumerated(kind.root), rare)
        return self._small(width, lambda number: f"{self._names(Enumerated(kind.root))}[{number}]", rare)

    def _length(self) -> str:
        """A length determinant; its second octet is rare."""
        size = self._now(8)
        self.lines.add(f"if {size} > 127: {size}, {STATE} = _u.read_long(b, {STATE}, {size})")
        self.forget()
        return size

    def _count(self, low: int, high: int | None, label: str) -> str:
        """Expression of a number of elements."""
        if high is None:
            return self._length()
        width = width_of(high - low + 1)
        if not width:
            return str(low)
        name = self._bits(width)
        if high - low + 1 < 1 << width:
            self._run[-1].excess = (label, high - low, low)
        self.flush()
        return offset(name, low)

    def _sized(self, kind: Type, label: str) -> str:
        assert isinstance(kind, Octets | Bits)
        if kind.extensible:
            plain = type(kind)(kind.low, kind.high)
            return self._extended(kind, label, plain, lambda: self.value(type(kind)(0, None), label))
        reader = "read_octets" if isinstance(kind, Octets) else "read_bit_string"
        return self._support(reader, self._count(kind.low, kind.high, label))

    def _text(self, kind: Type, label: str) -> str:
        assert isinstance(kind, Text)
        if kind.width == 8:
            return self._support("read_utf8")
        if kind.extensible:
            plain, rare = (Text(kind.kind, kind.width, *size) for size in ((kind.low, kind.high), (0, None)))
            return self._extended(kind, label, plain, lambda: self.value(rare, label))
        reader = "read_text" if kind.width == 7 else "read_digits"
        return self._support(reader, self._count(kind.low, kind.high, label))

    def _unread(self, width: int) -> None:
        """Give back bits that turned out not to be a root index."""
        if width:
            self.lines.add(f"p += {width}")


def _form(item: Item, number: str) -> str:
    """Expression of an item from the expression of its bits."""
    if item.form == "b":
        return f"({number}) == 1"
    if item.form == "r":
        return f'({number}).to_bytes({item.width // 8}, "big")'
    return number


def offset(name: str, low: int) -> str:
    return f"{name} + {low}" if low > 0 else f"{name} - {-low}" if low else name
