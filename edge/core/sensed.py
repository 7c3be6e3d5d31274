"""Which road users our own sensors see: what was only heard is never passed on as sensed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.core.perceived import Sensing
from edge.core.stamp import NS_PER_S
from edge.core.tracks import Tracks

SEEN_WITHIN_NS = NS_PER_S
"""A sensor counts as a source of a track while it saw it this recently."""
_SENSING = {"camera": Sensing.CAMERA, "radar": Sensing.RADAR, "lidar": Sensing.LIDAR, "v2x": Sensing.V2X}
_OWN = Sensing.CAMERA | Sensing.RADAR | Sensing.LIDAR | Sensing.LOOP


def sensing_of(tracks: Tracks, sensor_kinds: Mapping[str, str]) -> NDArray[np.int64]:
    """(n,) `Sensing` flags: by what each track was perceived within the last second.

    Args:
        sensor_kinds: `camera`, `radar`, `lidar` or `v2x` per sensor name; others (neighbouring nodes) say nothing.
    """
    flags = [int(_SENSING.get(sensor_kinds.get(name, ""), Sensing.NONE)) for name in tracks.sensors]
    recent = tracks.stamp_ns - tracks.last_seen_ns <= SEEN_WITHIN_NS
    found: NDArray[np.int64] = np.bitwise_or.reduce(
        np.where(recent, np.array(flags, dtype=np.int64), 0), axis=1, initial=0
    )
    return found


def own_tracks(tracks: Tracks, sensor_kinds: Mapping[str, str]) -> NDArray[np.intp]:
    """Rows of the tracks that our own sensors saw within the last second."""
    return np.flatnonzero(sensing_of(tracks, sensor_kinds) & int(_OWN))
