"""What every section of the site file has in common: frozen, and unknown keys are refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge.core.providers import KNOWN, short_name


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$", description="lower case, used in health and metrics")
]


def _provider(name: str) -> str:
    short = short_name(name)
    if short is None:
        raise ValueError(f"{name!r} is no provider: use some of {', '.join(KNOWN)}")
    return short


Provider = Annotated[str, AfterValidator(_provider)]
"""Short name of what a network runs on; ONNX Runtime's long names are taken too."""
ProviderOptions = dict[Provider, dict[str, str | bool | int | float]]
"""Options of providers, by provider."""
