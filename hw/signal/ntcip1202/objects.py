"""Objects of NTCIP 1202 v02 and the meaning of their values; clauses are those of that standard.

Identifiers are content octets (`hw.snmp.ber`).
"""

from __future__ import annotations

import enum

from edge.core.signals import IntersectionStatus
from hw.snmp import ber

PER_GROUP = 8
"""Phases, overlaps or channels per status group: one octet, lowest number in bit 0."""
ROOT = "1.3.6.1.4.1.1206.4.2.1"
"""Node of actuated signal controllers, dotted."""


def scalar(path: str) -> bytes:
    """An object of which there is one, by its path below the node of actuated signal controllers."""
    return ber.oid(f"{ROOT}.{path}.0")


def cell(path: str, *index: int) -> bytes:
    """A column of a table at an index."""
    return ber.oid(".".join((ROOT, path, *map(str, index))))


MAX_PHASES, MAX_PHASE_GROUPS = scalar("1.1"), scalar("1.3")  # 2.2.1, 2.2.3
MAX_OVERLAPS, MAX_OVERLAP_GROUPS = scalar("9.1"), scalar("9.3")  # 2.10.1, 2.10.3
UNIT_BACKUP_TIME = scalar("3.3")  # 2.4.3, s
UNIT_CONTROL_STATUS, UNIT_FLASH_STATUS = scalar("3.5"), scalar("3.6")  # 2.4.5, 2.4.6
UNIT_ALARM_2, SHORT_ALARM = scalar("3.7"), scalar("3.9")  # 2.4.7, 2.4.9
COORD_PATTERN, LOCAL_FREE, COORD_CYCLE = scalar("4.10"), scalar("4.11"), scalar("4.12")  # 2.5.10 - 2.5.12
SYSTEM_UP_TIME = ber.oid("1.3.6.1.2.1.1.3.0")  # RFC 3418, hundredths of a second
SPAT_PUSH = "1.3.6.1.4.1.1206.3.5.2.9.44.1.0"
"""Econolite's own switch of its SPaT broadcast, dotted: 0 off, 2 TSCBM of 241 octets, 6 with pedestrian calls (245)."""
PUSH_OFF, PUSH_SHORT, PUSH_LONG = 0, 2, 6

# Columns of phaseStatusGroupTable (2.2.4), overlapStatusGroupTable (2.10.4), phaseTable (2.2.2).
REDS, YELLOWS, GREENS, DONT_WALKS, PED_CLEARS, WALKS, VEH_CALLS, PED_CALLS = (
    f"1.4.1.{n}" for n in range(2, 10)
)
OVERLAP_REDS, OVERLAP_YELLOWS, OVERLAP_GREENS = (f"9.4.1.{column}" for column in (2, 3, 4))
WALK, PED_CLEAR, MIN_GREEN, YELLOW, RED_CLEAR, RING = (f"1.2.1.{column}" for column in (2, 3, 4, 8, 9, 22))
PATTERN_CYCLE = "4.7.1.2"  # 2.5.7.2, s

LAST_PATTERN, FREE, FLASH_PATTERN = 253, 254, 255
"""Values of coordPatternStatus: 1 to 253 are patterns."""
COORDINATED = 2
"""localFreeStatus: not free; every other value is a reason for being free."""


class Command(enum.Enum):
    """Columns of phaseControlGroupTable (2.2.5), one bit a phase."""

    PHASE_OMIT = 2
    PED_OMIT = 3
    HOLD = 4
    FORCE_OFF = 5
    VEHICLE_CALL = 6
    PEDESTRIAN_CALL = 7


def control_cell(command: Command, group: int) -> bytes:
    """The object that commands eight phases."""
    return cell(f"1.5.1.{command.value}", group)


# 2.4.6. Flash by the police panel, by a monitor or for a reason of its own drives the lamps past the controller.
FLASH_STATUS = {
    1: IntersectionStatus.FAILURE_FLASH,  # other
    2: IntersectionStatus.NONE,
    3: IntersectionStatus.PROGRAMMED_FLASH,  # automatic
    4: IntersectionStatus.FAILURE_FLASH,  # local manual
    5: IntersectionStatus.FAILURE_FLASH,  # fault monitor
    6: IntersectionStatus.FAILURE_FLASH,  # malfunction management unit
    7: IntersectionStatus.PROGRAMMED_FLASH,  # start-up
    8: IntersectionStatus.PREEMPT | IntersectionStatus.PROGRAMMED_FLASH,
}
ALARM_2_BITS = ((0x10, IntersectionStatus.STOP_TIME),)
SHORT_ALARM_BITS = (
    (0x01, IntersectionStatus.PREEMPT),
    (0x02, IntersectionStatus.FAILURE_FLASH),
    (0x80, IntersectionStatus.STOP_TIME),
)
"""Bit 1 is local or monitor flash, bit 7 a critical alarm: the stop-time input is active."""
# unitControlStatus says who chose the pattern; its `manual` (5) is the front panel's choice of a pattern and no
# manual control of the lamps, so it has no neutral flag.
CONTROL_STATUS = range(1, 9)


def status_flags(
    flash: int | None, alarm_2: int | None, short_alarm: int | None
) -> tuple[IntersectionStatus, bool]:
    """Neutral flags, and whether every value was one of the standard's. None: the controller does not say."""
    flags, known = IntersectionStatus.NONE, True
    if flash is not None:
        known = flash in FLASH_STATUS
        flags |= FLASH_STATUS.get(flash, IntersectionStatus.FAILURE_FLASH)
    for value, bits in ((alarm_2, ALARM_2_BITS), (short_alarm, SHORT_ALARM_BITS)):
        for bit, flag in bits:
            if value is not None and value & bit:
                flags |= flag
    return flags, known
