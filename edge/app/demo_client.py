"""The demo's vehicle client: subscribes like any vehicle, keeps what came, and the truth beside it."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from edge.app.demo_score import (
    MAX_RANGE_M,
    MIN_HEIGHT_PX,
    MIN_VISIBLE,
    PublishedObject,
    Scorer,
    TruthObject,
    percentile_ms,
)
from edge.app.demo_site import SCENE_DIRECTORY, DemoPorts
from edge.core.errors import DeviceError
from edge.core.kinds import ObjectClass
from edge.sdk import EdgeClient, Layer, SceneUpdate, SignalsUpdate
from hw.sim.camera import load_cameras
from hw.sim.poses import WorldState
from hw.sim.render_visibility import Visibility, visibility

TRUTH_CAPACITY = 20 * 60 * 30
SCORED_RATE_HZ = 5.0
"""Instants per second that are scored; the visibility of each costs two renders."""


class DemoClient:
    """One subscriber at 10 Hz with all layers, and the pose stream of the simulated world."""

    def __init__(self, ports: DemoPorts, *, directory: Path) -> None:
        self._ports, self._directory = ports, directory
        self._scenes: list[tuple[int, SceneUpdate]] = []
        self._latency_ns: list[int] = []
        self._truth: deque[WorldState] = deque(maxlen=TRUTH_CAPACITY)
        self._begin_ns = self._end_ns = 0
        self._counts = {"scene": 0, "signals": 0, "centre": 0}
        self._newest_signals: SignalsUpdate | None = None
        self._health: dict[str, dict[str, int]] = {}
        self._client = EdgeClient(f"127.0.0.1:{ports.grpc}")

    @contextlib.asynccontextmanager
    async def connected(self, *, timeout_s: float) -> AsyncIterator[None]:
        """Receive in the background while inside; enters when the first scene has come."""
        first = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._receive(first), name="subscriber"),
                group.create_task(self._receive_truth(), name="truth"),
                group.create_task(self._receive_centre(), name="centre query"),
            ]
            try:
                await asyncio.wait_for(first.wait(), timeout_s)
                yield
            except TimeoutError as error:
                raise DeviceError("node", f"no scene within {timeout_s:.0f} s") from error
            finally:
                for task in tasks:
                    task.cancel()

    def begin(self) -> None:
        """The figures begin."""
        self._begin_ns = time.time_ns()
        self._counts = dict.fromkeys(self._counts, 0)

    def end(self) -> None:
        """The figures end."""
        self._end_ns = time.time_ns()
