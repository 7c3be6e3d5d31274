"""Envelopes: one layer's value in an `edge.v1.Update`; the hub gives the sequence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge.core.geodesy import LocalFrame
from edge.core.health import Event, Health
from edge.core.signals import SignalState
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_S
from edge.ports import RadioMessage
from edge.v1 import common_pb2, node_pb2
from edge.wire.health import to_health
from edge.wire.scene import to_lanes, to_scene
from edge.wire.signals import to_signals

HEALTH_LIFE_NS = 5 * NS_PER_S
"""Health is published once a second; after this much silence it is unknown."""


def signals_update(state: SignalState, *, epoch: int) -> node_pb2.Update:
    """A signal state; `epoch` is the start of the front process, UTC ns."""
    return node_pb2.Update(
        layer=common_pb2.LAYER_SIGNALS,
        epoch=epoch,
        capture_ns=state.stamp.capture_ns,
        published_ns=state.published_ns,
        valid_until_ns=state.valid_until_ns,
        signals=to_signals(state),
    )


def scene_update(scene: Scene, *, frame: LocalFrame, sensor_kinds: Mapping[str, str]) -> node_pb2.Update:
    """A scene; see `edge.wire.scene.to_scene`."""
    return node_pb2.Update(
        layer=common_pb2.LAYER_SCENE,
        epoch=scene.epoch,
        capture_ns=scene.tracks.newest_capture_ns,
        published_ns=scene.published_ns,
        valid_until_ns=scene.valid_until_ns,
        scene=to_scene(scene, frame=frame, sensor_kinds=sensor_kinds),
    )


def lanes_update(scene: Scene) -> node_pb2.Update:
    """The lane measures of a scene."""
    return node_pb2.Update(
        layer=common_pb2.LAYER_LANES,
        epoch=scene.epoch,
        capture_ns=scene.tracks.newest_capture_ns,
        published_ns=scene.published_ns,
        valid_until_ns=scene.valid_until_ns,
        lanes=to_lanes(scene),
    )


def health_update(
    components: Iterable[Health], events: Iterable[Event], *, epoch: int, now_ns: int
) -> node_pb2.Update:
    """The node's health at `now_ns`."""
    return node_pb2.Update(
        layer=common_pb2.LAYER_HEALTH,
        epoch=epoch,
        capture_ns=now_ns,
        published_ns=now_ns,
        valid_until_ns=now_ns + HEALTH_LIFE_NS,
        health=to_health(components, events),
    )


def radio_update(message: RadioMessage, *, dialect: str, epoch: int, now_ns: int) -> node_pb2.Update:
    """A message as it goes to a radio of the dialect."""
    return node_pb2.Update(
        layer=common_pb2.LAYER_RADIO_FRAMES,
        epoch=epoch,
        capture_ns=now_ns,
        published_ns=now_ns,
        valid_until_ns=message.expires_ns,
        radio_frame=node_pb2.RadioFrame(kind=message.kind, dialect=dialect, payload=message.payload),
    )
