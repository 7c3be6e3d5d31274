"""ETSI messages that other people's stations sent: what another decoder read in them, and the same octets again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec
from edge.v2x.compiler.types import Bits, Enumerated, ListOf, Struct, Type, Union
from edge.v2x.frame import split_j2735
from edge.v2x.geonetworking import BasicHeader, PositionVector, build_shb, parse_common
from edge.v2x.jer import to_json
from edge.v2x.whole import decode_message, recognise
from tests.unit.v2x.originals import original
from tests.unit.v2x.samples import recorded_j2735
from tests.unit.v2x.values import all_messages

pytestmark = pytest.mark.data

RELEASE_1 = {
    "stationID": "stationId",
    "messageID": "messageId",
    "semiMajorConfidence": "semiMajorAxisLength",
    "semiMinorConfidence": "semiMinorAxisLength",
    "semiMajorOrientation": "semiMajorAxisOrientation",
    **{
        f"{axis}Acceleration{part}": part.lower()
        for axis in ("longitudinal", "lateral", "vertical")
        for part in ("Value", "Confidence")
    },
}
"""The records have the names of EN 302 637-2 and TS 102 894-2 V1.3.1; the schema has those of release 2."""
SOURCE = PositionVector(address=1 << 63, timestamp_ms=0, latitude=0, longitude=0)


def renamed(value: Any) -> Any:
    """A recorded value with the names of release 2, and bit strings as JER has them."""
    if isinstance(value, dict) and set(value) == {"bits", "n"}:
        return value["bits"]
    if isinstance(value, dict):
        return {RELEASE_1.get(key, key): renamed(entry) for key, entry in value.items()}
    return [renamed(entry) for entry in value] if isinstance(value, list) else value


def entries(data_dir: Path) -> list[dict[str, Any]]:
    found = json.loads((data_dir / "v2x" / "csae_etsi.json").read_text(encoding="utf-8"))
    return [entry for entry in found if entry["std"] == "ETSI"]


def cam_of(entry: dict[str, Any]) -> bytes:
    """The CAM of a record: all of it, or the payload of its GeoNetworking packet."""
    octets = bytes.fromhex(entry["hex"])
    if entry["type"] == "CAM":
        return octets
    start = octets.index(b"\x20\x50")
    basic = BasicHeader(False, lifetime_ms=1000, hops_left=1)
    return parse_common(octets, basic=basic, start=start, padded=True).payload


def good(data_dir: Path) -> list[tuple[bytes, dict[str, Any]]]:
    """CAMs, and what the other decoder read."""
    return [(cam_of(entry), entry["decoded"]) for entry in entries(data_dir) if "decoded" in entry]


def test_cams_decode_as_others_decode_them_and_encode_to_the_same_octets(data_dir: Path) -> None:
    codec = message_codec("etsi/CAM")
    found = good(data_dir)
    assert [len(payload) for payload, _ in found] == [46, 46, 46, 41, 46, 46]
    for payload, theirs in found:
        value = codec.decode(payload)
        assert to_json("etsi/CAM", value) == renamed(theirs)
        assert codec.encode(value) == payload


def test_cams_out_of_packets_are_those_that_were_found_by_eye(data_dir: Path) -> None:
    named = [entry for entry in entries(data_dir) if "cam_hex" in entry]
    assert [cam_of(entry).hex() for entry in named] == [entry["cam_hex"] for entry in named]
    assert len(named) == 2


def test_cams_are_recognised(data_dir: Path) -> None:
    """By what they say of themselves; bare, and in a packet of ours."""
    for payload, theirs in good(data_dir):
        key, value = decode_message(payload, message_set="etsi")
        assert (key, to_json(key, value)) == ("etsi/CAM", renamed(theirs))
        for framing, octets in (
            ("plain", payload),
            ("geonetworking", build_shb(payload, port=2001, source=SOURCE)),
        ):
            found = recognise(octets)
            assert (found.framing, found.message, found.payload, found.value) == (
                framing,
                key,
                payload,
                value,
            )


def test_a_cam_of_the_first_protocol_version_is_refused(data_dir: Path) -> None:
    """Its curvature was another type: the bits after it do not add up."""
    (old,) = (bytes.fromhex(entry["hex"]) for entry in entries(data_dir) if entry["type"] == "CAM-v1")
    assert old[0] == 1
    with pytest.raises(CodecError):
        message_codec("etsi/CAM").decode(old)
    with pytest.raises(CodecError):
        decode_message(old, message_set="etsi")


def test_cut_cams_are_refused(data_dir: Path) -> None:
    for payload, _ in good(data_dir):
        for length in range(len(payload)):
            with pytest.raises(CodecError):
                message_codec("etsi/CAM").decode(payload[:length])
        with pytest.raises(CodecError):
            message_codec("etsi/CAM").decode(payload + b"\0")


def pycrate_form(kind: Type, value: Any) -> Any:
    """A value of ours as pycrate writes it; names of SPATEM and MAPEM are the same."""
    match kind:
        case Struct():
            kinds = {member.name: member.type for member in kind.members}
            return {name: pycrate_form(kinds[name], entry) for name, entry in value.items()}
        case ListOf():
            return [pycrate_form(kind.element, entry) for entry in value]
        case Union():
            inside = {member.name: member.type for member in kind.root}[value[0]]
            return value[0], pycrate_form(inside, value[1])
        case Bits():
            octets, size = value
            return int.from_bytes(octets, "big") >> -size % 8, size
        case Enumerated():
            return value
    return value


def later(value: Any) -> bool:
    """Whether a value holds what came after the original's edition: times beyond 36001, the road authority."""
    if isinstance(value, dict):
        times = (entry for key, entry in value.items() if key.endswith("Time") and isinstance(entry, int))
        return (
            "roadAuthorityID" in value or any(time > 36_001 for time in times) or later(list(value.values()))
        )
    return isinstance(value, list | tuple) and any(later(entry) for entry in value)


@pytest.mark.parametrize(
    ("key", "kind", "header", "count"),
    [("etsi/SPATEM", "SPAT", "0204", 15), ("etsi/MAPEM", "MAP", "0205", 18)],
)
def test_bodies_of_j2735_behind_an_etsi_header(
    key: str, kind: str, header: str, count: int, data_dir: Path
) -> None:
    """SPATEM and MAPEM carry the octets of SPAT and MapData; the standard's own module reads the same in them."""
    codec, other, compared = message_codec(key), original(key), 0
    for frame, _ in recorded_j2735(data_dir, kind):
        octets = bytes.fromhex(f"{header}00001234") + split_j2735(frame)[1]
        value = codec.decode(octets)
        assert codec.encode(value) == octets
        assert decode_message(octets, message_set="etsi") == (key, value)
        if later(value):
            continue
        other.from_uper(octets)
        theirs = dict(zip(value, other.get_val().values(), strict=True))
        theirs["header"] = dict(zip(value["header"], theirs["header"].values(), strict=True))
        assert theirs == pycrate_form(all_messages()[key].root, value)
        compared += 1
    assert compared == count
