"""`edge run` on a box whose clock and disk the test sets: `python -m tests.faults.set_box BOX run SITE`.

BOX is a file with three lines: seconds by which the clock was set, 1 while a time daemon vouches for it, per cent of
the disk that is free.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STA_UNSYNC, TIME_ERROR = 0x40, 5
_true_ns, _true_statvfs = time.time_ns, os.statvfs


def set_box(box: Path, *, clock_s: float = 0.0, vouched: bool = True, free_percent: float = 50.0) -> None:
    """Set them, all at once."""
    fresh = box.with_suffix(".new")
    fresh.write_text(f"{clock_s}\n{int(vouched)}\n{free_percent}\n")
    fresh.replace(box)


def _now_ns(box: Path) -> int:
    return _true_ns() + round(float(box.read_text().split()[0]) * 1e9)


def _adjtimex(box: Path, reference: Any) -> int:
    vouched = box.read_text().split()[1] == "1"
    timex = reference._obj
    timex.status, timex.maxerror = (0, 1_000) if vouched else (STA_UNSYNC, 16_000_000)
    return 0 if vouched else TIME_ERROR


def _statvfs(box: Path, path: Any) -> Any:
    found, share = _true_statvfs(path), float(box.read_text().split()[2]) / 100
    return SimpleNamespace(
        f_frsize=found.f_frsize,
        f_blocks=found.f_blocks,
        f_bavail=int(found.f_blocks * share),
        f_favail=0,
        f_files=0,
    )


def main() -> int:
    """Take the place of the machine, then run the command."""
    box = Path(sys.argv.pop(1))
    time.time_ns = lambda: _now_ns(box)
    time.time = lambda: _now_ns(box) / 1e9
    os.statvfs = lambda path: _statvfs(box, path)

    import hw.clock.system as clock
    from edge.app import commands
    from hw import udp

    library = SimpleNamespace(adjtimex=lambda reference: _adjtimex(box, reference))
    clock._library = lambda: library  # type: ignore[assignment]
    udp._arrival_ns = lambda _extra: time.time_ns()  # the kernel's stamps are of the true clock
    return commands.run()


if __name__ == "__main__":
    sys.exit(main())
