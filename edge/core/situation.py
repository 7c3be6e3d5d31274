"""The live picture: the scene (from fusion) and the signals (from the signal lane), versioned apart."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.health import Health
from edge.core.signals import SignalState
from edge.core.tracks import Tracks


@dataclass(frozen=True, slots=True)
class LaneMeasure:
    """Traffic on one lane now.

    Attributes:
        lane: LaneID of the MAP.
        count: road users on the lane.
        mean_speed_mps: mean over them; None when empty.
        queue_length: road users slower than 2 m/s that stand in one queue from the stop line.
        passed_total: road users that have left the lane over its end since start.
    """

    lane: int
    count: int
    mean_speed_mps: float | None
    queue_length: int
    passed_total: int


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that fusion knows at one instant.

    Attributes:
        sequence: counts up by one per scene within an epoch.
        epoch: start time of the fusion process in ns; a change says that ids start anew.
        published_ns: UTC ns at which the scene was made.
        valid_until_ns: a reader must drop it after this.
        tracks: predicted to `tracks.stamp_ns`.
        lanes: one entry per lane of the MAP that carries road users or has a count.
        lane_of_track: LaneID per track; 0: on none.
    """

    sequence: int
    epoch: int
    published_ns: int
    valid_until_ns: int
    tracks: Tracks
    lanes: tuple[LaneMeasure, ...]
    lane_of_track: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """Both halves joined for readers; either may be None when it is not available."""

    signals: SignalState | None
    scene: Scene | None
    health: tuple[Health, ...]
