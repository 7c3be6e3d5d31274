"""What an RSMP site has told about its lights, as snapshots.

Source: RSMP SXL for traffic light controllers 1.2.1: S0001 lamps, S0025 times of green and red, S0014 plan, and the
states of the whole controller S0006 to S0020 and S0035.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.errors import CodecError
from edge.core.signals import ControllerGroup, GroupKind, IntersectionStatus, LampState, SignalSnapshot
from edge.core.stamp import Stamp
from hw.signal.rsmp import parse_timestamp
from hw.signal.rsmp_lamps import DEMANDING, LAMPS, UNDEFINED, lamp_of

LIGHTS = ("S0001", ("signalgroupstatus", "cyclecounter", "basecyclecounter", "stage"))
STATES = (
    ("S0014", ("status",)),  # plan
    ("S0007", ("intersection", "status")),  # switched on
    ("S0008", ("intersection", "status")),  # manual control
    ("S0009", ("intersection", "status")),  # fixed time control
    ("S0011", ("intersection", "status")),  # yellow flash
    ("S0013", ("intersection", "status")),  # police key
    ("S0020", ("intersection", "controlmode")),
    ("S0035", ("emergencyroutes",)),
)
"""Asked for one by one, because a site refuses a question with a status that it does not know as a whole."""
TIMES = (
    "S0025",
    (
        "minToGEstimate",
        "maxToGEstimate",
        "likelyToGEstimate",
        "ToGConfidence",
        "minToREstimate",
        "maxToREstimate",
        "likelyToREstimate",
        "ToRConfidence",
    ),
)
_ASKED = frozenset((status, name) for status, names in (LIGHTS, *STATES, TIMES) for name in names)
MAX_GROUPS = 255
_LETTERS = (0, "S0001", "signalgroupstatus")
_MODES = {
    "startup": IntersectionStatus.STANDBY,
    "standby": IntersectionStatus.STANDBY,
    "failure": IntersectionStatus.FAILURE_MODE,
    "test": IntersectionStatus.MANUAL_CONTROL,
}
_POLICE_KEY = {
    "1": IntersectionStatus.OFF | IntersectionStatus.MANUAL_CONTROL,
    "2": IntersectionStatus.PROGRAMMED_FLASH | IntersectionStatus.MANUAL_CONTROL,
    "3": IntersectionStatus.MANUAL_CONTROL,
}


class Told(enum.Enum):
    """What a message told of the lamps."""

    NOTHING = "nothing"
    LAMPS = "lamps"
    MISSED = "lamps that were not taken: what is known of them may be wrong now"


def tells_lamps(entries: object) -> bool:
    """Whether the `sS` of a message has lamps in it."""
    found = entries if isinstance(entries, list) else []
    return any(isinstance(entry, dict) and entry.get("n") == _LETTERS[2] for entry in found)


@dataclass(frozen=True, slots=True)
class RsmpGroup:
    """A signal group that the site file maps.

    Attributes:
        number: its place in S0001, from 1.
        kind: what the site file calls it.
        component: its RSMP component id; None: no times are asked for.
    """

    number: int
    kind: GroupKind = GroupKind.GROUP
    component: str | None = None


@dataclass(frozen=True, slots=True)
class RsmpIntersection:
    """What the lights of a site are called here.

    Attributes:
        name: controller name in the site configuration.
        groups: the groups that the site file maps.
        intersection: which of the controller's intersections counts in its lists; 0: any.
        yellow_ns: how long yellow is shown, where S0025 tells when red begins; 0: S0025 tells when green ends;
            None not known: no least end of green.
        red_yellow_ns: how long red and yellow is shown before green; 0: never; None not known.
    """

    name: str
    groups: tuple[RsmpGroup, ...]
    intersection: int = 0
    yellow_ns: int | None = None
    red_yellow_ns: int | None = None


class RsmpLights:
    """Keeps the newest value of every status and says what they mean together. Pure.

    Counters: bad_content, out_of_order (an older value after a newer one), old_values (marked old by the site),
    not_asked (values that we have not subscribed to).
    """

    def __init__(self, intersection: RsmpIntersection, *, counters: Counter[str]) -> None:
        self._intersection, self._counters = intersection, counters
        self._groups = {group.number: group for group in intersection.groups}
        self._values: dict[tuple[int, str, str], object] = {}
        self._times: dict[tuple[int, str, str], int] = {}
        self._letters = ""
        self._flashing: set[int] = set()
        self._stamp: Stamp | None = None

    def take(
        self,
        entries: object,
        *,
        their_ns: int,
        stamp: Stamp,
        group: int = 0,
        shift_ns: int = 0,
        order: bool = True,
    ) -> Told:
        """Take the `sS` of an update or a response; what it told of the lamps.

        Args:
            their_ns: its `sTs`; orders the values.
            stamp: the same on our clock.
            group: number of the group whose component it is; 0: the controller itself.
            shift_ns: what to add to the site's times.
            order: drop values that are older than what is known.
        """
        told = Told.NOTHING
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict):
                self._counters["bad_content"] += 1
                continue
            key = (group, str(entry.get("sCI")), str(entry.get("n")))
            if key[1:] not in _ASKED:
                self._counters["not_asked"] += 1
                continue
            late = order and their_ns < self._times.get(key, their_ns)
            old = entry.get("q") == "old"
            self._counters["out_of_order"] += late
            self._counters["old_values"] += old
            if not late and not old:
                self._keep(key, entry, their_ns=their_ns, stamp=stamp, shift_ns=shift_ns)
            if key == _LETTERS:
                told = Told.MISSED if late or old else Told.LAMPS
        return told

    def snapshot(self, *, alive_ns: int) -> SignalSnapshot | None:
        """All lamps; None before the site has told any."""
        if self._stamp is None:
            return None
        cycle = self._number("S0001", "cyclecounter")
        return SignalSnapshot(
            controller=self._intersection.name,
            stamp=self._stamp,
            alive_ns=alive_ns,
            groups=tuple(self._group(number, letter) for number, letter in self._lit()),
            status=self._status(),
            plan=self._number("S0014", "status"),
            cycle_position_s=None if cycle is None else float(cycle),
        )

    def _keep(
        self,
        key: tuple[int, str, str],
        entry: Mapping[str, object],
        *,
        their_ns: int,
        stamp: Stamp,
        shift_ns: int,
    ) -> None:
        value = entry.get("s")
        if entry.get("q") in ("unknown", "undefined"):
            value = None
        if key == _LETTERS:
            letters = value if isinstance(value, str) else ""
            if len(letters) > MAX_GROUPS or not set(letters) <= LAMPS.keys() | {UNDEFINED}:
                self._counters["bad_content"] += 1
                letters = ""
            self._letters, self._stamp = letters, stamp
            self._flashing |= {number for number, letter in self._lit() if letter == "9"}
        elif key[2].endswith("Estimate") and value is not None:
            try:
                value = parse_timestamp(value) + shift_ns
            except CodecError:
                self._counters["bad_content"] += 1
                value = None
        self._values[key], self._times[key] = value, their_ns

    def _lit(self) -> list[tuple[int, str]]:
        return [(n, letter) for n, letter in enumerate(self._letters, start=1) if letter != UNDEFINED]

    def _group(self, number: int, letter: str) -> ControllerGroup:
        known = self._groups.get(number, RsmpGroup(number))
        lamp = lamp_of(letter, kind=known.kind, flashing=self._true("S0011"))
        least, latest, likely, confidence = self._ends(known, lamp)
        return ControllerGroup(
            known.kind,
            number,
            lamp,
            least,
            latest,
            likely,
            call=letter in DEMANDING,
            confidence=confidence,
        )

    def _ends(
        self, group: RsmpGroup, lamp: LampState
    ) -> tuple[int | None, int | None, int | None, float | None]:
        """Ends of what is lit, from the time of the next green or the next red less what is shown in between.

        People have neither yellow nor red and yellow. A group whose green flashes before it ends does so for a
        time that nobody tells: only the latest end of its steady green is known.
        """
        walkers = group.kind is GroupKind.PEDESTRIAN
        yellow_ns = 0 if walkers else self._intersection.yellow_ns
        if lamp is LampState.RED:
            return self._until(group.number, "G", 0 if walkers else self._intersection.red_yellow_ns)
        if lamp is LampState.RED_YELLOW:
            return self._until(group.number, "G", 0)
        if lamp is LampState.GREEN:
            flashes = walkers or group.number in self._flashing
            return self._until(group.number, "R", None if flashes else yellow_ns)
        if lamp is LampState.FLASHING_GREEN:
            if group.kind is not GroupKind.GROUP:
                return self._until(group.number, "R", yellow_ns)
            earliest = self._until(group.number, "R", yellow_ns)[0]  # whether yellow follows is not known
            return earliest, self._until(group.number, "R", None)[1], None, None
        if lamp is LampState.YELLOW and yellow_ns != 0:
            return self._until(group.number, "R", 0)
        return None, None, None, None

    def _until(
        self, number: int, colour: str, before_ns: int | None
    ) -> tuple[int | None, int | None, int | None, float | None]:
        """What comes before the colour shortens the ends; where its length is not known only the latest end holds."""
        least, latest, likely = (
            self._estimate(number, f"{word}To{colour}Estimate") for word in ("min", "max", "likely")
        )
        if before_ns is None:
            return None, latest, None, None
        percent = self._percent(number, f"To{colour}Confidence")
        ends = [None if end is None else end - before_ns for end in (least, latest, likely)]
        return ends[0], ends[1], ends[2], None if percent is None or likely is None else percent / 100

    def _estimate(self, number: int, name: str) -> int | None:
        """A time that lies after what the lamps showed; one before it belongs to an earlier phase."""
        value = self._values.get((number, TIMES[0], name))
        begun = self._stamp.capture_ns if self._stamp is not None else 0
        return value if isinstance(value, int) and value > begun else None

    def _percent(self, number: int, name: str) -> int | None:
        value = _integer(self._values.get((number, TIMES[0], name)))
        return value if value is not None and 0 <= value <= 100 else None

    def _number(self, status: str, name: str) -> int | None:
        return _integer(self._values.get((0, status, name)))

    def _status(self) -> IntersectionStatus:
        flags = IntersectionStatus.NONE
        if self._true("S0007") is False:
            flags |= IntersectionStatus.OFF
        if self._true("S0008"):
            flags |= IntersectionStatus.MANUAL_CONTROL
        if self._true("S0009"):
            flags |= IntersectionStatus.FIXED_TIME
        for mode in self._listed("S0020", "controlmode"):
            flags |= _MODES.get(mode, IntersectionStatus.NONE)
        for position in self._listed("S0013", "status"):
            flags |= _POLICE_KEY.get(position, IntersectionStatus.NONE)
        if self._true("S0011"):
            failed = flags & IntersectionStatus.FAILURE_MODE
            flags |= IntersectionStatus.FAILURE_FLASH if failed else IntersectionStatus.PROGRAMMED_FLASH
        if self._values.get((0, "S0035", "emergencyroutes")):
            flags |= IntersectionStatus.PREEMPT
        return flags

    def _true(self, status: str) -> bool | None:
        """Whether a state holds for our intersection; None: not told."""
        told = self._listed(status, "status")
        return None if not told else "True" in told

    def _listed(self, status: str, name: str) -> list[str]:
        """The values of a comma-separated list that concern our intersection."""
        value = self._values.get((0, status, name))
        if not isinstance(value, str) or not value:
            return []
        told = value.split(",")
        numbers = str(self._values.get((0, status, "intersection")) or "").split(",")
        ours = {"0", str(self._intersection.intersection)}
        if self._intersection.intersection == 0 or len(numbers) != len(told) or not ours & set(numbers):
            return told
        return [entry for number, entry in zip(numbers, told, strict=True) if number in ours]


def _integer(value: object) -> int | None:
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) <= 6:
        return int(value)
    return None
