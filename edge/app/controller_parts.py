"""Builds the driver of the site's signal controller: the one place that knows them all."""

from __future__ import annotations

import asyncio
import zoneinfo

from edge.config.address import split_address
from edge.config.controllers import ControllerConfig, TscbmConfig
from edge.core.signals import SignalSnapshot
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


_BUILDERS = {"tscbm": _tscbm}

REMEDIES = {"tscbm": "switch the controller's SPaT output on and give it this address"}
"""What to do where a controller says nothing, for `edge doctor`."""
