"""Small reads of /sys and /proc below a root, so that they are tested on a fake tree. The unreadable is unknown."""

from __future__ import annotations

import os
from pathlib import Path

LONGEST = 4096


def read_text(path: Path) -> str | None:
    """First 4 KiB of a file without its white space at both ends; None where it cannot be read."""
    try:
        handle = os.open(
            path, os.O_RDONLY | os.O_CLOEXEC
        )  # half the cost of a file object, many times a second
    except OSError:
        return None
    try:
        return os.read(handle, LONGEST).decode("utf-8", "replace").strip()
    except OSError:
        return None
    finally:
        os.close(handle)


def read_int(path: Path) -> int | None:
    """A file that holds one number, decimal or 0x...; None where it holds none."""
    text = read_text(path)
    if text is None:
        return None
    try:
        return int(text, 0)
    except ValueError:
        return None
