"""The published JSON schemas of RSMP as one check of any message; needs the recorded data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

CORE, SXL = "core/3.2.2", "tlc/1.2.1"


def message_check(data_dir: Path) -> Callable[[object], list[str]]:
    """A function that lists what is wrong with a message, by the core's and the controllers' schemas."""
    root = data_dir / "rsmp" / "schemas"
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*.json")}
    registry: Registry[object] = Registry().with_resources(
        (f"file:///{name}", Resource.from_contents(json.loads(path.read_text("utf-8")), DRAFT202012))
        for name, path in files.items()
    )
    checks = [
        Draft202012Validator({"$ref": f"file:///{part}/rsmp.json"}, registry=registry) for part in (CORE, SXL)
    ]
    return lambda message: [
        f"{error.json_path}: {error.message}" for check in checks for error in check.iter_errors(message)
    ]
