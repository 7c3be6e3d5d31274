"""The fusion process: V2X decoding, fusion and the scene. `python -m edge.app.fusion_process SITE.toml`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edge.app.child_process import ChildProcess, prepare_child
from edge.app.kernels import ensure_kernels, prepare_kernels
from edge.config import SiteConfig, load_site
from edge.core.detections import Detections
from edge.core.errors import CodecError
from edge.core.health import HealthState
from edge.core.intersection import Intersection
from edge.core.perceived import PerceivedObjects
from edge.core.priority import HeardRequest, PriorityRequest
from edge.core.v2x import RadioFrame, V2xReport
from edge.flow.link import Kind
from edge.flow.pack import pack, unpack
from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import OtherMessageError
from edge.v2x.security.gate import UnverifiedError

CHECK_EVERY_NS = 1_000_000_000
CLOCK_STEP_NS = 50_000_000
INPUT_CAPACITY = 1024
"""Scans that may wait for one cycle; a cycle takes all of them every 50 ms."""
PREPARED_S = 0.012
"""So long before a scene is due, what has come by then is fused."""
LEAVING_S = 0.005
"""So long after a scene was made, it has left the process; less is waited where little is left of the period."""
SETTLED_NS = 8_000_000
"""What was captured so long ago has come where links are quick; a later scan costs a replay."""


@dataclass(slots=True)
class _Input:
    """What has gone to the tracker since the last scene."""

    scans: list[Detections] = field(default_factory=list)
    reports: list[list[V2xReport]] = field(default_factory=list)


class FusionProcess:
    """Wires decoders, tracker and scene builder to the link."""

    def __init__(
        self,
        site: SiteConfig,
        intersection: Intersection,
        child: ChildProcess,
        *,
        site_path: Path = Path("site.toml"),
    ) -> None:
        from edge.app.fusion_parts import build_fusion  # noqa: PLC0415 - after the cache directory is set
        from edge.app.self_calibration import SelfCalibration  # noqa: PLC0415 - likewise

        self._child = child
        self._site = site
        self._parts = build_fusion(site, intersection, epoch=time.time_ns())
        self.self_calibration = SelfCalibration(site, site_path, child.board)
        self._scans: list[Detections] = []
        self._reports: dict[str, list[V2xReport]] = {}
        self._fused = _Input()
        self._counters: Counter[str] = Counter()
        self._check_due_ns = 0
        self._ahead_ns: int | None = None
        self._suspected: set[str] = set()
        child.board.attach("fusion.input", self._counters)
        child.board.attach("fusion.tracker", self._parts.tracker.counters)
        for name, decoder in self._parts.decoders.items():
            if site.priority is not None and isinstance(decoder, ReportDecoder):
                decoder.on_requests = partial(self._hear_requests, name)
        for link, gate in self._parts.gates.items():
            child.board.attach(f"fusion.security.{link}", gate.counters)

    def receive(self, kind: Kind, payload: bytes) -> None:
        """Take one message from the front; bad ones are counted."""
        try:
            if kind is Kind.DETECTIONS:
                self._take_detections(unpack(payload, Detections))
            elif kind is Kind.RADIO:
                self._take_radio(unpack(payload, RadioFrame))
        except CodecError as error:
            self._counters["bad_messages"] += 1
            self._child.board.set("fusion.input", HealthState.DEGRADED, str(error))

    def _take_detections(self, detections: Detections) -> None:
        if len(self._scans) >= INPUT_CAPACITY:
            self._scans.pop(0)
            self._counters["scans_dropped"] += 1
        self._scans.append(detections)
        self._counters["scans"] += 1

    def _take_radio(self, frame: RadioFrame) -> None:
        component = f"fusion.v2x.{frame.link}"
        counters = self._child.board.counters(component)
        decoder = self._parts.decoders.get(frame.link)
        if decoder is None:
            self._counters["unknown_link"] += 1
            return
        try:
            heard = decoder.decode(frame)
        except OtherMessageError:
            counters["other_messages"] += 1
            return
        except UnverifiedError:
            counters["unverified"] += 1
            return
        except CodecError as error:
            counters["bad"] += 1
            self._child.board.set(component, HealthState.DEGRADED, f"last bad frame: {error}")
            return
        counters["decoded"] += 1
        dict.update(counters, decoder.counters)
        sender = heard.station if isinstance(heard, PerceivedObjects) else heard.temporary_id
        if not self._parts.limiter.allow(sender, frame.arrival_ns):
            counters["limited"] += 1
            return
        self._child.board.set(component, HealthState.OK)
        if isinstance(heard, PerceivedObjects):
            self._parts.tracker.ingest_shared(heard, link=frame.link, arrival_ns=frame.arrival_ns)
            counters["shared"] += 1
            return
        waiting = self._reports.setdefault(frame.link, [])
        if len(waiting) < INPUT_CAPACITY:
            waiting.append(heard)
        else:
            counters["dropped"] += 1

    def prepare(self, now_ns: int) -> None:
        """Fuse what has come, but for the newest: less is left to do when the scene is due."""
        self._ingest()
        self._parts.tracker.catch_up(now_ns - SETTLED_NS)

    def _hear_requests(self, link: str, requests: tuple[PriorityRequest, ...]) -> None:
        """Pass what an SRM asks for on to the front; each vehicle has its share."""
        now_ns, counters = time.time_ns(), self._child.board.counters(f"fusion.v2x.{link}")
        for request in requests:
            if self._parts.limiter.allow(f"SRM {request.requester}", now_ns):
                self._child.send(Kind.REQUEST, pack(HeardRequest(link, request)))
                counters["requests"] += 1
            else:
                counters["limited"] += 1

    def cycle(self, now_ns: int) -> None:
        """Fuse what has come and send the scene."""
        self._ingest()
        tracks = self._parts.tracker.advance(now_ns)
        scene = self._parts.scene.build(tracks, now_ns)
        self._child.send(Kind.SCENE, pack(scene))

    def learn(self, now_ns: int) -> None:
        """What is not needed for the scene: self-calibration, and whether a sensor errs more than its model allows."""
        fused, self._fused = self._fused, _Input()
        for batch in fused.reports:
            self.self_calibration.hear(batch)
        for scan in fused.scans:
            self.self_calibration.see(scan)
        if now_ns >= self._check_due_ns:
            self._check_due_ns = now_ns + CHECK_EVERY_NS
            self._check_calibration()

    def _ingest(self) -> None:
        """Hand what has come to the tracker."""
        scans, self._scans = self._scans, []
        reports, self._reports = self._reports, {}
        for scan in scans:
            self._parts.tracker.ingest(scan)
        for batch in reports.values():
            self._parts.tracker.ingest(tuple(batch))
        self._fused.scans += scans
        self._fused.reports += reports.values()

    def _watch_clock(self, ahead_ns: int) -> None:
        """Let the tracker follow when the clock is set; what it does slowly is left to the sensors' own estimates."""
        step_ns = 0 if self._ahead_ns is None else ahead_ns - self._ahead_ns
        self._ahead_ns = ahead_ns
        if abs(step_ns) > CLOCK_STEP_NS:
            self._parts.tracker.shift_clock(step_ns)
            self._counters["scans_dropped"] += len(self._scans)
            self._counters["reports_dropped"] += sum(map(len, self._reports.values()))
            self._scans, self._reports, self._check_due_ns = [], {}, 0  # all of the time before
            self._child.board.set("fusion.clock", HealthState.DEGRADED, f"set by {step_ns / 1e6:.0f} ms")

    def _check_calibration(self) -> None:
        """Say which sensors err far more than their model allows."""
        for name, found in self._parts.tracker.calibration().items():
            component = f"fusion.calibration.{name}"
            if found.suspect:
                self._child.board.set(
                    component, HealthState.DEGRADED, f"calibration suspect: {found.words()}"
                )
            elif name in self._suspected:
                self._child.board.set(component, HealthState.OK)
        self._suspected |= set(self._parts.tracker.suspects())

    def _spend(self, step: Callable[[int], None]) -> None:
        """Take a step now, and count the processor time."""
        started = time.thread_time_ns()
        step(time.time_ns())
        self._counters["cycle_cpu_us_total"] += (time.thread_time_ns() - started) // 1000

    async def run(self) -> None:
        """Cycle at the configured rate; a late cycle is counted, never made up for."""
        seconds = await asyncio.to_thread(self._parts.warm)
        self._child.board.set("fusion.tracker", HealthState.OK)
        self._child.board.counters("fusion.tracker")["warm_ms"] = round(seconds * 1000)
        loop, period_s = asyncio.get_running_loop(), 1.0 / self._site.fusion.rate_hz
        due = loop.time()
        while True:
            self._watch_clock(time.time_ns() - time.monotonic_ns())
            self._spend(self.cycle)
            self._counters["cycles"] += 1
            due += period_s
            await asyncio.sleep(min(LEAVING_S, (due - loop.time()) / 2.0))
            self._spend(self.learn)
            if loop.time() > due:
                self._counters["late_cycles"] += 1
                due = loop.time()
            await asyncio.sleep(due - PREPARED_S - loop.time())
            if loop.time() < due:
                self._watch_clock(time.time_ns() - time.monotonic_ns())
                self._spend(self.prepare)
            await asyncio.sleep(due - loop.time())


