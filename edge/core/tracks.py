"""Road users as the node believes them to be, with provenance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.kinds import CLASS_COUNT

FloatArray = NDArray[np.float64]
PARKED_NS = 300_000_000_000


@dataclass(frozen=True, slots=True)
class Tracks:
    """n confirmed tracks predicted to one instant, struct of arrays.

    Attributes:
        stamp_ns: UTC ns that the states are predicted to.
        newest_capture_ns: capture time of the newest measurement that contributed to any track.
        track_id: (n,) int64, stable and unique within the node's run.
        state: (n, 4) float64 x y vx vy, ENU metres and m/s, centre on the ground.
        covariance: (n, 4, 4) float64.
        existence: (n,) float64 in 0..1.
        class_log_odds: (n, 6) float64.
        size_m: (n, 3) float64 length width height; NaN unknown.
        yaw_rad: (n,) float64; NaN unknown.
        trust: (n,) float64 in 0..1, agreement of V2X claims with own sensors; 1 where there is no claim.
        capture_ns: (n,) int64, capture time of the newest measurement of each track.
        still_ns: (n,) int64, how long it has not left its place.
        sensors: names of the columns of `last_seen_ns`: cameras, radars and V2X links.
        last_seen_ns: (n, len(sensors)) int64 UTC ns, 0 never.
        v2x_id: the temporary id per track; empty: none.
    """

    stamp_ns: int
    newest_capture_ns: int
    track_id: NDArray[np.int64]
    state: FloatArray
    covariance: FloatArray
    existence: FloatArray
    class_log_odds: FloatArray
    size_m: FloatArray
    yaw_rad: FloatArray
    trust: FloatArray
    capture_ns: NDArray[np.int64]
    still_ns: NDArray[np.int64]
    sensors: tuple[str, ...]
    last_seen_ns: NDArray[np.int64]
    v2x_id: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.track_id)
        shapes = {
            "state": (n, 4),
            "covariance": (n, 4, 4),
            "existence": (n,),
            "class_log_odds": (n, CLASS_COUNT),
            "size_m": (n, 3),
            "yaw_rad": (n,),
            "trust": (n,),
            "capture_ns": (n,),
            "still_ns": (n,),
            "last_seen_ns": (n, len(self.sensors)),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"Tracks.{name}: shape {getattr(self, name).shape}, expected {shape}")
        if len(self.v2x_id) != n:
            raise ValueError(f"Tracks.v2x_id: {len(self.v2x_id)} entries, expected {n}")

    def __len__(self) -> int:
        return len(self.track_id)

    def parked(self) -> NDArray[np.bool_]:
        """(n,) whether it has stood for longer than anybody waits at a light."""
        return self.still_ns >= PARKED_NS
