"""Runs `edge` on a disk whose synced state is mirrored: `python -m tests.power_node DIRECTORY MIRROR run site.toml`."""

from __future__ import annotations

import sys
from pathlib import Path

from edge.app.cli import main
from tests import power

if __name__ == "__main__":
    directory, mirror = (Path(argument) for argument in sys.argv[1:3])
    power.watch(directory, mirror=mirror)
    del sys.argv[1:3]
    main()
