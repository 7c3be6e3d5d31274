"""Marks a function as a kernel: compiled by numba, cached on disk, plain Python under NUMBA_DISABLE_JIT=1."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_log = logging.getLogger(__name__)
FAST = {"contract", "arcp", "nsz", "afn"}
"""Rounding may differ; infinity and NaN mean what they say."""
Function = TypeVar("Function", bound=Callable[..., Any])


class Kernels:
    """The decorator of one package's kernels.

    Their compiled code is kept apart per state of the package's source: numba looks at a kernel's own file, not at
    those that it calls.

    Args:
        package: a file of the package.
    """

    def __init__(self, package: str) -> None:
        here = Path(package).resolve().parent
        configured = cast(Any, numba.config)
        base = Path(configured.CACHE_DIR) if configured.CACHE_DIR else here / "__pycache__"
        self._directory = ""
        if os.access(base if base.exists() else base.parent, os.W_OK):
            digest = hashlib.sha256()
            for path in sorted(here.glob("*.py")):
                digest.update(path.read_bytes())
            self._directory = str(base / f"kernels-{here.name}-{digest.hexdigest()[:12]}")

    def __call__(self, function: Function) -> Function:
        """Compile with numba; division by zero gives inf or NaN, as in numpy.

        Compiled code is kept in a directory of this user; where there is none it lives as long as the process.
        """
        configured = cast(Any, numba.config)
        kept = configured.CACHE_DIR
        configured.CACHE_DIR = self._directory or kept
        try:
            compiled = numba.njit(cache=True, error_model="numpy", fastmath=FAST)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            compiled = numba.njit(error_model="numpy", fastmath=FAST)(function)
        finally:
            configured.CACHE_DIR = kept
        return cast(Function, _usable_on_a_full_disk(compiled))


def _usable_on_a_full_disk(compiled: Any) -> Any:
    """What cannot be kept is compiled anew at the next start; numba would raise, and the function never run."""
    cache = getattr(compiled, "_cache", None)
    save = getattr(cache, "save_overload", None)
    if cache is None or save is None:
        return compiled

    def save_overload(signature: Any, data: Any) -> None:
        try:
            save(signature, data)
        except OSError as error:
            _log.warning("%s is compiled and cannot be kept: %s", compiled.__name__, error.strerror or error)

    cache.save_overload = save_overload
    return compiled


def forbid_compiling(function: Callable[..., Any]) -> None:
    """From now on a call with other types is an error instead of seconds of compiling."""
    disable = getattr(function, "disable_compile", None)
    if disable is not None:
        disable()
