"""Fuses detections and V2X reports into tracks.

The kernels are compiled; point NUMBA_CACHE_DIR at a writable directory before this package is imported.
"""

from edge.fusion.sensors import SensorModel
from edge.fusion.settings import TrackerSettings
from edge.fusion.tracker import Tracker

__all__ = ["SensorModel", "Tracker", "TrackerSettings"]
