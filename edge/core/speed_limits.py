"""Posted limits: RegulatorySpeedLimit of SAE J2735-2020 and T/CSAE 53-2020 (YD/T 3709), steps of 0.02 m/s."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from edge.core.errors import CodecError

KIND = "vehicleMaxSpeed"
"""The one that holds for every motor vehicle; those of schools, nights, lorries and trailers are left out."""
STEP_MPS = 0.02
UNAVAILABLE = 8191


def speed_limits(limit_mps: float) -> list[dict[str, Any]]:
    """A limit as a SpeedLimitList. Raises `CodecError` for what is no speed above 0."""
    if not 0.0 < limit_mps < math.inf:
        raise CodecError("MAP", f"a speed limit of {limit_mps} m/s")
    return [{"type": KIND, "speed": min(max(round(limit_mps / STEP_MPS), 1), UNAVAILABLE - 1)}]


def limit_of(limits: Iterable[Mapping[str, Any]]) -> float | None:
    """The limit in a SpeedLimitList, m/s; None where it has none for every motor vehicle."""
    found = [limit["speed"] for limit in limits if limit.get("type") == KIND]
    told = [speed for speed in found if 0 < speed < UNAVAILABLE]
    return round(min(told) * STEP_MPS, 2) if told else None


def common_limit(limits_mps: Iterable[float | None]) -> float | None:
    """The limit that lanes have in common and may be told once for all: the most frequent; None where one has none."""
    told = list(limits_mps)
    known = [limit for limit in told if limit is not None]
    return max(sorted(set(known)), key=known.count) if known and len(known) == len(told) else None
