"""Our ETSI schema against the standards' own modules, as pycrate carries them compiled.

The originals are EN 302 637-2 V1.4.1 (CAM), EN 302 637-3 V1.3.1 (DENM), and TS 103 301 with ISO/TS 19091 (SPATEM,
MAPEM, SREM, SSEM). Ours is of release 2, which reads release 1: `EDITIONS` names every place where it knows more or
other values, and there is no other. Left out: the VAM of pycrate is of an early edition with other containers, and it
has no CPM.
"""

from __future__ import annotations

import copy
import os
import random
from dataclasses import replace
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec
from edge.v2x.compiler.types import Bits, Enumerated, Integer, ListOf, Null, Struct, Type, Union
from tests.unit.v2x.originals import OPEN, differences, original, type_of
from tests.unit.v2x.values import Values, all_messages

EXAMPLES = int(os.environ.get("EDGE_ORACLE_EXAMPLES", "25"))
"""Values per message; the long form is 2000."""

UNKNOWN_REGION = 200
"""A region without extensions in the original: there an open type is octets."""

VEHICLE = ".cam.camParameters.specialVehicleContainer"
EVENT = ".denm.situation"
MORE = ".denm.alacarte"
TIMING = ".spat.intersections[].states[].state-time-speed[].timing"


def cause(place: str) -> set[str]:
    """A cause and its sub-cause: two numbers in release 1, a choice with a number in release 2, of the same bits."""
    return {f"{place}.ccAndScc", f"{place}.subCauseCode"}


EDITIONS = {
    "etsi/CAM": cause(f"{VEHICLE}.emergencyContainer.incidentIndication")
    | cause(f"{VEHICLE}.safetyCarContainer.incidentIndication")
    | {f"{VEHICLE}.safetyCarContainer.trafficRule", ".cam.camParameters....extensionContainers"},
    "etsi/DENM": cause(f"{EVENT}.eventType")
    | cause(f"{EVENT}.linkedCause")
    | cause(f"{MORE}.roadWorks.incidentIndication")
    | cause(f"{MORE}.stationaryVehicle.stationaryCause")
    | {f"{MORE}.roadWorks.trafficFlowRule", f"{MORE}.positioningSolution"}
    | {f"{place}...." for place in (EVENT, ".denm.location", MORE)},
    # TimeMark has 36001 for unknown in ISO/TS 19091:2017, and values up to 36111 in the edition of 2019; 16 bits both.
    "etsi/SPATEM": {f"{TIMING}.{name}Time" for name in ("start", "minEnd", "maxEnd", "likely", "next")}
    | {".spat.intersections[]....roadAuthorityID"},
    "etsi/MAPEM": {".map.intersections[]....roadAuthorityID"},
    "etsi/SREM": set(),
    "etsi/SSEM": set(),
}
MESSAGES = sorted(EDITIONS)


@pytest.mark.parametrize("key", MESSAGES)
def test_types_are_those_of_the_original(key: str) -> None:
    """Ranges, sizes, order, optional fields, defaults and extension markers, of every type below the message."""
    found = list(differences(all_messages()[key].root, type_of(original(key))))
    assert {difference.partition(": ")[0] for difference in found} == EDITIONS[key], found


def test_the_comparison_sees_every_difference() -> None:
    key = "etsi/SREM"
    root = type_of(original(key))
    assert isinstance(root, Struct)
    header, request = root.members
    for changed in (
        replace(root, members=(header,)),
        replace(root, members=(request, header)),
        replace(root, members=(replace(header, optional=True), request)),
        replace(root, members=(header, replace(request, default=({},)))),
        replace(root, members=(replace(header, type=Integer(0, 1)), request)),
        replace(root, additions=()),
    ):
        assert list(differences(all_messages()[key].root, changed))
    for one, other in (
        (Integer(0, 7), Integer(0, 6)),
        (Integer(0, 7), Integer(0, 7, extensible=True)),
        (Bits(3, 3), Bits(3, 3, extensible=True)),
        (ListOf(Null(), 1, 4), ListOf(Null(), 0, 4)),
        (ListOf(Null(), 1, 4), ListOf(Integer(0, 1), 1, 4)),
        (Enumerated(("a",)), Enumerated(("a",), ())),
        (Enumerated(("a",), ()), Enumerated(("a",), ("b",))),
        (Union(()), Union((), ())),
    ):
        assert list(differences(one, other))
        assert not list(differences(one, one))


def forms(theirs: Type, ours: Type, value: Any) -> tuple[Any, Any]:
    """A value of the original's type in our form, with our names, and in pycrate's."""
    match theirs, ours:
        case Struct(), Struct():
            return _struct_forms(theirs, ours, value)
        case ListOf(element=other), ListOf(element=own):
            pairs = [forms(other, own, entry) for entry in value]
            return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        case Union(), Union():
            place = [member.name for member in theirs.root].index(value[0])
            own, other = forms(theirs.root[place].type, ours.root[place].type, value[1])
            return (ours.root[place].name, own), (value[0], other)
        case Enumerated(), Enumerated():
            return ours.root[theirs.root.index(value)], value
        case Bits(), _:
            octets, size = value
            return value, (int.from_bytes(octets, "big") >> -size % 8, size)
        case Null(), _:
            return None, 0
    if theirs == OPEN:
        return value, ("_unk_004", value)
    return value, value


def _struct_forms(
    theirs: Struct, ours: Struct, value: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if [member.name for member in ours.members] == ["ccAndScc"]:
        (causes,) = ours.members
        assert isinstance(causes.type, Struct)
        inside, other = _struct_forms(theirs, causes.type, value)
        return {"ccAndScc": inside}, other
    if any(member.type == OPEN for member in theirs.members):
        value = value | {"regionId": UNKNOWN_REGION}
    own, other = {}, {}
    for member, twin in zip(theirs.members, ours.members, strict=True):
        if member.name in value:
            own[twin.name], other[member.name] = forms(member.type, twin.type, value[member.name])
    return own, other


def pairs(key: str) -> list[tuple[Any, Any]]:
    """Random values of the original's type, in both forms; without extension additions: each edition has its own."""
    theirs, ours = type_of(original(key)), all_messages()[key].root
    found: list[tuple[Any, Any]] = []
    seed = 0
    while len(found) < EXAMPLES:
        seed += 1
        chance = random.Random(seed)
        made = Values(chance, optional=chance.choice((0.1, 0.5, 0.9)), additions=False).of(theirs)
        pair = forms(theirs, ours, made)
        try:
            message_codec(key).encode(pair[0])
        except CodecError as error:
            if "more than" not in str(error):
                raise
        else:
            found.append(pair)
    return found


@pytest.mark.parametrize("key", MESSAGES)
def test_values_of_the_original_are_the_same_octets(key: str) -> None:
    codec, other = message_codec(key), original(key)
    for own, theirs in pairs(key):
        other.set_val(copy.deepcopy(theirs))  # it takes out of the value what equals its default
        octets = bytes(other.to_uper())
        assert codec.encode(own) == octets
        assert codec.decode(octets) == own
        other.from_uper(octets)
        assert other.get_val() == theirs
