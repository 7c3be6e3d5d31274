"""Camera drivers: RTSP, recordings and V4L2 devices behind `edge.ports.Camera`."""

from hw.camera.source import camera_from_source
from hw.camera.threaded import ThreadedCamera

__all__ = ["ThreadedCamera", "camera_from_source"]
