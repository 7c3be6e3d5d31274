"""T/CSAE frames that are broken or strange: they are refused with `CodecError`, or read; nothing else happens."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.frame import (
    CSAE_PAM,
    CSAE_PSM,
    CSAE_RSC,
    CSAE_SSM,
    CSAE_VIR,
    wrap_csae_day2,
)
from tests.unit.v2x.samples import FRAME, NOW_NS
from tests.unit.v2x.values import Values, all_messages

Decode = Callable[[bytes, csae.Variant], Any]

MESSAGES: dict[str, tuple[int | None, Decode]] = {
    "BasicSafetyMessage": (
        None,
        lambda p, v: csae.decode_bsm(p, frame=FRAME, link="rsu", arrival_ns=NOW_NS, variant=v),
    ),
    "MapData": (None, lambda p, v: csae.decode_maps(p, variant=v)),
    "RoadsideSafetyMessage": (
        None,
        lambda p, v: csae.decode_rsm(p, frame=FRAME, arrival_ns=NOW_NS, variant=v),
    ),
    "SPAT": (None, lambda p, v: csae.decode_spats(p)),
    "RoadSideInformation": (None, lambda p, v: csae.decode_rsi(p, frame=FRAME, arrival_ns=NOW_NS, variant=v)),
    "SensorSharingMsg": (
        CSAE_SSM,
        lambda p, v: csae.decode_ssm(p, frame=FRAME, arrival_ns=NOW_NS, variant=v),
    ),
    "VehIntentionAndRequest": (
        CSAE_VIR,
        lambda p, v: csae.decode_vir(p, frame=FRAME, arrival_ns=NOW_NS, variant=v),
    ),
    "RoadsideCoordination": (
        CSAE_RSC,
        lambda p, v: csae.decode_rsc(p, frame=FRAME, arrival_ns=NOW_NS, variant=v),
    ),
    "PersonalSafetyMessage": (
        CSAE_PSM,
        lambda p, v: csae.decode_psm(p, frame=FRAME, link="rsu", arrival_ns=NOW_NS, variant=v),
    ),
    "PAMData": (CSAE_PAM, lambda p, v: csae.decode_pam(p, frame=FRAME, arrival_ns=NOW_NS, variant=v)),
}
VARIANTS: list[csae.Variant] = ["a", "b"]
VALUES = 60


def made(message: str, variant: csae.Variant, seed: int, *, optional: float) -> bytes | None:
    """A frame with values that the schema allows and nobody means; None: it is too long for a radio."""
    key = f"csae-{variant}/{message}"
    values = Values(random.Random(f"{key}/{seed}"), optional=optional)
    try:
        body = message_codec(key).encode(values.of(all_messages()[key].root))
        number = MESSAGES[message][0]
        return body if number is None else wrap_csae_day2(number, body)
    except CodecError:
        return None


def numbers(found: Any) -> Iterator[float]:
    """Every number of a value that came out; NaN stands for unknown only in the width of a lane."""
    if is_dataclass(found) and not isinstance(found, type):
        for field in fields(found):
            if field.name != "width_m":
                yield from numbers(getattr(found, field.name))
    elif isinstance(found, tuple):
        for entry in found:
            yield from numbers(entry)
    elif isinstance(found, float):
        yield found


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("message", MESSAGES)
def test_values_that_nobody_means(message: str, variant: csae.Variant) -> None:
    """What the schema allows is read or refused; what is read has finite numbers."""
    read = 0
    for seed in range(VALUES):
        payload = made(message, variant, seed, optional=(seed % 10) / 10)
        if payload is None:
            continue
        try:
            found = MESSAGES[message][1](payload, variant)
        except CodecError:
            continue
        read += 1
        assert all(map(math.isfinite, numbers(found)))
    assert read > VALUES // 4


@pytest.mark.parametrize("message", MESSAGES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_flipped_bits(message: str, data: st.DataObject) -> None:
    variant = data.draw(st.sampled_from(VARIANTS))
    payload = bytearray(made(message, variant, data.draw(st.integers(0, 9)), optional=0.4) or b"\x00")
    for bit in data.draw(st.lists(st.integers(0, len(payload) * 8 - 1), min_size=1, max_size=12)):
        payload[bit // 8] ^= 0x80 >> bit % 8
    try:
        MESSAGES[message][1](bytes(payload), variant)
    except CodecError:
        return


@pytest.mark.parametrize("message", MESSAGES)
@settings(deadline=None, max_examples=40)
@given(body=st.binary(max_size=400), variant=st.sampled_from(VARIANTS))
def test_random_bodies(message: str, body: bytes, variant: csae.Variant) -> None:
    number = MESSAGES[message][0]
    try:
        MESSAGES[message][1](body if number is None else wrap_csae_day2(number, body), variant)
    except CodecError:
        return
