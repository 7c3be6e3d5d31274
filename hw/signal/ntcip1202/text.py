"""SNMP messages of NTCIP 1202 as fields for people and programs, and the lamps that an answer tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge.core.signals import GroupKind, IntersectionStatus
from hw.signal.ntcip1202 import objects
from hw.signal.ntcip1202.poll import FlashLamps, Layout, MaskReader, groups_of
from hw.snmp import ber
from hw.snmp import message as snmp
from hw.snmp.message import Message, VarBind

_KINDS = {
    snmp.GET: "GET",
    snmp.GET_NEXT: "GET_NEXT",
    snmp.RESPONSE: "RESPONSE",
    snmp.SET: "SET",
    snmp.GET_BULK: "GET_BULK",
    snmp.INFORM: "INFORM",
    snmp.TRAP: "TRAP",
    snmp.REPORT: "REPORT",
}
_ERRORS = (
    "noError",
    "tooBig",
    "noSuchName",
    "badValue",
    "readOnly",
    "genErr",
    "noAccess",
    "wrongType",
    "wrongLength",
    "wrongEncoding",
    "wrongValue",
    "noCreation",
    "inconsistentValue",
    "resourceUnavailable",
    "commitFailed",
    "undoFailed",
    "authorizationError",
    "notWritable",
)
_ABSENT = {
    snmp.NO_SUCH_OBJECT: "noSuchObject",
    snmp.NO_SUCH_INSTANCE: "noSuchInstance",
    snmp.END_OF_MIB_VIEW: "endOfMibView",
}
_STATUS_NAMES = (
    "Number",
    "Reds",
    "Yellows",
    "Greens",
    "DontWalks",
    "PedClears",
    "Walks",
    "VehCalls",
    "PedCalls",
    "PhaseOns",
    "PhaseNexts",
)
_CONTROL_NAMES = ("Number", "PhaseOmit", "PedOmit", "Hold", "ForceOff", "VehCall", "PedCall")
_COLOURS = ("Number", "Reds", "Yellows", "Greens")
_BITS = {
    **{f"1.4.1.{n}": f"phaseStatusGroup{name}" for n, name in enumerate(_STATUS_NAMES, start=1)},
    **{f"1.5.1.{n}": f"phaseControlGroup{name}" for n, name in enumerate(_CONTROL_NAMES, start=1)},
    **{f"8.4.1.{n}": f"channelStatusGroup{name}" for n, name in enumerate(_COLOURS, start=1)},
    **{f"9.4.1.{n}": f"overlapStatusGroup{name}" for n, name in enumerate(_COLOURS, start=1)},
}
"""Columns of which each octet is about eight phases, overlaps or channels; the first one is the group's number."""
_NUMBERS = {
    "1.1": "maxPhases",
    "1.3": "maxPhaseGroups",
    "3.3": "unitBackupTime",
    "3.5": "unitControlStatus",
    "3.6": "unitFlashStatus",
    "3.7": "unitAlarmStatus2",
    "3.8": "unitAlarmStatus1",
    "3.9": "shortAlarmStatus",
    "3.10": "unitControl",
    "4.1": "coordOperationalMode",
    "4.10": "coordPatternStatus",
    "4.11": "localFreeStatus",
    "4.12": "coordCycleStatus",
    "4.13": "coordSyncStatus",
    "4.14": "systemPatternControl",
    "4.15": "systemSyncControl",
    "5.4": "timebaseAscActionStatus",
    "8.1": "maxChannels",
    "9.1": "maxOverlaps",
    "9.3": "maxOverlapGroups",
    objects.WALK: "phaseWalk",
    objects.PED_CLEAR: "phasePedestrianClear",
    objects.MIN_GREEN: "phaseMinimumGreen",
    objects.YELLOW: "phaseYellowChange",
    objects.RED_CLEAR: "phaseRedClear",
    objects.RING: "phaseRing",
    objects.PATTERN_CYCLE: "patternCycleTime",
}
_WHOLE = {objects.SPAT_PUSH: "Econolite SPaT broadcast", "1.3.6.1.2.1.1.3.0": "sysUpTime"}
_VEHICLES = (objects.REDS, objects.YELLOWS, objects.GREENS)
_WALKERS = (objects.DONT_WALKS, objects.PED_CLEARS, objects.WALKS)
_OVERLAPS = (objects.OVERLAP_REDS, objects.OVERLAP_YELLOWS, objects.OVERLAP_GREENS)
_COLUMNS = ((GroupKind.VEHICLE, _VEHICLES), (GroupKind.PEDESTRIAN, _WALKERS), (GroupKind.OVERLAP, _OVERLAPS))
_MOST_GROUPS = 32
"""Phases and overlaps are numbered up to 255."""


