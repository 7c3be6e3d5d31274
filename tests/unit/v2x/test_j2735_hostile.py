"""Bytes that nobody sane sends: every J2735 decoder gives a value or a CodecError, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.v2x import j2735
from edge.v2x.frame import split_j2735, wrap_j2735
from tests.unit.v2x.samples import FRAME, NOW_NS
from tests.unit.v2x.test_independent_j2735 import sent

DECODERS: dict[int, Callable[[bytes], Any]] = {
    18: j2735.decode_map,
    19: j2735.decode_spats,
    20: lambda payload: j2735.decode_bsm(payload, frame=FRAME, link="x", arrival_ns=NOW_NS),
    28: j2735.decode_rtcm,
    29: lambda payload: j2735.decode_srm(payload, frame=FRAME, arrival_ns=NOW_NS),
    30: lambda payload: j2735.decode_ssm(payload, arrival_ns=NOW_NS),
    31: lambda payload: j2735.decode_tim(payload, frame=FRAME, sender="x", arrival_ns=NOW_NS),
    32: lambda payload: j2735.decode_psm(payload, frame=FRAME, link="x", arrival_ns=NOW_NS),
    41: lambda payload: j2735.decode_sdsm(payload, frame=FRAME, arrival_ns=NOW_NS),
}
SENT = tuple(sent())


def survives(message_id: int, body: bytes) -> bool:
    """Whether it decodes; any error but CodecError fails the test."""
    try:
        DECODERS[message_id](wrap_j2735(message_id, body))
    except CodecError:
        return False
    return True


def test_what_is_changed_here_decodes_unchanged() -> None:
    assert all(survives(*split_j2735(payload)[:2]) for payload in SENT)
    assert {split_j2735(payload)[0] for payload in SENT} == set(DECODERS)


@settings(max_examples=1500)
@given(
    payload=st.sampled_from(SENT),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_changed_octets(payload: bytes, changes: list[tuple[int, int]]) -> None:
    message_id, body, _ = split_j2735(payload)
    octets = bytearray(body)
    for where, mask in changes:
        octets[where % len(octets)] ^= mask
    survives(message_id, bytes(octets))


@pytest.mark.parametrize("message_id", DECODERS)
@settings(max_examples=300)
@given(body=st.binary(min_size=1, max_size=300))
def test_noise(message_id: int, body: bytes) -> None:
    survives(message_id, body)


@given(payload=st.sampled_from(SENT), cut=st.integers(0, 10**6))
def test_cut_short(payload: bytes, cut: int) -> None:
    """A body that ends early is refused, unless only padding is missing."""
    message_id, body, _ = split_j2735(payload)
    assert not survives(message_id, body[: cut % len(body)])
