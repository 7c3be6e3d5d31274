"""J2735 and J3224 frames of other people's encoders: the values that another decoder reads, the same octets again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec
from edge.v2x.frame import split_j2735
from edge.v2x.framing import parse_immediate_forward

pytestmark = pytest.mark.data

MESSAGES = {
    18: "MapData",
    19: "SPAT",
    20: "BasicSafetyMessage",
    28: "RTCMcorrections",
    29: "SignalRequestMessage",
    30: "SignalStatusMessage",
    31: "TravelerInformation",
    32: "PersonalSafetyMessage",
    41: "SensorDataSharingMessage",
}
LATER_NAMES = {
    "TravelerInformation": {
        "doNotUse1": "notUsed",
        "doNotUse2": "notUsed1",
        "doNotUse3": "notUsed2",
        "doNotUse4": "notUsed3",
    },
    "BasicSafetyMessage": {"doNotUse1": "weatherReport", "doNotUse2": "weatherProbe"},
}
"""The recorded values have the names of the 2023 edition; the schema has those of 2020."""


def renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): renamed(entry, names) for key, entry in value.items()}
    return [renamed(entry, names) for entry in value] if isinstance(value, list) else value


def object_identifier(octets: bytes, *, relative: bool) -> str:
    """Content octets of (RELATIVE-)OBJECT IDENTIFIER (X.690 clauses 8.19 and 8.20) in dotted form."""
    arcs = [0]
    for octet in octets:
        arcs[-1] = arcs[-1] << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(0)
    arcs.pop()
    if not relative:
        first = min(arcs[0] // 40, 2)
        arcs[:1] = [first, arcs[0] - 40 * first]
    return ".".join(map(str, arcs))


def difference(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Every place where a decoded value is not what the JSON (JER, ITU-T X.697) of the other decoder says."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if key in ours and key in theirs:
                yield from difference(ours[key], theirs[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}: only in {'ours' if key in ours else 'theirs'}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from difference(one, other, f"{where}[{index}]")
    elif isinstance(ours, tuple) and isinstance(ours[0], str) and list(theirs) == [ours[0]]:
        yield from difference(ours[1], theirs[ours[0]], f"{where}.{ours[0]}")
    elif isinstance(ours, tuple) and isinstance(ours[0], bytes):
        bits = (theirs["value"], theirs["length"]) if isinstance(theirs, dict) else (theirs, ours[1])
        if (ours[0].hex(), ours[1]) != (bits[0].lower(), bits[1]):
            yield f"{where}: {ours} is not {theirs}"
    elif isinstance(ours, bytes) and where.endswith("RdAuthID"):
        if object_identifier(ours, relative=where.endswith("relRdAuthID")) != theirs:
            yield f"{where}: {ours!r} is not {theirs}"
    elif (ours.hex() if isinstance(ours, bytes) else ours) != (
        theirs.lower() if isinstance(ours, bytes) else theirs
    ):
        yield f"{where}: {ours!r} is not {theirs!r}"


def recorded(data_dir: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(
        (data_dir / "v2x" / "j2735_messageframes.json").read_text(encoding="utf-8")
    )
    return entries


def test_frames_decode_as_others_decode_them_and_encode_to_the_same_octets(data_dir: Path) -> None:
    counts: Counter[str] = Counter()
    for entry in recorded(data_dir):
        if "decoded_jer" not in entry:
            continue
        message_id, body, _ = split_j2735(bytes.fromhex(entry["hex"]))
        name = MESSAGES[message_id]
        codec = message_codec(f"j2735/{name}")
        value = codec.decode(body)
        theirs = renamed(entry["decoded_jer"]["value"], LATER_NAMES.get(name, {}))
        assert list(difference(value, theirs)) == [], entry["hex"]
        assert codec.encode(value) == body, entry["hex"]
        counts[name] += 1
    assert counts == {
        "MapData": 19,
        "SPAT": 16,
        "BasicSafetyMessage": 7,
        "SignalRequestMessage": 3,
        "SignalStatusMessage": 5,
        "TravelerInformation": 7,
        "PersonalSafetyMessage": 1,
        "SensorDataSharingMessage": 4,
    }


def test_the_comparison_sees_every_difference(data_dir: Path) -> None:
    entry = next(entry for entry in recorded(data_dir) if entry["type"] == "SRM")
    value = message_codec("j2735/SignalRequestMessage").decode(split_j2735(bytes.fromhex(entry["hex"]))[1])
    theirs = entry["decoded_jer"]["value"]
    assert not list(difference(value, theirs))
    for key in value:
        assert list(difference({k: v for k, v in value.items() if k != key}, theirs))
    for changed in (
        {"second": value["second"] + 1},
        {"requests": value["requests"] * 2},
        {"requestor": value["requestor"] | {"id": ("stationID", 1)}},
    ):
        assert list(difference(value | changed, theirs))


def test_a_frame_that_others_refuse_is_refused(data_dir: Path) -> None:
    bad = [bytes.fromhex(entry["hex"]) for entry in recorded(data_dir) if "decoded_jer" not in entry]
    assert len(bad) == 1
    message_id, body, _ = split_j2735(bad[0])
    with pytest.raises(CodecError):
        message_codec(f"j2735/{MESSAGES[message_id]}").decode(body)


def test_immediate_forward_files(data_dir: Path) -> None:
    kinds = {}
    for file in sorted((data_dir / "ifm41").glob("*.txt")):
        message_id, body, _ = split_j2735(parse_immediate_forward(file.read_bytes()).payload)
        codec = message_codec(f"j2735/{MESSAGES[message_id]}")
        value = codec.decode(body)
        assert codec.encode(value) == body
        kinds[MESSAGES[message_id]] = value
    assert set(kinds) == {"BasicSafetyMessage", "MapData", "SPAT", "SignalRequestMessage"}
    request = kinds["SignalRequestMessage"]["requests"][0]["request"]
    assert request["requestType"] == "priorityRequest"
