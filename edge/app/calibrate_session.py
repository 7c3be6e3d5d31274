"""One calibration: the camera's picture, the site's map, the points so far, and saving them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.app.calibrate_fit import Fit, FitTerms, fit_points
from edge.app.calibrate_ortho import Ortho
from edge.app.calibrate_picture import Picture
from edge.app.calibrate_plan import plan_of
from edge.app.camera_parts import lens_of
from edge.config import load_draft
from edge.config.marks import MARK_KEYS, Mark, MarkKey, Marks, clean_note, read_notes
from edge.config.save import Saved, marks_digest, save_marks
from edge.config.site import CameraConfig, SiteConfig
from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection

Floats = NDArray[np.float64]

MOST_POINTS = 200
_LARGEST = 1e5
"""Of a pixel or a metre."""
_SAME_SHAPE = 0.01


@dataclass(frozen=True, slots=True)
class Point:
    """A pixel of the picture, the same spot on the ground, and what it is."""

    u: float
    v: float
    x: float
    y: float
    note: str = ""


class CalibrationSession:
    """What the page works on.

    Args:
        site_path: the site file.
        camera: name of the camera; it need not have points yet.
        intersection: the site's map.
        picture: what is calibrated on.
        take: takes another picture with the camera; None: the picture is a file.
        ortho: aerial picture behind the map.
        say: gets a line for the terminal after each save.

    Raises:
        ConfigError: the site file does not load, or has no such camera.
    """

    def __init__(
        self,
        site_path: Path,
        camera: str,
        *,
        intersection: Intersection,
        picture: Picture,
        take: Callable[[], Picture] | None = None,
        ortho: Ortho | None = None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.picture, self.ortho = picture, ortho
        self._path, self._name, self._take, self._say = site_path, camera, take, say
        self._plan = plan_of(intersection)
        self._lock = threading.Lock()
        self._range_m = self._load()[1].range_m
        self.describe()

    def describe(self) -> dict[str, Any]:
        """Everything that the page needs to start, with the points as they stand in the file now."""
        site, config = self._load()
        frame = _frame_of(site)
        points, notes = self._points(config, frame)
        east, north = frame.to_local(site.site.latitude_deg + 1.0, site.site.longitude_deg + 1.0)
        return {
            "site": site.site.name or site.site.id,
            "file": str(self._path),
            "camera": self._name,
            "range_m": config.range_m,
            "picture": self.picture_facts(),
            "plan": self._plan,
            "ortho": None if self.ortho is None else self.ortho.placement,
            "origin": {
                "latitude": site.site.latitude_deg,
                "longitude": site.site.longitude_deg,
                "east_m_per_deg": east,
                "north_m_per_deg": north,
            },
            "points": [{"u": p.u, "v": p.v, "x": p.x, "y": p.y, "note": p.note} for p in points],
            "key": "points_wgs84" if config.points_wgs84 and not config.points else "points",
            "digest": marks_digest(self._path, self._name),
            "notes": notes,
        }

    def picture_facts(self) -> dict[str, Any]:
        """Size and origin of the picture."""
        found = self.picture
        return {
            "width": found.width,
            "height": found.height,
            "origin": found.origin,
            "live": (self._take is not None),
        }

    def retake(self) -> dict[str, Any]:
        """Take another picture from the camera. Raises `DeviceError`, and `ConfigError` where a file was given."""
        if self._take is None:
            raise ConfigError("--image", "the picture is a file", remedy="start without --image")
        with self._lock:
            self.picture = self._take()
            return self.picture_facts()

    def fit(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to `{"points": [...]}`. Raises `ConfigError` for what is not points."""
        return self._fit(points_of(body)).answer

    def save(self, body: dict[str, Any]) -> dict[str, Any]:
        """Save `{"points": [...], "key": ..., "digest": ...}` into the site file. Raises `ConfigError`."""
        points, key = points_of(body), _key_of(body)
        with self._lock:
            self._check_unchanged(body.get("digest"))
            site, config = self._load()
            # A lens refers to the picture size in the file, which stays then.
            size = self.picture.size if config.lens is None else config.image_size or self.picture.size
            scaled = _scaled(points, self.picture.size, size)
            marks = _marks_of(scaled, key, _frame_of(site), size)
            found = self._fit(_scaled(_as_read(marks, _frame_of(site)), size, self.picture.size))
            if found.projection is None:
                raise ConfigError(f"camera {self._name}", found.message)
            saved = save_marks(self._path, self._name, marks)
            digest = marks_digest(self._path, self._name)
        self._say(str(saved))
        return {"message": _in_words(saved), "unfinished": saved.unfinished, "digest": digest}

    def _load(self) -> tuple[SiteConfig, CameraConfig]:
        site = load_draft(self._path)
        return site, camera_named(site, self._name)

    def _fit(self, points: list[Point]) -> Fit:
        rows: Floats = np.array([[p.u, p.v, p.x, p.y] for p in points], dtype=np.float64).reshape(-1, 4)
        _site, config = self._load()
        size = self.picture.size
        lens = lens_of(config, image_size=size)
        return fit_points(rows, FitTerms(size, self._range_m, lens, config.fit, config.ground_sigma_m))

    def _check_unchanged(self, digest: object) -> None:
        if digest != marks_digest(self._path, self._name):
            raise ConfigError(
                f"camera {self._name}",
                "its points in the site file have changed since this page was opened",
                remedy="reload the page to see them",
            )

    def _points(self, config: CameraConfig, frame: LocalFrame) -> tuple[list[Point], list[str]]:
        """The points in the file, in pixels of the picture; and remarks on them."""
        notes = read_notes(self._path.read_bytes().decode(), self._name)
        old, new = config.image_size or self.picture.size, self.picture.size
        scale = (new[0] / old[0], new[1] / old[1])
        local = [(*row[:2], *frame.to_local(*row[2:])) for row in config.points_wgs84]
        rows = [*config.points, *local]
        told = [note for key in MARK_KEYS for note in notes.get(key, [])]
        told += [""] * (len(rows) - len(told))
        points = [
            Point(u * scale[0], v * scale[1], x, y, note)
            for (u, v, x, y), note in zip(rows, told, strict=True)
        ]
        return points, _remarks(old, new) if rows else []


