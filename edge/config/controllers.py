"""Site configuration of signal controllers. A new protocol: its class here, its builder in `edge/app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from edge.config.address import Address, Target
from edge.config.controller import ControllerSection, TimeZone


class TscbmConfig(ControllerSection):
    """A NEMA controller that pushes TSCBM ("Battelle SPaT") over UDP at 10 Hz."""

    type: Literal["tscbm"]
    listen: Address = Field(description="UDP address that the controller sends to; the usual port is 6053")
    senders: tuple[str, ...] = Field(default=(), description="addresses that may send; empty: any host")
    time_zone: TimeZone = Field(
        default=None, description="zone of the controller's clock, e.g. Asia/Shanghai; default UTC"
    )
    clock_error_limit_ms: int = Field(
        default=200, ge=0, le=2000, description="use arrival time beyond this clock offset, ms"
    )


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
        _check_heartbeat(self, key="watchdog_ms", beat_ms=self.watchdog_ms)
        return self


class TlcfiConfig(ControllerSection):
    """A Dutch iVRI with TLC-FI: we connect as a consumer.

    `id` of a group is its TLC-FI id ("02"); without it the id that is the same number is meant.
    """

    files: ClassVar[tuple[str, ...]] = ("password_file",)
    named_groups: ClassVar[bool] = True
    type: Literal["tlcfi"]
    address: Target = Field(description="of the TLC's TLC-FI server, e.g. 192.168.10.5:11501")
    username: str = Field(default="", max_length=64)
    password_file: Path | None = Field(
        default=None, description="file that holds the password, never the password"
    )
    uri: str = Field(default="http://localhost", description="uri that we register with")
    intersection: str | None = Field(
        default=None, max_length=64, description="id of the intersection; default: the TLC has one"
    )
    confidence: Literal["j2735", "percent"] = Field(
        default="j2735", description="what the TLC's confidence counts: J2735's 0 to 15, or per cent"
    )
    alive_ms: int = Field(
        default=500, ge=100, le=60_000, description="between our heartbeats, which the TLC sends back, ms"
    )
    reply_timeout_ms: int = Field(
        default=5000, ge=200, le=60_000, description="how long an answer may take, ms"
    )
    liveness_ms: int = Field(
        default=2000, ge=300, le=120_000, description="silence after which signals are withdrawn, ms"
    )

    @model_validator(mode="after")
    def _lives(self) -> Self:
        _check_heartbeat(self, key="alive_ms", beat_ms=self.alive_ms)
        return self


def _check_heartbeat(section: ControllerSection, *, key: str, beat_ms: int) -> None:
    """A controller that only speaks on change lives by its heartbeat: two may be late before it is dead."""
    if section.liveness_ms < 2 * beat_ms:
        raise ValueError(
            f"liveness_ms {section.liveness_ms} is less than two heartbeats: "
            f"write at least {2 * beat_ms}, or less than {section.liveness_ms // 2} in {key}"
        )


ControllerConfig = Annotated[TscbmConfig | RsmpConfig | TlcfiConfig, Field(discriminator="type")]
