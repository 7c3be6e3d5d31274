"""The decorator of this package's kernels."""

from __future__ import annotations

from edge.core.compiled import Kernels, forbid_compiling

__all__ = ["forbid_compiling", "kernel"]

kernel = Kernels(__file__)
