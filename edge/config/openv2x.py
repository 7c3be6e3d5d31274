"""Site configuration of the gateway to OpenV2X."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.config.access import BrokerSection
from edge.config.section import Name

Esn = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class OpenV2xConfig(BrokerSection):
    """`[openv2x]`: the node is a roadside unit of an OpenV2X site, over its MQTT broker."""

    name: Name = Field(default="openv2x", description="as a V2X link, in health and metrics")
    esn: Esn = Field(description="serial number under which the site knows this unit, part of its topics")
    rsu_id: str | None = Field(default=None, max_length=64, description="rsuId; default: esn")
    delimiter: Literal["/", "."] = Field(default="/", description="between the words of a topic")
    heartbeat_s: float = Field(
        default=5.0, ge=1, le=14, description="the centre takes a unit for dead after 15 s"
    )
    info_s: float = Field(default=60.0, ge=5, le=3600, description="registration, state of the box and MAP")
    rate_hz: float = Field(default=10.0, ge=0.1, le=10, description="of RSM")
    rsm: tuple[Literal["up", "down"], ...] = Field(
        default=("up",),
        min_length=1,
        description="up: as a unit whose road users OpenV2X processes; down: in its place",
    )
    listen_to: tuple[Esn, ...] = Field(
        default=(), max_length=64, description="other units whose RSM/UP is fused, by serial number"
    )
    times: Literal["message", "arrival"] = Field(
        default="message", description="arrival: for a simulator that plays old recordings"
    )
    relay_events: bool = Field(default=False, description="pass RSI/DOWN on to the other gateways")
    keep_maps: bool = Field(
        default=False, description="keep MAP/DOWN below the state directory for a person; default: refuse it"
    )

    @model_validator(mode="after")
    def _not_itself(self) -> Self:
        if self.esn in self.listen_to:
            raise ValueError(f"listen_to names {self.esn}, which is this unit: leave it out")
        return self
