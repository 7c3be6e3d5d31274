"""Site configuration of everything that talks but the controller: V2X links, radios, gRPC, centre, metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.access import CallLimits, MqttTlsConfig
from edge.config.address import Address, Target, is_loopback, split_address
from edge.config.ntcip1218 import Ntcip1218Config, Psids
from edge.config.section import Name, Section
from edge.config.security import SignConfig, Verify, check_signing, check_trust

Dialect = Literal["j2735", "csae-a", "csae-b"]
LinkDialect = Literal["j2735", "csae-a", "csae-b", "etsi"]
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


class UdpLinkConfig(Section):
    """V2X messages that an RSU forwards over UDP."""

    type: Literal["udp"]
    name: Name
    dialect: LinkDialect = Field(
        description="message set: j2735, csae-a, csae-b or etsi; there is no default"
    )
    framing: Framing = "plain"
    listen: Address
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


class MqttLinkConfig(Section):
    """V2X messages from an MQTT broker."""

    type: Literal["mqtt"]
    name: Name
    dialect: LinkDialect = Field(
        description="message set: j2735, csae-a, csae-b or etsi; there is no default"
    )
    framing: Framing = "plain"
    broker: Target
    topics: tuple[TopicFilter, ...] = Field(default=("V2X/RSU/+/BSM/UP",), min_length=1)
    username: str | None = None
    password_file: Path | None = Field(
        default=None, description="file that holds the password, never the password"
    )
    tls: MqttTlsConfig | None = Field(default=None, description="without it: plain")
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


V2xLinkConfig = Annotated[UdpLinkConfig | MqttLinkConfig, Field(discriminator="type")]


class Ifm41Config(Section):
    """A radio with the RSU 4.1 immediate-forward interface (UDP text)."""

    type: Literal["ifm41"]
    name: Name
    dialect: Dialect
    address: Target = Field(description="of the RSU; the usual port is 1516")
    channel: int = Field(default=183, description="radio channel: 183 for C-V2X, 180 for DSRC")
    priority: int = Field(default=7, ge=0, le=7, description="7 is the highest")
    psid: Psids = Field(default_factory=dict, description="where the RSU wants others than the usual ones")
    rsu_signs: bool = Field(default=True, description="what to write in Signature=: the RSU signs")
    sign: SignConfig | None = Field(default=None, description="sign here; default: the radio does")
    timing: Literal["counting", "utc"] = Field(default="counting", description="T/CSAE SPAT timing form")

    @model_validator(mode="after")
    def _signed_once(self) -> Self:
        check_signing(self.sign, dialect=self.dialect)
        if self.sign is not None and self.rsu_signs:
            raise ValueError("sign and rsu_signs exclude each other: write rsu_signs = false")
        return self


class MqttRadioConfig(Section):
    """A radio or platform that takes messages from an MQTT broker."""

    type: Literal["mqtt"]
    name: Name
    dialect: LinkDialect
    broker: Target
    esn: str = Field(pattern=r"^[^+#/\x00]{1,64}$", description="serial number of the RSU, part of the topic")
    topic: str = Field(default="V2X/RSU/{esn}/{kind}/DOWN", description="topic template")
    framing: Literal["plain", "hisense"] = "plain"
    acknowledged: bool = Field(default=True, description="false for a broker more than 80 ms away")
    username: str | None = None
    password_file: Path | None = None
    tls: MqttTlsConfig | None = Field(default=None, description="without it: plain")
    sign: SignConfig | None = Field(default=None, description="sign here; default: the radio does")
    station_id: int | None = Field(default=None, ge=0, le=0xFFFFFFFF, description="of ETSI messages")
    timing: Literal["counting", "utc"] = Field(default="counting", description="T/CSAE SPAT timing form")

    @model_validator(mode="after")
    def _fits(self) -> MqttRadioConfig:
        check_signing(self.sign, dialect=self.dialect)
        if (self.dialect == "etsi") != (self.station_id is not None):
            raise ValueError('station_id (0 to 4294967295) goes with dialect = "etsi", and only with it')
        if self.framing == "hisense" and len(self.esn.encode()) > 8:
            raise ValueError(f"esn {self.esn!r} is longer than the 8 characters of the hisense framing")
        return self


RsuConfig = Annotated[Ifm41Config | MqttRadioConfig | Ntcip1218Config, Field(discriminator="type")]


class GrpcConfig(Section):
    """The gRPC service for vehicles and other subscribers."""

    listen: Address = "127.0.0.1:50051"
    max_subscribers: int = Field(default=500, ge=1, le=5000)
    max_subscribers_per_peer: int = Field(default=50, ge=1, le=5000)
    limits: CallLimits = CallLimits()
    allow_plaintext: bool = Field(
        default=False, description="serve programs of this machine without TLS; on loopback only"
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