def split_messages(octets: bytes) -> list[bytes]:
    """The messages of a recording of several, one after the other."""
    found: list[bytes] = []
    at = 0
    while at < len(octets):
        size = ber.size_of(octets[at:]) if octets[at] == ber.SEQUENCE else None
        end = len(octets) if size is None else min(at + size, len(octets))
        found.append(octets[at:end])
        at = end
    return found or [octets]


def message_fields(message: Message) -> dict[str, Any]:
    """Every field of a message; lamps where it is an answer that tells colours, all of one instant; status flags.

    A group of which a colour is missing in the message is `unknown`.
    """
    bulk = message.kind == snmp.GET_BULK
    names = ("non_repeaters", "max_repetitions") if bulk else ("error_status", "error_index")
    frame: dict[str, Any] = {
        "version": "2c" if message.version else "1",
        "community": message.community.decode("ascii", "backslashreplace"),
        "type": _KINDS[message.kind],
        "request_id": message.request_id,
        names[0]: message.error_status,
        names[1]: message.error_index,
    }
    if message.error_status and not bulk:
        frame["refused"] = (
            _ERRORS[message.error_status] if 0 < message.error_status < len(_ERRORS) else "unknown"
        )
    frame["values"] = [_value(varbind) for varbind in message.varbinds]
    tells = message.kind in (snmp.RESPONSE, snmp.TRAP, snmp.INFORM) and not message.error_status
    return {"frame": frame} | (_lamps(message) if tells else {})


def _value(varbind: VarBind) -> dict[str, Any]:
    shown: dict[str, Any] = {"oid": _dotted(varbind.oid)}
    column, _, index = shown["oid"].removeprefix(f"{objects.ROOT}.").rpartition(".")
    bits = _BITS.get(column)
    name = bits or _NUMBERS.get(column) or _WHOLE.get(shown["oid"])
    shown["name"] = name
    if varbind.tag in _ABSENT:
        return shown | {"absent": _ABSENT[varbind.tag]}
    if varbind.tag == ber.IDENTIFIER and isinstance(varbind.value, bytes):
        return shown | {"value": _dotted(varbind.value)}
    value = varbind.value.hex() if isinstance(varbind.value, bytes) else varbind.value
    if value is None:
        return shown
    shown["value"] = value
    if bits is not None and not column.endswith(".1") and isinstance(value, int) and -128 <= value <= 255:
        first = (int(index) - 1) * objects.PER_GROUP + 1
        shown["numbers"] = [first + bit for bit in range(objects.PER_GROUP) if value & 0xFF & 1 << bit]
    return shown


def _dotted(oid: bytes) -> str:
    return ber.dotted(oid)


def _lamps(message: Message) -> dict[str, Any]:
    values = {varbind.oid: varbind.value for varbind in message.varbinds if isinstance(varbind.value, int)}
    status, _ = objects.status_flags(
        *(values.get(name) for name in (objects.UNIT_FLASH_STATUS, objects.UNIT_ALARM_2, objects.SHORT_ALARM))
    )
    flags = [flag.name for flag in IntersectionStatus if flag & status]
    groups = list(_groups(values, status))
    return ({"groups": groups} if groups else {}) | ({"status": flags} if groups or flags else {})


def _groups(values: Mapping[bytes, int], status: IntersectionStatus) -> Iterator[dict[str, Any]]:
    told = {
        (kind, index)
        for kind, columns in _COLUMNS
        for index in range(1, _MOST_GROUPS + 1)
        if any(objects.cell(column, index) in values for column in columns)
    }
    last = max((index for _, index in told), default=0)
    if not last:
        return
    layout = Layout(last * objects.PER_GROUP, last * objects.PER_GROUP)
    reader = MaskReader(layout)
    found = groups_of(layout, reader.phases(values), reader.overlaps(values), reader.calls(values))
    for group in FlashLamps().apply(found, status, at_ns=0):
        if (group.kind, (group.number - 1) // objects.PER_GROUP + 1) in told:
            yield {
                "kind": group.kind.value,
                "number": group.number,
                "lamp": group.lamp.name.lower(),
                "call": group.call,
            }
