"""Kernels are compiled and run also where the disk that would keep them is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import errno, sys
from numba.core import caching
from edge.core.compiled import Kernels

def full(*_args):
    raise OSError(errno.ENOSPC, "No space left on device")

caching.IndexDataCacheFile.save = full
sys.path.insert(0, sys.argv[1])
import street
print(street.doubled(21))
"""
KERNEL = "from edge.core.compiled import Kernels\n@Kernels(__file__)\ndef doubled(x):\n    return 2 * x\n"


def test_kernel_runs_on_a_full_disk_and_says_that_it_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "street.py").write_text(KERNEL)
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "42"
    assert "doubled is compiled and cannot be kept: No space left on device" in done.stderr
