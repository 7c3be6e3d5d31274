"""Compares what two machines wrote: `python compare.py HERE.npz THERE.npz`; exit status 1 where anything differs."""

from __future__ import annotations

import json
import sys

import numpy as np

TOLERANCE = {"inference": 1e-4, "perception": 1e-2, "fusion": 1e-6}
"""Largest difference: of a network's outputs; of pixels, metres and m2; of metres, m/s and m2."""


def main() -> int:
    """Print a line a part; returns how many differ."""
    bad = 0
    with np.load(sys.argv[1]) as here, np.load(sys.argv[2]) as there:
        print(f"comparing {here['machine']} with {there['machine']}")
        for name in sorted(set(here.files) | set(there.files)):
            if name == "machine":
                continue
            missing = name not in here.files or name not in there.files
            text = "is missing on one side" if missing else differs(name, here[name], there[name])
            bad += bool(text)
            print(f"  {name:<12}{text or 'equal' + within(name)}")
    return bad


def within(name: str) -> str:
    return f" within {TOLERANCE[name]:g}" if name in TOLERANCE else ""


def differs(name: str, here: np.ndarray, there: np.ndarray) -> str:
    """What differs; empty: nothing."""
    if name == "codec":
        first, second = json.loads(str(here)), json.loads(str(there))
        odd = [message for message in first | second if first.get(message) != second.get(message)]
        return f"DIFFERS: {', '.join(odd)}" if odd else ""
    if here.shape != there.shape:
        return f"DIFFERS: shapes {here.shape} and {there.shape}"
    most = float(np.abs(here - there).max(initial=0.0))
    return "" if most <= TOLERANCE[name] else f"DIFFERS by {most:g}, allowed {TOLERANCE[name]:g}"


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
