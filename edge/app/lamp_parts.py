"""Builds the reader of a camera's signal heads from the site file."""

from __future__ import annotations

from edge.config.site import CameraConfig
from edge.perception.lamps import Head, LampReader


def lamp_heads(config: CameraConfig, *, image_size: tuple[int, int]) -> tuple[Head, ...]:
    """The heads in pixels of a picture of this size."""
    width, height = config.image_size or image_size
    across, down = image_size[0] / width, image_size[1] / height
    return tuple(
        Head(
            lamp.signal_group,
            lamp.order,
            tuple((u * across, v * down, radius * min(across, down)) for u, v, radius in lamp.discs()),
        )
        for lamp in config.lamp
    )


def lamp_reader(config: CameraConfig, *, image_size: tuple[int, int]) -> LampReader | None:
    """The reader; None for a camera without heads in view."""
    heads = lamp_heads(config, image_size=image_size)
    return LampReader(heads) if heads else None
