"""Site configuration of what the node says in JSON: the live page, and topics of an MQTT broker."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.access import BrokerSection
from edge.config.address import Address, is_loopback, split_address
from edge.config.section import Name, Section

LayerName = Literal["signals", "scene", "lanes", "health", "radio_frames"]
_PLACES = ("{node}", "{layer}")


def _host_name(name: str) -> str:
    if not name or any(letter in name for letter in " /:@[]") or name != name.lower():
        raise ValueError(f"{name!r} is no name of a host: write it in lower case, without a port")
    return name


def _topic(topic: str) -> str:
    """MQTT 3.1.1, 4.7: a topic to publish to has no wildcards."""
    rest = topic
    for place in _PLACES:
        rest = rest.replace(place, "")
    if "{layer}" not in topic or any(letter in rest for letter in "{}+#\0"):
        raise ValueError(
            f"{topic!r} is no topic template: it needs {{layer}}, may have {{node}}, and no + or #"
        )
    if len(topic.encode()) > 512:
        raise ValueError("is longer than 512 bytes")
    return topic


HostName = Annotated[str, AfterValidator(_host_name)]
TopicTemplate = Annotated[str, AfterValidator(_topic)]


class WebConfig(Section):
    """The live page and its JSON."""

    listen: Address = "127.0.0.1:8080"
    names: tuple[HostName, ...] = Field(
        default=(), max_length=16, description="names of this machine that browsers may use, beside addresses"
    )
    max_clients: int = Field(default=50, ge=1, le=1000, description="open pages and other event streams")
    max_clients_per_host: int = Field(default=8, ge=1, le=1000)
    allow_plaintext: bool = Field(
        default=False, description="serve without TLS off loopback (closed networks)"
    )

    @model_validator(mode="after")
    def _loopback(self) -> Self:
        host, _port = split_address(self.listen)
        if not self.allow_plaintext and not is_loopback(host):
            raise ValueError(
                f"listen {self.listen} is not loopback, and whoever reaches the page sees all road users: "
                "listen on 127.0.0.1, or set allow_plaintext = true on a closed network"
            )
        return self


class MqttFeedConfig(BrokerSection):
    """JSON to the topics of an MQTT broker."""

    name: Name
    topic: TopicTemplate = Field(default="edge/{node}/{layer}", description="topic template")
    layers: tuple[LayerName, ...] = Field(default=("signals", "scene", "lanes", "health"), min_length=1)
    rate_hz: float = Field(default=5.0, ge=0.01, le=50, description="messages per second and topic, at most")
