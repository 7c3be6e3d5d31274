"""Site configuration of controllers that speak GB/T 20999-2017."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edge.config.address import Address, Target
from edge.config.controller import ControllerSection, TimeZone


class Gb20999Config(ControllerSection):
    """A GB/T 20999-2017 controller, asked or reporting by itself; the node only reads."""

    type: Literal["gb20999"]
    transport: Literal["udp", "tcp", "tcp-server"] = Field(
        default="udp", description="tcp: the node connects; tcp-server: the controller connects to `listen`"
    )
    address: Target = Field(description="the controller's address; the usual port is 4050")
    listen: Address = Field(
        default=":0", description="the node's own address, where the controller has to know it; usually :5051"
    )
    version: Literal["1.00", "1.02"] = Field(default="1.00", description="of the frames sent; both are read")
    upper_id: int = Field(default=1, ge=0, le=255, description="id of the centre that the node plays")
    controller_id: int = Field(default=0, ge=0, le=0xFFFFFFFF, description="the controller's own id")
    crossing_id: int = Field(default=0, ge=0, le=255, description="crossing in the head of each frame")
    crossing: int = Field(default=1, ge=1, le=64, description="the crossing's row in the run state table")
    poll_ms: int = Field(
        default=200, ge=0, le=10_000, description="how often it is asked; 0: it reports changes by itself"
    )
    heartbeat_ms: int = Field(
        default=1000, ge=100, le=60_000, description="how often a sign of life is asked"
    )
    time_zone: TimeZone = Field(
        default=None, description="zone of the controller's clock, e.g. Asia/Shanghai; default: it tells UTC"
    )
    clock_error_limit_ms: int = Field(
        default=2000, ge=0, le=3_600_000, description="count the controller's clock as off beyond this, ms"
    )
    liveness_ms: int = Field(
        default=700, ge=150, le=120_000, description="silence after which signals are withdrawn, ms"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.transport == "tcp-server" and self.listen.endswith(":0"):
            raise ValueError(
                "transport tcp-server needs listen: give the address that the controller connects to"
            )
        if 0 < self.poll_ms < 50:
            raise ValueError(
                f"poll_ms {self.poll_ms} is too often: 50 or more, or 0 for a controller that reports"
            )
        key, period_ms = ("poll_ms", self.poll_ms) if self.poll_ms else ("heartbeat_ms", self.heartbeat_ms)
        if self.liveness_ms < 2.5 * period_ms:
            least = -(-5 * period_ms // 2)
            raise ValueError(
                f"liveness_ms has to be {least} or more, 2.5 times {key}: one lost answer is no silence"
            )
        return self
