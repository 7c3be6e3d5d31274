"""Alternatives and elements that a later edition may add: passed over, or refused where the meaning hangs on them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.signals import MovementState
from edge.v2x import codec, csae, j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_MAP, J2735_SPAT, unwrap_j2735, wrap_j2735
from tests.unit.v2x.samples import GREEN, NOW_NS, RED, crossing, signal_state

SCHEMA = Path(codec.__file__).parent / "schema"


FRAME = "Frame ::= CHOICE { bsm NULL, map NULL, rsm NULL, spatFrame SPAT, rsi NULL, ... }"


def later(set_name: str, variant: str, name: str, value: Any, *, old: str, new: str) -> bytes:
    """The octets of a value in our schema with one line changed as a later edition might."""
    import asn1tools

    folder = SCHEMA / set_name
    described = tomllib.loads((folder / "set.toml").read_text(encoding="utf-8"))
    texts = [
        (folder / file).read_text(encoding="ascii") for file in described["variants"][variant]["modules"]
    ]
    text = " ".join(re.sub("--.*", "", "\n".join(texts)).split())
    text = text.replace(" SPAT ::= SEQUENCE", f" {FRAME} SPAT ::= SEQUENCE")
    assert old in text
    return bytes(asn1tools.compile_string(text.replace(old, new, 1), "uper").encode(name, value))


def map_message() -> Any:
    payload = j2735.encode_map(crossing(), message_count=0, now_ns=NOW_NS)
    return message_codec("j2735/MapData").decode(unwrap_j2735(payload, message_id=J2735_MAP, what="MAP"))


def csae_spat(phase_state: dict[str, Any], *, old: str, new: str) -> bytes:
    message = message_codec("csae-a/SPAT").decode(csae.encode_spat(signal_state(GREEN, RED), now_ns=NOW_NS))
    message["intersections"][0]["phases"][0]["phaseStates"][0] |= phase_state
    return later("csae", "a", "Frame", ("spatFrame", message), old=old, new=new)


def test_lanes_of_a_new_type_are_left_out() -> None:
    message = map_message()
    message["intersections"][0]["laneSet"][0]["laneAttributes"]["laneType"] = ("flying", b"abc")
    old, new = (
        "parking LaneAttributes-Parking, ...",
        "parking LaneAttributes-Parking, ..., flying OCTET STRING",
    )
    body = later("j2735", "", "MapData", message, old=old, new=new)
    found = j2735.decode_map(wrap_j2735(J2735_MAP, body))
    assert [lane.lane for lane in found.lanes] == [2, 3, 4, 5, 6, 7, 8, 20]


def test_nodes_in_a_new_form_are_refused() -> None:
    message = map_message()
    message["intersections"][0]["laneSet"][0]["nodeList"] = ("spline", b"abc")
    old, new = "computed ComputedLane, ...", "computed ComputedLane, ..., spline OCTET STRING"
    body = later("j2735", "", "MapData", message, old=old, new=new)
    with pytest.raises(CodecError, match="later edition"):
        j2735.decode_map(wrap_j2735(J2735_MAP, body))


def test_new_elements_are_passed_over() -> None:
    payload = j2735.encode_spat(signal_state(GREEN, RED), now_ns=NOW_NS)
    message = message_codec("j2735/SPAT").decode(unwrap_j2735(payload, message_id=J2735_SPAT, what="SPAT"))
    message["authority"] = b"x" * 40
    old, new = (
        "intersections SEQUENCE (SIZE (1..32)) OF IntersectionState, regional Regional OPTIONAL, ...",
        "intersections SEQUENCE (SIZE (1..32)) OF IntersectionState, regional Regional OPTIONAL, ...,"  # noqa: ISC004 - one line of schema
        " authority OCTET STRING OPTIONAL",
    )
    body = later("j2735", "", "SPAT", message, old=old, new=new)
    assert j2735.decode_spat(wrap_j2735(J2735_SPAT, body)) == j2735.decode_spat(payload)


def test_timing_in_a_new_form_is_no_timing() -> None:
    payload = csae_spat(
        {"timing": ("atomic", b"abc")},
        old="utcTiming UTCTiming, ...",
        new="utcTiming UTCTiming, ..., atomic OCTET STRING",
    )
    found = csae.decode_spat(payload).groups[0]
    assert found.state is MovementState.PROTECTED_MOVEMENT_ALLOWED
    assert (found.min_end, found.max_end, found.likely_end) == (None, None, None)


def test_a_new_light_is_refused() -> None:
    payload = csae_spat({"light": "blue"}, old="flashing-yellow, ...", new="flashing-yellow, ..., blue")
    with pytest.raises(CodecError, match="later edition"):
        csae.decode_spat(payload)
