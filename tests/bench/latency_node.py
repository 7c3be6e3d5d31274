"""A node whose cameras are `latency_camera`; everything else is the node's own. `... latency_node SITE.toml`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from edge.app import front_children
from edge.app.front import run_node
from edge.config import SiteConfig, load_site
from edge.flow.child import ChildSpec
from tests.bench.latency_street import CAMERAS


def cameras(_site: SiteConfig, path: str) -> list[ChildSpec]:
    """One process that plays all of them: the load of a node is measured, not of its cameras."""
    owned = tuple(f"camera.{name}" for name in CAMERAS)
    return [ChildSpec("cameras.bench", "tests.bench.latency_camera", (path, *CAMERAS), nice=0, owns=owned)]


if __name__ == "__main__":
    front_children.camera_processes = cameras
    site = Path(sys.argv[1])
    sys.exit(asyncio.run(run_node(load_site(site), site_path=site)))
