"""Site configuration of signal controllers: a new protocol needs its class here and a builder in `edge/app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge.config.address import Address
from edge.config.controller import ControllerSection, TimeZone
from edge.config.gb20999 import Gb20999Config
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


class SpatConfig(ControllerSection):
    """A controller or RSU that encodes SAE J2735 SPAT itself: RSU 4.1 text over UDP; its groups are of kind `group`."""

    type: Literal["spat"]
    listen: Address = Field(description="UDP address that it sends to; the usual port is 1516")
    senders: tuple[str, ...] = Field(default=(), description="addresses that may send; empty: any host")
    intersection: int | None = Field(
        default=None, ge=0, le=65_535, description="id in the message; default: there is only one in it"
    )
    clock_error_limit_ms: int = Field(
        default=200, ge=0, le=2000, description="use arrival time beyond this clock offset, ms"
    )


class ReplayConfig(ControllerSection):
    """A recording of signal snapshots in place of a controller, for tests and demonstrations."""

    files: ClassVar[tuple[str, ...]] = ("file",)
    type: Literal["replay"]
    file: Path = Field(description="JSON lines; see hw/signal/README.md")
    pace: Literal["real", "fast"] = Field(default="real", description="fast waits for nothing")
    stamps: Literal["now", "original"] = Field(
        default="now", description="move all times to now, or leave them; the node withdraws what is old"
    )
    at_end: Literal["stop", "repeat", "wait"] = Field(
        default="repeat", description="wait: for more to be written"
    )


ControllerConfig = Annotated[
    TscbmConfig | Ntcip1202Config | Gb20999Config | RsmpConfig | TlcfiConfig | SpatConfig | ReplayConfig,
    Field(discriminator="type"),
]
