"""Site configuration of controllers that speak RSMP."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from edge.config.address import Address
from edge.config.controller import ControllerSection, check_heartbeat


class RsmpConfig(ControllerSection):
    """A controller that speaks RSMP 3.2 (Nordic countries): it connects to us, the supervisor.

    `number` of a group is its place in S0001; with `id`, its RSMP component id, its times (S0025) are asked for.
    """

    named_groups: ClassVar[bool] = True
    type: Literal["rsmp"]
    listen: Address = Field(description="TCP address that the site connects to; the usual port is 12111")
    senders: tuple[str, ...] = Field(default=(), description="addresses that may connect; empty: any host")
    site_id: str | None = Field(
        default=None, max_length=64, description="the site; default: the first that comes"
    )
    component: str | None = Field(
        default=None,
        max_length=64,
        description="component id of the controller; default: from its aggregated status",
    )
    sxl: str = Field(default="1.2.1", description="version of the signal exchange list for controllers")
    intersection: int = Field(
        default=0, ge=0, le=255, description="which of the controller's intersections this is; 0: it has one"
    )
    watchdog_ms: int = Field(
        default=500, ge=100, le=60_000, description="between our heartbeats, which the site acknowledges, ms"
    )
    ack_timeout_ms: int = Field(
        default=5000, ge=200, le=60_000, description="how long an acknowledgement may take, ms"
    )
    clock_error_limit_ms: int = Field(
        default=1000, ge=0, le=10_000, description="shift the site's times beyond this clock offset, ms"
    )
    yellow_ms: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="length of yellow, ms: turns the site's time of red into the end of green; 0: it is that already",
    )
    red_yellow_ms: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="length of red and yellow before green, ms; 0: there is none",
    )
    liveness_ms: int = Field(
        default=2000, ge=300, le=120_000, description="silence after which signals are withdrawn, ms"
    )

    @model_validator(mode="after")
    def _lives(self) -> Self:
        check_heartbeat(self, key="watchdog_ms", beat_ms=self.watchdog_ms)
        return self
