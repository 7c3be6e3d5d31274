"""The front process: signals, gRPC, radios, uplink, and the supervision of fusion and cameras."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from edge.app.controller_parts import build_controller, phase_commander
from edge.app.front_board import COMPONENT, POWER, BoardDesk, BoardProbe, PowerDesk, power_line
from edge.app.front_children import Children
from edge.app.front_clock import ClockWatch
from edge.app.front_gateways import Gateways
from edge.app.front_gnss import GnssDesk
from edge.app.front_lamps import LampDesk
from edge.app.front_parts import (
    build_encoders,
    build_lane,
    build_receiver,
)
from edge.app.front_prediction import PredictionStore
from edge.app.front_priority import COMPONENT as PRIORITY_COMPONENT
from edge.app.front_priority import PriorityDesk, priority_rules
from edge.app.front_priority_radio import RadioRequests, build_answers
from edge.app.front_publish import Publisher
from edge.app.front_radio import PublishedRadio
from edge.app.front_sharing import build_sharing, kinds_through
from edge.app.front_signals import SignalDesk
from edge.app.front_vehicles import VehicleDesk
from edge.app.front_watchdog import SIGNALS_LIMIT_S, SLOW_LIMIT_S, Vigil
from edge.app.radio_parts import build_radio
from edge.app.security_parts import check_trust_files
from edge.app.site_sensors import sensors_of
from edge.app.staging import TRIAL_S, Staging, load_map, running_map
from edge.config import SiteConfig
from edge.config.links import V2xLinkConfig
from edge.config.radios import RsuConfig
from edge.core.errors import CodecError
from edge.core.health import Event, HealthState
from edge.core.intersection import Intersection
from edge.core.situation import Scene
from edge.flow import collector
from edge.flow.board import HealthBoard
from edge.flow.supervise import Backoff, supervise
from edge.publish.radio import RadioBroadcaster
from edge.sources.limiter import SenderLimiter
from edge.sources.radio import pump_radio
from edge.sources.signals import pump_controller
from hw.board.systemd import ServiceNotifier

_log = logging.getLogger(__name__)
HEALTH_PERIOD_S = 1.0
HEALTH_SPACING_S = 0.2
"""Between two publications, however much happens."""
PRIORITY = -10
"""Niceness: the lights come before the pictures."""
WITHDRAW_S = 0.15
"""After withdrawing at shutdown, the time that radios and subscribers get to send it on."""
DESCRIPTORS = 65_536
RADIO_BACKOFF = Backoff(first_s=0.2, limit_s=2.0)


def _go_first() -> None:
    """Take a priority above everything else on the box, where that is allowed (root, or Nice= of the unit)."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, min(PRIORITY, os.getpriority(os.PRIO_PROCESS, 0)))
    except PermissionError:
        _log.debug("running at normal priority: not allowed to raise it")


def _stop_signals() -> list[signal.Signals]:
    """What ends the node with its signals withdrawn; a hang-up does, unless whoever started us ignores it (nohup)."""
    hang_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGTERM, signal.SIGINT, *hang_up]


