"""What every section of the site file has in common: frozen, and unknown keys are refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", description="lower case, used in health and metrics")
]
