"""A simulated actuated controller: gap-out, maximum, recalls, pattern changes, preemption, flash, stop time.

Its promises are honest: a least end is the earliest that can still come, a latest end is told once it is certain.
Nothing is random but the demand, which comes from a seed. Times are tenths of a second since its start.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge.core.signals import IntersectionStatus, LampState

Group = tuple[str, int]
"""Kind (`vehicle` or `pedestrian`) and phase number."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Groups that are green together."""

    vehicles: tuple[int, ...]
    walkers: tuple[int, ...] = ()


STAGES = (Stage((1, 5)), Stage((2, 6), (2,)), Stage((3, 7)), Stage((4, 8), (4,)))


@dataclass(frozen=True, slots=True)
class Pattern:
    """Times of one plan, tenths of a second.

    Attributes:
        least_ds, most_ds: green of each stage; equal everywhere: fixed time.
        passage_ds: a gap so long ends the green.
        walk_ds, walk_clear_ds: of pedestrians, where they are served.
        flashing_green_ds, red_yellow_ds: 0: the country has none.
        arrivals_per_s: of each group.
    """

    least_ds: tuple[int, ...] = (60, 120, 60, 90)
    most_ds: tuple[int, ...] = (200, 450, 200, 350)
    passage_ds: int = 30
    yellow_ds: int = 35
    all_red_ds: int = 15
    walk_ds: int = 70
    walk_clear_ds: int = 110
    flashing_green_ds: int = 0
    red_yellow_ds: int = 0
    arrivals_per_s: float = 0.15

    @property
    def fixed(self) -> bool:
        return self.least_ds == self.most_ds


@dataclass(frozen=True, slots=True)
class GroupNow:
    """What one group shows and promises; ends in tenths of a second since the start, None: not promised."""

    lamp: LampState
    least_ds: int | None = None
    latest_ds: int | None = None
    call: bool = False


