"""Site configuration of signal priority: which certificates may ask for it, and for how much."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge.config.section import Section

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\*?")


def _certificate_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name of a certificate: write NAME of its edge://vehicle/NAME, e.g. bus-17, or how such "
            "names begin and a star, e.g. bus-*"
        )
    return text


CertificateNames = Annotated[
    tuple[Annotated[str, AfterValidator(_certificate_name)], ...], Field(max_length=1000)
]


class PriorityConfig(Section):
    """`[priority]`: vehicles that may ask for a green. Without this section every request is rejected."""

    emergency: CertificateNames = Field(default=(), description="certificates of fire, ambulance, police")
    public_transport: CertificateNames = Field(default=(), description="certificates of buses and trams")
    freight: CertificateNames = Field(default=(), description="certificates of trucks")
    radio: tuple[Literal["emergency", "public_transport", "freight"], ...] = Field(
        default=(),
        description="levels at which vehicles may ask by SRM whose signature a v2x link has verified for it",
    )
    ahead_s: float = Field(
        default=15.0, ge=1, le=60, description="a red is worked on so long before the arrival, at most"
    )
    most_hold_s: float = Field(default=15.0, ge=1, le=120, description="a green is held for so long, at most")
    most_presence_s: float = Field(
        default=60.0, ge=5, le=300, description="one service lasts so long, at most"
    )
    lockout_s: float = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="after a service nobody below emergency is served for so long",
    )
    lease_s: float = Field(
        default=3.0, ge=1.5, le=10, description="a request that is not repeated for so long is cancelled"
    )

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.emergency + self.public_transport + self.freight + self.radio:
            raise ValueError(
                "nobody may ask: name certificates in emergency, public_transport or freight, or leave [priority] out"
            )
        return self

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.most_presence_s < self.ahead_s:
            raise ValueError(
                f"most_presence_s {self.most_presence_s:g} is shorter than ahead_s {self.ahead_s:g}: a service would "
                "end before its vehicle comes"
            )
        return self
