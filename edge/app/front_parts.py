"""Builds the front's devices from the site file: the one place of the front that knows drivers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from edge.app.site_secrets import broker_of
from edge.config.address import split_address
from edge.config.controller import ControllerSection
from edge.config.links import MqttLinkConfig, MqttRadioConfig, RsuConfig, UdpLinkConfig
from edge.core.intersection import Intersection
from edge.core.signals import GroupKind
from edge.core.stamp import NS_PER_MS
from edge.ports import RadioReceiver
from edge.publish.radio import MessageEncoders
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from edge.signals.prediction import Predictor
from edge.v2x import csae, j2735
from edge.v2x.etsi_mapem import encode_mapem
from edge.v2x.etsi_spatem import encode_spatem
from hw.clock.system import read_kernel_clock
from hw.rsu.receivers import MqttReceiver, UdpReceiver

PREDICTION_GAP_S = 2.5
"""Silence after which a change of lamps may have been missed."""


def build_lane(config: ControllerSection, intersection: Intersection) -> SignalLane:
    """The signal lane of the site."""
    rules = {
        (GroupKind(group.kind), group.number): GroupRule(group.signal_group, protected=group.protected)
        for group in config.group
    }
    bound_ns = config.clock_error_bound_ms * NS_PER_MS if config.require_synchronised_clock else None
    limits = LaneLimits(liveness_ns=config.liveness_ms * NS_PER_MS, clock_bound_ns=bound_ns)
    predictor = Predictor(gap_s=max(PREDICTION_GAP_S, config.liveness_ms / 1e3)) if config.predict else None
    return SignalLane(
        intersection, groups=rules, limits=limits, conflicts=config.conflict, predictor=predictor
    )


def clock_error_ns() -> int | None:
    """Error bound of this machine's clock; None: not synchronised."""
    return read_kernel_clock().error_ns


def build_receiver(config: UdpLinkConfig | MqttLinkConfig) -> RadioReceiver:
    """The driver of a V2X link."""
    if isinstance(config, UdpLinkConfig):
        host, port = split_address(config.listen)
        return UdpReceiver(host, port, link=config.name)
    return MqttReceiver(broker_of(config), link=config.name, topics=config.topics)


def build_encoders(config: RsuConfig, intersection: Intersection) -> MessageEncoders:
    """How the radio's message set writes SPAT and MAP."""
    if isinstance(config, MqttRadioConfig) and config.dialect == "etsi":
        return _etsi_encoders(intersection, station_id=config.station_id or 0)
    if config.dialect == "j2735":
        return MessageEncoders(
            spat=lambda state, now_ns: j2735.encode_spat(
                state, now_ns=now_ns, name=intersection.name, region=intersection.region
            ),
            map=lambda now_ns: j2735.encode_map(intersection, message_count=0, now_ns=now_ns),
        )
    variant: csae.Variant = "a" if config.dialect == "csae-a" else "b"
    timing, spats = config.timing, itertools.count()
    return MessageEncoders(
        spat=lambda state, now_ns: csae.encode_spat(
            state, now_ns=now_ns, timing=timing, name=intersection.name, message_count=next(spats) % 128
        ),
        map=_counted(
            lambda now_ns, count: csae.encode_map(
                intersection, message_count=count, now_ns=now_ns, variant=variant
            )
        ),
    )


def _etsi_encoders(intersection: Intersection, *, station_id: int) -> MessageEncoders:
    """SPATEM and MAPEM."""
    name, region = intersection.name, intersection.region
    return MessageEncoders(
        spat=lambda state, now_ns: encode_spatem(
            state, station_id=station_id, now_ns=now_ns, name=name, region=region
        ),
        map=lambda now_ns: encode_mapem(intersection, station_id=station_id, message_count=0, now_ns=now_ns),
    )


def _counted(encode: Callable[[int, int], bytes]) -> Callable[[int], bytes]:
    """Give each message the next msgCnt (0-127)."""
    counts = itertools.cycle(range(128))
    return lambda now_ns: encode(now_ns, next(counts))
