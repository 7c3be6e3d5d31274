"""Saves a camera's ground points into the site file: checked before, written atomically, the old file kept."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config.load import load_draft, load_site
from edge.config.marks import MARK_KEYS, Marks, camera_values, lines_of_marks, with_marks
from edge.core.errors import ConfigError

_CHANGED = (*MARK_KEYS, "image_size")


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written.

    Attributes:
        path, backup: the site file, and the file as it was before.
        key: points or points_wgs84; count: rows of it; first_line, last_line: where they stand, from 1.
        unfinished: why the site as a whole is not ready yet, for reasons that were there before; empty when it is.
    """

    path: Path
    backup: Path
    key: str
    count: int
    first_line: int
    last_line: int
    unfinished: str

    def __str__(self) -> str:
        lines = f"lines {self.first_line} to {self.last_line}"
        return (
            f"{self.count} points and the image size written to {self.path}, {lines} ({self.key}); "
            f"the file as it was before is {self.backup.name}"
        )


def marks_digest(path: Path, camera: str) -> str:
    """Tells whether a camera's points in the file are still those that somebody has seen. Raises `ConfigError`."""
    values = camera_values(_read(path), camera)
    kept = json.dumps([values.get(key) for key in _CHANGED], default=str)
    return hashlib.sha256(kept.encode()).hexdigest()[:16]


def save_marks(path: Path, camera: str, marks: Marks) -> Saved:
    """Write a camera's points.

    Raises:
        ConfigError: the result would not load, or would change anything else; the file is then as it was.
    """
    target = path.resolve()
    before = _read(target)
    _refuse_moved_lamps(before, camera, marks, path)
    after = with_marks(before, camera, marks)
    _check_only_marks_changed(before, after, camera, marks, path)
    backup = target.with_name(target.name + ".bak")
    try:
        candidate = _written_beside(target, after)
        try:
            load_draft(candidate)
            unfinished = _unfinished(target, candidate)
            _replace(_written_beside(target, before), backup)
            _replace(candidate, target)
        finally:
            candidate.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        remedy = "make the file and its folder writable for you"
        raise ConfigError("", f"cannot be written: {reason}", remedy=remedy, file=str(path)) from error
    first, last = lines_of_marks(after, camera, marks.key)
    return Saved(path, backup, marks.key, len(marks.rows), first, last, unfinished)


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode()
        tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("", f"cannot read the site file: {error}", file=str(path)) from error
    return text


def _refuse_moved_lamps(before: str, camera: str, marks: Marks, path: Path) -> None:
    """The places of signal heads refer to the image size too. Raises `ConfigError` when that would change."""
    values = camera_values(before, camera)
    size = values.get("image_size")
    if values.get("lamp") and size is not None and list(size) != list(marks.image_size):
        raise ConfigError(
            f"camera {camera}: image_size",
            f"camera.lamp refers to {size[0]}x{size[1]}, the picture has {marks.image_size[0]}x{marks.image_size[1]}",
            remedy="calibrate on a picture of that size, or place the lamps anew first",
            file=str(path),
        )


def _check_only_marks_changed(before: str, after: str, camera: str, marks: Marks, path: Path) -> None:
    """The new text must say what was asked for, and otherwise the same as the old one."""
    try:
        new = camera_values(after, camera)
        same = _others(after, camera) == _others(before, camera)
    except (tomllib.TOMLDecodeError, ConfigError):
        new, same = {}, False
    written = {key: new.get(key) for key in _CHANGED if key in new}
    if same and written == {marks.key: marks.values(), "image_size": list(marks.image_size)}:
        return
    raise ConfigError(
        f"camera {camera}: {marks.key}",
        "cannot be written into this file without changing something else",
        remedy="write the camera as a plain [[camera]] section",
        file=str(path),
    )


def _others(text: str, camera: str) -> dict[str, Any]:
    """All values of a site file but the marks of one camera."""
    values = tomllib.loads(text)
    for entry in values["camera"]:
        if entry.get("name") == camera:
            for key in _CHANGED:
                entry.pop(key, None)
    return values


def _unfinished(target: Path, candidate: Path) -> str:
    """Why the new file is not ready to run. Raises `ConfigError` when the old one was."""
    try:
        load_site(candidate)
    except ConfigError as error:
        try:
            load_site(target)
        except ConfigError:
            return str(ConfigError(error.key, error.problem, remedy=error.remedy))
        raise ConfigError(error.key, error.problem, remedy=error.remedy, file=str(target)) from error
    return ""


def _written_beside(target: Path, text: str) -> Path:
    """A new file in the same folder, with the rights of the target, safely on disk."""
    rights = target.stat()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fchmod(file.fileno(), rights.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), rights.st_uid, rights.st_gid)
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _replace(new: Path, target: Path) -> None:
    """Put a file in the place of another; the folder's entry is on disk when this returns."""
    new.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
