"""What a site senses and hears with, as it is told to subscribers."""

from __future__ import annotations

from edge.config import SiteConfig
from edge.core.v2x import VEHICLES


def v2x_links(site: SiteConfig) -> list[str]:
    """Links on which road users speak of themselves."""
    names = [link.name for link in site.v2x]
    names += [site.apollo.name] if site.apollo is not None else []
    return names + ([VEHICLES] if site.grpc.vehicle_reports else [])


def sensors_of(site: SiteConfig) -> list[tuple[str, str]]:
    """Name and kind of each: camera, v2x, radio, controller."""
    found = [(camera.name, "camera") for camera in site.camera]
    found += [(name, "v2x") for name in v2x_links(site)]
    found += [(radio.name, "radio") for radio in site.rsu]
    if site.controller is not None:
        found.append((site.controller.name, "controller"))
    return found
