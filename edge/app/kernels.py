"""Compiled kernels of the fusion and the perception: where they are kept, and compiling them in a process that ends.

Compiling takes some 25 s and leaves over 100 MB behind in the process that did it; loading takes a fraction of a
second. So the first start compiles in a helper process, and a mark says that the directory holds what is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib
import importlib.metadata
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import edge
from edge.core.errors import DeviceError
from edge.flow.child import die_with_parent

_log = logging.getLogger(__name__)
COMPILE_TIMEOUT_S = 600.0
LOCK_POLL_S = 0.2
Stage = Literal["fusion", "perception"]
STAGES: tuple[Stage, ...] = ("fusion", "perception")
PACKAGE = Path(edge.__file__).resolve().parent


def kernel_directory(state: Path) -> Path:
    """Where compiled kernels are kept."""
    return state / "kernels"


def prepare_kernels(state: Path) -> str:
    """Point the compiler at a directory that this user can write; must run before numba is imported.

    Returns:
        Why compiled kernels cannot be kept, for a person; empty when they can.
    """
    directory = kernel_directory(state)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        return (
            f"{directory}: {error.strerror}: kernels are compiled anew at each start, which takes a while "
            "(let the node's user write state_dir, or set STATE_DIRECTORY)"
        )
    os.environ.setdefault("NUMBA_CACHE_DIR", str(directory))
    return ""


def mark_path(state: Path, stage: Stage) -> Path:
    """The mark of a stage's compiled kernels that fit this source, compiler and processor."""
    digest = hashlib.sha256()
    for path in sorted((PACKAGE / stage).glob("*.py")):
        entry = path.stat()
        digest.update(f"{path.name} {entry.st_mtime_ns} {entry.st_size}\n".encode())
    processor = platform.processor() or platform.machine()
    digest.update(
        f"{importlib.metadata.version('numba')} {sys.version} {processor} {_processor_model()}".encode()
    )
    return kernel_directory(state) / f"{stage}-{digest.hexdigest()[:16]}"


def _processor_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("model name", "CPU part"))), "")


def warm_kernels(state: Path, stages: tuple[Stage, ...] = STAGES) -> float:
    """Compile or load the kernels of stages in this process; returns the seconds that it took.

    Raises:
        DeviceError: the state directory cannot keep them.
    """
    problem = prepare_kernels(state)
    if problem:
        raise DeviceError("kernels", problem)
    seconds = 0.0
    for stage in stages:
        # numba reads its cache directory when it is imported
        seconds += importlib.import_module(f"edge.{stage}.warm").warm()
        mark_path(state, stage).write_text(stage, encoding="utf-8")  # not on a full disk
    return seconds


def ensure_kernels(state: Path, stage: Stage) -> None:
    """Have a stage's kernels compiled by a process of its own, unless they are there or cannot be kept.

    Processes that need the same stage at once, as the cameras of a node do, wait for the one that compiles.
    """
    if prepare_kernels(state) or mark_path(state, stage).exists():
        return
    with _alone(kernel_directory(state) / f"{stage}.lock"):
        if not mark_path(state, stage).exists():
            _compile_apart(state, stage)


def _compile_apart(state: Path, stage: Stage) -> None:
    _log.info("compiling the %s kernels for the first time", stage)
    command = [sys.executable, "-m", "edge.app.kernels", str(state), stage]
    environment = os.environ | {"EDGE_PARENT_PID": str(os.getpid())}
    try:
        subprocess.run(command, check=True, timeout=COMPILE_TIMEOUT_S, env=environment)  # noqa: S603 - our own module
    except (subprocess.SubprocessError, OSError) as error:
        _log.warning("compiling apart failed, the process compiles its %s kernels itself: %s", stage, error)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of a file; the kernel releases it when its holder dies. Goes on without it after the limit."""
    deadline = time.monotonic() + COMPILE_TIMEOUT_S
    with path.open("w") as file:
        while not _try_lock(file.fileno()) and time.monotonic() < deadline:
            time.sleep(LOCK_POLL_S)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> None:
    """Entry point of the compiling process."""
    die_with_parent()
    stage: Stage = "perception" if sys.argv[2] == "perception" else "fusion"
    warm_kernels(Path(sys.argv[1]), (stage,))


if __name__ == "__main__":
    main()
