"""Builds the front's devices from the site file: the one place of the front that knows drivers."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path

from edge.app.security_parts import build_signer
from edge.config.address import split_address
from edge.config.controller import ControllerSection
from edge.config.links import Ifm41Config, MqttLinkConfig, MqttRadioConfig, UdpLinkConfig
from edge.core.errors import ConfigError
from edge.core.intersection import Intersection
from edge.core.signals import GroupKind
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.ports import RadioMessage, RadioReceiver, RsuRadio
from edge.publish.radio import MessageEncoders
from edge.signals.lane import LaneLimits, SignalLane
from edge.signals.phases import GroupRule
from edge.signals.validation_kinds import ColourBounds
from edge.v2x import csae, j2735
from edge.v2x.etsi_mapem import encode_mapem
from edge.v2x.etsi_spatem import encode_spatem
from edge.v2x.framing import wrap_hisense
from hw.clock.system import read_kernel_clock
from hw.rsu.ifm41 import Ifm41Radio
from hw.rsu.mqtt_radio import MqttRadio, plain_envelope
from hw.rsu.mqtt_session import Broker
from hw.rsu.receivers import MqttReceiver, UdpReceiver
from hw.rsu.signed_radio import SignedRadio


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
    return SignalLane(intersection, groups=rules, limits=limits, conflicts=config.conflict)


def clock_error_ns() -> int | None:
    """Error bound of this machine's clock; None: not synchronised."""
    return read_kernel_clock().error_ns


def build_receiver(config: UdpLinkConfig | MqttLinkConfig) -> RadioReceiver:
    """The driver of a V2X link."""
    if isinstance(config, UdpLinkConfig):
        host, port = split_address(config.listen)
        return UdpReceiver(host, port, link=config.name)
    return MqttReceiver(_broker(config), link=config.name, topics=config.topics)


def build_radio(config: Ifm41Config | MqttRadioConfig) -> RsuRadio:
    """The driver of a radio; it signs first where the radio does not. Raises `ConfigError`."""
    radio = _bare_radio(config)
    if config.sign is None:
        return radio
    return SignedRadio(radio, build_signer(config.sign, dialect=config.dialect), name=config.name)


def _bare_radio(config: Ifm41Config | MqttRadioConfig) -> RsuRadio:
    if isinstance(config, Ifm41Config):
        host, port = split_address(config.address)
        return Ifm41Radio(host, port, name=config.name, channel=config.channel, signature=config.rsu_signs)
    envelope = _hisense(config.esn) if config.framing == "hisense" else plain_envelope
    return MqttRadio(
        _broker(config),
        name=config.name,
        esn=config.esn,
        topic=config.topic,
        envelope=envelope,
        acknowledged=config.acknowledged,
    )


def _hisense(esn: str) -> Callable[[RadioMessage], bytes]:
    def wrap(message: RadioMessage) -> bytes:
        return wrap_hisense(message.payload, sender=esn, now_ns=time.time_ns())

    return wrap


def build_encoders(config: Ifm41Config | MqttRadioConfig, intersection: Intersection) -> MessageEncoders:
    """How the radio's message set writes SPAT and MAP."""
    if config.dialect == "etsi":
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


def _broker(config: MqttLinkConfig | MqttRadioConfig) -> Broker:
    host, port = split_address(config.broker)
    return Broker(host, port, username=config.username, password=_secret(config.password_file))


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError("password_file", f"cannot read {path}: {reason}") from error
