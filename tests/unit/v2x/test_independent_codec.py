"""SPAT and MAP against a codec of other people: the bodies are those of ETSI SPATEM and MAPEM (ISO/TS 19091)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.signals import GroupState, IntersectionStatus, MovementState
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import split_j2735
from tests.unit.v2x.samples import GREEN, NOW_NS, crossing, signal_state

HEADER = bytes.fromhex("0204") + bytes(4)
"""ItsPduHeader of a SPATEM: protocol version 2, message 4, station 0; the body begins on an octet."""

MAP_HEADER = bytes.fromhex("0205") + bytes(4)
TIMES = st.none() | st.integers(min_value=0, max_value=3500).map(lambda s: NOW_NS + s * 10**9)


@pytest.fixture(scope="module")
def etsi() -> Any:
    from pycrate_asn1dir import ITS_IS

    return ITS_IS


def plain(value: Any) -> Any:
    """Our decoded value in the other codec's form: bit strings are (integer, length)."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, tuple) and isinstance(value[0], bytes):
        return int.from_bytes(value[0], "big") >> (-value[1] % 8), value[1]
    if isinstance(value, tuple):
        return value[0], plain(value[1])
    return value


def as_etsi(value: Any, key: str = "") -> Any:
    """Longitudes as ETSI reads the same bits: its range begins one unit lower, at -1800000000."""
    if isinstance(value, dict):
        degrees = "lat" in value
        return {k: as_etsi(v, k if degrees else "") for k, v in value.items()}
    if isinstance(value, list):
        return [as_etsi(entry) for entry in value]
    if isinstance(value, tuple):
        return value[0], as_etsi(value[1])
    return value - 1 if key in ("lon", "long") else value


@settings(deadline=None, max_examples=40)
@given(
    ends=st.lists(st.tuples(TIMES, TIMES, TIMES), min_size=1, max_size=6),
    status=st.integers(min_value=0, max_value=8191),
)
def test_spat(etsi: Any, ends: list[tuple[int | None, int | None, int | None]], status: int) -> None:
    groups = [
        GroupState(number, MovementState(number % 10), *triple, confidence=0.9)
        for number, triple in enumerate(ends, start=1)
    ]
    payload = j2735.encode_spat(
        signal_state(*groups, status=IntersectionStatus(status)), now_ns=NOW_NS, name="North", region=7
    )
    body = split_j2735(payload)[1]
    other = etsi.SPATEM_PDU_Descriptions.SPATEM
    other.from_uper(HEADER + body)
    assert other.get_val()["spat"] == plain(message_codec("j2735/SPAT").decode(body))
    assert other.to_uper() == HEADER + body


def test_map(etsi: Any) -> None:
    body = split_j2735(j2735.encode_map(crossing(), message_count=1, now_ns=NOW_NS))[1]
    other = etsi.MAPEM_PDU_Descriptions.MAPEM
    other.from_uper(MAP_HEADER + body)
    assert other.get_val()["map"] == as_etsi(plain(message_codec("j2735/MapData").decode(body)))
    assert other.to_uper() == MAP_HEADER + body


def test_the_comparison_sees_a_difference(etsi: Any) -> None:
    body = split_j2735(j2735.encode_spat(signal_state(GREEN), now_ns=NOW_NS))[1]
    other = etsi.SPATEM_PDU_Descriptions.SPATEM
    other.from_uper(HEADER + body)
    changed = split_j2735(j2735.encode_spat(signal_state(GREEN), now_ns=NOW_NS + 10**9))[1]
    assert other.get_val()["spat"] != plain(message_codec("j2735/SPAT").decode(changed))
