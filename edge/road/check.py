"""Checks that an intersection's geometry can be what a road looks like."""

from __future__ import annotations

import numpy as np

from edge.core.errors import ConfigError
from edge.core.intersection import Intersection, Lane

MAX_LANES = 255
"""LaneID of SAE J2735 is 0..255, and 0 means unknown."""
MAX_EXTENT_M = 2000.0
MIN_LENGTH_M = 1.0
WIDTH_RANGE_M = (0.5, 12.0)


def check_intersection(intersection: Intersection) -> None:
    """Raise on the first thing that is wrong.

    Raises:
        ConfigError: names the lane and how to mend it.
    """
    lanes = intersection.lanes
    if not lanes:
        raise ConfigError("laneSet", "holds no lane", remedy="describe at least one lane")
    if len(lanes) > MAX_LANES:
        raise ConfigError(
            "laneSet", f"holds {len(lanes)} lanes", remedy=f"at most {MAX_LANES}: split the MAP"
        )
    known: set[int] = set()
    for lane in lanes:
        if lane.lane in known:
            raise ConfigError(
                f"laneSet[laneID={lane.lane}]", "laneID is used twice", remedy="number lanes uniquely"
            )
        known.add(lane.lane)
    for lane in lanes:
        _check_lane(lane, known)


def _check_lane(lane: Lane, known: set[int]) -> None:
    key = f"laneSet[laneID={lane.lane}]"
    if not 1 <= lane.lane <= MAX_LANES:
        raise ConfigError(key, "laneID is out of range", remedy=f"use 1 to {MAX_LANES}")
    if not WIDTH_RANGE_M[0] <= lane.width_m <= WIDTH_RANGE_M[1]:
        raise ConfigError(
            key, f"is {lane.width_m:.2f} m wide", remedy="laneWidth is in centimetres; use 50 to 1200"
        )
    _check_points(lane, key)
    for connection in lane.connections:
        where = f"{key}.connectsTo[lane={connection.to_lane}]"
        if connection.to_lane not in known:
            raise ConfigError(
                where, "leads to a lane that is not in the MAP", remedy="add it or drop the connection"
            )
        if connection.signal_group is not None and not 1 <= connection.signal_group <= MAX_LANES:
            raise ConfigError(
                where, f"signalGroup is {connection.signal_group}", remedy="use 1 to 255, or 0 for none"
            )


def _check_points(lane: Lane, key: str) -> None:
    points = lane.points_m
    if len(points) < 2:
        raise ConfigError(
            f"{key}.nodeList", "has fewer than 2 nodes", remedy="give the stop line and one more node"
        )
    if not np.isfinite(points).all():
        raise ConfigError(f"{key}.nodeList", "has a node that is not a number", remedy="mend the node")
    if np.abs(points).max() > MAX_EXTENT_M:
        raise ConfigError(
            f"{key}.nodeList",
            f"lies {np.abs(points).max():.0f} m from the origin",
            remedy="compare refPoint with the site's latitude_deg and longitude_deg; node offsets are centimetres",
        )
    length = np.hypot(*np.diff(points, axis=0).T).sum()
    if length < MIN_LENGTH_M:
        raise ConfigError(
            f"{key}.nodeList", f"is {length:.2f} m long", remedy="give nodes at least 1 m apart"
        )
