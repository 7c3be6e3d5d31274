"""The intersection map: reading, checking and looking up lanes."""

from edge.road.load import load_intersection
from edge.road.lookup import LaneLookup, LanePositions

__all__ = ["LaneLookup", "LanePositions", "load_intersection"]
