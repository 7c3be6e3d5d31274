"""How lines of the log look, in the front and its children alike: with the time, unless a journal adds its own."""

from __future__ import annotations

import os


def log_format() -> str:
    """Format for `logging.basicConfig`."""
    if "JOURNAL_STREAM" in os.environ:
        return "%(levelname)s %(name)s %(message)s"
    return "%(asctime)s %(levelname)-7s %(message)s"
