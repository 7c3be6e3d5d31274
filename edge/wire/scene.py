"""Scenes to `edge.v1.Scene` and `edge.v1.Lanes`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass, most_likely
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_S
from edge.core.tracks import Tracks
from edge.v1 import scene_pb2

SEEN_WITHIN_NS = NS_PER_S
"""A sensor counts as a source of a track while it saw it this recently."""

_CLASS_NAMES = tuple(f"OBJECT_CLASS_{kind.name}" for kind in ObjectClass)


def to_scene(scene: Scene, *, frame: LocalFrame, sensor_kinds: Mapping[str, str]) -> scene_pb2.Scene:
    """The message of a scene.

    Args:
        frame: local frame of the site.
        sensor_kinds: "camera" or "v2x" per sensor name.
    """
    tracks = scene.tracks
    message = scene_pb2.Scene(
        stamp_ns=tracks.stamp_ns,
        published_ns=scene.published_ns,
        valid_until_ns=scene.valid_until_ns,
        newest_capture_ns=tracks.newest_capture_ns,
        epoch=scene.epoch,
        sequence=scene.sequence,
    )
    if not len(tracks):
        return message
    classes, probabilities = most_likely(tracks.class_log_odds)
    names = [_CLASS_NAMES[kind] for kind in classes]
    seen_by = _sources(tracks, [sensor_kinds.get(name, "") for name in tracks.sensors])
    rows = zip(_columns(tracks), names, probabilities, seen_by, scene.lane_of_track, strict=True)
    for row, name, probability, (cameras, links), lane in rows:
        latitude, longitude = frame.to_geodetic(row["x_m"], row["y_m"])
        message.road_users.add(
            object_class=name,
            class_probability=probability,
            latitude_deg=latitude,
            longitude_deg=longitude,
            cameras=cameras,
            v2x_links=links,
            lane=lane,
            **row,
        )
    return message


def _columns(tracks: Tracks) -> Iterator[dict[str, Any]]:
    """The fields of `RoadUser` that are columns of the tracks, row by row; what is unknown is left out."""
    x, y, vx, vy = tracks.state.T
    columns = {
        "track_id": tracks.track_id,
        "x_m": x,
        "y_m": y,
        "covariance_xx_m2": tracks.covariance[:, 0, 0],
        "covariance_xy_m2": tracks.covariance[:, 0, 1],
        "covariance_yy_m2": tracks.covariance[:, 1, 1],
        "speed_mps": np.hypot(vx, vy),
        "course_rad": np.arctan2(vy, vx),
        "existence": tracks.existence,
        "trust": tracks.trust,
        "capture_ns": tracks.capture_ns,
    }
    optional = {
        "yaw_rad": tracks.yaw_rad,
        "length_m": tracks.size_m[:, 0],
        "width_m": tracks.size_m[:, 1],
        "height_m": tracks.size_m[:, 2],
    }
    lists = [column.tolist() for column in columns.values()]
    lists += [[None if math.isnan(v) else v for v in column.tolist()] for column in optional.values()]
    keys = (*columns, *optional, "v2x_id")
    return (dict(zip(keys, row, strict=True)) for row in zip(*lists, tracks.v2x_id, strict=True))


def _sources(tracks: Tracks, kinds: list[str]) -> list[tuple[list[str], list[str]]]:
    """Cameras and links that saw each track just now; made once for every set of sensors that occurs."""
    recent: list[list[bool]] = (tracks.stamp_ns - tracks.last_seen_ns <= SEEN_WITHIN_NS).tolist()
    known: dict[tuple[bool, ...], tuple[list[str], list[str]]] = {}
    for saw in set(map(tuple, recent)):
        names = [(name, kind) for name, kind, did in zip(tracks.sensors, kinds, saw, strict=True) if did]
        known[saw] = ([n for n, kind in names if kind == "camera"], [n for n, kind in names if kind == "v2x"])
    return [known[tuple(saw)] for saw in recent]


def to_lanes(scene: Scene) -> scene_pb2.Lanes:
    """The message of a scene's lane measures."""
    return scene_pb2.Lanes(
        stamp_ns=scene.tracks.stamp_ns,
        valid_until_ns=scene.valid_until_ns,
        lanes=[
            scene_pb2.LaneMeasure(
                lane=lane.lane,
                count=lane.count,
                mean_speed_mps=lane.mean_speed_mps,
                queue_length=lane.queue_length,
                passed_total=lane.passed_total,
            )
            for lane in scene.lanes
        ],
    )
