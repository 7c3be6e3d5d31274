"""A simulated RTSP camera on loopback that follows a script: true or forged clocks, jitter, loss, faults.

Every picture shows the true time at which it was taken (`hw.sim.time_code`). `python -m hw.sim.rtsp_server --help`.
RTSP 1.0 (RFC 2326) over TCP; RTP over the same connection or over UDP.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

from hw.sim.rtsp_script import ForgedClock, Reports, RtspScript
from hw.sim.rtsp_stream import Channel, Stream, TcpChannel, UdpChannel

_log = logging.getLogger(__name__)
_HOST = "127.0.0.1"
_REQUEST_LIMIT = 8192
_JOIN_S = 5.0
_PAYLOAD_TYPES = {"h264": 96, "h265": 97, "mjpeg": 26}
_MAPS = {"h264": "96 H264/90000", "h265": "97 H265/90000", "mjpeg": "26 JPEG/90000"}


class RtspServer:
    """Serves while it is entered; each client has a stream of its own that begins with a key picture.

    Args:
        script: may be changed between two clients through the attribute of that name.
        port: 0: any free one.

    Attributes:
        played: `tcp` or `udp`, for each stream so far.
    """

    def __init__(self, script: RtspScript | None = None, *, port: int = 0) -> None:
        self.script = script or RtspScript()
        self.played: list[str] = []
        self._listener = socket.create_server((_HOST, port))
        self.port = int(self._listener.getsockname()[1])
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"rtsp://{_HOST}:{self.port}/cam"

    def __enter__(self) -> RtspServer:
        self._spawn(self._accept, "rtsp server")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Cut every connection and end; safe to call twice."""
        self._stopped.set()
        # A blocked accept() wakes up by shutdown, not by close.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _spawn(self, work: Callable[..., None], name: str, *arguments: object) -> None:
        thread = threading.Thread(target=work, name=name, args=arguments, daemon=True)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _address = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, "rtsp session", client)

    def _serve(self, client: socket.socket) -> None:
        session = _Session(self.script, client, self._stopped)
        try:
            with client, session:
                session.negotiate()
                if session.channel is not None and session.playing:
                    self.played.append("udp" if isinstance(session.channel, UdpChannel) else "tcp")
                    session.stream()
        except OSError as error:
            _log.debug("client gone: %s", error)


