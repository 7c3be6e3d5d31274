"""A buffer of indented source lines, fresh names, and the constants and functions of one generated module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge.v2x.compiler.types import Struct, Type, children, fixed_width, weight

_INLINE_WEIGHT = 6
"""A type that occurs more than once and has at least as many leaves gets a function of its own."""


class Lines:
    """Source text under construction."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._depth = 1
        self._names = 0

    def add(self, text: str) -> None:
        self._text.append(" " * self._depth + text)

    def name(self, prefix: str) -> str:
        """A local name not used before in this function."""
        self._names += 1
        return f"{prefix}{self._names}"

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines under `head`, at least `pass`."""
        self.add(head)
        self._depth += 1
        before = len(self._text)
        yield
        if len(self._text) == before:
            self.add("pass")
        self._depth -= 1

    def text(self) -> str:
        return "\n".join(self._text)


class Module:
    """Constants by value and functions by type, each made once."""

    def __init__(self) -> None:
        self.constants: dict[str, str] = {}
        self.functions: list[str] = []
        self._named: dict[tuple[str, Type], str] = {}

    def constant(self, prefix: str, expression: str) -> str:
        """Name of a module constant with this value."""
        if expression not in self.constants:
            self.constants[expression] = f"_{prefix}{len(self.constants)}"
        return self.constants[expression]

    def function(self, prefix: str, kind: Type) -> tuple[str, bool]:
        """Name of the function of a type, and whether it is asked for the first time."""
        key = (prefix, kind)
        known = key in self._named
        if not known:
            label = kind.name.replace("-", "_") if isinstance(kind, Struct) else ""
            self._named[key] = f"_{prefix}{len(self._named)}{'_' + label if label else ''}"
        return self._named[key], not known

    def source_functions(self) -> str:
        return "\n\n".join(self.functions)

    def source_constants(self) -> str:
        """The constants, which refer to one another and to functions in the order in which they were made."""
        return "\n".join(f"{name} = {expression}" for expression, name in self.constants.items())


def shared_types(roots: tuple[Type, ...]) -> frozenset[Type]:
    """Types worth a function: variable ones that occur more than once, and what is inside open types and additions."""
    count: dict[Type, int] = {}

    def visit(kind: Type) -> None:
        count[kind] = count.get(kind, 0) + 1
        if count[kind] == 1:
            for child in children(kind):
                visit(child)

    for root in roots:
        visit(root)
    return frozenset(
        kind
        for kind, uses in count.items()
        if uses > 1 and fixed_width(kind) is None and weight(kind) >= _INLINE_WEIGHT
    )
