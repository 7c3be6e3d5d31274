"""`edge calibrate`: serves the calibration page of one camera until Ctrl-C."""

from __future__ import annotations

import ipaddress
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from edge.app.anonymiser import anonymiser_of
from edge.app.calibrate_ortho import load_ortho
from edge.app.calibrate_picture import Picture, picture_of_camera, picture_of_file
from edge.app.calibrate_server import CalibrationServer
from edge.app.calibrate_session import CalibrationSession, camera_named
from edge.config import SiteConfig, load_draft
from edge.config.address import is_loopback
from edge.config.site import CameraConfig
from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.road import load_intersection

Say = Callable[[str], None]


def make_server(
    site_path: Path,
    *,
    camera: str | None,
    image: Path | None = None,
    ortho: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    unblurred: bool = False,
    say: Say = lambda _line: None,
) -> CalibrationServer:
    """The server of one camera's page, listening but not yet serving.

    Args:
        site_path: the site file; its camera need not have points yet.
        camera: name in the site file; None: the only one.
        image: picture to calibrate on; None: one frame of the camera.
        ortho: aerial picture with a world file beside it.
        host, port: where to listen; port 0 takes a free one.
        unblurred: show road users in the pictures of the camera, where the site allows it.
        say: gets lines for the terminal.

    Raises:
        ConfigError: the site, the map, the picture or the camera's name is wrong.
        DeviceError: the camera gives no picture, or the port is taken.
        ModelError: the detector does not load, so that nobody could be blurred.
    """
    site = load_draft(site_path)
    config = _only_camera(site) if camera is None else camera_named(site, camera)
    frame = LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)
    intersection = load_intersection(site.site.map, frame=frame)
    take: Callable[[], Picture] | None = None
    if image is None:
        say(f"taking a picture from {config.name} ...")
        anonymiser = anonymiser_of(site, config, unblurred=unblurred)
        take = partial(picture_of_camera, config, anonymiser=anonymiser)
        picture = take()
    else:
        picture = picture_of_file(image)
    session = CalibrationSession(
        site_path,
        config.name,
        intersection=intersection,
        picture=picture,
        take=take,
        ortho=None if ortho is None else load_ortho(ortho, frame),
        say=say,
    )
    return CalibrationServer(session, host=host, port=port)


def check_host(host: str, *, allow_plaintext: bool) -> None:
    """The page goes off this machine only where that is asked for. Raises `ConfigError`."""
    try:
        wildcard = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        wildcard = False
    if wildcard:
        raise ConfigError("--host", f"{host} is every interface", remedy="give the address of one of them")
    if not is_loopback(host) and not allow_plaintext:
        raise ConfigError(
            "--host",
            f"{host} is not loopback and there is no TLS",
            remedy="keep 127.0.0.1 and use ssh -L, or pass --allow-plaintext on a closed network",
        )


def serve(server: CalibrationServer, *, say: Say) -> None:
    """Serve until Ctrl-C or SIGTERM; from the main thread. A shell's background job would ignore Ctrl-C else."""
    for sent in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sent, signal.default_int_handler)
    port = server.server_address[1]
    say(f"open {server.url}")
    say(
        f"from another machine: ssh -L {port}:127.0.0.1:{port} THIS-BOX, then the same address; Ctrl-C ends it"
    )
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        say("ended")
    finally:
        server.server_close()


def _only_camera(site: SiteConfig) -> CameraConfig:
    cameras = [camera for camera in site.camera if camera.detects]
    if len(cameras) == 1:
        return cameras[0]
    if not cameras:
        raise ConfigError("camera", "the site has no camera", remedy="add a [[camera]] with name and source")
    raise ConfigError(
        "--camera", "say which", remedy=f"one of {', '.join(camera.name for camera in cameras)}"
    )