@dataclass(slots=True)
class _Session:
    """One client, from its first request to the end of its stream."""

    script: RtspScript
    client: socket.socket
    stopped: threading.Event
    channel: Channel | None = None
    playing: bool = False
    _received: bytes = b""
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> _Session:
        self.client.settimeout(0.2)
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.close()

    def negotiate(self) -> None:
        """Answer requests until PLAY."""
        for request in self._requests():
            self._answer(request)
            if self.playing or request.startswith("TEARDOWN"):
                return

    def stream(self) -> None:
        """Send pictures until the client leaves, the script ends or the server stops."""
        assert self.channel is not None
        stream = Stream(self.script, self.channel, payload_type=_PAYLOAD_TYPES[self.script.codec])
        self.client.setblocking(True)
        stream.run(stopped=self.stopped, wait=self._hear)

    def _hear(self, wait_s: float) -> bool:
        """Wait, and drain what the client says meanwhile; whether it is still there."""
        self.client.settimeout(max(wait_s, 1e-4))
        try:
            heard = self.client.recv(4096)
        except TimeoutError:
            return True
        finally:
            self.client.settimeout(2.0)
        if b"TEARDOWN" in heard or not heard:
            return False
        if b"GET_PARAMETER" in heard or b"OPTIONS" in heard:
            self._reply(heard.decode("latin-1"))
        return True

    def _requests(self) -> Iterator[str]:
        while not self.stopped.is_set():
            head, found, rest = self._received.partition(b"\r\n\r\n")
            if found:
                self._received = rest
                yield head.decode("latin-1")
                continue
            try:
                more = self.client.recv(4096)
            except TimeoutError:
                continue
            if not more or len(self._received) > _REQUEST_LIMIT:
                return
            self._received += more

    def _answer(self, request: str) -> None:
        method = request.partition(" ")[0]
        if method not in ("OPTIONS", "TEARDOWN") and not self._welcome(request):
            self._reply(request, status="401 Unauthorized", headers='WWW-Authenticate: Basic realm="cam"\r\n')
        elif method == "OPTIONS":
            self._reply(
                request, headers="Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n"
            )
        elif method == "DESCRIBE":
            self._describe(request)
        elif method == "SETUP":
            self._set_up(request)
        elif method == "PLAY":
            self._reply(request, headers="Session: 1\r\nRange: npt=0.000-\r\n")
            self.playing = True
        else:
            self._reply(request)

    def _welcome(self, request: str) -> bool:
        if self.script.password is None:
            return True
        expected = base64.b64encode(f"user:{self.script.password}".encode()).decode()
        return _header(request, "Authorization") == f"Basic {expected}"

    def _describe(self, request: str) -> None:
        if self.script.garbage is not None:
            self.client.sendall(self.script.garbage)
            return
        codec = self.script.codec
        body = (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns={self.script.title.decode('latin-1')}\r\nt=0 0\r\na=control:*\r\n"
            f"m=video 0 RTP/AVP {_PAYLOAD_TYPES[codec]}\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:{_MAPS[codec]}\r\n"
            + ("a=fmtp:96 packetization-mode=1\r\n" if codec == "h264" else "")
            + "a=control:track1\r\n"
            # Cameras have a microphone; nobody should ask for it.
            + "m=audio 0 RTP/AVP 0\r\na=control:track2\r\n"
        )
        self._reply(
            request, headers=f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n", body=body
        )

    def _set_up(self, request: str) -> None:
        transport = _header(request, "Transport")
        if "interleaved" in transport or "TCP" in transport:
            self.channel, answer = TcpChannel(self.client), "RTP/AVP/TCP;unicast;interleaved=0-1"
        else:
            pair = transport.partition("client_port=")[2].split(";")[0].split("-")
            host = self.client.getpeername()[0]
            channel = self._closing.enter_context(UdpChannel(host, int(pair[0]), int(pair[1])))
            self.channel = channel
            answer = f"{transport.split(',')[0]};server_port={channel.ports[0]}-{channel.ports[1]}"
        self._reply(request, headers=f"Session: 1\r\nTransport: {answer}\r\n")

    def _reply(self, request: str, *, status: str = "200 OK", headers: str = "", body: str = "") -> None:
        sequence = _header(request, "CSeq")
        self.client.sendall(f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{headers}\r\n{body}".encode("latin-1"))


def _header(request: str, name: str) -> str:
    for line in request.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() == name.lower():
            return value.strip()
    return ""


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m hw.sim.rtsp_server",
        description=__doc__,
        epilog="example: python -m hw.sim.rtsp_server --port 8554 --offset 2 --report-period 5",
    )
    parser.add_argument("--port", type=int, default=8554)
    parser.add_argument("--codec", choices=sorted(_PAYLOAD_TYPES), default="h264")
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--offset", type=float, default=0.0, help="s that the camera's clock is ahead")
    parser.add_argument("--drift", type=float, default=0.0, help="ppm of the camera's clock")
    parser.add_argument("--jitter", type=float, default=0.0, help="s that a picture is late at most")
    parser.add_argument("--loss", type=float, default=0.0, help="share of lost RTP packets")
    parser.add_argument("--report-period", type=float, default=5.0, help="s between sender reports")
    parser.add_argument("--password", help="asked of user `user`; without it: open to all")
    given = parser.parse_args()
    script = RtspScript(
        codec=given.codec,
        size=(640, 384),
        fps=given.fps,
        clock=ForgedClock(offset_s=given.offset, drift_ppm=given.drift),
        reports=Reports(first_s=given.report_period, period_s=given.report_period),
        jitter_s=given.jitter,
        loss=given.loss,
        password=given.password,
    )
    with RtspServer(script, port=given.port) as server, contextlib.suppress(KeyboardInterrupt):
        print(server.url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
