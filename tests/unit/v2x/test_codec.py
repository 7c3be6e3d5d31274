"""The generated codecs behind their interface: exact bytes in and out, and one kind of error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.core.errors import CodecError
from edge.v2x import codec
from edge.v2x.codec import message_codec, messages
from edge.v2x.uper import MAX_MESSAGE_BYTES

SCHEMA = Path(codec.__file__).parent / "schema"
INTERSECTION = {
    "id": {"id": 9},
    "revision": 0,
    "status": (b"\x00\x00", 16),
    "states": [{"signalGroup": 1, "state-time-speed": [{"eventState": "dark"}]}],
}


def without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*", "", text)


def test_schema_has_no_union_constraint() -> None:
    """asn1tools encodes a constraint such as (1..2 | 5) in too few bits, so none may be written."""
    files = sorted(SCHEMA.glob("*/*.asn"))
    assert len(files) >= 30
    for file in files:
        assert "|" not in without_comments(file.read_text(encoding="ascii")), file.name


def test_the_compiler_still_gets_union_constraints_wrong() -> None:
    """Why the schema must not have them: when this fails the rule can go."""
    import asn1tools

    text = "M DEFINITIONS AUTOMATIC TAGS ::= BEGIN\na INTEGER ::= 0\nb INTEGER ::= 14\nT ::= INTEGER (a | 5 | b)\nEND"
    compiled = asn1tools.compile_string(text, "uper")
    assert compiled.encode("T", 5) == b""  # four bits are right


@pytest.mark.parametrize("message", messages())
def test_every_message_has_a_codec_that_is_made_once_and_names_its_edition(message: str) -> None:
    found = message_codec(message)
    assert found is message_codec(message)
    assert re.search(r"\d", found.edition)


def test_an_unknown_message_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no message is called 'csae-c/MapData'"):
        message_codec("csae-c/MapData")


def test_round_trip() -> None:
    found = message_codec("j2735/SPAT")
    value = {"intersections": [INTERSECTION]}
    assert found.decode(found.encode(value)) == value


def test_octets_after_the_message_are_refused() -> None:
    found = message_codec("j2735/SPAT")
    payload = found.encode({"intersections": [INTERSECTION]})
    with pytest.raises(CodecError, match="1 bytes follow") as caught:
        found.decode(payload + b"\x00")
    assert caught.value.offset == len(payload)


def test_a_message_longer_than_any_radio_carries_is_refused_both_ways() -> None:
    found = message_codec("j2735/SPAT")
    with pytest.raises(CodecError, match="are more than"):
        found.decode(bytes(MAX_MESSAGE_BYTES + 1))
    with pytest.raises(CodecError, match="are more than"):
        found.encode({"intersections": [INTERSECTION | {"states": INTERSECTION["states"] * 250}] * 9})


@pytest.mark.parametrize(
    "change",
    [
        {"revision": 128},
        {"revision": "5"},
        {"id": {}},
        {"states": []},
        {"name": ""},
        {"name": "x" * 64},
        {"name": "é"},
        {"revision": True, "nmae": "x"},
        {"revision": None},
        {"status": (b"\x00\x00", 15)},
        {"moy": 1.0},
    ],
    ids=str,
)
def test_a_value_against_the_schema_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CodecError, match="cannot be encoded"):
        message_codec("j2735/SPAT").encode({"intersections": [INTERSECTION | change]})


def test_a_decoded_value_out_of_range_is_refused() -> None:
    """The heading has 15 bits for 0 to 28800; asn1tools alone lets 32767 pass."""
    bsm = message_codec("j2735/BasicSafetyMessage")
    unavailable = "unavailable"
    core = {
        "msgCnt": 0,
        "id": bytes(4),
        "secMark": 0,
        "lat": 0,
        "long": 0,
        "elev": 0,
        "accuracy": {"semiMajor": 0, "semiMinor": 0, "orientation": 0},
        "transmission": unavailable,
        "speed": 0,
        "heading": 0,
        "angle": 0,
        "accelSet": {"long": 0, "lat": 0, "vert": 0, "yaw": 0},
        "brakes": {
            "wheelBrakes": (b"\x00", 5),
            "traction": unavailable,
            "abs": unavailable,
            "scs": unavailable,
            "brakeBoost": unavailable,
            "auxBrakes": unavailable,
        },
        "size": {"width": 0, "length": 0},
    }
    zero = int.from_bytes(bsm.encode({"coreData": core}), "big")
    last = int.from_bytes(bsm.encode({"coreData": core | {"heading": 16384}}), "big")
    heading_bit = zero ^ last
    length = len(bsm.encode({"coreData": core}))
    above = zero | heading_bit | heading_bit >> 1 | heading_bit >> 2
    with pytest.raises(CodecError, match="heading"):
        bsm.decode((above | heading_bit >> 3).to_bytes(length, "big"))


def test_the_message_sets_work_without_the_schema_compiler() -> None:
    code = (
        "import sys; sys.modules['asn1tools'] = None\n"
        "from edge.v2x.codec import message_codec, messages\n"
        "for message in messages(): message_codec(message)\n"
        "import edge.v2x.csae, edge.v2x.j2735, edge.v2x.decoder"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
