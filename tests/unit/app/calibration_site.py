"""A site for the calibration tests: one rendered camera whose true pixels are known."""

from __future__ import annotations

import json
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.app.calibrate import make_server
from edge.app.calibrate_server import CalibrationServer
from edge.app.demo_site import SCENE_DIRECTORY, free_ports, write_site
from edge.core.geodesy import LocalFrame
from hw.sim.camera_placement import calibration_points, load_cameras
from hw.sim.pinhole import PinholeCamera

CAMERA = "south_west"
REMARK = "# Seen from the pole at the corner."


def pinhole() -> PinholeCamera:
    return load_cameras(SCENE_DIRECTORY / "cameras.toml")[CAMERA]


def frame() -> LocalFrame:
    return LocalFrame(**tomllib.loads((SCENE_DIRECTORY / "scene.toml").read_text())["origin"])


def write_commented_site(folder: Path) -> Path:
    """The demo's site file with a comment in the camera's section."""
    path = write_site(folder, free_ports())
    path.write_text(path.read_text().replace(f'name = "{CAMERA}"', f'name = "{CAMERA}"  {REMARK}'))
    return path


def write_picture(folder: Path, *, scale: int = 1) -> Path:
    """A picture of the camera's size; what it shows does not matter."""
    camera = pinhole()
    path = folder / "picture.png"
    cv2.imwrite(str(path), np.full((camera.height * scale, camera.width * scale, 3), 90, dtype=np.uint8))
    return path


def true_points() -> list[dict[str, Any]]:
    """Twelve points whose pixels are exact."""
    return [
        {"u": u, "v": v, "x": x, "y": y, "note": f"spot {k}"}
        for k, (u, v, x, y) in enumerate(calibration_points(pinhole()), start=1)
    ]


class Client:
    """Asks a server over real HTTP."""

    def __init__(self, server: CalibrationServer) -> None:
        self.port, self.token = server.server_address[1], server.token

    def ask(
        self, path: str, body: object = None, *, token: str | None = None, **headers: str
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body (JSON decoded) and headers; a POST where there is a body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            if data is not None:
                sent = {"Content-Type": "application/json", **sent}
            url = f"/{self.token if token is None else token}/{path}"
            connection.request("GET" if data is None else "POST", url, data, sent)
            answer = connection.getresponse()
            content = answer.read()
            found = {name.lower(): value for name, value in answer.getheaders()}
            is_json = found.get("content-type") == "application/json"
            return answer.status, json.loads(content) if is_json else content, found
        finally:
            connection.close()


@contextmanager
def serving(site: Path, **options: Any) -> Iterator[Client]:
    """A page for the camera while inside."""
    server = make_server(site, camera=CAMERA, **options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Client(server)
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
