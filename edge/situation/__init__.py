"""From tracks to the scene: lanes, measures and validity."""

from edge.situation.scene import SceneBuilder

__all__ = ["SceneBuilder"]