async def _main(site_path: Path) -> None:
    site = load_site(site_path)
    problem = prepare_kernels(site.state_directory)
    child = ChildProcess()
    if problem:
        child.board.set("fusion.kernels", HealthState.DEGRADED, problem)
    child.board.set("fusion.tracker", HealthState.STARTING, "compiling or loading kernels")
    ready: list[FusionProcess] = []

    def receive(kind: Kind, payload: bytes) -> None:
        if ready:
            ready[0].receive(kind, payload)

    async def work() -> None:
        await asyncio.to_thread(ensure_kernels, site.state_directory, "fusion")
        fusion = await asyncio.to_thread(_build, site, child, site_path)
        ready.append(fusion)
        async with asyncio.TaskGroup() as group:
            group.create_task(fusion.self_calibration.run(), name="self-calibration")
            group.create_task(fusion.run(), name="fusion cycles")

    await child.run(receive=receive, work=work)


def _build(site: SiteConfig, child: ChildProcess, site_path: Path) -> FusionProcess:
    from edge.app.staging import load_map, running_map  # noqa: PLC0415 - after the cache directory is set

    return FusionProcess(site, load_map(site, running_map(site)), child, site_path=site_path)


def main() -> None:
    """Entry point of the process."""
    prepare_child()
    asyncio.run(_main(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
