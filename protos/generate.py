"""Generate `edge/v1` and `edge/apollo` from `protos/edge`; with `--check`, fail when the committed code differs."""

from __future__ import annotations

import filecmp
import importlib.resources
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "protos"
PACKAGES = ("v1", "apollo")
HEADER = '"""Generated from protos/edge/{0} by protos/generate.py; do not edit."""\n'


def generate(target: Path) -> None:
    """Write the generated modules below `target` (which stands for the repository root)."""
    target.mkdir(parents=True, exist_ok=True)
    protos = sorted(
        str(p.relative_to(SOURCES)) for name in PACKAGES for p in SOURCES.glob(f"edge/{name}/*.proto")
    )
    include = str(importlib.resources.files("grpc_tools") / "_proto")
    outputs = [f"--{kind}={target}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
    status = protoc.main(["protoc", f"-I{SOURCES}", f"-I{include}", *outputs, *protos])
    if status:
        sys.exit(f"protoc failed with status {status}")
    for name in PACKAGES:
        for path in (target / "edge" / name).glob("*_pb2_grpc.py"):
            if "Stub(" not in path.read_text(encoding="utf-8"):
                path.unlink()
        (target / "edge" / name / "__init__.py").write_text(HEADER.format(name), encoding="utf-8")


def main() -> int:
    """Entry point."""
    if "--check" not in sys.argv:
        for name in PACKAGES:
            for old in (ROOT / "edge" / name).glob("*.py*"):
                old.unlink()
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        wrong = [name for package in PACKAGES for name in _differing(Path(directory), package)]
    if wrong:
        sys.stderr.write(f"generated code differs from protos/edge: {', '.join(wrong)}; run make generate\n")
        return 1
    return 0


def _differing(fresh_root: Path, package: str) -> list[str]:
    """Files of a package that are not as they would be generated, or not there."""
    fresh, kept = fresh_root / "edge" / package, ROOT / "edge" / package
    names = {p.name for p in fresh.iterdir()} | {p.name for p in kept.glob("*.py*")}
    _same, different, absent = filecmp.cmpfiles(fresh, kept, sorted(names), shallow=False)
    return [f"edge/{package}/{name}" for name in different + absent]


if __name__ == "__main__":
    sys.exit(main())
