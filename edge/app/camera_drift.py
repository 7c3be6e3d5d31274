"""Watches that a camera stays where it was calibrated: keeps the references in the state directory, tells health."""

from __future__ import annotations

import contextlib
import logging
import math
import os
from pathlib import Path

import numpy as np

from edge.app.calibration_store import FOLDER, digest_of, proposal_path
from edge.config.site import CameraConfig
from edge.core.health import HealthState
from edge.flow.board import HealthBoard
from edge.perception.drift import DriftWatch
from edge.ports import Image

_log = logging.getLogger(__name__)
UNCLEAR = 20
"""Averages in a row that are like no reference before that is said."""


class CameraDrift:
    """`look` runs on the reader's thread, `tell` on the event loop; they share whole values only."""

    def __init__(self, config: CameraConfig, state: Path) -> None:
        self._config = config
        self._path = state / FOLDER / f"{config.name}.background.npz"
        self._applied = proposal_path(state, config.name, "applied")
        self._applied_ns = self._changed_ns()
        self._watch = DriftWatch(self._load())
        self._component = f"camera.{config.name}.calibration"

    def look(self, image: Image, *, now_ns: int) -> None:
        """Take a picture."""
        kept = self._watch.references
        if self._watch.look(image, now_ns=now_ns) and self._watch.references is not kept:
            self._save()

    def tell(self, board: HealthBoard) -> bool:
        """Set health; returns whether the calibration was changed under way."""
        changed_ns = self._changed_ns()
        changed = changed_ns != self._applied_ns
        if changed:
            # What was applied fits the picture as it is now: the background is learnt anew.
            self._applied_ns, self._watch = changed_ns, DriftWatch()
        watch, shift = self._watch, self._watch.shift
        if watch.drifted and shift is not None:
            board.set(self._component, HealthState.DEGRADED, self._words())
        elif watch.unclear >= UNCLEAR:
            words = "the picture is like none that was kept: whether the camera has moved cannot be told"
            board.set(self._component, HealthState.OK, words)
        else:
            board.set(self._component, HealthState.OK)
        if shift is not None:
            board.counters(self._component)["moved_px_x100"] = round(100.0 * shift.moved_px)
        return changed and self._config.self_calibrate == "apply"

    def _words(self) -> str:
        shift = self._watch.shift
        assert shift is not None
        moved = (
            f"{shift.moved_px:.1f} px (right {shift.right_px:.1f}, down {shift.down_px:.1f}, "
            f"turn {math.degrees(shift.turn_rad):.2f} degrees)"
        )
        return (
            f"the camera has turned or moved since it was calibrated: the picture lies {moved} off; "
            f"set it right, or calibrate it anew with edge calibrate --camera {self._config.name}"
        )

    def _changed_ns(self) -> int:
        try:
            return self._applied.stat().st_mtime_ns
        except OSError:
            return 0

    def _load(self) -> tuple[np.ndarray, ...]:
        """References that belong to the present calibration."""
        try:
            with np.load(self._path) as stored:
                if str(stored["of"]) != self._mark():
                    return ()
                return tuple(np.asarray(picture, dtype=np.float32) for picture in stored["pictures"])
        except (OSError, ValueError, KeyError):
            return ()

    def _save(self) -> None:
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                np.savez_compressed(file, of=self._mark(), pictures=np.stack(self._watch.references))
            os.replace(beside, self._path)
        except (OSError, ValueError) as error:
            _log.warning("%s: the still background cannot be kept: %s", self._component, error)
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)

    def _mark(self) -> str:
        return f"{digest_of(self._config)}/{self._applied_ns}"
