"""Fields that CTI 4501 (Connected Intersections) wants in SPAT and MAP, and J2735 leaves optional.

As the open conflict monitor of the US DOT judges them: what differs between its samples with and without minimum data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_Value = Mapping[str, Any]
_TIMING = ("startTime", "minEndTime", "maxEndTime", "nextTime")


def missing_in_spat(intersection: _Value) -> tuple[str, ...]:
    """Names of fields that one intersection of a `j2735/SPAT` lacks; each once, whatever the group."""
    missing = [] if "region" in intersection["id"] else ["id.region"]
    missing += [name for name in ("moy", "timeStamp") if name not in intersection]
    events = [event for state in intersection["states"] for event in state["state-time-speed"]]
    lit = [event.get("timing", {}) for event in events if event["eventState"] not in {"unavailable", "dark"}]
    missing += [f"timing.{name}" for name in _TIMING if any(name not in timing for timing in lit)]
    return tuple(missing)


def missing_in_map(geometry: Any) -> tuple[str, ...]:
    """Names of fields that one intersection of a MAP lacks, as JER or the ODE writes it."""
    if not isinstance(geometry, dict):
        return ()
    missing = [] if _of(geometry, "id").get("region") is not None else ["id.region"]
    missing += [] if _of(geometry, "refPoint").get("elevation") is not None else ["refPoint.elevation"]
    missing += [name for name in ("laneWidth", "speedLimits") if geometry.get(name) is None]
    lanes = list(_lanes(geometry.get("laneSet")))
    without = [str(lane.get("laneID")) for lane in lanes if lane.get("maneuvers") is None]
    if without:
        missing.append(f"maneuvers of lanes {', '.join(without)}")
    return tuple(missing)


def _of(value: _Value, name: str) -> _Value:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _lanes(lanes: Any) -> Iterable[_Value]:
    found = lanes.get("GenericLane") if isinstance(lanes, dict) else lanes
    return (lane for lane in found if isinstance(lane, dict)) if isinstance(found, list) else ()
