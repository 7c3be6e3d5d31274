"""A recording of signal snapshots in place of a controller: at its own pace or as fast as it is read."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TextIO

from edge.core.errors import CodecError, DeviceError
from edge.core.signals import ControllerGroup, SignalSnapshot
from edge.ports import Clock
from hw.clock.system import SystemClock
from hw.signal.snapshot_file import MAX_LINE_BYTES, parse_snapshot

_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Playing:
    """How a recording is played.

    Attributes:
        pace: `real` keeps the distances in time; `fast` waits for nothing.
        stamps: `now` moves all times by so much that the first snapshot is of this moment (at the pace `fast`, that
            each is of the moment at which it is read); `original` leaves them.
        at_end: `stop` ends with a `DeviceError`; `repeat` begins again; `wait` waits for more to be written.
    """

    pace: Literal["real", "fast"] = "real"
    stamps: Literal["now", "original"] = "now"
    at_end: Literal["stop", "repeat", "wait"] = "repeat"


class ReplayController:
    """`SignalController` of a recording (`hw.signal.snapshot_file`).

    Lines that are none are counted and passed over; lines out of order in time are played at once.

    Counters: received, bad_content, rounds.

    Args:
        path: of the recording.
        name: controller name in the site configuration, which replaces the recorded one.
        playing: see `Playing`.
    """

    def __init__(
        self, path: Path, *, name: str, playing: Playing | None = None, clock: Clock | None = None
    ) -> None:
        self._path, self._name, self._playing = path, name, playing or Playing()
        self._clock = clock or SystemClock()
        self._counters: Counter[str] = Counter()
        self.counters: dict[str, int] = self._counters

    @contextlib.asynccontextmanager
    async def snapshots(self) -> AsyncIterator[AsyncIterator[SignalSnapshot]]:
        """Open and iterate. Raises `DeviceError` when the file cannot be read, or at its end."""
        try:
            file = self._path.open(encoding="utf-8", errors="replace")
        except OSError as error:
            problem = f"cannot read {self._path}: {error.strerror}"
            raise DeviceError(self._name, problem, remedy="record one first, or mend replay.file") from error
        with file:
            yield _Snapshots(file, self._name, self._playing, self._clock, self._counters)


class _Snapshots:
    """Iterates over a recording; safe to cancel between two snapshots."""

    def __init__(
        self, file: TextIO, name: str, playing: Playing, clock: Clock, counters: Counter[str]
    ) -> None:
        self._file, self._name, self._playing = file, name, playing
        self._clock, self._counters = clock, counters
        self._next: SignalSnapshot | None = None
        self._part = ""
        self._shift_ns: int | None = None
        self._good_in_round = 0

    def __aiter__(self) -> AsyncIterator[SignalSnapshot]:
        return self

    async def __anext__(self) -> SignalSnapshot:
        while self._next is None:
            self._next = await self._read()
        fast = self._playing.pace == "fast"
        if self._shift_ns is None or fast:
            self._shift_ns = self._clock.now_ns() - self._next.alive_ns
        if fast:
            await asyncio.sleep(0)  # others have their turn, however fast the reader is
        else:
            await self._clock.sleep_until(self._next.alive_ns + self._shift_ns)
        found, self._next = self._next, None
        moved_ns = 0 if self._playing.stamps == "original" else self._shift_ns
        return _moved(found, moved_ns, name=self._name)

    async def _read(self) -> SignalSnapshot | None:
        """The snapshot of the next line; None: it is none, or the file begins again."""
        self._part += self._file.readline(MAX_LINE_BYTES)
        if not self._part.endswith("\n") and len(self._part) < MAX_LINE_BYTES:
            if self._playing.at_end == "wait":
                await asyncio.sleep(_LOOK_AGAIN_S)
                return None
            if not self._part:
                self._end_of_file()
                return None
        line, self._part = self._part.strip(), ""
        if not line:
            return None
        self._counters["received"] += 1
        try:
            snapshot = parse_snapshot(line)
        except CodecError:
            self._counters["bad_content"] += 1
            return None
        self._good_in_round += 1
        return snapshot

    def _end_of_file(self) -> None:
        if self._playing.at_end == "stop" or not self._good_in_round:
            problem = "the recording has ended" if self._good_in_round else "the recording holds no snapshot"
            raise DeviceError(self._name, problem)
        self._counters["rounds"] += 1
        self._file.seek(0)
        self._good_in_round = 0
        self._shift_ns = None


def _moved(snapshot: SignalSnapshot, shift_ns: int, *, name: str) -> SignalSnapshot:
    stamp = snapshot.stamp._replace(capture_ns=snapshot.stamp.capture_ns + shift_ns)
    groups = tuple(_moved_group(group, shift_ns) for group in snapshot.groups)
    return replace(
        snapshot, controller=name, stamp=stamp, alive_ns=snapshot.alive_ns + shift_ns, groups=groups
    )


def _moved_group(group: ControllerGroup, shift_ns: int) -> ControllerGroup:
    ends = (group.min_end_ns, group.max_end_ns, group.likely_end_ns)
    least, latest, likely = (None if end is None else end + shift_ns for end in ends)
    return replace(group, min_end_ns=least, max_end_ns=latest, likely_end_ns=likely)
