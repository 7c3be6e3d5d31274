"""Site configuration of pictures that leave a camera's process: recordings, previews, the calibration page."""

from __future__ import annotations

from pydantic import Field

from edge.config.section import Section


class PrivacyConfig(Section):
    """`[privacy]`."""

    allow_unblurred: bool = Field(
        default=False,
        description="road users are blurred in every picture; true: --no-blur may switch that off",
    )
