"""Site configuration of signal controllers: a new protocol needs its class here and a builder in `edge/app`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edge.config.address import Address
from edge.config.controller import ControllerSection, TimeZone
from edge.config.ntcip import Ntcip1202Config
from edge.config.rsmp import RsmpConfig
from edge.config.tlcfi import TlcfiConfig


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


ControllerConfig = Annotated[
    TscbmConfig | Ntcip1202Config | RsmpConfig | TlcfiConfig, Field(discriminator="type")
]
