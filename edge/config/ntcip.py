"""Site configuration of NEMA controllers that are asked over SNMP (NTCIP 1202 v02)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.address import Address, Target
from edge.config.controller import ControllerSection, TimeZone
from edge.config.section import Section

LIVENESS_PERIODS = 2.5
_PUSH_LIVENESS_MS = 300
_OID = re.compile(r"[012](\.\d{1,10}){3,127}")


def _oid(text: str) -> str:
    if not _OID.fullmatch(text):
        raise ValueError(f"{text!r} is no object identifier: write one like 1.3.6.1.4.1.1206.3.5.2.9.44.1.0")
    return text


class NtcipPushConfig(Section):
    """The controller pushes TSCBM in place of being polled; the node switches that on, which is a write."""

    listen: Address = Field(description="UDP address that the controller sends to, as set at its front panel")
    senders: tuple[str, ...] = Field(default=(), description="addresses that may send; empty: any host")
    pedestrian_calls: bool = Field(default=True, description="245 octets with pedestrian calls, or 241")
    switch: Annotated[str, AfterValidator(_oid)] = Field(
        default="1.3.6.1.4.1.1206.3.5.2.9.44.1.0", description="object that is set; default: Econolite's"
    )
    time_zone: TimeZone = Field(
        default=None, description="zone of the controller's clock, e.g. Asia/Shanghai; default UTC"
    )
    clock_error_limit_ms: int = Field(
        default=200, ge=0, le=2000, description="use arrival time beyond this clock offset, ms"
    )


class NtcipControlConfig(Section):
    """Phase control. Whatever stands here may be written to the controller; without this section nothing is."""

    commands: tuple[
        Literal["hold", "phase_omit", "ped_omit", "force_off", "vehicle_call", "pedestrian_call"], ...
    ] = Field(min_length=1, description="what may be commanded")
    phases: tuple[Annotated[int, Field(ge=1, le=32)], ...] = Field(
        min_length=1, description="phases that may be commanded"
    )
    lease_ms: int = Field(
        default=2000, ge=200, le=30_000, description="how long a command lasts that nobody repeats, ms"
    )
    refresh_ms: int = Field(
        default=1000, ge=100, le=30_000, description="how often a standing command is written again, ms"
    )
    interval_ms: int = Field(
        default=500, ge=100, le=60_000, description="least time between two changes of one object, ms"
    )
    most_backup_s: int = Field(
        default=60, ge=1, le=3600, description="largest unitBackupTime of the controller that is accepted, s"
    )


class Ntcip1202Config(ControllerSection):
    """A NEMA controller that is polled over SNMP, or told over SNMP to push TSCBM."""

    files: ClassVar[tuple[str, ...]] = ("community_file", "write_community_file")
    type: Literal["ntcip1202"]
    address: Target = Field(description="the controller's SNMP agent; the usual ports are 161 and 501")
    version: Literal["1", "2c"] = Field(default="1", description="SNMP version that the agent speaks")
    community: str = Field(
        default="public", min_length=1, max_length=255, description="community for reading"
    )
    community_file: Path | None = Field(default=None, description="file that holds it, in place of community")
    write_community_file: Path | None = Field(
        default=None, description="file with the community for writing; default: that for reading"
    )
    poll_ms: int = Field(default=100, ge=50, le=5000, description="how often the lamps are asked for, ms")
    timeout_ms: int | None = Field(
        default=None, ge=10, le=5000, description="wait for an answer, ms; default: until the next poll"
    )
    status_lag_ms: int = Field(
        default=100, ge=0, le=5000, description="how old the controller's own status may be, ms"
    )
    push: NtcipPushConfig | None = Field(default=None, description="pushed in place of polled")
    control: NtcipControlConfig | None = Field(default=None, description="phase control; default: read-only")

    @model_validator(mode="before")
    @classmethod
    def _default_liveness(cls, values: Any) -> Any:
        """Two and a half polls, or what TSCBM has."""
        if not isinstance(values, dict) or "liveness_ms" in values:
            return values
        poll_ms = values.get("poll_ms", 100)
        if values.get("push") is not None or not isinstance(poll_ms, int):
            return values | {"liveness_ms": _PUSH_LIVENESS_MS}
        return values | {"liveness_ms": max(150, round(poll_ms * LIVENESS_PERIODS))}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.push is not None and self.control is not None:
            raise ValueError("control needs a polled controller: leave push out, or control")
        least_ms = round(self.poll_ms * LIVENESS_PERIODS)
        if self.push is None and self.liveness_ms < least_ms:
            raise ValueError(
                f"liveness_ms is below 2.5 polls of {self.poll_ms} ms, one lost answer would withdraw the signals: "
                f"write {least_ms} or more, or leave it out"
            )
        return self