def camera_named(site: SiteConfig, name: str) -> CameraConfig:
    """A camera of a site. Raises `ConfigError`."""
    for camera in site.camera:
        if camera.name == name:
            return camera
    names = ", ".join(camera.name for camera in site.camera if camera.detects)
    remedy = f"use one of {names}" if names else "add a [[camera]] section with name and source"
    raise ConfigError("--camera", f"the site has no camera named {name!r}", remedy=remedy)


def points_of(body: dict[str, Any]) -> list[Point]:
    """Points from the page. Raises `ConfigError`."""
    rows = body.get("points")
    if not isinstance(rows, list) or len(rows) > MOST_POINTS:
        raise ConfigError("points", f"must be a list of at most {MOST_POINTS} points")
    return [_point(row) for row in rows]


def _point(row: object) -> Point:
    if not isinstance(row, dict):
        raise ConfigError("points", "each point is an object with u, v, x and y")
    numbers = [row.get(key) for key in ("u", "v", "x", "y")]
    if not all(_is_number(value) for value in numbers) or not isinstance(row.get("note", ""), str):
        raise ConfigError("points", f"u, v, x and y must be numbers within ±{_LARGEST:g}, note a text")
    u, v, x, y = (float(value) for value in numbers if value is not None)
    return Point(u, v, x, y, clean_note(row.get("note", "")))


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST  # false for NaN


def _key_of(body: dict[str, Any]) -> MarkKey:
    for key in MARK_KEYS:
        if body.get("key") == key:
            return key
    raise ConfigError("key", f"must be one of {', '.join(MARK_KEYS)}")


def _frame_of(site: SiteConfig) -> LocalFrame:
    return LocalFrame(site.site.latitude_deg, site.site.longitude_deg, site.site.elevation_m)


def _marks_of(points: list[Point], key: MarkKey, frame: LocalFrame, size: tuple[int, int]) -> Marks:
    rows = []
    for point in points:
        ground = (point.x, point.y) if key == "points" else frame.to_geodetic(point.x, point.y)
        rows.append(Mark((point.u, point.v), ground, point.note))
    return Marks(key, tuple(rows), size)


def _scaled(points: list[Point], old: tuple[int, int], new: tuple[int, int]) -> list[Point]:
    """The points in pixels of a picture of another size."""
    across, along = new[0] / old[0], new[1] / old[1]
    return [Point(p.u * across, p.v * along, p.x, p.y, p.note) for p in points]


def _as_read(marks: Marks, frame: LocalFrame) -> list[Point]:
    """The points as the node will read them, rounded as in the file."""
    points = []
    for u, v, first, second in marks.values():
        x, y = (first, second) if marks.key == "points" else frame.to_local(first, second)
        points.append(Point(u, v, x, y))
    return points


def _remarks(old: tuple[int, int], new: tuple[int, int]) -> list[str]:
    if old == new:
        return []
    text = (
        f"The points in the file refer to a picture of {old[0]} x {old[1]}; this one has {new[0]} x {new[1]}."
    )
    if abs(old[0] * new[1] / (old[1] * new[0]) - 1.0) > _SAME_SHAPE:
        return [text + " The shapes differ: check every point, the camera may show another cut-out."]
    return [text + " They were scaled."]


def _in_words(saved: Saved) -> str:
    return str(saved)[:1].upper() + str(saved)[1:] + "."
