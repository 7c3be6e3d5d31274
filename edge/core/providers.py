"""Names of what a network can run on, as a site file writes them."""

from __future__ import annotations

import types
from collections.abc import Iterable

from edge.core.errors import ConfigError

CPU, RKNN = "cpu", "rknn"
PROVIDERS = types.MappingProxyType(
    {
        CPU: "CPUExecutionProvider",
        "cuda": "CUDAExecutionProvider",
        "tensorrt": "TensorrtExecutionProvider",
        "openvino": "OpenVINOExecutionProvider",
        "qnn": "QNNExecutionProvider",
        "acl": "ACLExecutionProvider",
        "xnnpack": "XnnpackExecutionProvider",
    }
)
"""Execution providers of ONNX Runtime by their short name."""
KNOWN = (*PROVIDERS, RKNN)


def short_name(name: str) -> str | None:
    """The short name of a provider that is written short or as ONNX Runtime writes it; None: unknown."""
    lower = name.strip().lower()
    if lower in KNOWN:
        return lower
    return next((short for short, long in PROVIDERS.items() if long.lower() == lower), None)


def checked(names: Iterable[str], *, key: str) -> tuple[str, ...]:
    """Short names of providers, best first.

    Raises:
        ConfigError: one is unknown.
    """
    found = []
    for name in names:
        short = short_name(name)
        if short is None:
            raise ConfigError(key, f"{name!r} is no provider", remedy=f"use some of {', '.join(KNOWN)}")
        found.append(short)
    return tuple(found)