def _open_many() -> None:
    """Take all the descriptors that the system allows: subscribers must not use up those of radios and children."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, DESCRIPTORS), hard))
    except (ValueError, OSError) as error:
        _log.warning("file descriptors: %s", error)


async def run_node(site: SiteConfig, *, site_path: Path) -> int:
    """Run the node until SIGTERM, SIGINT or SIGHUP; returns the exit status."""
    check_trust_files(site)
    _go_first()
    _open_many()
    staging = Staging(site)
    site, notes = staging.take_up()
    node = Node(site, load_map(site, running_map(site)), site_path=site_path)
    node.tell_orders(notes)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_later(TRIAL_S, staging.trust)
    for sent in _stop_signals():
        loop.add_signal_handler(sent, stop.set)
    await node.run(stop)
    staging.trust()
    return 0


class Node:
    """One intersection's box."""

    def __init__(self, site: SiteConfig, intersection: Intersection, *, site_path: Path) -> None:
        self._site, self._intersection = site, intersection
        self._board = HealthBoard(now_ns=time.time_ns)
        self._news = asyncio.Event()
        self._notifier = ServiceNotifier()
        self._children = Children(site, site_path=site_path, board=self._board)
        self._children.on_scene = self._scene_came
        self._gateways = Gateways(site, intersection, board=self._board, send=self._children.send_radio)
        self._clock_required = site.controller is not None and site.controller.require_synchronised_clock
        self._clock = ClockWatch(site.clock, board=self._board, required=self._clock_required)
        self._desk: SignalDesk | None = None
        self._learned: PredictionStore | None = None
        if site.controller is not None:
            lane = build_lane(site.controller, intersection)
            self._desk = SignalDesk(lane, board=self._board, clock_error_ns=self._clock.error_ns)
            if lane.predictor is not None:
                self._learned = PredictionStore(
                    site.state_directory, site.controller.name, lane.predictor, board=self._board
                )
                self._learned.load()
        self._lamps = self._lamp_desk()
        self._priority = self._priority_desk()
        self._requests = RadioRequests(self._priority, intersection, board=self._board)
        self._children.on_request = self._requests.hear
        self._publisher = Publisher(
            site,
            intersection,
            board=self._board,
            vehicles=self._vehicle_desk(),
            priority=self._priority,
            clock_is_good=self._clock_is_good,
        )
        self._board.on_event = self._event_came

    def _vehicle_desk(self) -> VehicleDesk | None:
        """What becomes of the reports of vehicles, where the site takes them."""
        if not self._site.grpc.vehicle_reports:
            return None
        signals = None if self._desk is None else self._desk.state
        return VehicleDesk(self._intersection, send=self._children.send_radio, signals=signals)

    def _priority_desk(self) -> PriorityDesk:
        """What becomes of requests for priority; where the site gives none, every one is rejected."""
        signals = None if self._desk is None else self._desk.state
        rules = priority_rules(self._site, frozenset() if self._desk is None else self._desk.conflicts)
        meant = self._site.priority is not None
        return PriorityDesk(self._intersection, rules, signals=signals, board=self._board, meant=meant)

    def _lamp_desk(self) -> LampDesk | None:
        """The comparison of lamps and controller, where a camera reads any."""
        controller = self._site.controller
        if self._desk is None or controller is None or not any(camera.lamp for camera in self._site.camera):
            return None
        doubt = self._desk.doubt if controller.lamp_disagreement == "withdraw" else None
        lamps = LampDesk(self._site.camera, board=self._board, doubt=doubt)
        self._desk.on_told = lamps.told
        self._children.on_lamps = lamps.take
        return lamps

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then withdraw the signals, drain subscribers, end the children, in that order."""
        radios: dict[str, Callable[[], Awaitable[None]]] = {}
        for config in self._site.rsu if self._desk is not None else ():
            radios |= self._broadcasters(config)
        async with self._publisher.serving(), asyncio.TaskGroup() as group:
            tasks = self._start(group, radios)
            collector.settle()
            self._notifier.ready(f"serving {self._publisher.address}")
            _log.info("node %s serves gRPC on %s", self._site.site.id, self._publisher.address)
            await stop.wait()
            self._notifier.stopping()
            if self._desk is not None:
                self._desk.withdraw("the node is stopping")
                await asyncio.sleep(WITHDRAW_S)
            await self._publisher.drain()
            if self._learned is not None:
                await self._learned.save()
            for task in tasks:
                task.cancel()

    def _start(
        self, group: asyncio.TaskGroup, radios: Mapping[str, Callable[[], Awaitable[None]]]
    ) -> list[asyncio.Task[None]]:
        """Start every task: the signal lane first and unsupervised, everything else supervised."""
        board, tasks = self._board, []
        if self._desk is not None and self._site.controller is not None:
            tasks += [
                group.create_task(self._desk.run_clock(), name="clock of the lane"),
                group.create_task(self._desk.run_ticks(), name="signal ticks"),
                group.create_task(self._run_controller(self._desk), name="controller"),
                group.create_task(self._publish_signals(self._desk), name="signals to subscribers"),
            ]
            for name, run in radios.items():
                keeping = supervise(name, run, board=board, backoff=RADIO_BACKOFF)
                tasks.append(group.create_task(keeping, name=name))
        if self._learned is not None:
            keeping = supervise("prediction", self._learned.run, board=board)
            tasks.append(group.create_task(keeping, name="prediction"))
        tasks += [group.create_task(child.run(), name=child.spec.name) for child in self._children.all]
        for link in self._site.v2x:
            tasks.append(group.create_task(self._run_link(link), name=f"link {link.name}"))
        tasks += [group.create_task(task, name="publisher") for task in self._publisher.tasks()]
        if self._site.speaks_json:
            relay = partial(self._publisher.relay, self._children.send_update)
            tasks.append(group.create_task(supervise("web.relay", relay, board=board), name="relay to web"))
        for name, run in (self._box() | self._gateways.tasks).items():
            tasks.append(group.create_task(supervise(name, run, board=board), name=name))
        tasks.append(group.create_task(supervise("health", self._run_health, board=board), name="health"))
        tasks.append(
            group.create_task(supervise("watchdog", self._run_watchdog, board=board), name="watchdog")
        )
        return tasks

    def _box(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The watches of the box itself and the arbiter of priority, by component; none can end the node."""
        site, board = self._site, self._board
        found: dict[str, Callable[[], Awaitable[None]]] = {
            "clock": self._clock.run,
            PRIORITY_COMPONENT: self._priority.run,
            COMPONENT: BoardDesk(BoardProbe(site), board=board).run,
        }
        if site.gnss is not None:
            found["gnss"] = GnssDesk(site.gnss, board=board).run
        if site.board.power_fail is not None:
            doubt = None if self._desk is None else partial(self._desk.doubt, by="power")
            found[POWER] = PowerDesk(power_line(site.board.power_fail), board=board, doubt=doubt).run
        return found

    async def _run_controller(self, desk: SignalDesk) -> None:
        config = self._site.controller
        assert config is not None
        controller = build_controller(config)
        self._priority.control = phase_commander(controller)

        async def pump() -> None:
            await pump_controller(
                controller,
                desk.take,
                component="controller",
                board=self._board,
                silent_after_s=max(1.0, config.liveness_ms / 1000),
            )

        await supervise("controller", pump, board=self._board, backoff=RADIO_BACKOFF)

    async def _publish_signals(self, desk: SignalDesk) -> None:
        reader = desk.state.reader()
        while True:
            state = await reader.next()
            self._publisher.signals(state)
            self._gateways.signals(state)

    def _broadcasters(self, config: RsuConfig) -> dict[str, Callable[[], Awaitable[None]]]:
        """A radio's broadcasters; its encoders are tried first, because compiling the schema takes a while."""
        assert self._desk is not None
        component = f"rsu.{config.name}"
        encoders = build_encoders(config, self._intersection)
        try:
            encoders.spat(self._desk.first(), time.time_ns())
            encoders.map(time.time_ns())
        except CodecError as error:
            self._board.event(component, "encoder", f"the site does not fit the message set: {error}")
        device = build_radio(config, kinds=kinds_through(self._site, config))
        radio = PublishedRadio(device, partial(self._publisher.radio, dialect=config.dialect))
        broadcaster = RadioBroadcaster(
            radio,
            states=self._desk.state,
            encoders=encoders,
            component=component,
            board=self._board,
        )
        sharing = build_sharing(
            self._site,
            config,
            radio,
            frame=self._intersection.frame,
            scenes=self._children.scene,
            sensor_kinds=dict(sensors_of(self._site)),
            board=self._board,
        )
        return (
            {component: broadcaster.run}
            | sharing
            | build_answers(self._site, config, radio, requests=self._requests, board=self._board)
        )

    async def _run_link(self, config: V2xLinkConfig) -> None:
        component = f"link.{config.name}"
        receiver = build_receiver(config)
        limiter = SenderLimiter(rate_hz=config.rate_limit_hz, burst=int(max(10, config.rate_limit_hz / 4)))

        async def pump() -> None:
            await pump_radio(
                receiver, self._children.send_radio, component=component, board=self._board, limiter=limiter
            )

        await supervise(component, pump, board=self._board, backoff=RADIO_BACKOFF)

    def tell_orders(self, notes: list[str]) -> None:
        """Tell what this start has made of the centre's orders."""
        for note in notes:
            self._board.event("commands", "orders", note)

    def _clock_is_good(self) -> bool:
        return not self._clock_required or self._clock.error_ns() is not None

    def _event_came(self, event: Event) -> None:
        self._news.set()
        self._publisher.event(event)

    def _scene_came(self, scene: Scene) -> None:
        self._publisher.scene(scene)
        self._gateways.scene(scene)

    async def _run_health(self) -> None:
        """Publish health once a second, and soon after an event."""
        while True:
            self._news.clear()
            self._children.watch_scene()
            if self._lamps is not None:
                self._lamps.watch()
            self._publisher.health(self._board)
            await asyncio.sleep(HEALTH_SPACING_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), HEALTH_PERIOD_S - HEALTH_SPACING_S)

    def _keep_vigil(self) -> Vigil:
        """What the watchdog is fed for; see `front_watchdog`."""
        vigil, limit_s = Vigil(), SLOW_LIMIT_S
        if self._desk is not None:
            limit_s, desk = SIGNALS_LIMIT_S, self._desk
            vigil.expect("signals", limit_s=limit_s, last_s=lambda: desk.last_tick_s)
        vigil.expect("publishing", limit_s=limit_s, last_s=lambda: self._publisher.last_s)
        vigil.expect("fusion", limit_s=SLOW_LIMIT_S, last_s=lambda: self._children.fusion_attended_s)
        return vigil

    async def _run_watchdog(self) -> None:
        """Feed the watchdog while nothing stalls that a restart would cure."""
        vigil = self._keep_vigil()
        period_s = min(HEALTH_PERIOD_S, self._notifier.watchdog_s / 3 or HEALTH_PERIOD_S)
        while True:
            stalled = vigil.stalled()
            if stalled:
                self._board.set("node", HealthState.DEGRADED, "no sign of life: " + ", ".join(stalled))
            else:
                self._board.set("node", HealthState.OK)
                self._notifier.alive()
            await asyncio.sleep(period_s)
