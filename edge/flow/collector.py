"""When the garbage collector walks: seldom, and never over what was loaded at the start."""

from __future__ import annotations

import gc

YOUNG = 10_000
"""New objects, less those that are gone, before the youngest are walked (Python: 700)."""


def settle() -> None:
    """What is loaded by now stays, and is not walked any more.

    An update to hundreds of subscribers makes thousands of objects that go by themselves milliseconds later. By
    Python's own count the collector would come several times in the middle of it, and every few seconds walk all that
    open calls hold: 5 ms with 500 subscribers, for all of them. Cycles still go, some thousand objects later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
