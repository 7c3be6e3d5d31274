"""Events that a scene shows by itself: vehicles that stand on a lane for longer than anybody waits at a light."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge.core.kinds import ObjectClass, most_likely
from edge.core.road_events import EventKind, RoadEvent
from edge.core.situation import Scene

VEHICLES = frozenset({ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS})


def standing_vehicles(scene: Scene, rows: Sequence[int], ids: Mapping[int, int]) -> tuple[RoadEvent, ...]:
    """An event per vehicle among these rows that stands.

    Args:
        rows: of the tracks that we sense.
        ids: the id that others see, by track id; it names the event.
    """
    tracks = scene.tracks
    parked, (classes, _shares) = tracks.parked(), most_likely(tracks.class_log_odds)
    return tuple(
        RoadEvent(
            event=str(ids[int(tracks.track_id[row])]),
            kind=EventKind.STOPPED_VEHICLE,
            x_m=float(tracks.state[row, 0]),
            y_m=float(tracks.state[row, 1]),
            detected_ns=tracks.stamp_ns - int(tracks.still_ns[row]),
            lanes=(scene.lane_of_track[row],),
        )
        for row in rows
        if parked[row] and scene.lane_of_track[row] and classes[row] in VEHICLES
    )
