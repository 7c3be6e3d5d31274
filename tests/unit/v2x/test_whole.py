"""Whole messages of any set, told apart by their octets."""

from __future__ import annotations

import pytest

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec, messages
from edge.v2x.whole import decode_message, encode_message, recognise
from tests.unit.v2x.test_oracle import fits
from tests.unit.v2x.values import random_value

_ETSI_IDS = {
    "DENM": 1,
    "CAM": 2,
    "SPATEM": 4,
    "MAPEM": 5,
    "SREM": 9,
    "SSEM": 10,
    "CollectivePerceptionMessage": 14,
    "VAM": 16,
}


def sound(key: str, seed: int) -> object:
    """A random value that is that message."""
    value = random_value(key, seed, optional=0.4)
    message_set, _, name = key.partition("/")
    if message_set == "etsi":
        value["header"] |= {"protocolVersion": 3 if name == "VAM" else 2, "messageId": _ETSI_IDS[name]}
    return value


@pytest.mark.parametrize("key", sorted(messages()))
def test_every_message_goes_through_its_frame(key: str) -> None:
    message_set = key.partition("/")[0]
    for seed in range(15):
        value = sound(key, seed)
        if not fits(key, value):
            continue
        octets = encode_message(key, value)
        found, read = decode_message(octets, message_set=message_set)
        assert found == key
        assert encode_message(found, read) == octets


@pytest.mark.parametrize("key", [k for k in sorted(messages()) if not k.startswith("csae-b")])
def test_octets_alone_tell_what_they_are_or_another_reading_is_as_exact(key: str) -> None:
    told = 0
    for seed in range(15):
        value = sound(key, seed)
        if fits(key, value):
            octets = encode_message(key, value)
            found = recognise(octets)
            assert found.message == key or encode_message(found.message, found.value) == octets
            told += found.message == key
    assert told


@pytest.mark.parametrize(
    ("octets", "message_set", "problem"),
    [
        (b"", "j2735", "truncated"),
        (b"\x00\x63\x01\x00", "j2735", "99 is not known"),
        (b"\x00\x14\x01\x00\x00", "j2735", "1 bytes follow"),
        (b"\x02", "etsi", "truncated"),
        (b"\x09\x02", "etsi", "protocol version 9"),
        (b"\x02\x63\x00", "etsi", "99 is not known"),
        (b"\x70\x00", "csae-a", "choice 7 is no"),
        (b"\x80\x04\x00\x63\x01\x00", "csae-a", "99 is not known"),
    ],
)
def test_what_is_no_message_says_why(octets: bytes, message_set: str, problem: str) -> None:
    with pytest.raises(CodecError, match=problem):
        decode_message(octets, message_set=message_set)


def test_nothing_recognisable_names_the_nearest_reading() -> None:
    octets = encode_message("j2735/SPAT", random_value("j2735/SPAT", 3, optional=0.4))
    with pytest.raises(
        CodecError, match=f"reads these {len(octets) - 1} bytes; the nearest says: .*truncated"
    ):
        recognise(octets[:-1])


def test_the_edition_of_every_message_is_named() -> None:
    assert all(message_codec(key).edition for key in messages())
