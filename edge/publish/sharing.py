"""Tells through one radio of the road users that we sense, within a budget, and after SPAT and MAP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.core.errors import CodecError, DeviceError
from edge.core.health import HealthState
from edge.core.perceived import PerceivedObjects
from edge.core.sensed import own_tracks
from edge.core.situation import Scene
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.flow.board import HealthBoard
from edge.flow.channel import Latest
from edge.ports import RadioMessage, RsuRadio
from edge.publish.perceived import perceived_objects
from edge.publish.radio_ids import RadioIds
from edge.publish.ranking import ranked
from edge.publish.slots import SPAT_PERIOD_NS

SEND_TIMEOUT_S = 0.05
OFFSET_NS = SPAT_PERIOD_NS // 2
"""Objects go out half-way between two slots of SPAT."""
SLOWEST_NS = NS_PER_S
RECOVERY_NS = 2 * NS_PER_S
"""Without trouble for so long, the rate is doubled again."""
COUNTS = 128
TROUBLE = ("congested", "unacknowledged", "replaced", "unanswered")
"""Counters of drivers that rise when a link does not keep up."""
START = 64
"""Road users that a frame is thought to hold at first."""
SPARE, GROW_EVERY = 2, 5
"""Objects more than had room are tried at every fifth telling."""
TOLD_NS = 60 * NS_PER_S

Encode = Callable[[PerceivedObjects, int], tuple[bytes, ...]]
"""Objects and the message count of the first frame to frames of the radio's message set."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told, as whom, and how much of it.

    Attributes:
        kind: of the message: RSM, SDSM or CPM.
        encode: its dialect.
        station: of the sender, hexadecimal.
        period_ns: between two tellings.
        frames: at each, of up to 1,400 octets.
    """

    kind: str
    encode: Encode
    station: str
    period_ns: int
    frames: int


class Pace:
    """The time between two tellings: doubled while the link does not keep up, at most to a second. Pure."""

    def __init__(self, period_ns: int) -> None:
        self._base_ns = self.period_ns = period_ns
        self._quiet_since_ns = 0

    def note(self, *, trouble: bool, now_ns: int) -> None:
        """What became of the last telling."""
        if trouble:
            self.period_ns = min(max(self._base_ns, SLOWEST_NS), 2 * self.period_ns)
            self._quiet_since_ns = now_ns
        elif self.period_ns > self._base_ns and not 0 <= now_ns - self._quiet_since_ns < RECOVERY_NS:
            self.period_ns = max(self._base_ns, self.period_ns // 2)
            self._quiet_since_ns = now_ns

    def next_ns(self, now_ns: int) -> int:
        """When to tell next: on a grid of the period, half-way between slots of SPAT."""
        return ((now_ns - OFFSET_NS) // self.period_ns + 1) * self.period_ns + OFFSET_NS


class ObjectBroadcaster:
    """Tells one radio's listeners of road users; never those that were only heard.

    Counters on the board: frames_sent, objects_told, objects_left_out (no room; the budget is short), scenes_stale,
    encode_errors, send_timeouts, slowed (times that the rate was halved), period_ms.

    Args:
        radio: whose link somebody else holds open.
        telling: message set and budget.
        sensor_kinds: kind per sensor of the site.
        component: name on the health board, e.g. `objects.north`.
    """

    def __init__(
        self,
        radio: RsuRadio,
        *,
        scenes: Latest[Scene],
        telling: Telling,
        sensor_kinds: Mapping[str, str],
        component: str,
        board: HealthBoard,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._radio, self._scenes, self._telling, self._kinds = radio, scenes, telling, sensor_kinds
        self._component, self._board, self._now_ns = component, board, now_ns
        self._counters = board.counters(component)
        self._pseudonyms = RadioIds()
        self._pace = Pace(telling.period_ns)
        self._told_ns: dict[int, int] = {}
        self._room = START * telling.frames
        self._count = self._tellings = 0
        self._last: tuple[int, int] | None = None

    async def run(self) -> None:
        """Tell until cancelled. Raises `DeviceError` when the radio is lost or refuses the message."""
        while True:
            now_ns = self._now_ns()
            await asyncio.sleep((self._pace.next_ns(now_ns) - now_ns) / NS_PER_S)
            await self.tell(self._now_ns())

    async def tell(self, now_ns: int) -> None:
        """Tell of the newest scene, once. Raises `DeviceError`."""
        scene = self._scenes.value
        if scene is None or self._last == (scene.epoch, scene.sequence):
            return
        if now_ns > scene.valid_until_ns:
            self._counters["scenes_stale"] += 1
            return
        self._last = scene.epoch, scene.sequence
        frames = self._frames(scene, now_ns)
        trouble = await self._send(frames, scene.valid_until_ns)
        before = self._pace.period_ns
        self._pace.note(trouble=trouble, now_ns=now_ns)
        self._counters["slowed"] += self._pace.period_ns > before
        self._counters["period_ms"] = self._pace.period_ns // NS_PER_MS

    def _frames(self, scene: Scene, now_ns: int) -> tuple[bytes, ...]:
        """As many road users as there is room for, the most pressing first."""
        tracks = scene.tracks
        rows = [int(row) for row in own_tracks(tracks, self._kinds)]
        ids = self._pseudonyms.of((int(tracks.track_id[row]) for row in rows), now_ns=now_ns)
        if len(rows) > self._room:
            rows = ranked(tracks, rows, told_ns=self._told_ns)
        try:
            frames, told = self._fitting(scene, rows, ids)
        except CodecError as error:
            self._counters["encode_errors"] += 1
            self._board.set(self._component, HealthState.DEGRADED, str(error))
            return ()
        if len(told) < len(rows) <= self._room:
            self._room = len(told)
            return self._frames(scene, now_ns)  # fewer fit than was thought: rank them, and tell the first
        self._room = len(told) if len(told) < len(rows) else max(self._room, len(told))
        self._told_ns = {t: at for t, at in self._told_ns.items() if now_ns - at < TOLD_NS}
        self._told_ns |= {int(tracks.track_id[row]): now_ns for row in told}
        self._counters["objects_told"] += len(told)
        self._counters["objects_left_out"] += len(rows) - len(told)
        self._count = (self._count + len(frames)) % COUNTS
        self._board.set(self._component, HealthState.OK)
        return frames

    def _fitting(
        self, scene: Scene, rows: Sequence[int], ids: Mapping[int, int]
    ) -> tuple[tuple[bytes, ...], Sequence[int]]:
        """Frames of as many of the first rows as fit, and those rows."""
        sizes = [min(len(rows), self._room)]
        if len(rows) > self._room and self._tellings % GROW_EVERY == 0:
            sizes.insert(0, min(len(rows), self._room + SPARE))
        self._tellings += 1
        while True:
            chosen = rows[: sizes.pop(0)]
            objects = perceived_objects(
                scene.tracks, chosen, ids=ids, sensor_kinds=self._kinds, station=self._telling.station
            )
            frames = self._telling.encode(objects, self._count)
            if len(frames) <= self._telling.frames:
                return frames, chosen
            sizes = sizes or [len(chosen) * self._telling.frames // len(frames)]

    async def _send(self, frames: Sequence[bytes], expires_ns: int) -> bool:
        """Whether the link did not keep up."""
        before = self._troubles()
        late = False
        for frame in frames:
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._radio.send(RadioMessage(self._telling.kind, frame, expires_ns))
            except TimeoutError:
                self._counters["send_timeouts"] += 1
                late = True
                break  # what is left of a scene comes with the next
            except DeviceError as error:
                self._board.set(self._component, HealthState.DEGRADED, str(error))
                raise
            self._counters["frames_sent"] += 1
        return late or self._troubles() > before

    def _troubles(self) -> int:
        return sum(self._radio.counters.get(name, 0) for name in TROUBLE)
