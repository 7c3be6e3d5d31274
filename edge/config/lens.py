"""The `lens` of a camera in the site file: what its calibration with OpenCV said."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edge.config.section import Section

_SHORTEST = 0.1
"""Focal length, in widths of the picture: a pinhole of 157 degrees. Less is one in millimetres."""


class LensConfig(Section):
    """Intrinsic calibration, in pixels of the camera's `image_size`."""

    model: Literal["pinhole", "fisheye"] = "pinhole"
    fx: float = Field(gt=0, allow_inf_nan=False, description="focal length, px")
    fy: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="default: fx")
    cx: float | None = Field(
        default=None, allow_inf_nan=False, description="principal point, px; default: the middle"
    )
    cy: float | None = Field(
        default=None, allow_inf_nan=False, description="principal point, px; default: the middle"
    )
    k1: float = Field(default=0.0, allow_inf_nan=False)
    k2: float = Field(default=0.0, allow_inf_nan=False)
    p1: float = Field(default=0.0, allow_inf_nan=False, description="pinhole only")
    p2: float = Field(default=0.0, allow_inf_nan=False, description="pinhole only")
    k3: float = Field(default=0.0, allow_inf_nan=False)
    k4: float = Field(default=0.0, allow_inf_nan=False, description="fisheye only")

    @model_validator(mode="after")
    def _of_the_model(self) -> Self:
        foreign = ("p1", "p2") if self.model == "fisheye" else ("k4",)
        for key in foreign:
            if getattr(self, key):
                raise ValueError(f"{key} is no coefficient of model {self.model!r}: leave it out")
        return self

    def check_width(self, width: int) -> None:
        """Raises `ValueError` where the focal length is no number of pixels of a picture of this width."""
        if self.fx < _SHORTEST * width:
            raise ValueError(
                f"lens.fx = {self.fx:g} is too short for pixels of a picture {width} wide: "
                "give millimetres x picture width / sensor width"
            )

    @property
    def coefficients(self) -> tuple[float, ...]:
        """In OpenCV's order."""
        if self.model == "fisheye":
            return (self.k1, self.k2, self.k3, self.k4)
        return (self.k1, self.k2, self.p1, self.p2, self.k3)
