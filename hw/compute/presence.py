"""Which accelerators the machine has, by the nodes that their drivers make; nothing is opened."""

from __future__ import annotations

from pathlib import Path

from edge.core.providers import KNOWN

NODES: dict[str, tuple[str, ...]] = {
    "cuda": ("dev/nvidia0", "dev/nvhost-gpu", "dev/nvgpu/igpu0", "dev/nvhost-ctrl-gpu"),
    "rknn": ("dev/rknpu", "sys/kernel/debug/rknpu", "sys/module/rknpu", "sys/class/devfreq/*.npu"),
    "qnn": ("dev/adsprpc-smd", "dev/fastrpc-cdsp", "dev/adsprpc-smd-secure"),
}
"""Signs of the hardware behind a provider, below the root."""
_SAME = {"tensorrt": "cuda"}
_ALWAYS = frozenset({"cpu", "acl", "xnnpack", "openvino"})
"""They run, or also run, on the processor itself."""


def provider_hardware(provider: str, root: Path) -> bool | None:
    """Whether the hardware of a provider is there; None: nothing tells."""
    if provider in _ALWAYS:
        return True
    patterns = NODES.get(_SAME.get(provider, provider))
    return None if patterns is None else any(_there(root, pattern) for pattern in patterns)


def _there(root: Path, pattern: str) -> bool:
    if "*" not in pattern:
        return (root / pattern).exists()
    return any(root.glob(pattern))


def accelerators(root: Path) -> tuple[str, ...]:
    """Short names of the providers with hardware of their own here."""
    return tuple(name for name in KNOWN if name not in _ALWAYS and provider_hardware(name, root))
