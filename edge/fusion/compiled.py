"""Marks a function as a kernel: compiled by numba, cached on disk, plain Python under NUMBA_DISABLE_JIT=1."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

FAST = {"contract", "arcp", "nsz", "afn"}
"""Rounding may differ; infinity and NaN mean what they say."""
Function = TypeVar("Function", bound=Callable[..., Any])


def _key_cache_by_source() -> None:
    """Keep compiled code apart per state of the source: numba looks at a kernel's own file, not at those it calls."""
    here = Path(__file__).resolve().parent
    configured = cast(Any, numba.config)
    base = Path(configured.CACHE_DIR) if configured.CACHE_DIR else here / "__pycache__"
    if not os.access(base if base.exists() else base.parent, os.W_OK):
        return
    digest = hashlib.sha256()
    for path in sorted(here.glob("*.py")):
        digest.update(path.read_bytes())
    configured.CACHE_DIR = str(base / f"kernels-{digest.hexdigest()[:12]}")


_key_cache_by_source()


def kernel(function: Function) -> Function:
    """Compile with numba; division by zero gives inf or NaN, as in numpy.

    Compiled code is kept in a directory of this user; where there is none it lives as long as the process.
    """
    try:
        compiled = numba.njit(cache=True, error_model="numpy", fastmath=FAST)(function)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
        compiled = numba.njit(error_model="numpy", fastmath=FAST)(function)
    return cast(Function, compiled)


def forbid_compiling(function: Callable[..., Any]) -> None:
    """From now on a call with other types is an error instead of seconds of compiling."""
    disable = getattr(function, "disable_compile", None)
    if disable is not None:
        disable()
