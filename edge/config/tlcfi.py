"""Site configuration of controllers that speak TLC-FI."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from edge.config.address import Target
from edge.config.controller import ControllerSection, check_heartbeat


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
        check_heartbeat(self, key="alive_ms", beat_ms=self.alive_ms)
        return self
