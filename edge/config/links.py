"""Site configuration of what listens and talks, but the controller and radios: V2X links, gRPC, centre, metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.access import BrokerSection, CallLimits
from edge.config.address import Address, Target, is_loopback, split_address
from edge.config.radios import LinkDialect
from edge.config.section import Name, Section
from edge.config.security import Verify, check_trust

LONGEST_TOPIC = 1024
Framing = Literal["plain", "rsu41", "hisense", "ieee1609", "geonetworking"]


def _topic_filter(topic: str) -> str:
    """Refuse what a broker would. MQTT 3.1.1, 4.7."""
    levels = topic.split("/")
    hash_inside = any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#")
    if not topic or "\0" in topic or hash_inside or any("+" in level and level != "+" for level in levels):
        raise ValueError("is no topic filter: + stands for a whole level, # for all that follow, at the end")
    if len(topic.encode()) > LONGEST_TOPIC:
        raise ValueError(f"is longer than {LONGEST_TOPIC} bytes")
    return topic


TopicFilter = Annotated[str, AfterValidator(_topic_filter)]


class V2xSection(Section):
    """What every link has that hears messages."""

    name: Name
    dialect: LinkDialect = Field(
        description="message set: j2735, csae-a, csae-b or etsi; there is no default"
    )
    framing: Framing = "plain"
    rate_limit_hz: float = Field(
        default=2000.0, gt=0, le=20000, description="frames per second and forwarder"
    )
    verify: Verify = Field(default="off", description="what becomes of messages that nobody verified")
    trust: tuple[Path, ...] = Field(
        default=(), max_length=64, description="certificates of roots, authorities"
    )

    @model_validator(mode="after")
    def _can_verify(self) -> Self:
        check_trust(self.verify, self.trust, dialect=self.dialect)
        return self


class UdpLinkConfig(V2xSection):
    """V2X messages that an RSU forwards over UDP."""

    type: Literal["udp"]
    listen: Address


class MqttLinkConfig(V2xSection, BrokerSection):
    """V2X messages from an MQTT broker."""

    type: Literal["mqtt"]
    topics: tuple[TopicFilter, ...] = Field(default=("V2X/RSU/+/BSM/UP",), min_length=1)


V2xLinkConfig = Annotated[UdpLinkConfig | MqttLinkConfig, Field(discriminator="type")]


class GrpcConfig(Section):
    """The gRPC service for vehicles and other subscribers."""

    listen: Address = "127.0.0.1:50051"
    max_subscribers: int = Field(default=500, ge=1, le=5000)
    max_subscribers_per_peer: int = Field(default=50, ge=1, le=5000)
    limits: CallLimits = CallLimits()
    allow_plaintext: bool = Field(
        default=False, description="serve programs of this machine without TLS; on loopback only"
    )
    vehicle_reports: bool = Field(
        default=True, description="take the reports of vehicles (ReportVehicle) and advise them"
    )

    @model_validator(mode="after")
    def _loopback(self) -> GrpcConfig:
        host, _port = split_address(self.listen)
        if self.allow_plaintext and not is_loopback(host):
            raise ValueError(
                f"allow_plaintext is for loopback, and listen {self.listen} is not: leave it out and add [tls] "
                "(edge certs makes certificates), or listen on 127.0.0.1"
            )
        return self


class CentreLinkConfig(Section):
    """The uplink to the traffic centre."""

    address: Target
    rate_hz: float = Field(default=10.0, gt=0, le=20, description="live batches per second")
    history: bool = Field(default=True, description="keep history on disk until the centre has it")
    history_mb: int = Field(default=512, ge=16, le=1_000_000, description="most disk that history takes")
    history_days: float = Field(default=14.0, gt=0, le=3660, description="older history is dropped, and told")
    command_keys: tuple[Path, ...] = Field(
        default=(),
        max_length=4,
        description="public keys (Ed25519, PEM) whose commands are taken; none: none",
    )
    commands: tuple[Literal["configuration", "map", "plan_advice"], ...] = Field(
        default=("configuration", "map", "plan_advice"), description="kinds of commands that are taken"
    )
    allow_plaintext: bool = Field(
        default=False, description="send to a centre on this machine without TLS; on loopback only"
    )

    @model_validator(mode="after")
    def _loopback(self) -> CentreLinkConfig:
        if self.allow_plaintext and not is_loopback(split_address(self.address)[0]):
            raise ValueError(
                f"allow_plaintext is for loopback, and address {self.address} is not: leave it out and add [tls]"
            )
        return self


class MetricsConfig(Section):
    """The Prometheus endpoint."""

    listen: Address = "127.0.0.1:9464"
