"""Road users that we sense, and events, to the obstacles of an Apollo car (`V2XObstacles`, `ObuRsi`)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.apollo import v2x_pb2
from edge.core.kinds import TYPICAL_SIZE_M, ObjectClass, most_likely
from edge.core.mercator import SiteGrid
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.core.tracks import Tracks
from edge.wire.apollo_lights import header

_Pb = v2x_pb2.PerceptionObstacle
SOURCE_V2X = 1
STANDS_IN_THE_WAY = 1
MOVES_MPS = 0.5
_KIND = {
    ObjectClass.CAR: (_Pb.VEHICLE, _Pb.ST_CAR),
    ObjectClass.TRUCK: (_Pb.VEHICLE, _Pb.ST_TRUCK),
    ObjectClass.BUS: (_Pb.VEHICLE, _Pb.ST_BUS),
    ObjectClass.MOTORCYCLE: (_Pb.BICYCLE, _Pb.ST_MOTORCYCLIST),
    ObjectClass.BICYCLE: (_Pb.BICYCLE, _Pb.ST_CYCLIST),
    ObjectClass.PEDESTRIAN: (_Pb.PEDESTRIAN, _Pb.ST_PEDESTRIAN),
    ObjectClass.UNKNOWN: (_Pb.UNKNOWN_MOVABLE, _Pb.ST_UNKNOWN_MOVABLE),
}
_RSI_TYPE = {
    EventKind.ACCIDENT: 244,
    EventKind.STOPPED_VEHICLE: 804,
    EventKind.WRONG_WAY_DRIVER: 803,
    EventKind.CONGESTION: 47,
    EventKind.QUEUE_END: 47,
    EventKind.ROAD_WORKS: 38,
}
"""Types that the car reads as places; those with a speed in their text state no unit, so they are not sent."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One road user, encoded once for all cars.

    Attributes:
        row: of the tracks that it was made from.
        octets: a message that holds nothing else; messages of protobuf add up by being joined.
    """

    row: int
    octets: bytes


def to_obstacles(
    tracks: Tracks,
    rows: Iterable[int],
    grid: SiteGrid,
    *,
    ids: dict[int, int],
    elevation_m: float = 0.0,
    edition: int = 6,
) -> list[Obstacle]:
    """The road users of these rows.

    Args:
        edition: 6: `V2XObstacles`; 5: `PerceptionObstacles`.
        ids: the id that cars see, by track id.
        elevation_m: of the site above the ellipsoid.
    """
    shown = _on_grid(tracks, grid)
    found = []
    for row in rows:
        obstacle = _obstacle(shown, row)
        obstacle.id = ids[int(tracks.track_id[row])]
        obstacle.timestamp = tracks.stamp_ns / NS_PER_S
        obstacle.confidence = float(tracks.existence[row]) * (shown.shares[row] or 1.0)
        obstacle.position.z = elevation_m
        if edition < 6:
            whole = v2x_pb2.PerceptionObstacles(perception_obstacle=[obstacle])
            found.append(Obstacle(row, whole.SerializeToString()))
            continue
        stands = [STANDS_IN_THE_WAY] if shown.parked[row] and obstacle.type == _Pb.VEHICLE else []
        entry = v2x_pb2.V2XObstacle(
            perception_obstacle=obstacle, v2x_info=v2x_pb2.V2XInformation(v2x_type=stands)
        )
        found.append(Obstacle(row, v2x_pb2.V2XObstacles(v2x_obstacle=[entry]).SerializeToString()))
    return found


def obstacles_head(
    grid: SiteGrid, *, rscu_id: str, sequence: int, now_ns: int, elevation_m: float = 0.0, edition: int = 6
) -> bytes:
    """What goes before the obstacles of a message: header, and from edition 6 on the area."""
    if edition < 6:
        first: bytes = v2x_pb2.PerceptionObstacles(header=header(sequence, now_ns)).SerializeToString()
        return first
    east_m, north_m = grid.to_grid(np.zeros((1, 2)))[0]
    area = v2x_pb2.MiniAreaMap(
        rscu_id=rscu_id.encode(), feature_position=v2x_pb2.Point3(x=east_m, y=north_m, z=elevation_m)
    )
    message = v2x_pb2.V2XObstacles(header=header(sequence, now_ns), area_map=area)
    octets: bytes = message.SerializeToString()
    return octets


def to_rsi(
    event: RoadEvent, grid: SiteGrid, *, rsu_id: str, number: int, sequence: int, now_ns: int
) -> v2x_pb2.ObuRsi | None:
    """The message of one event; None where Apollo has no type for it that is a place alone."""
    alter_type = _RSI_TYPE.get(event.kind)
    if alter_type is None:
        return None
    path = event.path_m or ((event.x_m, event.y_m),)
    points = [v2x_pb2.Point2(x=x, y=y) for x, y in grid.to_grid(np.array(path, dtype=np.float64))]
    return v2x_pb2.ObuRsi(
        header=header(sequence, now_ns),
        rsu_id=rsu_id.encode(),
        rsi_id=number,
        alter_type=alter_type,
        description=event.text,
        ref_point=points[0],
        points=points,
        radius=max(1, round(event.radius_m or 0.0)),
        msg_cnt=event.revision % 128,
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """All tracks on the cars' map, as lists: one look at an array element costs more than one at a list's.

    Attributes:
        place, speed, size: x y, x y, length width height.
        theta: counter-clockwise from grid east.
        position_covariance, velocity_covariance: 3x3, row by row.
    """

    kind: list[ObjectClass]
    shares: list[float]
    parked: list[bool]
    place: list[list[float]]
    speed: list[list[float]]
    size: list[list[float]]
    theta: list[float]
    position_covariance: list[list[float]]
    velocity_covariance: list[list[float]]


def _on_grid(tracks: Tracks, grid: SiteGrid) -> _Shown:
    """Unknown sizes are the usual ones of the class; unknown directions that of travel, or east where it stands."""
    kinds, shares = most_likely(tracks.class_log_odds)
    usual = TYPICAL_SIZE_M[[int(kind) for kind in kinds]].reshape(-1, 3)
    vx, vy = tracks.state[:, 2], tracks.state[:, 3]
    course = np.where(np.hypot(vx, vy) >= MOVES_MPS, np.arctan2(vy, vx), 0.0)
    yaw = np.where(np.isnan(tracks.yaw_rad), course, tracks.yaw_rad) + grid.turn_rad
    return _Shown(
        kind=kinds,
        shares=shares,
        parked=tracks.parked().tolist(),
        place=grid.to_grid(tracks.state[:, :2]).tolist(),
        speed=(tracks.state[:, 2:] @ grid.rotation.T).tolist(),
        size=np.where(np.isfinite(tracks.size_m), tracks.size_m, usual).tolist(),
        theta=(np.remainder(yaw + np.pi, 2 * np.pi) - np.pi).tolist(),
        position_covariance=_matrices3(grid, tracks.covariance[:, :2, :2]),
        velocity_covariance=_matrices3(grid, tracks.covariance[:, 2:, 2:]),
    )


def _obstacle(shown: _Shown, row: int) -> v2x_pb2.PerceptionObstacle:
    east, north = shown.place[row]
    speed_x, speed_y = shown.speed[row]
    length, width, height = shown.size[row]
    obstacle_type, sub_type = _KIND[shown.kind[row]]
    return _Pb(
        position=v2x_pb2.Point3(x=east, y=north),
        theta=shown.theta[row],
        velocity=v2x_pb2.Point3(x=speed_x, y=speed_y, z=0.0),
        length=length,
        width=width,
        height=height,
        polygon_point=_corners(east, north, shown.theta[row], length, width),
        type=obstacle_type,
        sub_type=sub_type,
        position_covariance=shown.position_covariance[row],
        velocity_covariance=shown.velocity_covariance[row],
        source=SOURCE_V2X,
    )


def _matrices3(grid: SiteGrid, covariance: NDArray[np.float64]) -> list[list[float]]:
    """(n, 2, 2) turned to the grid, as n lists of a 3x3 without a height."""
    whole = np.zeros((len(covariance), 3, 3))
    whole[:, :2, :2] = grid.rotation @ covariance @ grid.rotation.T
    found: list[list[float]] = whole.reshape(-1, 9).tolist()
    return found


def _corners(east: float, north: float, theta: float, length: float, width: float) -> list[v2x_pb2.Point3]:
    ahead = (math.cos(theta) * length / 2, math.sin(theta) * length / 2)
    left = (-math.sin(theta) * width / 2, math.cos(theta) * width / 2)
    return [
        v2x_pb2.Point3(x=east + a * ahead[0] + b * left[0], y=north + a * ahead[1] + b * left[1], z=0.0)
        for a, b in ((1, 1), (1, -1), (-1, -1), (-1, 1))
    ]
