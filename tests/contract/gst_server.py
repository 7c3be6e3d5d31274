"""Runs the RTSP server of GStreamer (`rtsp_server.py`) as a process of the system's Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("rtsp_server.py")
NEEDED = (
    "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
    "gstreamer1.0-plugins-ugly gstreamer1.0-libav"
)


def gstreamer_present() -> bool:
    """Whether the server can run here."""
    probe = (
        "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0'); "
        "from gi.repository import Gst, GstRtspServer; Gst.init(None); "
        "exit(0 if Gst.ElementFactory.find('x264enc') and Gst.ElementFactory.find('rtph264pay') else 1)"
    )
    if not Path(SYSTEM_PYTHON).is_file():
        return False
    run = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False, timeout=30)
    return run.returncode == 0


class GstServer:
    """The server as a process; `port` 0: any free one."""

    def __init__(self, *, port: int = 0) -> None:
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, str(SCRIPT), str(port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.url = f"rtsp://127.0.0.1:{self.port}/cam"

    def stop(self) -> None:
        """Kill it, as a power cut would."""
        self._process.kill()
        self._process.communicate(timeout=10)
