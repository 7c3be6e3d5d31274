"""The calibration page's web server: the standard library's, for one engineer at a time, reached by a secret address.

Every address begins with a random token, so that other users of the machine cannot reach it; the Host and Origin
headers are checked, so that other pages in the engineer's browser cannot (DNS rebinding, cross-site requests).
"""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import secrets
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.app.calibrate_session import CalibrationSession
from edge.config.address import is_own_host
from edge.core.errors import DeviceError, EdgeError

_log = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "calibrate_page"
LARGEST_BODY = 256 * 1024
MOST_CONNECTIONS = 16
READ_TIMEOUT_S = 10.0
REQUEST_TIMEOUT_S = 120.0
"""Of a whole request: a picture over a slow tunnel takes its time."""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _RefusedError(Exception):
    """A request that is not served: status and words."""

    def __init__(self, status: HTTPStatus, words: str) -> None:
        self.status, self.words = status, words
        super().__init__(words)


class CalibrationServer(ThreadingHTTPServer):
    """The page at `url`; serves while `serve_forever` runs.

    Args:
        session: what the page works on.
        host, port: where to listen; port 0 takes a free one.

    Raises:
        DeviceError: the address cannot be used.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 2 * MOST_CONNECTIONS

    def __init__(self, session: CalibrationSession, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.session = session
        self.host = host
        self.token = secrets.token_urlsafe(24)
        self.pages = {
            file.name: file.read_bytes() for file in sorted(PAGE.iterdir()) if file.suffix in _TYPES
        }
        self._slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise DeviceError(
                f"port {port}",
                error.strerror or str(error),
                remedy="stop the other program that uses it, or choose another --port",
            ) from error

    @property
    def url(self) -> str:
        """The address with its token."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}/{self.token}/"

    def server_bind(self) -> None:
        """Bind without asking DNS for our own name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread of its own, or hang up when too many are busy."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except Exception:  # no thread could be started; one that was gives its slot back itself
            self._slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection within its time and give its slot back."""
        watch = threading.Timer(REQUEST_TIMEOUT_S, _hang_up, (request,))
        watch.daemon = True
        watch.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            watch.cancel()
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is nothing; a bug goes into the log. The others are served on."""
        gone = isinstance(sys.exception(), ConnectionError | TimeoutError)
        _log.log(
            logging.DEBUG if gone else logging.ERROR, "request of %s failed", client_address, exc_info=True
        )


class _Handler(BaseHTTPRequestHandler):
    """One request per connection."""

    server: CalibrationServer
    server_version = "edge"
    sys_version = ""
    timeout = READ_TIMEOUT_S

    def do_GET(self) -> None:
        """Page, session, pictures."""
        self._serve(self._get)

    def do_POST(self) -> None:
        """Fit, save, another picture."""
        self._serve(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Requests are not worth a line; the token must not get into a log."""

    def _serve(self, answer: Callable[[str], None]) -> None:
        try:
            answer(self._checked_path())
        except _RefusedError as refused:
            self._send_json({"error": refused.words}, refused.status)
        except DeviceError as error:
            self._send_json({"error": str(error)}, HTTPStatus.BAD_GATEWAY)
        except EdgeError as error:
            self._send_json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)

    def _checked_path(self) -> str:
        """What is asked for, behind the token."""
        host = self.headers.get("Host", "")
        if not is_own_host(host, listening=self.server.host):
            raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "open the address that the command printed")
        token, _, rest = urlsplit(self.path).path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _RefusedError(
                HTTPStatus.FORBIDDEN, "the address lacks its secret part: open the one that was printed"
            )
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            raise _RefusedError(HTTPStatus.FORBIDDEN, "another page may not ask")
        return rest

    def _get(self, path: str) -> None:
        session = self.server.session
        if path == "session":
            self._send_json(session.describe())
        elif path == "picture":
            self._send(session.picture.png, "image/png")
        elif path == "ortho" and session.ortho is not None:
            self._send(session.ortho.picture.png, "image/png")
        elif (path or "index.html") in self.server.pages:
            name = path or "index.html"
            self._send(self.server.pages[name], _TYPES[Path(name).suffix])
        else:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")

    def _post(self, path: str) -> None:
        session = self.server.session
        if path not in {"fit", "save", "retake"}:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "there is no such action")
        body = self._body()
        if path == "retake":
            self._send_json(session.retake())
        else:
            self._send_json(session.fit(body) if path == "fit" else session.save(body))

    def _body(self) -> dict[str, Any]:
        """The JSON object that was sent; bounded in size and time."""
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "tell the length of the body")
        if len(length) > 9 or int(length) > LARGEST_BODY:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
        data = self._read(int(length))
        try:
            body = json.loads(data, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from error
        if not isinstance(body, dict):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
        return body

    def _read(self, length: int) -> bytes:
        deadline = time.monotonic() + READ_TIMEOUT_S
        data = bytearray()
        while len(data) < length:
            if time.monotonic() > deadline:
                raise _RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the body came too slowly")
            part = self.rfile.read1(length - len(data))
            if not part:
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is shorter than was told")
            data += part
        return bytes(data)

    def _send_json(self, value: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(value, allow_nan=False).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _hang_up(request: socket.socket) -> None:
    """Wake a thread that still reads or writes; the connection may be closed already."""
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
