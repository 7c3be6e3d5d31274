"""The way to an event as a DENM says it: a trace from the event back against the traffic.

ETSI TS 102 894-2 DF_Path (release 1: DF_PathHistory): each point is an offset from the one before it, the first from
the event. What lies beyond the event is left out, and of a longer way the 40 points next to the event are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.geodesy import LocalFrame
from edge.v2x.motion import position_of, position_to_local

MAX_TRACE_POINTS = 40
_LARGEST_OFFSET = 131_071
_OFFSET_UNAVAILABLE = 131_072
_DELTA_ALTITUDE_UNAVAILABLE = 12_800

Point = tuple[float, float]


def trace_of(path_m: Sequence[Point], at: Point, *, frame: LocalFrame) -> list[dict[str, Any]]:
    """Path of the way to `at`, in which its end is implied; empty where there is none."""
    latitude, longitude = position_of(*at, frame=frame)
    found: list[dict[str, Any]] = []
    for point in reversed(_way_to(path_m, at)):
        to_latitude, to_longitude = position_of(*point, frame=frame)
        found += _offsets(to_latitude - latitude, to_longitude - longitude)
        latitude, longitude = to_latitude, to_longitude
    return found[:MAX_TRACE_POINTS]


def path_of(
    traces: Sequence[Sequence[Mapping[str, Any]]], reference: Mapping[str, int], *, frame: LocalFrame
) -> tuple[Point, ...]:
    """ENU metres of the first trace that has points, in the direction of travel; its end is the event.

    A point that is not known ends it: what lies behind cannot be placed.
    """
    trace: Sequence[Mapping[str, Any]] = next((trace for trace in traces if trace), ())
    latitude, longitude = reference["latitude"], reference["longitude"]
    found = [position_to_local(latitude, longitude, frame=frame, what="DENM")]
    for point in trace:
        offset = point["pathPosition"]
        if _OFFSET_UNAVAILABLE in (offset["deltaLatitude"], offset["deltaLongitude"]):
            break
        latitude, longitude = latitude + offset["deltaLatitude"], longitude + offset["deltaLongitude"]
        found.append(position_to_local(latitude, longitude, frame=frame, what="DENM"))
    return tuple(reversed(found)) if len(found) > 1 else ()


def _way_to(path_m: Sequence[Point], at: Point) -> list[Point]:
    """The points of a path that come before the place on it that is next to `at`."""
    if len(path_m) < 2:
        return list(path_m)
    best, kept = float("inf"), 0
    for index, (start, end) in enumerate(itertools.pairwise(path_m)):
        along_x, along_y = end[0] - start[0], end[1] - start[1]
        square = along_x * along_x + along_y * along_y
        share = (
            ((at[0] - start[0]) * along_x + (at[1] - start[1]) * along_y) / square if square > 0.0 else 0.0
        )
        part = min(max(share, 0.0), 1.0)
        beside_x, beside_y = start[0] + part * along_x - at[0], start[1] + part * along_y - at[1]
        distance = beside_x * beside_x + beside_y * beside_y
        if distance < best:
            best, kept = distance, index + (2 if part == 1.0 else 1 if part > 0.0 else 0)
    return list(path_m[:kept]) if best < float("inf") else list(path_m)


def _offsets(latitude: int, longitude: int) -> list[dict[str, Any]]:
    """An offset in as many equal parts as the fields need; none where it is nothing."""
    most = max(abs(latitude), abs(longitude))
    parts = -(-most // _LARGEST_OFFSET)
    found = []
    for part in range(parts):
        sides = (value * (part + 1) // parts - value * part // parts for value in (latitude, longitude))
        delta_latitude, delta_longitude = sides
        found.append(
            {
                "pathPosition": {
                    "deltaLatitude": delta_latitude,
                    "deltaLongitude": delta_longitude,
                    "deltaAltitude": _DELTA_ALTITUDE_UNAVAILABLE,
                }
            }
        )
    return found
