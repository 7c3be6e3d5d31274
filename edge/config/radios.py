"""Site configuration of radios: RSU 4.1 immediate forward, NTCIP 1218 (SNMPv3), MQTT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.access import BrokerSection
from edge.config.address import Target
from edge.config.section import Name, Section
from edge.config.security import SignConfig, check_signing

Dialect = Literal["j2735", "csae-a", "csae-b"]
LinkDialect = Literal["j2735", "csae-a", "csae-b", "etsi"]


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
Psids = dict[Literal["SPAT", "MAP", "RSM", "SDSM"], Psid]
"""Service identifiers by kind of message, where a radio wants others than the usual ones."""


class RadioSection(Section):
    """What every radio has."""

    name: Name
    dialect: LinkDialect
    sign: SignConfig | None = Field(default=None, description="sign here; default: the radio does")
    timing: Literal["counting", "utc"] = Field(default="counting", description="T/CSAE SPAT timing form")

    @model_validator(mode="after")
    def _can_sign(self) -> Self:
        check_signing(self.sign, dialect=self.dialect)
        return self


class SigningRsuSection(RadioSection):
    """What every RSU has that can make the IEEE 1609.2 header itself."""

    dialect: Dialect
    psid: Psids = Field(default_factory=dict, description="where the RSU wants others than the usual ones")
    rsu_signs: bool = Field(default=True, description="the RSU makes the IEEE 1609.2 header")

    @model_validator(mode="after")
    def _signed_once(self) -> Self:
        if self.sign is not None and self.rsu_signs:
            raise ValueError("sign and rsu_signs exclude each other: write rsu_signs = false")
        return self


class Ifm41Config(SigningRsuSection):
    """A radio with the RSU 4.1 immediate-forward interface (UDP text)."""

    type: Literal["ifm41"]
    address: Target = Field(description="of the RSU; the usual port is 1516")
    channel: int = Field(default=183, description="radio channel: 183 for C-V2X, 180 for DSRC")
    priority: int = Field(default=7, ge=0, le=7, description="7 is the highest")


class Ntcip1218Config(SigningRsuSection):
    """A radio with the NTCIP 1218 interface, over SNMPv3 with authentication and privacy."""

    type: Literal["ntcip1218"]
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
    first_row: int = Field(
        default=1,
        ge=1,
        le=63,
        description="SPAT gets this row, MAP the next, what [sharing] sends the one after",
    )
    shared: bool = Field(default=False, description="others use the table too: leave their rows alone")


class MqttRadioConfig(RadioSection, BrokerSection):
    """A radio or platform that takes messages from an MQTT broker."""

    type: Literal["mqtt"]
    dialect: LinkDialect
    esn: str = Field(pattern=r"^[^+#/\x00]{1,64}$", description="serial number of the RSU, part of the topic")
    topic: str = Field(default="V2X/RSU/{esn}/{kind}/DOWN", description="topic template")
    framing: Literal["plain", "hisense"] = "plain"
    acknowledged: bool = Field(default=True, description="false for a broker more than 80 ms away")
    station_id: int | None = Field(default=None, ge=0, le=0xFFFFFFFF, description="of ETSI messages")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.dialect == "etsi") != (self.station_id is not None):
            raise ValueError('station_id (0 to 4294967295) goes with dialect = "etsi", and only with it')
        if self.framing == "hisense" and len(self.esn.encode()) > 8:
            raise ValueError(f"esn {self.esn!r} is longer than the 8 characters of the hisense framing")
        return self


RsuConfig = Annotated[Ifm41Config | MqttRadioConfig | Ntcip1218Config, Field(discriminator="type")]
