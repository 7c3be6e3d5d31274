"""Site configuration of the signal heads that a camera reads."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edge.config.section import Section

LampColour = Literal["red", "amber", "green"]


class LampConfig(Section):
    """One signal head in a camera's picture; pixels refer to the camera's `image_size`."""

    signal_group: int = Field(ge=1, le=255, description="SignalGroupID of the MAP that the head shows")
    box: tuple[float, float, float, float] | None = Field(
        default=None, description="x1, y1, x2, y2 px round the lamps, close to their rims"
    )
    centres: tuple[tuple[float, float], ...] = Field(
        default=(), description="u, v px of each lamp, in place of a box"
    )
    radius_px: float | None = Field(default=None, ge=2.0, description="of a lamp, with centres")
    layout: Literal["vertical", "horizontal"] = "vertical"
    order: tuple[LampColour, ...] = Field(
        default=("red", "amber", "green"), description="from the top, or from the left"
    )

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if not 1 <= len(self.order) <= 3 or len(set(self.order)) != len(self.order):
            raise ValueError("order needs one to three different colours, as in ['red', 'green']")
        if (self.box is None) == (not self.centres):
            raise ValueError("give either box, or centres with radius_px")
        if self.box is not None and not (self.box[2] > self.box[0] and self.box[3] > self.box[1]):
            raise ValueError("box must be x1, y1, x2, y2 with x2 > x1 and y2 > y1")
        if self.centres and (self.radius_px is None or len(self.centres) != len(self.order)):
            raise ValueError(f"centres needs radius_px and one centre for each of {', '.join(self.order)}")
        return self

    def check_size(self, size: tuple[int, int]) -> None:
        """Raises `ValueError` where a lamp lies outside a picture of this width and height."""
        for u, v, _radius in self.discs():
            if not (0 <= u <= size[0] and 0 <= v <= size[1]):
                raise ValueError(
                    f"lamp of signal group {self.signal_group}: {u:.0f}, {v:.0f} px is outside image_size "
                    f"{size[0]} x {size[1]}: box is x1, y1, x2, y2 in its pixels"
                )

    def discs(self) -> tuple[tuple[float, float, float], ...]:
        """u, v and radius of each lamp, px."""
        if self.box is None:
            return tuple((u, v, self.radius_px or 0.0) for u, v in self.centres)
        left, top, right, bottom = self.box
        count, width, height = len(self.order), right - left, bottom - top
        if self.layout == "vertical":
            radius = min(width, height / count) / 2
            return tuple((left + width / 2, top + height * (i + 0.5) / count, radius) for i in range(count))
        radius = min(width / count, height) / 2
        return tuple((left + width * (i + 0.5) / count, top + height / 2, radius) for i in range(count))
