"""The committed files of a scene that the simulated world reads."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.core.errors import DeviceError
from edge.core.geodesy import LocalFrame

SCENES = Path(__file__).resolve().parent / "scenes"


@dataclass(frozen=True, slots=True)
class SceneFiles:
    """A scene.

    Attributes:
        directory: where its files are.
        settings: `scene.toml`.
        controller: `controller.json`: kind, number, signal_group and links of every lamp group; empty in a scene
            without a controller of ours, which is for tracking only.
        frame: ENU frame with the geodetic origin of the scene.
    """

    directory: Path
    settings: dict[str, Any]
    controller: tuple[dict[str, Any], ...]
    frame: LocalFrame

    @property
    def link_count(self) -> int:
        """Links of the traffic light."""
        return 1 + max(int(link) for entry in self.controller for link in entry["links"])


def load_scene(name: str) -> SceneFiles:
    """Read a scene.

    Raises:
        DeviceError: there is no such scene or a file does not read.
    """
    directory = SCENES / name
    try:
        settings = tomllib.loads((directory / "scene.toml").read_text(encoding="utf-8"))
        lamps = directory / "controller.json"
        controller = json.loads(lamps.read_text(encoding="utf-8")) if lamps.exists() else []
    except (OSError, ValueError) as error:
        raise DeviceError(f"scene {name}", f"does not read: {error}") from error
    return SceneFiles(directory, settings, tuple(controller), LocalFrame(**settings["origin"]))
