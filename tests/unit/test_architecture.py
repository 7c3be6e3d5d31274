"""The layout's own rules: small files, short functions, honest public surfaces."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import edge
import hw

ROOT = Path(__file__).resolve().parents[2]
FILE_CAP, FUNCTION_CAP = 400, 45
SOURCES = [
    path
    for package in ("edge", "hw")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.parent not in (ROOT / "edge" / "v1", ROOT / "edge" / "apollo") and "generated" not in path.parts
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_file_is_one_idea_of_bounded_length(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= FILE_CAP
    tree = ast.parse(text)
    if text.strip():
        assert ast.get_docstring(tree), "the first sentence of a file says what it is"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            documentation = ast.get_docstring(node, clean=False) or ""
            assert length - documentation.count("\n") <= FUNCTION_CAP, f"{node.name}: {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_file_is_named_after_nothing(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "common", "manager", "misc"}


@pytest.mark.parametrize("package", [edge, hw], ids=["edge", "hw"])
def test_what_a_package_exports_exists(package: object) -> None:
    path, name = package.__path__, package.__name__  # type: ignore[attr-defined]
    for info in pkgutil.walk_packages(path, prefix=f"{name}."):
        if not info.ispkg or info.name.startswith(("edge.v1", "edge.apollo")):
            continue
        module = importlib.import_module(info.name)
        for exported in getattr(module, "__all__", ()):
            assert hasattr(module, exported), f"{info.name}.{exported}"
