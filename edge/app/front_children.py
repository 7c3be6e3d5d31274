"""The front's children: fusion, cameras, web; detections and radio frames are passed on, scenes come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from edge.config import SiteConfig
from edge.core.errors import CodecError
from edge.core.health import Event, Health, HealthState
from edge.core.priority import HeardRequest
from edge.core.situation import Scene
from edge.core.v2x import RadioFrame
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.flow.child import Child, ChildSpec
from edge.flow.link import Kind
from edge.flow.pack import pack, unpack

FUSION, WEB = "fusion", "web"


class Children:
    """Starts and joins the children."""

    def __init__(self, site: SiteConfig, *, site_path: Path, board: HealthBoard) -> None:
        self._board = board
        self.scene: Latest[Scene] = Latest()
        self.on_scene: Callable[[Scene], None] | None = None
        self.on_lamps: Callable[[bytes], None] | None = None
        self.on_request: Callable[[HeardRequest], None] | None = None
        path = str(site_path)
        fusion = ChildSpec(FUSION, "edge.app.fusion_process", (path,), nice=2)
        self._fusion = Child(fusion, board=board, receive=self._from_fusion)
        self._cameras = [
            Child(spec, board=board, receive=self._from_camera) for spec in camera_processes(site, path)
        ]
        self._web: Child | None = None
        if site.speaks_json:
            web = ChildSpec(WEB, "edge.app.web_process", (path,), nice=5)
            self._web = Child(web, board=board, receive=self._common)

    @property
    def all(self) -> list[Child]:
        """Every child, fusion first."""
        return [self._fusion, *self._cameras, *([] if self._web is None else [self._web])]

    @property
    def fusion_attended_s(self) -> float:
        """When its supervisor last showed life, monotonic seconds."""
        return self._fusion.attended_s

    def send_radio(self, frame: RadioFrame) -> None:
        """Hand a raw V2X frame to fusion."""
        self._fusion.send(Kind.RADIO, pack(frame))

    def send_update(self, payload: bytes) -> None:
        """Hand a published update to the web process; newest wins where it does not keep up."""
        if self._web is not None and self._web.link is not None:
            self._web.send(Kind.UPDATE, payload)

    def _from_camera(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.DETECTIONS:
            self._fusion.send(kind, payload)
        elif kind is Kind.LAMPS:
            if self.on_lamps is not None:
                self.on_lamps(payload)
        else:
            self._common(kind, payload)

    def _from_fusion(self, kind: Kind, payload: bytes) -> None:
        try:
            if kind is Kind.SCENE:
                self._scene_came(unpack(payload, Scene))
            elif kind is not Kind.REQUEST:
                self._common(kind, payload)
            elif self.on_request is not None:
                self.on_request(unpack(payload, HeardRequest))
        except CodecError as error:
            self._board.event(FUSION, "bad_message", str(error))

    def _scene_came(self, scene: Scene) -> None:
        self.scene.set(scene)
        if self.on_scene is not None:
            self.on_scene(scene)

    def _common(self, kind: Kind, payload: bytes) -> None:
        try:
            if kind is Kind.HEALTH:
                self._board.merge(unpack(payload, Health))
            elif kind is Kind.EVENT:
                self._board.record(unpack(payload, Event))
        except CodecError as error:
            self._board.event("children", "bad_message", str(error))

    def watch_scene(self) -> None:
        """Say in health whether scenes come; called once a second."""
        scene = self.scene.value
        now_ns = time.time_ns()
        if scene is not None and scene.valid_until_ns >= now_ns:
            self._board.set("scene", HealthState.OK)
        elif scene is None:
            self._board.set("scene", HealthState.STARTING, "no scene yet")
        else:
            age_s = (now_ns - scene.published_ns) / 1e9
            self._board.set("scene", HealthState.DOWN, f"objects unavailable, last scene {age_s:.1f} s ago")


def camera_processes(site: SiteConfig, path: str) -> list[ChildSpec]:
    """A process for each camera, or for all cameras of a group."""
    grouped: dict[str, list[str]] = {}
    for camera in site.camera:
        name = f"camera.{camera.name}" if camera.group is None else f"cameras.{camera.group}"
        grouped.setdefault(name, []).append(camera.name)
    return [
        ChildSpec(
            name,
            "edge.app.camera_process",
            (path, *cameras),
            nice=5,
            owns=tuple(f"camera.{camera}" for camera in cameras),
        )
        for name, cameras in grouped.items()
    ]
