"""Site configuration of what may be told of road users: in pictures, and by ids."""

from __future__ import annotations

from pydantic import Field

from edge.config.section import Section


class PrivacyConfig(Section):
    """`[privacy]`."""

    allow_unblurred: bool = Field(
        default=False,
        description="road users are blurred in every picture; true: --no-blur may switch that off",
    )
    pseudonym_minutes: int = Field(
        default=10,
        ge=0,
        le=1440,
        description="ids of road users are renewed after this; 0: they go out as on the radio (trials only)",
    )
