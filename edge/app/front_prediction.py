"""What was learned of the signals, kept across restarts: a file in the state directory, written whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from pathlib import Path

from edge.core.errors import CodecError
from edge.flow.board import HealthBoard
from edge.signals.prediction import Predictor
from edge.signals.prediction_store import Frozen, freeze, pack, unpack

_log = logging.getLogger(__name__)
COMPONENT = "prediction"
FOLDER = "signals"
LARGEST_OCTETS = 16_000_000
SAVE_PERIOD_S = 900.0
"""Seldom, for the sake of flash memory: what is lost is learned again within some cycles."""
SAVE_TIMEOUT_S = 5.0


class PredictionStore:
    """The file of one controller's predictor.

    Counters: saved, save_failed, file_broken (ignored, and replaced by the next save).

    Args:
        folder: state directory of the node.
        name: of the controller in the site configuration.
    """

    def __init__(self, folder: Path, name: str, predictor: Predictor, *, board: HealthBoard) -> None:
        self.path = folder / FOLDER / f"{name}.npz"
        self._predictor = predictor
        self._counters = predictor.counters
        board.attach(COMPONENT, self._counters)

    def load(self) -> None:
        """Take up what was learned before the restart; a broken file is counted and ignored."""
        try:
            unpack(_read(self.path), self._predictor)
        except FileNotFoundError:
            return
        except (OSError, CodecError) as error:
            self._counters["file_broken"] += 1
            _log.warning("learned signal timing is not taken from %s: %s", self.path, error)

    async def run(self) -> None:
        """Save now and then."""
        while True:
            await asyncio.sleep(SAVE_PERIOD_S)
            await self.save()

    async def save(self) -> None:
        """Save what is learned by now; packing and writing run on a thread."""
        try:
            async with asyncio.timeout(SAVE_TIMEOUT_S):
                await asyncio.to_thread(_write, self.path, freeze(self._predictor))
        except OSError as error:  # TimeoutError is one
            self._counters["save_failed"] += 1
            _log.warning("learned signal timing is not kept in %s: %s", self.path, error)
        else:
            self._counters["saved"] += 1


def _read(path: Path) -> bytes:
    if path.stat().st_size > LARGEST_OCTETS:
        raise CodecError("prediction state", "it is too large")
    return path.read_bytes()


def _write(path: Path, frozen: Frozen) -> None:
    octets = pack(frozen)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
