"""A loopback RTSP server of GStreamer with live pictures; run by the system's Python, which has GStreamer.

Every picture shows the time at which it was taken, as `hw.sim.time_code` reads it; the system's Python has no numpy.
`rtsp_server.py [PORT]` prints the port that it listens on.
"""

import sys
import time
import zlib

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - versions come first

COLUMNS, ROWS, CELL, PERIOD_MS = 10, 6, 32, 50
PIPELINE = (
    "( appsrc name=camera is-live=true format=time do-timestamp=true "
    f"caps=video/x-raw,format=GRAY8,width={COLUMNS * CELL},height={ROWS * CELL},framerate=20/1 ! videoconvert "
    "! video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=10 "
    "! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


def picture(when_ns: int) -> bytes:
    """Cells of 48 bits of milliseconds and 12 bits of check sum."""
    when_ms = when_ns // 1_000_000
    bits = when_ms << 12 | zlib.crc32(when_ms.to_bytes(6, "big")) & 0xFFF
    levels = [215 if bits >> shift & 1 else 40 for shift in range(COLUMNS * ROWS - 1, -1, -1)]
    rows = [levels[at : at + COLUMNS] for at in range(0, len(levels), COLUMNS)]
    return b"".join(b"".join(bytes([level]) * CELL for level in row) * CELL for row in rows)


def feed(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
    """Give a picture every period until the last client has left."""
    camera = media.get_element().get_by_name_recurse_up("camera")

    def push() -> bool:
        buffer = Gst.Buffer.new_wrapped(picture(time.time_ns()))
        return bool(camera.emit("push-buffer", buffer) == Gst.FlowReturn.OK)

    GLib.timeout_add(PERIOD_MS, push)


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1] if len(sys.argv) > 1 else "0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(PIPELINE)
    factory.set_shared(True)
    factory.connect("media-configure", feed)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
