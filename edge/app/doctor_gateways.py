"""What the doctor asks about gateways."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from functools import partial

from edge.app.doctor_radio import check_broker
from edge.app.front_sharing import KIND_OF_DIALECT, shares
from edge.app.verdict import Verdict
from edge.config import SiteConfig
from edge.config.address import split_address
from edge.config.apollo import ApolloConfig
from edge.core.geodesy import LocalFrame
from edge.core.mercator import map_grid

CONNECT_TIMEOUT_S = 2.0
Check = Callable[[], tuple[Verdict, str]]


def gateway_checks(
    site: SiteConfig, *, port: Callable[[str, socket.SocketKind], tuple[Verdict, str]]
) -> list[tuple[str, Check]]:
    """Subject and check of every gateway of the site.

    Args:
        port: tells whether an address is free to listen on.
    """
    checks: list[tuple[str, Check]] = []
    apollo = site.apollo
    if apollo is not None:
        checks.append(("apollo map", lambda: _apollo_map(site, apollo)))
        checks.append(("port apollo", lambda: port(apollo.listen, socket.SOCK_STREAM)))
        checks += [(f"apollo {car}", lambda car=car: _car(car)) for car in apollo.cars]  # type: ignore[misc]
    if site.sharing is not None:
        checks.append(("sharing", lambda: _sharing(site)))
    if site.openv2x is not None:
        checks.append(("openv2x", partial(check_broker, site.openv2x)))
    return checks


def _sharing(site: SiteConfig) -> tuple[Verdict, str]:
    """What goes out through which radio, and why it may be nothing."""
    told = [
        f"{KIND_OF_DIALECT[radio.dialect]} through {radio.name}" for radio in site.rsu if shares(site, radio)
    ]
    if not told:
        return Verdict.BAD, "the site has no rsu: add a [[rsu]], or leave [sharing] out"
    if site.controller is None:
        return (
            Verdict.BAD,
            "radios are opened with a controller only: add [controller], or leave [sharing] out",
        )
    if not any(camera.detects for camera in site.camera):
        return Verdict.ODD, f"{', '.join(told)}; no camera looks for road users, so there is nothing to tell"
    return Verdict.GOOD, ", ".join(told)


def _apollo_map(site: SiteConfig, config: ApolloConfig) -> tuple[Verdict, str]:
    """Where the site lies on the cars' map, and how many lights they get."""
    from edge.road import load_intersection  # noqa: PLC0415 - heavy
    from edge.wire.apollo_lights import LightTable  # noqa: PLC0415 - heavy

    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)
    intersection = load_intersection(site.site.map, frame=frame)
    grid = map_grid(frame, zone=config.utm_zone)
    east_m, north_m = grid.origin_m
    lights = LightTable(intersection, grid).lights
    text = (
        f"{lights} lights; the site is at {east_m:.1f} m east, {north_m:.1f} m north on the cars' map, "
        f"turned by {math.degrees(grid.turn_rad):.2f} degrees"
    )
    if not lights:
        return Verdict.BAD, f"{text}; no vehicle lane of the MAP has a signal group: cars get no lights"
    if not config.junction_id:
        return Verdict.GOOD, f"{text}; junction id as each car says"
    return Verdict.GOOD, f"{text}; junction {config.junction_id}"


def _car(address: str) -> tuple[Verdict, str]:
    host, port = split_address(address)
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return (
            Verdict.ODD,
            f"cannot connect to {address}: {error}; is the car here, and its v2x module started?",
        )
    return Verdict.GOOD, f"{address} answers"
