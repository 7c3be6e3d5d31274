"""Builds the front's devices from the site file: the one place of the front that knows drivers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from edge.app.site_secrets import broker_of
from edge.config.address import split_address
from edge.config.controller import ControllerSection
from edge.config.links import MqttLinkConfig, UdpLinkConfig
from edge.config.radios import MqttRadioConfig, RsuConfig
from edge.core.intersection import Intersection
from edge.core.signals import GroupKind, SignalState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.ports import RadioReceiver
from edge.publish.radio import MessageEncoders
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from edge.signals.prediction import Predictor
from edge.signals.validation_kinds import ColourBounds
from edge.v2x import csae, j2735
from edge.v2x.etsi_mapem import encode_mapem
from edge.v2x.etsi_spatem import encode_spatem
from edge.v2x.spat import Timing
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
    shortest_s, longest_s = config.yellow_s
    colours = ColourBounds(
        yellow_least_ns=round(shortest_s * NS_PER_S),
        yellow_most_ns=round(longest_s * NS_PER_S),
        clearing_conflicts=config.clear_before_green,
    )
    limits = LaneLimits(
        liveness_ns=config.liveness_ms * NS_PER_MS,
        clock_bound_ns=bound_ns,
        colours=colours,
        course_withdraws=config.impossible_course == "withdraw",
    )
    predictor = Predictor(gap_s=max(PREDICTION_GAP_S, config.liveness_ms / 1e3)) if config.predict else None
    return SignalLane(
        intersection, groups=rules, limits=limits, conflicts=config.conflict, predictor=predictor
    )


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
    return MessageEncoders(
        spat=_csae_spat(config.timing, intersection.name),
        map=_counted(
            lambda now_ns, count: csae.encode_map(
                intersection, message_count=count, now_ns=now_ns, variant=variant
            )
        ),
    )


def _csae_spat(timing: Timing, name: str) -> Callable[[SignalState, int], bytes]:
    """SPAT of T/CSAE 53. With `counting` it has no absolute time, so it goes on while the clock is not synchronised."""
    spats = itertools.count()

    def encode(state: SignalState, now_ns: int) -> bytes:
        relative = state.relative if timing == "counting" else None
        return csae.encode_spat(
            relative or state, now_ns=now_ns, timing=timing, name=name, message_count=next(spats) % 128
        )

    return encode


def _etsi_encoders(intersection: Intersection, *, station_id: int) -> MessageEncoders:
    """SPATEM and MAPEM."""
    name, region = intersection.name, intersection.region
    return MessageEncoders(
        spat=lambda state, now_ns: encode_spatem(
            state, station_id=station_id, now_ns=now_ns, name=name, region=region
        ),
        map=lambda now_ns: encode_mapem(intersection, station_id=station_id, message_count=0, now_ns=now_ns),
    )


def _counted(encode: Callable[[int | None, int], bytes]) -> Callable[[int | None], bytes]:
    """Give each message the next msgCnt (0-127)."""
    counts = itertools.cycle(range(128))
    return lambda now_ns: encode(now_ns, next(counts))
