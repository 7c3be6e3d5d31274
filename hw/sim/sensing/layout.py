"""Where the sensors of each scene stand and what they are sold as."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["camera", "radar", "lidar"]
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Site:
    """Masts of a scene, all beside the roads: between two arms, and outside of a ring.

    Attributes:
        camera_deg: where cameras stand, counter-clockwise from east as seen from the middle.
        camera_m: how far out.
        radar: degrees and metres likewise; lidar: x, y. None: there is none.
    """

    camera_deg: tuple[float, ...]
    camera_m: float
    radar: tuple[float, float] | None = None
    lidar: tuple[float, float] | None = None


SITES = {
    "four_arm": Site((45.0, 135.0, 225.0, 315.0), 20.0, radar=(-45.0, 31.0)),
    "t_junction": Site((90.0, 225.0, 315.0), 20.0),
    "roundabout": Site((45.0, 135.0, 225.0, 315.0), 26.0, lidar=(18.0, 18.0)),
    "five_arm": Site((54.0, 126.0, 198.0, 270.0, 342.0), 20.0, radar=(-18.0, 31.0)),
}


@dataclass(frozen=True, slots=True)
class Mount:
    """One sensor on its pole.

    Attributes:
        name, kind: as in the scans.
        x_m, y_m: where it stands; direction_rad: where it looks, counter-clockwise from east.
        angle_rad, range_m: its field of view.
        period_s, latency_s: between scans; least and most from capture to arrival.
        detection, clutter: share of plainly visible road users that a scan shows; false detections a scan.
        bias_m: one-sigma constant error per axis.
    """

    name: str
    kind: Kind
    x_m: float
    y_m: float
    direction_rad: float
    angle_rad: float
    range_m: float
    period_s: float
    latency_s: tuple[float, float]
    detection: float
    clutter: float
    bias_m: float

    def polygon(self) -> Polygon:
        """Where it looks."""
        full = self.angle_rad >= 2.0 * math.pi - 1e-6
        steps = 24 if full else 12
        angles = [self.direction_rad + self.angle_rad * (k / steps - 0.5) for k in range(steps + (not full))]
        rim = [
            (self.x_m + self.range_m * math.cos(angle), self.y_m + self.range_m * math.sin(angle))
            for angle in angles
        ]
        return tuple(rim if full else [(self.x_m, self.y_m), *rim])

    def table(self) -> dict[str, Any]:
        """As in a file of sensors."""
        return {
            "name": self.name,
            "kind": self.kind,
            "position_m": [round(self.x_m, 3), round(self.y_m, 3)],
            "visible_polygon_m": [[round(x, 2), round(y, 2)] for x, y in self.polygon()],
            "detection_probability": self.detection,
            "clutter_per_scan": self.clutter,
            "bias_m": self.bias_m,
        }


def mounts(scene: str) -> tuple[Mount, ...]:
    """Sensors of a scene; an unknown scene has those of the four-arm crossing."""
    site = SITES.get(scene, SITES["four_arm"])
    found = [_camera(k, math.radians(angle), site.camera_m) for k, angle in enumerate(site.camera_deg)]
    if site.radar is not None:
        angle, out = math.radians(site.radar[0]), site.radar[1]
        found.append(
            Mount(
                "radar", "radar", out * math.cos(angle), out * math.sin(angle), angle + math.pi,
                math.radians(120.0), 100.0, 0.05, (0.03, 0.04), 0.9, 0.3, 0.25,
            )
        )  # fmt: skip
    if site.lidar is not None:
        found.append(
            Mount("lidar", "lidar", *site.lidar, 0.0, 2.0 * math.pi, 50.0, 0.1, (0.06, 0.08), 0.93, 0.2, 0.1)
        )
    return tuple(found)


def _camera(k: int, angle: float, out: float) -> Mount:
    """It looks across the middle."""
    return Mount(
        f"cam{k}", "camera", out * math.cos(angle), out * math.sin(angle), angle + math.pi,
        math.radians(100.0), 75.0, 0.1, (0.09, 0.14), 0.9, 0.4, 0.25,
    )  # fmt: skip
