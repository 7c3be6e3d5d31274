"""Builds the driver of the site's signal controller: the one place that knows them all."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Callable
from typing import Any

from edge.config.address import split_address
from edge.config.controllers import ControllerConfig, Gb20999Config, ReplayConfig, SpatConfig, TscbmConfig
from edge.core.signals import GroupKind, SignalSnapshot
from edge.core.stamp import NS_PER_MS
from edge.ports import SignalController


def build_controller(config: ControllerConfig) -> SignalController:
    """The controller driver of the site; only the module of its own protocol is imported."""
    return _BUILDERS[config.type](config)


async def first_snapshot(controller: SignalController, *, timeout_s: float) -> SignalSnapshot:
    """What the controller says now. Raises `TimeoutError` when it says nothing, `DeviceError` when it is not there."""
    async with asyncio.timeout(timeout_s), controller.snapshots() as snapshots:
        return await anext(snapshots)


def _tscbm(config: TscbmConfig) -> SignalController:
    from hw.signal.tscbm_controller import ControllerClock, TscbmController  # noqa: PLC0415 - one protocol a site

    host, port = split_address(config.listen)
    zone = None if config.time_zone is None else zoneinfo.ZoneInfo(config.time_zone)
    clock = ControllerClock(bound_ns=config.clock_error_limit_ms * NS_PER_MS, zone=zone)
    senders = frozenset(config.senders) or None
    return TscbmController(host, port, name=config.name, clock=clock, senders=senders)


def _gb20999(config: Gb20999Config) -> SignalController:
    from hw.signal.gb20999 import Frame, FrameType  # noqa: PLC0415 - one protocol a site
    from hw.signal.gb20999_controller import Clock, Gb20999Controller  # noqa: PLC0415
    from hw.signal.gb20999_link import Way  # noqa: PLC0415
    from hw.signal.gb20999_questions import Habits  # noqa: PLC0415

    way = Way(config.transport, split_address(config.address), split_address(config.listen))
    major, minor = config.version.split(".")
    header = Frame(
        FrameType.QUERY,
        controller_id=config.controller_id,
        crossing=config.crossing_id,
        upper_id=config.upper_id,
        version=int(major) << 8 | int(minor),
    )
    habits = Habits(config.poll_ms / 1000, config.heartbeat_ms / 1000, config.crossing, header)
    zone = None if config.time_zone is None else zoneinfo.ZoneInfo(config.time_zone)
    clock = Clock(zone, config.clock_error_limit_ms * NS_PER_MS)
    kinds = {group.number: GroupKind(group.kind) for group in config.group}
    return Gb20999Controller(way, name=config.name, habits=habits, clock=clock, kinds=kinds)


def _spat(config: SpatConfig) -> SignalController:
    from hw.signal.spat_text import SpatClock, SpatTextController  # noqa: PLC0415 - one protocol a site

    host, port = split_address(config.listen)
    return SpatTextController(
        host,
        port,
        name=config.name,
        intersection=config.intersection,
        senders=frozenset(config.senders) or None,
        clock=SpatClock(bound_ns=config.clock_error_limit_ms * NS_PER_MS),
    )


def _replay(config: ReplayConfig) -> SignalController:
    from hw.signal.replay import Playing, ReplayController  # noqa: PLC0415 - one protocol a site

    playing = Playing(config.pace, config.stamps, config.at_end)
    return ReplayController(config.file, name=config.name, playing=playing)


_BUILDERS: dict[str, Callable[[Any], SignalController]] = {
    "tscbm": _tscbm,
    "gb20999": _gb20999,
    "spat": _spat,
    "replay": _replay,
}

REMEDIES = {
    "tscbm": "switch the controller's SPaT output on and give it this address",
    "gb20999": "is controller.address right, is transport, and does the controller know this node as its centre?",
    "spat": "switch immediate forward on and give it this address",
    "replay": "the recording holds no snapshot: record one first",
}
"""What to do where a controller says nothing, for `edge doctor`."""
