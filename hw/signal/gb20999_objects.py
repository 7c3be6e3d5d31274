"""What the values of GB/T 20999-2017 mean: names, forms and codes of its data objects (annexes A, B and C).

Unknown objects, classes 128 and above (makers' own), and values of an unexpected length stay octets.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hw.signal.gb20999 import Address, DataValue, FrameType
from hw.signal.gb20999_codes import (
    AlarmType,
    Command,
    FaultAction,
    FaultType,
    Lamp,
    LampType,
    Mode,
    Refusal,
    StageCall,
    StageState,
)

Path = tuple[int, int, int]
"""Class, object, attribute."""


@dataclass(frozen=True, slots=True)
class ObjectType:
    """What stands at a class, object and attribute.

    Attributes:
        name: in words.
        form: `number`, `text`, `date`, `ip`, `bits` and `flags` (bits set, the lowest is 1 or 0), `chain` and `chain16`
            (octets or pairs, the last one on the wire is the first of the chain), `octets`.
        width: octets of one element; 0: any.
        codes: what its numbers mean.
        unit: of its numbers.
    """

    name: str
    form: str = "number"
    width: int = 1
    codes: type[enum.IntEnum] | None = None
    unit: str = ""


LAMP_COUNT, LAMP_TYPE, LAMP_STATE = (3, 1, 0), (3, 2, 2), (3, 3, 1)
PHASE_COUNT, PHASE_LAMPS = (4, 1, 0), (4, 2, 2)
LOSS_COLOURS: tuple[tuple[Path, Path], ...] = tuple(((4, 2, a), (4, 2, a + 1)) for a in (3, 5, 7))
"""Colour and seconds of the three steps by which a phase loses the right of way."""
GAIN_COLOURS: tuple[tuple[Path, Path], ...] = tuple(((4, 2, a), (4, 2, a + 1)) for a in (9, 11, 13))
STAGE_COUNT, STAGE_PHASES, STAGE_LATE_STARTS, STAGE_EARLY_ENDS = (6, 1, 0), (6, 2, 2), (6, 2, 3), (6, 2, 4)
STAGE_STATE, STAGE_ELAPSED, STAGE_REMAINING = (6, 3, 2), (6, 3, 3), (6, 3, 4)
STAGE_OBJECTS: frozenset[Path] = frozenset({STAGE_STATE, STAGE_ELAPSED, STAGE_REMAINING})
INTERGREENS = (7, 2, 2)
PRIORITY_RUNS, EMERGENCY_RUNS = (8, 3, 3), (8, 6, 3)
PLAN_CYCLE, PLAN_OFFSET, PLAN_STAGES, PLAN_TIMES, PLAN_CALLS = ((9, 2, a) for a in (3, 5, 6, 7, 8))
ALARM_TYPE, FAULT_TYPE = (15, 2, 2), (16, 2, 2)
UTC_TIME, LOCAL_TIME = (13, 1, 10), (13, 1, 11)
RUN_MODE, CURRENT_PLAN, CURRENT_STAGE = (13, 2, 2), (13, 2, 3), (13, 2, 4)


def _number(name: str, width: int = 1, unit: str = "") -> ObjectType:
    return ObjectType(name, width=width, unit=unit)


def _coded(name: str, codes: type[enum.IntEnum]) -> ObjectType:
    return ObjectType(name, codes=codes)


def _text(name: str) -> ObjectType:
    return ObjectType(name, "text", 0)


def _bits(name: str, width: int = 8) -> ObjectType:
    return ObjectType(name, "bits", width)


def _flags(name: str, width: int) -> ObjectType:
    return ObjectType(name, "flags", width)


def _chain(name: str, width: int, codes: type[enum.IntEnum] | None = None, unit: str = "") -> ObjectType:
    return ObjectType(name, "chain", width, codes, unit)


def _date(name: str) -> ObjectType:
    return ObjectType(name, "date", 7)


def _rows(data_class: int, object_id: int, *types: ObjectType, first: int = 1) -> dict[Path, ObjectType]:
    """The attributes of one object, numbered from `first` on."""
    return {(data_class, object_id, first + index): found for index, found in enumerate(types)}


def _transitions() -> tuple[ObjectType, ...]:
    """Attributes 3 to 26 of a phase: four transitions of three steps, a colour and seconds each."""
    kinds = ("loss of right of way", "gain of right of way", "gain at start-up", "loss at start-up")
    steps = [(kind, step) for kind in kinds for step in (1, 2, 3)]
    pairs = [
        (_coded(f"{kind}, colour {step}", Lamp), _number(f"{kind}, time {step}", 1, "s"))
        for kind, step in steps
    ]
    return tuple(part for pair in pairs for part in pair)


def _device() -> dict[Path, ObjectType]:
    ipv4 = [ObjectType(name, "ip", 4) for name in ("IPv4 address", "IPv4 mask", "IPv4 gateway")]
    ipv6 = [ObjectType(name, "ip", 16) for name in ("IPv6 address", "IPv6 prefix", "IPv6 gateway")]
    port, link = _number("port of the centre", 2), _number("link to the centre: 1 TCP, 2 UDP, 3 RS-232")
    return {
        (1, 1, 0): _text("maker"),
        (1, 2, 0): ObjectType("version, hardware and software", "octets", 4),
        (1, 3, 0): _text("serial number"),
        (1, 4, 0): _date("made"),
        (1, 5, 0): _date("configured"),
        (2, 1, 0): _text("crossing"),
        **_rows(2, 2, *ipv4),
        **_rows(2, 3, ObjectType("IPv4 address of the centre", "ip", 4), port, link),
        (2, 4, 0): _number("time zone", 4),
        (2, 5, 0): _number("controller id", 4),
        (2, 6, 0): _number("number of crossings"),
        (2, 7, 0): _number("clock from GNSS"),
        **_rows(2, 8, *ipv6),
        **_rows(2, 9, ObjectType("IPv6 address of the centre", "ip", 16), port, link),
        **_rows(13, 1, _bits("detectors at fault"), _bits("modules at fault"), _number("cabinet door")),
        **_rows(13, 1, _number("voltage", 2, "V"), _number("current", 2, "0.1 A"), first=4),
        **_rows(13, 1, _number("temperature", 1, "degC"), _number("humidity", 1, "%"), first=6),
        **_rows(13, 1, _number("water"), _number("smoke"), _date("UTC"), _date("local time"), first=8),
    }


def _lamps_and_phases() -> dict[Path, ObjectType]:
    greens = ("least green", "longest green 1", "longest green 2", "green extension")
    return {
        LAMP_COUNT: _number("number of lamp groups"),
        **_rows(3, 2, _number("lamp group"), _coded("type of lamp group", LampType)),
        LAMP_STATE: _coded("state of lamp group", Lamp),
        **_rows(3, 4, _number("lamp group"), _number("lamp group hidden"), _number("lamp group barred")),
        PHASE_COUNT: _number("number of phases"),
        **_rows(4, 2, _number("phase"), _bits("lamp groups of phase"), *_transitions()),
        **_rows(4, 2, *(_number(name, 2, "s") for name in greens), _bits("demands of phase"), first=27),
        **_rows(4, 3, _number("phase"), _number("phase hidden"), _number("phase barred")),
        **_rows(7, 1, _number("phase"), _bits("conflicting phases")),
        **_rows(7, 2, _number("phase"), _chain("intergreens to phases", 64)),
    }


def _detectors() -> dict[Path, ObjectType]:
    return {
        (5, 1, 0): _number("number of detectors"),
        **_rows(5, 2, _number("detector"), _number("type of detector"), _number("flow period", 2, "s")),
        **_rows(5, 2, _number("occupancy period", 2, "s"), _text("place of detector"), first=4),
        **_rows(5, 3, _number("detector"), _number("vehicle present"), _number("vehicle speed", 1, "km/h")),
        **_rows(5, 3, _number("vehicle class"), _text("number plate"), _number("queue", 2, "m"), first=4),
        (14, 1, 0): _bits("detectors with a vehicle"),
        **_rows(14, 2, _number("detector"), _number("flow", 2), _number("occupancy", 1, "%")),
        (14, 2, 4): _number("mean speed", 2, "km/h"),
    }


def _stages_and_plans() -> dict[Path, ObjectType]:
    stage_table = (_number("stage"), _bits("phases of stage"))
    asks = ("priority", "emergency")
    found = {
        STAGE_COUNT: _number("number of stages"),
        **_rows(6, 2, *stage_table, _chain("late starts of phases", 64, None, "s")),
        STAGE_EARLY_ENDS: _chain("early ends of phases", 64, None, "s"),
        **_rows(6, 3, _number("stage"), _coded("state of stage", StageState)),
        STAGE_ELAPSED: _number("time the stage has run", 2, "s"),
        STAGE_REMAINING: _number("time left of stage", 2, "s"),
        **_rows(6, 4, _number("stage"), _number("stage called"), _number("stage hidden")),
        (6, 4, 4): _number("stage barred"),
        (9, 1, 0): _number("number of plans"),
        **_rows(9, 2, _number("plan"), _number("crossing of plan"), _number("cycle", 4, "s")),
        **_rows(9, 2, _number("coordination number"), _number("offset", 2, "s"), first=4),
        PLAN_STAGES: _chain("stages of plan", 16),
        PLAN_TIMES: ObjectType("times of stages", "chain16", 32, None, "s"),
        PLAN_CALLS: _chain("calls of stages", 16, StageCall),
        **_rows(10, 1, _number("stage"), _chain("ways to other stages", 64)),
        **_rows(13, 2, _number("crossing"), _coded("run mode", Mode), _number("plan"), _number("stage")),
    }
    for object_id, ask in zip((1, 4), asks, strict=True):
        found[8, object_id, 0] = _number(f"number of {ask} requests")
        rank = _number(f"rank of {ask}")
        found |= _rows(8, object_id + 1, _number(ask), _number(f"stage of {ask}"), rank, _number("hidden"))
        found |= _rows(8, object_id + 2, _number(ask), _number(f"{ask} asked"), _number(f"{ask} runs"))
    return found


def _schedules_and_faults() -> dict[Path, ObjectType]:
    actions = tuple(ObjectType(f"actions {number}", "octets", 96) for number in range(1, 9))
    return {
        (11, 1, 0): _number("number of day plans"),
        **_rows(11, 2, _number("day plan"), _number("crossing"), ObjectType("start times", "octets", 96)),
        **_rows(11, 2, _chain("plans of periods", 48), _chain("modes of periods", 48, Mode), first=4),
        **_rows(11, 2, *actions, first=6),
        (12, 1, 0): _number("number of schedules"),
        **_rows(
            12,
            2,
            _number("schedule"),
            _number("crossing"),
            _number("rank"),
            _flags("weekdays from Sunday", 1),
        ),
        **_rows(12, 2, _flags("months", 2), _bits("days", 4), _number("day plan"), first=5),
        (15, 1, 0): _number("number of alarms", 4),
        **_rows(15, 2, _number("alarm", 4), _coded("type of alarm", AlarmType), _number("value of alarm")),
        (15, 2, 4): _date("time of alarm"),
        (16, 1, 0): _number("number of faults", 4),
        **_rows(16, 2, _number("fault", 4), _coded("type of fault", FaultType), _date("time of fault")),
        (16, 2, 4): _coded("action on fault", FaultAction),
        (17, 1, 1): _number("crossing"),
        (17, 2, 1): _number("stage ordered"),
        (17, 3, 1): _number("plan ordered"),
        (17, 4, 1): _coded("mode ordered", Mode),
        (18, 1, 0): ObjectType("command", width=16, codes=Command),
    }


_TROUBLES = {ALARM_TYPE: "alarm", FAULT_TYPE: "fault"}
OBJECTS: dict[Path, ObjectType] = (
    _device() | _lamps_and_phases() | _detectors() | _stages_and_plans() | _schedules_and_faults()
)


def elements(value: DataValue) -> dict[int, bytes]:
    """The octets of each element that a value holds: one, or all from 1 on where it was asked for element 0.

    Of the device itself, and where there is no attribute, 0 is the only element.
    """
    if value.address is None or not value.data:
        return {}
    number, data = value.address.element, value.data
    width = width_of(value.address)
    of_device = value.address.data_class <= 2 or value.address[:2] == (13, 1)
    if number or not width or len(data) % width or value.address.attribute == 0 or of_device:
        return {number: data}
    parts = range(0, len(data), width)
    return {index: data[at : at + width] for index, at in enumerate(parts, start=1)}


def width_of(address: Address) -> int:
    """Octets of one element at an address; 0: unknown."""
    found = OBJECTS.get(address[:3])
    return 0 if found is None else found.width


def numbers(data: bytes, *, octets: int = 1) -> tuple[int, ...]:
    """The numbers of a chain, first one first: on the wire it stands last."""
    parts = range(len(data) - octets, -1, -octets)
    return tuple(int.from_bytes(data[at : at + octets], "big") for at in parts)


def bits_set(data: bytes) -> frozenset[int]:
    """Numbers of the bits set in a field; the lowest bit is 1."""
    value = int.from_bytes(data, "big")
    return frozenset(bit + 1 for bit in range(8 * len(data)) if value >> bit & 1)


def lamp_groups(data: bytes) -> frozenset[int]:
    """Lamp groups of a phase: a field of bits, or the number of the only one where the maker sends one octet."""
    if len(data) == 1:
        return frozenset(data) - {0}
    return bits_set(data)


def date_time(data: bytes) -> datetime | None:
    """A date and time without a zone, to the second; None where it is none."""
    if len(data) != 7:
        return None
    try:
        return datetime(int.from_bytes(data[:2], "big"), *data[2:])
    except ValueError:
        return None


def troubles(values: Iterable[DataValue]) -> list[str]:
    """Alarms and faults among the values of a report as words: `alarm_` or `fault_` and the type (A.2.12, A.2.14)."""
    words: list[str] = []
    for value in values:
        path = None if value.address is None else value.address[:3]
        if path not in _TROUBLES:
            continue
        for data in elements(value).values():
            name = _named(int.from_bytes(data, "big"), OBJECTS[path])
            words.append(f"{_TROUBLES[path]}_{name.lower() if isinstance(name, str) else 'other'}")
    return words


def error_of(value: DataValue, *, kind: int) -> Refusal | None:
    """Why this value of an error frame was refused; None where it was not."""
    if kind not in (FrameType.QUERY_ERROR, FrameType.SET_ERROR) or len(value.data) != 1:
        return None
    try:
        return Refusal(value.data[0])
    except ValueError:
        return Refusal.GENERAL


def readable(address: Address, data: bytes) -> Any:
    """One element as a number, a name, a list, a text; None where only its octets can be shown."""
    found = OBJECTS.get(address[:3])
    if found is None or not data:
        return None
    if address[:3] == PHASE_LAMPS:
        return sorted(lamp_groups(data))
    return _READERS[found.form](data, found)


def _read_number(data: bytes, found: ObjectType) -> Any:
    return _named(int.from_bytes(data, "big"), found)


def _read_text(data: bytes, found: ObjectType) -> Any:
    del found
    return data.decode("utf-8", "replace").rstrip("\0 ")


def _read_date(data: bytes, found: ObjectType) -> Any:
    del found
    at = date_time(data)
    return None if at is None else at.isoformat()


def _read_ip(data: bytes, found: ObjectType) -> Any:
    del found
    return str(ipaddress.ip_address(data)) if len(data) in (4, 16) else None


_READERS: dict[str, Callable[[bytes, ObjectType], Any]] = {
    "number": _read_number,
    "bits": lambda data, found: sorted(bits_set(data)),
    "flags": lambda data, found: [bit - 1 for bit in sorted(bits_set(data))],
    "chain": lambda data, found: [_named(number, found) for number in numbers(data)],
    "chain16": lambda data, found: [_named(number, found) for number in numbers(data, octets=2)],
    "text": _read_text,
    "ip": _read_ip,
    "date": _read_date,
    "octets": lambda data, found: None,
}


def _named(number: int, found: ObjectType) -> int | str:
    """The name of a code; a number that is none stays a number."""
    if found.codes is None:
        return number
    try:
        return found.codes(number).name
    except ValueError:
        return number