@dataclass(slots=True)
class _Service:
    """The stage that is served now.

    Attributes:
        part: "green", "flashing", "yellow", "red" or "flash".
        until_ds: end of a part of fixed length.
        least_ds, latest_ds, gap_ds: of the green.
        walk_ds, walk_clear_ds: ends of walk and its clearance; None: walkers are not served.
    """

    stage: int = 0
    part: str = "red"
    until_ds: int = 20
    least_ds: int = 0
    latest_ds: int | None = None
    gap_ds: int = 0
    walk_ds: int | None = None
    walk_clear_ds: int | None = None
    following: int = 1
    follows_walk: bool = False


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something other than traffic: preemption, flash or stop time asked for at a time and for a duration."""

    at_ds: int
    for_ds: int
    status: IntersectionStatus
    stage: int = 1


@dataclass(slots=True)
class ActuatedController:
    """Call `step` once for each tenth of a second, then read `now` and `status`.

    Attributes:
        patterns: (from tenth of a second, pattern), in order of time; a new one begins with a stage.
        disturbances: in order of time; each begins with the next green.
        seed: of the demand.
    """

    patterns: Sequence[tuple[int, Pattern]] = ((0, Pattern()),)
    disturbances: Sequence[Disturbance] = ()
    seed: int = 1
    time_ds: int = 0
    status: IntersectionStatus = IntersectionStatus.NONE
    _service: _Service = field(default_factory=_Service)
    _calls: set[Group] = field(default_factory=set)
    _pattern: Pattern = field(default_factory=Pattern)
    _next: int = 0
    _end_ds: int = 0
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - traffic, not secrets
        self._pattern = self.patterns[0][1]

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups."""
        vehicles = [("vehicle", number) for stage in STAGES for number in stage.vehicles]
        return (*sorted(vehicles), *(("pedestrian", number) for stage in STAGES for number in stage.walkers))

    def step(self) -> None:
        """Go on by a tenth of a second."""
        self.time_ds += 1
        self._demand()
        self._disturb()
        if self.status & IntersectionStatus.STOP_TIME:
            self._hold()
        elif not self.status & (IntersectionStatus.PROGRAMMED_FLASH | IntersectionStatus.FAILURE_FLASH):
            self._run()

    def now(self) -> Mapping[Group, GroupNow]:
        """All groups at this time."""
        service, found = self._service, {}
        flashing = service.part == "flash"
        for index, stage in enumerate(STAGES):
            for number in stage.vehicles:
                key = ("vehicle", number)
                shown = _flash(number) if flashing else self._vehicle(index)
                found[key] = GroupNow(*shown, call=key in self._calls)
            for number in stage.walkers:
                key = ("pedestrian", number)
                shown = (LampState.DARK, None, None) if flashing else self._walker(index)
                found[key] = GroupNow(*shown, call=key in self._calls)
        return found

    def _demand(self) -> None:
        service, rate = self._service, self._pattern.arrivals_per_s / 10.0
        for index, stage in enumerate(STAGES):
            for number in stage.vehicles:
                if self._random.random() >= rate:
                    continue
                if index == service.stage and service.part == "green":
                    service.gap_ds = self.time_ds + self._pattern.passage_ds
                else:
                    self._calls.add(("vehicle", number))
            for number in stage.walkers:
                if self._random.random() < rate / 5.0:
                    self._calls.add(("pedestrian", number))

    def _disturb(self) -> None:
        """Begin and end preemption, flash and stop time."""
        none, service = IntersectionStatus.NONE, self._service
        if self.status is not none:
            if self.time_ds < self._end_ds:
                return
            if service.part == "flash":
                service.part, service.until_ds = "red", self.time_ds + 60
                service.following, service.follows_walk = 1, False
            self.status = none
            service.least_ds = max(service.least_ds, self.time_ds)
            service.latest_ds = None
            return
        if self._next >= len(self.disturbances) or service.part != "green":
            return
        wanted = self.disturbances[self._next]
        if self.time_ds < wanted.at_ds or self.time_ds < service.least_ds:
            return
        self._next += 1
        self.status, self._end_ds = wanted.status, self.time_ds + wanted.for_ds
        if wanted.status & IntersectionStatus.PREEMPT:
            service.walk_ds = service.walk_clear_ds = None
            if service.stage != wanted.stage:
                self._end_green(wanted.stage, walk=False)
        elif not wanted.status & IntersectionStatus.STOP_TIME:
            service.part = "flash"

    def _hold(self) -> None:
        """Stop time: all that runs is put off by what has passed."""
        service = self._service
        service.until_ds += 1
        service.least_ds += 1
        service.gap_ds += 1
        service.latest_ds = None if service.latest_ds is None else service.latest_ds + 1
        service.walk_ds = None if service.walk_ds is None else service.walk_ds + 1
        service.walk_clear_ds = None if service.walk_clear_ds is None else service.walk_clear_ds + 1

    def _run(self) -> None:
        service, pattern = self._service, self._pattern
        if service.part == "green":
            self._run_green()
        elif self.time_ds < service.until_ds:
            return
        elif service.part == "flashing":
            service.part, service.until_ds = "yellow", self.time_ds + pattern.yellow_ds
        elif service.part == "yellow":
            service.part, service.until_ds = "red", self.time_ds + pattern.all_red_ds
        else:
            self._begin_green()

    def _run_green(self) -> None:
        service, pattern = self._service, self._pattern
        if self.status & IntersectionStatus.PREEMPT:
            return
        following = self._wanted()
        if following is None:
            return
        if service.latest_ds is None:
            service.latest_ds = max(service.least_ds, self.time_ds + pattern.most_ds[service.stage])
        over = self.time_ds >= min(service.gap_ds, service.latest_ds) and self.time_ds >= service.least_ds
        if pattern.fixed:
            over = self.time_ds >= service.least_ds
        if over:
            walkers = STAGES[following].walkers
            self._end_green(following, walk=any(("pedestrian", number) in self._calls for number in walkers))

    def _wanted(self) -> int | None:
        """The next stage with a call, in order; with fixed times simply the next."""
        for ahead in range(1, len(STAGES)):
            index = (self._service.stage + ahead) % len(STAGES)
            stage = STAGES[index]
            called = any(("vehicle", number) in self._calls for number in stage.vehicles)
            if self._pattern.fixed or called or any(("pedestrian", n) in self._calls for n in stage.walkers):
                return index
        return None

    def _end_green(self, following: int, *, walk: bool) -> None:
        service, pattern = self._service, self._pattern
        service.following, service.follows_walk = following, walk
        service.walk_ds = service.walk_clear_ds = None
        flashing = pattern.flashing_green_ds
        service.part = "flashing" if flashing else "yellow"
        service.until_ds = self.time_ds + (flashing or pattern.yellow_ds)

    def _begin_green(self) -> None:
        for begin_ds, pattern in self.patterns:
            if self.time_ds >= begin_ds:
                self._pattern = pattern
        pattern, service, now = self._pattern, self._service, self.time_ds
        service.stage, service.part = service.following, "green"
        stage = STAGES[service.stage]
        self._calls -= {("vehicle", number) for number in stage.vehicles}
        service.least_ds, service.latest_ds = now + pattern.least_ds[service.stage], None
        service.gap_ds = now + pattern.passage_ds
        if service.follows_walk:
            self._calls -= {("pedestrian", number) for number in stage.walkers}
            service.walk_ds = now + pattern.walk_ds
            service.walk_clear_ds = service.walk_ds + pattern.walk_clear_ds
            service.least_ds = max(service.least_ds, service.walk_clear_ds)
        if pattern.fixed:
            service.latest_ds = service.least_ds

    def _vehicle(self, index: int) -> tuple[LampState, int | None, int | None]:
        service, pattern = self._service, self._pattern
        if index == service.stage and service.part == "green":
            if self.status is not IntersectionStatus.NONE:
                return LampState.GREEN, None, None
            return LampState.GREEN, max(service.least_ds, self.time_ds), service.latest_ds
        if index == service.stage and service.part in {"flashing", "yellow"}:
            lamp = LampState.YELLOW if service.part == "yellow" else LampState.FLASHING_GREEN
            return lamp, service.until_ds, service.until_ds
        if index == service.following and service.part == "red":
            ready_ds = service.until_ds - pattern.red_yellow_ds
            if self.time_ds >= ready_ds and pattern.red_yellow_ds:
                return LampState.RED_YELLOW, service.until_ds, service.until_ds
        return (LampState.RED, *self._red_ends(index, known=True))

    def _walker(self, index: int) -> tuple[LampState, int | None, int | None]:
        service = self._service
        if index == service.stage and service.part == "green":
            clearing = LampState.FLASHING_GREEN if self._pattern.flashing_green_ds else LampState.FLASHING_RED
            for lamp, end_ds in ((LampState.GREEN, service.walk_ds), (clearing, service.walk_clear_ds)):
                if end_ds is not None and self.time_ds < end_ds:
                    told_ds = None if self.status is not IntersectionStatus.NONE else end_ds
                    return lamp, told_ds, told_ds
        return (LampState.RED, *self._red_ends(index, known=service.follows_walk, walker=True))

    def _red_ends(self, index: int, *, known: bool, walker: bool = False) -> tuple[int | None, int | None]:
        """The earliest end of a red, and its latest where the next stage is chosen."""
        service, pattern = self._service, self._pattern
        if self.status is not IntersectionStatus.NONE:
            return None, None
        early = 0 if walker else pattern.red_yellow_ds
        clear_ds = pattern.flashing_green_ds + pattern.yellow_ds + pattern.all_red_ds
        if service.part == "green":
            return max(service.least_ds, self.time_ds) + clear_ds - early, None
        left_ds = {
            "flashing": pattern.yellow_ds + pattern.all_red_ds,
            "yellow": pattern.all_red_ds,
        }.get(service.part, 0)
        green_ds = service.until_ds + left_ds
        if index == service.following and known:
            return green_ds - early, green_ds - early
        return green_ds + min(
            p.least_ds[service.following] for _, p in self.patterns
        ) + clear_ds - early, None


def _flash(number: int) -> tuple[LampState, None, None]:
    lamp = LampState.FLASHING_YELLOW if number in {2, 6} else LampState.FLASHING_RED
    return lamp, None, None
