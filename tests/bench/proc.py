"""What the kernel says about a process: private memory and processor time; and about this machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def pss_mb(pid: int) -> float:
    """Proportional set size in MB (10^6 bytes): private pages, and a share of those that others map too."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid}: no Pss in smaps_rollup")


def anonymous_mb(pid: int) -> float:
    """Memory in MB (10^6 bytes) that no file is behind: what a leak grows, whatever else runs on the machine."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid}: no Anonymous in smaps_rollup")


def cpu_s(pid: int) -> float:
    """Processor seconds of all threads so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def machine() -> str:
    """One line: processor, cores, load, system, Python, and the packages that figures depend on."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    packages = ("grpcio", "numba", "numpy", "onnxruntime", "opencv-python-headless")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{model}, {os.cpu_count()} cores, load {load} before the run; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; {versions}"
    )
