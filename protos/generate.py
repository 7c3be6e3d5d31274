"""Generate `edge/v1` from `protos/edge/v1`; with `--check`, fail when the committed code differs."""

from __future__ import annotations

import filecmp
import importlib.resources
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "protos"
TARGET = ROOT / "edge" / "v1"
HEADER = '"""Generated from protos/edge/v1 by protos/generate.py; do not edit."""\n'


def generate(target: Path) -> None:
    """Write the generated modules below `target` (which stands for the repository root)."""
    target.mkdir(parents=True, exist_ok=True)
    protos = sorted(str(p.relative_to(SOURCES)) for p in SOURCES.glob("edge/v1/*.proto"))
    include = str(importlib.resources.files("grpc_tools") / "_proto")
    outputs = [f"--{kind}={target}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
    status = protoc.main(["protoc", f"-I{SOURCES}", f"-I{include}", *outputs, *protos])
    if status:
        sys.exit(f"protoc failed with status {status}")
    for path in (target / "edge" / "v1").glob("*_pb2_grpc.py"):
        if "Stub(" not in path.read_text(encoding="utf-8"):
            path.unlink()
    (target / "edge" / "v1" / "__init__.py").write_text(HEADER, encoding="utf-8")


def main() -> int:
    """Entry point."""
    if "--check" not in sys.argv:
        for old in TARGET.glob("*.py*"):
            old.unlink()
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        fresh = Path(directory) / "edge" / "v1"
        names = {p.name for p in fresh.iterdir()} | {p.name for p in TARGET.glob("*.py*")}
        _same, different, absent = filecmp.cmpfiles(fresh, TARGET, sorted(names), shallow=False)
    if different or absent:
        sys.stderr.write(
            f"edge/v1 differs from protos/edge/v1: {', '.join(different + absent)}; run make generate\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
