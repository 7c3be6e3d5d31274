"""Our codecs against two others on the same schema, on random values of every message; and against themselves."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.kinds import ObjectClass
from edge.publish.perceived import perceived_objects
from edge.v2x.codec import message_codec, messages
from edge.v2x.csae_rsm import encode_rsm
from tests.unit.publish.feed import FRAME
from tests.unit.publish.scenes import KINDS, User, scene_of
from tests.unit.v2x.oracles import Translator, prefix_of, root_of
from tests.unit.v2x.values import all_messages, random_value

EXAMPLES = int(os.environ.get("EDGE_ORACLE_EXAMPLES", "25"))
"""Values per message and oracle; the long form is 2000."""
MESSAGES = sorted(messages())


def with_prefix(body: bytes, prefix: str) -> bytes:
    """Another codec's octets of a body behind the bits of a MessageFrame; padding bits at the end are dropped."""
    bits = f"{int.from_bytes(body, 'big'):0{8 * len(body)}b}"
    return bits_to_octets(prefix + bits)


def bits_to_octets(bits: str) -> bytes:
    padded = bits + "0" * (-len(bits) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big")


def same(ours: bytes, theirs: bytes, prefix: str) -> bool:
    """Whether two encodings are the same bits: a prefix that is no whole octet may move the padding by one octet."""
    shifted = with_prefix(theirs, prefix)
    return ours == shifted or (len(shifted) == len(ours) + 1 and shifted == ours + b"\0")


def without_prefix(octets: bytes, prefix: str) -> bytes:
    bits = f"{int.from_bytes(octets, 'big'):0{8 * len(octets)}b}"
    assert bits.startswith(prefix)
    return bits_to_octets(bits[len(prefix) :])


def values(key: str, **more: Any) -> list[Any]:
    found = []
    seed = 0
    while len(found) < EXAMPLES:
        seed += 1
        value = random_value(key, seed, optional=random.Random(seed).choice((0.1, 0.5, 0.9)), **more)
        if fits(key, value):
            found.append(value)
    return found


def fits(key: str, value: Any) -> bool:
    """Whether a value makes a message; only its length may forbid it."""
    try:
        message_codec(key).encode(value)
    except CodecError as error:
        if "more than" in str(error):
            return False
        raise
    return True


def agree(key: str, value: Any, other: Translator) -> None:
    """Both encode a value to the same bits, and both decode them to it."""
    prefix, root = prefix_of(key), root_of(key)
    theirs = other.form(all_messages()[key].root, value)
    octets = message_codec(key).encode(value)
    assert same(octets, other.encode_type(root, theirs), prefix), (key, value)
    assert message_codec(key).decode(octets) == value
    found = other.decode_type(root, without_prefix(octets, prefix))
    assert found == theirs, (key, value)


@pytest.mark.parametrize("key", MESSAGES)
def test_asn1tools_agrees_both_ways(key: str) -> None:
    """It has no extended sizes of strings, and writes a NULL addition as no octets: neither is made here."""
    other = Translator(key, pycrate=False)
    for value in values(key):
        agree(key, value, other)


@pytest.mark.parametrize("key", MESSAGES)
def test_pycrate_agrees_both_ways(key: str) -> None:
    other = Translator(key, pycrate=True)
    for value in values(key, additions=False):
        agree(key, value, other)


@pytest.mark.parametrize("key", MESSAGES)
@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**32), optional=st.sampled_from((0.1, 0.5, 0.9)))
def test_round_trip(key: str, seed: int, optional: float) -> None:
    """What is encoded decodes to the same value, which encodes to the same octets."""
    value = random_value(key, seed, optional=optional)
    if not fits(key, value):
        return
    octets = message_codec(key).encode(value)
    assert message_codec(key).decode(octets) == value
    assert message_codec(key).encode(message_codec(key).decode(octets)) == octets


def test_pycrate_reads_what_goes_out_of_road_users() -> None:
    """A frame of the broadcaster, from tracks on, by a codec of other people."""
    key, now_ns = "csae-a/RoadsideSafetyMessage", 1_700_000_000_000_000_000
    users = (
        User(1, (12.0, -30.0, 0.0, 8.0), yaw_rad=1.5708, size_m=(4.6, 1.9, 1.5)),
        User(2, (-6.0, 3.0, 1.0, 0.0), ObjectClass.PEDESTRIAN, seen_by=("north", "obu")),
    )
    tracks = scene_of(*users, now_ns=now_ns).tracks
    objects = perceived_objects(
        tracks, [0, 1], ids={1: 700, 2: 9}, sensor_kinds=KINDS, station="00000000000000aa"
    )
    (octets,) = encode_rsm(objects, frame=FRAME, message_count=5, variant="a")
    other = Translator(key, pycrate=True)
    found = other.decode_type(root_of(key), without_prefix(octets, prefix_of(key)))
    assert (found["msgCnt"], found["id"]) == (5, bytes.fromhex("00000000000000aa"))
    car, walker = found["participants"]
    assert (car["ptcId"], car["ptcType"], car["source"]) == (700, "motor", "video")
    assert (walker["ptcId"], walker["ptcType"], walker["source"]) == (9, "pedestrian", "integrated")
    assert (car["speed"], car["heading"], car["size"]["width"]) == (400, 0, 190)
