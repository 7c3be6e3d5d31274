"""What is asked in every poll, in how many PDUs, and what the answers mean. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_S
from hw.signal.nema import FLASHING, pedestrian_lamp, vehicle_lamp
from hw.signal.ntcip1202 import objects
from hw.snmp.client import Agent, Reply
from hw.snmp.message import GET, NO_SUCH_INSTANCE, NO_SUCH_OBJECT, NUMBERS, Request, VarBind

MOST_GROUPS = 4
"""Status groups that are read: 32 phases and 32 overlaps."""
FIRST_LIMIT, LEAST_LIMIT = 1300, 128
"""Octets of a request: what fits into one Ethernet frame, and where shrinking ends."""
_SIGNED = range(-128, 0)
BLINK_NS = NS_PER_S
"""A lamp that is dark for longer does not flash: 50 to 60 flashes a minute, half of each dark."""
_PHASE_COLUMNS = (
    objects.REDS,
    objects.YELLOWS,
    objects.GREENS,
    objects.DONT_WALKS,
    objects.PED_CLEARS,
    objects.WALKS,
)
_OVERLAP_COLUMNS = (objects.OVERLAP_REDS, objects.OVERLAP_YELLOWS, objects.OVERLAP_GREENS)
_CALL_COLUMNS = (objects.VEH_CALLS, objects.PED_CALLS)
_UNIT = (objects.UNIT_FLASH_STATUS, objects.UNIT_ALARM_2, objects.SHORT_ALARM)
_EXTRAS = (
    objects.COORD_PATTERN,
    objects.LOCAL_FREE,
    objects.COORD_CYCLE,
    objects.UNIT_CONTROL_STATUS,
    objects.SYSTEM_UP_TIME,
)
Values = Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """How much there is of everything: phases and overlaps, each at most 8 times `MOST_GROUPS`."""

    phases: int
    overlaps: int = 0

    @property
    def phase_groups(self) -> range:
        return range(1, -(-self.phases // objects.PER_GROUP) + 1)

    @property
    def overlap_groups(self) -> range:
        return range(1, -(-self.overlaps // objects.PER_GROUP) + 1)


def layout_of(values: Values) -> Layout | None:
    """From the counts that the controller states; None when they leave no phase."""
    most = MOST_GROUPS * objects.PER_GROUP

    def bounded(count: bytes, groups: bytes) -> int:
        stated = values.get(count, 0)
        return max(0, min(stated, values.get(groups, MOST_GROUPS) * objects.PER_GROUP, most))

    phases = bounded(objects.MAX_PHASES, objects.MAX_PHASE_GROUPS)
    overlaps = bounded(objects.MAX_OVERLAPS, objects.MAX_OVERLAP_GROUPS)
    return Layout(phases, overlaps) if phases else None


@dataclass(frozen=True, slots=True)
class PollPlan:
    """The requests of a poll.

    Attributes:
        layout: what they cover.
        lamps: requests for lamps and unit status: one, unless the agent's messages are too small for it. What
            belongs to eight phases is never divided, so that a lamp is read at one instant.
        extras: one request for calls, coordination and up-time.
        limit: octets that a request may take.
    """

    layout: Layout
    lamps: tuple[Request, ...]
    extras: Request
    limit: int


def plan_poll(
    layout: Layout, agent: Agent, *, absent: frozenset[bytes] = frozenset(), limit: int = FIRST_LIMIT
) -> PollPlan:
    """Lay out the requests, without what the controller does not have."""
    blocks = [[objects.cell(column, group) for column in _PHASE_COLUMNS] for group in layout.phase_groups]
    blocks += [
        [objects.cell(column, group) for column in _OVERLAP_COLUMNS] for group in layout.overlap_groups
    ]
    blocks.append(list(_UNIT))
    present = [[name for name in block if name not in absent] for block in blocks]
    calls = [objects.cell(column, group) for group in layout.phase_groups for column in _CALL_COLUMNS]
    extras = [name for name in (*calls, *_EXTRAS) if name not in absent]
    lamps = tuple(_get(agent, names) for names in _packed(present, agent, limit))
    return PollPlan(layout, lamps, _get(agent, extras), limit)


def smaller(plan: PollPlan, agent: Agent, *, absent: frozenset[bytes]) -> PollPlan:
    """The same poll in shorter requests, for an agent whose answers must be short."""
    limit = max(LEAST_LIMIT, min(plan.limit, *(request.size for request in plan.lamps)) * 2 // 3)
    return plan_poll(plan.layout, agent, absent=absent, limit=limit)


def polled(layout: Layout) -> tuple[bytes, ...]:
    """Every object that a poll asks for."""
    plan = plan_poll(layout, Agent("", 0))
    return tuple(varbind.oid for request in (*plan.lamps, plan.extras) for varbind in request.varbinds)


def _get(agent: Agent, names: Iterable[bytes]) -> Request:
    return agent.request(GET, (VarBind(name) for name in names))


def _packed(blocks: Iterable[list[bytes]], agent: Agent, limit: int) -> list[list[bytes]]:
    packed: list[list[bytes]] = []
    for block in blocks:
        if packed and _get(agent, [*packed[-1], *block]).size <= limit:
            packed[-1] += block
        elif block:
            packed.append(list(block))
    return packed


def values_of(replies: Iterable[Reply], counters: Counter[str]) -> dict[bytes, int]:
    """Numbers by object; what is no number is left out and counted once per call in `bad_type`."""
    values: dict[bytes, int] = {}
    odd = False
    for reply in replies:
        for name, tag, value in reply.varbinds:
            if tag in NUMBERS and isinstance(value, int):
                values[name] = value
            elif tag not in (NO_SUCH_OBJECT, NO_SUCH_INSTANCE):
                odd = True
    counters["bad_type"] += odd
    return values


@dataclass(frozen=True, slots=True)
class Masks:
    """Lamps and calls of all groups, bit 0 is number 1.

    Attributes:
        unknown, unknown_walkers: of whose octets one was missing or no octet; no lamp of those is known.
    """

    reds: int = 0
    yellows: int = 0
    greens: int = 0
    dont_walks: int = 0
    pedestrian_clears: int = 0
    walks: int = 0
    unknown: int = 0
    unknown_walkers: int = 0


class MaskReader:
    """Reads the masks of one layout."""

    def __init__(self, layout: Layout) -> None:
        self._phases = self._columns(_PHASE_COLUMNS, layout.phase_groups)
        self._overlaps = self._columns(_OVERLAP_COLUMNS, layout.overlap_groups)
        self._calls = self._columns(_CALL_COLUMNS, layout.phase_groups)

    @staticmethod
    def _columns(columns: Iterable[str], groups: range) -> tuple[tuple[bytes, ...], ...]:
        return tuple(tuple(objects.cell(column, group) for group in groups) for column in columns)

    def phases(self, values: Values) -> Masks:
        """Vehicle and pedestrian lamps of the phases."""
        red, yellow, green, dont, clear, walk = (_mask(names, values) for names in self._phases)
        return Masks(
            reds=red[0],
            yellows=yellow[0],
            greens=green[0],
            dont_walks=dont[0],
            pedestrian_clears=clear[0],
            walks=walk[0],
            unknown=red[1] | yellow[1] | green[1],
            unknown_walkers=dont[1] | clear[1] | walk[1],
        )

    def overlaps(self, values: Values) -> Masks:
        """Lamps of the overlaps."""
        (reds, red), (yellows, yellow), (greens, green) = (_mask(names, values) for names in self._overlaps)
        return Masks(reds, yellows, greens, unknown=red | yellow | green)

    def calls(self, values: Values) -> tuple[int, int]:
        """Vehicle and pedestrian calls."""
        vehicles, walkers = (_mask(names, values)[0] for names in self._calls)
        return vehicles, walkers


def _mask(names: tuple[bytes, ...], values: Values) -> tuple[int, int]:
    """The octets of all groups as one mask, and the bits that are not known."""
    mask = gaps = shift = 0
    for name in names:
        octet = values.get(name)
        if octet is None or not (0 <= octet <= 0xFF or octet in _SIGNED):  # some agents sign their octets
            gaps |= 0xFF << shift
        else:
            mask |= (octet & 0xFF) << shift
        shift += objects.PER_GROUP
    return mask, gaps


def groups_of(
    layout: Layout, phases: Masks, overlaps: Masks, calls: tuple[int, int]
) -> list[ControllerGroup]:
    """Every lamp group, without ends."""
    groups = []
    for number in range(1, layout.phases + 1):
        bit = 1 << (number - 1)
        vehicle, walkers = _phase_lamps(bit, phases)
        groups.append(ControllerGroup(GroupKind.VEHICLE, number, vehicle, call=bool(calls[0] & bit)))
        groups.append(ControllerGroup(GroupKind.PEDESTRIAN, number, walkers, call=bool(calls[1] & bit)))
    for number in range(1, layout.overlaps + 1):
        lamp = _vehicle(1 << (number - 1), overlaps)
        groups.append(ControllerGroup(GroupKind.OVERLAP, number, lamp))
    return groups


def _phase_lamps(bit: int, masks: Masks) -> tuple[LampState, LampState]:
    if masks.unknown_walkers & bit:
        return _vehicle(bit, masks), LampState.UNKNOWN
    walkers = pedestrian_lamp(
        bit,
        dont_walks=masks.dont_walks,
        pedestrian_clears=masks.pedestrian_clears,
        walks=masks.walks,
    )
    return _vehicle(bit, masks), walkers


def _vehicle(bit: int, masks: Masks) -> LampState:
    if masks.unknown & bit:
        return LampState.UNKNOWN
    return vehicle_lamp(bit, reds=masks.reds, yellows=masks.yellows, greens=masks.greens)


@dataclass(slots=True)
class _Blink:
    """A lamp that may be flashing: the colour last seen lit, and UTC ns of then and of when it was last seen dark."""

    colour: LampState
    lit_ns: int
    dark_ns: int = 0


class FlashLamps:
    """Tells flashing lamps from steady ones, which the objects of v02 do not: polls meet them lit or dark.

    In programmed flash every lit lamp flashes. At other times a yellow one does that goes dark and comes back (a
    flashing yellow arrow); it is taken for steady until it has been dark once. A pedestrian lamp in flash is dark.
    """

    def __init__(self) -> None:
        self._blinks: dict[tuple[GroupKind, int], _Blink] = {}

    def apply(
        self, groups: list[ControllerGroup], status: IntersectionStatus, *, at_ns: int
    ) -> list[ControllerGroup]:
        """The groups as they are at `at_ns`, with flashing lamps."""
        if status & IntersectionStatus.FAILURE_FLASH:
            self._blinks.clear()
            return groups
        programmed = bool(status & IntersectionStatus.PROGRAMMED_FLASH)
        if not programmed and not self._blinks and all(g.lamp is not LampState.YELLOW for g in groups):
            return groups
        return [self._seen(group, at_ns, programmed=programmed) for group in groups]

    def _seen(self, group: ControllerGroup, at_ns: int, *, programmed: bool) -> ControllerGroup:
        if group.kind is GroupKind.PEDESTRIAN:
            return dataclasses.replace(group, lamp=LampState.DARK) if programmed else group
        key = (group.kind, group.number)
        blink = self._blinks.get(key)
        if group.lamp is LampState.DARK:
            if blink is None or at_ns - blink.lit_ns > BLINK_NS:
                self._blinks.pop(key, None)
                return group
            blink.dark_ns = at_ns
            return dataclasses.replace(group, lamp=FLASHING.get(blink.colour, LampState.UNKNOWN))
        if not programmed and group.lamp is not LampState.YELLOW:
            self._blinks.pop(key, None)
            return group
        if blink is None or blink.colour is not group.lamp:
            blink = self._blinks[key] = _Blink(group.lamp, at_ns)
        blink.lit_ns = at_ns
        if not programmed and at_ns - blink.dark_ns > BLINK_NS:
            return group
        return dataclasses.replace(group, lamp=FLASHING.get(group.lamp, LampState.UNKNOWN))


def culprit(request: Request, index: int) -> bytes | None:
    """The object that an error index (from 1) points at; None: at none."""
    return request.varbinds[index - 1].oid if 0 < index <= len(request.varbinds) else None
