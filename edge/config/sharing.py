"""Site configuration of what the node tells others of the road users that it senses."""

from __future__ import annotations

from pydantic import Field

from edge.config.section import Name, Section


class SharingConfig(Section):
    """`[sharing]`: road users that our sensors see go out through radios: RSM, SDSM or CPM by message set."""

    radios: tuple[Name, ...] = Field(
        default=(), max_length=16, description="names of rsu; default: every one"
    )
    rate_hz: float = Field(
        default=10.0, ge=1, le=10, description="at most; halved while a link does not keep up"
    )
    frames: int = Field(
        default=2, ge=1, le=4, description="messages at a time, of 1,400 octets or 16 participants at most"
    )
    station_id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{16}$",
        description="sender: 8 octets in hexadecimal, of which SDSM takes the last 4; default: made of site.id",
    )
