"""Site configuration of radios with the NTCIP 1218 interface (SNMPv3)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.address import Target
from edge.config.section import Name, Section
from edge.config.security import SignConfig, check_signing


def _p_encoded(psid: int) -> int:
    """Refuse a number that no PSID looks like on the wire. IEEE 1609.12, 5.1."""
    ranges = ((0, 0x7F), (0x8000, 0xBFFF), (0xC0_0000, 0xDF_FFFF), (0xE000_0000, 0xEFFF_FFFF))
    if not any(low <= psid <= high for low, high in ranges):
        raise ValueError(
            f"{psid:#x} is no PSID as written on the wire: use 0x0-0x7F, 0x8000-0xBFFF, 0xC00000-0xDFFFFF "
            "or 0xE0000000-0xEFFFFFFF"
        )
    return psid


Psid = Annotated[int, AfterValidator(_p_encoded)]
Psids = dict[Literal["SPAT", "MAP"], Psid]
"""Service identifiers by kind of message, where a radio wants others than the usual ones."""


class Ntcip1218Config(Section):
    """A radio with the NTCIP 1218 interface, over SNMPv3 with authentication and privacy."""

    type: Literal["ntcip1218"]
    name: Name
    dialect: Literal["j2735", "csae-a", "csae-b"]
    address: Target = Field(description="of the RSU; the usual port is 161")
    user: str = Field(min_length=1, max_length=32, description="SNMPv3 user that may write")
    auth: Literal["sha1", "sha256", "sha512"] = Field(default="sha512", description="authentication")
    auth_file: Path = Field(description="file that holds the passphrase of auth")
    privacy: Literal["aes128", "aes256-blumenthal", "aes256-reeder"] = Field(
        default="aes256-blumenthal",
        description="encryption; net-snmp calls the AES-256 kinds AES-256 and AES-256-C",
    )
    privacy_file: Path = Field(description="file that holds the passphrase of privacy")
    channel: int = Field(default=183, ge=0, le=255, description="183 for C-V2X, 172, 178 or 180 for DSRC")
    priority: int = Field(default=6, ge=0, le=63, description="of the rows")
    first_row: int = Field(default=1, ge=1, le=63, description="SPAT gets this row, MAP the next")
    shared: bool = Field(default=False, description="others use the table too: leave their rows alone")
    psid: Psids = Field(default_factory=dict, description="where the RSU wants others than the usual ones")
    rsu_signs: bool = Field(default=True, description="the RSU makes the IEEE 1609.2 header")
    sign: SignConfig | None = Field(default=None, description="sign here; default: the radio does")
    timing: Literal["counting", "utc"] = Field(default="counting", description="T/CSAE SPAT timing form")

    @model_validator(mode="after")
    def _signed_once(self) -> Self:
        check_signing(self.sign, dialect=self.dialect)
        if self.sign is not None and self.rsu_signs:
            raise ValueError("sign and rsu_signs exclude each other: write rsu_signs = false")
        return self
