"""What a site senses and hears with, as it is told to subscribers."""

from __future__ import annotations

from edge.config import SiteConfig


def sensors_of(site: SiteConfig) -> list[tuple[str, str]]:
    """Name and kind of each: camera, v2x, radio, controller."""
    found = [(camera.name, "camera") for camera in site.camera]
    found += [(link.name, "v2x") for link in site.v2x]
    found += [(radio.name, "radio") for radio in site.rsu]
    if site.controller is not None:
        found.append((site.controller.name, "controller"))
    return found
