"""Builds the front's devices from the site file: the one place of the front that knows drivers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.config.address import split_address
from edge.config.links import GroupConfig, Ifm41Config, MqttLinkConfig, TscbmConfig, UdpLinkConfig
from edge.config.site import SiteConfig
from edge.core.errors import ConfigError
from edge.core.intersection import Intersection
from edge.core.signals import GroupKind, SignalState
from edge.core.stamp import NS_PER_MS
from edge.ports import RadioReceiver, RsuRadio, SignalController
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from hw.rsu.ifm41 import Ifm41Radio
from hw.rsu.mqtt_radio import MqttRadio
from hw.rsu.receivers import MqttReceiver, UdpReceiver
from hw.signal.tscbm_controller import ControllerClock, TscbmController

SpatEncoder = Callable[[SignalState, int], bytes]
MapEncoder = Callable[[int, int], bytes]


def build_controller(config: TscbmConfig) -> SignalController:
    """The controller driver of the site."""
    host, port = split_address(config.listen)
    clock = ControllerClock(bound_ns=config.clock_error_limit_ms * NS_PER_MS)
    return TscbmController(host, port, name=config.name, clock=clock)


def build_lane(config: TscbmConfig, intersection: Intersection) -> SignalLane:
    """The signal lane of the site."""
    rules = {(GroupKind(g.kind), g.number): _rule(g) for g in config.group}
    bound_ns = config.clock_error_bound_ms * NS_PER_MS if config.require_synchronised_clock else None
    limits = LaneLimits(liveness_ns=config.liveness_ms * NS_PER_MS, clock_bound_ns=bound_ns)
    return SignalLane(intersection, groups=rules, limits=limits, conflicts=config.conflict)


def _rule(group: GroupConfig) -> GroupRule:
    return GroupRule(group.signal_group, protected=group.protected)


def build_receiver(config: UdpLinkConfig | MqttLinkConfig) -> RadioReceiver:
    """The driver of a V2X link."""
    if isinstance(config, UdpLinkConfig):
        host, port = split_address(config.listen)
        return UdpReceiver(host, port, link=config.name)
    host, port = split_address(config.broker)
    password = _secret(config.password_file)
    return MqttReceiver(
        host, port, link=config.name, topics=config.topics, username=config.username, password=password
    )


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError("password_file", f"cannot read {path}: {error.strerror}") from error
