"""Scenes to `edge.v1.Scene` and `edge.v1.Lanes`."""

from __future__ import annotations

import math
from collections.abc import Mapping

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
    recent = tracks.stamp_ns - tracks.last_seen_ns <= SEEN_WITHIN_NS
    kinds = [sensor_kinds.get(name, "") for name in tracks.sensors]
    is_link = np.array([kind == "v2x" for kind in kinds], dtype=bool)
    is_camera = np.array([kind == "camera" for kind in kinds], dtype=bool)
    for i in range(len(tracks)):
        user = _road_user(tracks, i, frame, class_name=_CLASS_NAMES[classes[i]])
        user.class_probability = probabilities[i]
        user.cameras.extend(tracks.sensors[j] for j in np.flatnonzero(recent[i] & is_camera))
        user.v2x_links.extend(tracks.sensors[j] for j in np.flatnonzero(recent[i] & is_link))
        user.lane = scene.lane_of_track[i]
        message.road_users.append(user)
    return message


def _road_user(tracks: Tracks, i: int, frame: LocalFrame, *, class_name: str) -> scene_pb2.RoadUser:
    """Track `i` without class probability, sources and lane."""
    x, y, vx, vy = (float(v) for v in tracks.state[i])
    latitude, longitude = frame.to_geodetic(x, y)
    return scene_pb2.RoadUser(
        track_id=int(tracks.track_id[i]),
        object_class=class_name,
        x_m=x,
        y_m=y,
        latitude_deg=latitude,
        longitude_deg=longitude,
        covariance_xx_m2=float(tracks.covariance[i, 0, 0]),
        covariance_xy_m2=float(tracks.covariance[i, 0, 1]),
        covariance_yy_m2=float(tracks.covariance[i, 1, 1]),
        speed_mps=math.hypot(vx, vy),
        course_rad=math.atan2(vy, vx),
        yaw_rad=_known(tracks.yaw_rad[i]),
        length_m=_known(tracks.size_m[i, 0]),
        width_m=_known(tracks.size_m[i, 1]),
        height_m=_known(tracks.size_m[i, 2]),
        existence=float(tracks.existence[i]),
        trust=float(tracks.trust[i]),
        v2x_id=tracks.v2x_id[i],
        capture_ns=int(tracks.capture_ns[i]),
    )


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


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
