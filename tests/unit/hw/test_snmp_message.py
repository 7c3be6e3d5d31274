"""BER and SNMP messages: what is written is read again, and nothing but `CodecError` comes of anything else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from hw.snmp import ber, message
from hw.snmp.message import (
    FIRST_ID,
    GET,
    LAST_ID,
    RESPONSE,
    SET,
    V1,
    V2C,
    Message,
    Request,
    VarBind,
    decode_message,
    encode_message,
)

FIELD_SET = bytes.fromhex(  # the published example of switching a controller's SPaT broadcast on
    "302d02010004067075626c6963a32002010002010002010030153013060e2b06010401893603050209 2c0100020102".replace(
        " ", ""
    )
)
arcs = st.builds(
    lambda first, second, rest: (first, second if first == 2 else second % 40, *rest),
    st.integers(0, 2),
    st.integers(0, 2**32 - 81),
    st.lists(st.integers(0, 2**32 - 1), max_size=30),
)
values = st.one_of(
    st.tuples(st.just(ber.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(
        st.sampled_from([message.COUNTER, message.GAUGE, message.TIME_TICKS]), st.integers(0, 2**32 - 1)
    ),
    st.tuples(st.just(message.COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([ber.OCTETS, message.OPAQUE, message.IP_ADDRESS]), st.binary(max_size=300)),
    st.tuples(st.sampled_from([ber.NULL, 0x80, 0x81, 0x82]), st.none()),
    st.tuples(st.just(ber.IDENTIFIER), arcs.map(ber.oid_of)),
)
varbinds = st.builds(lambda name, value: VarBind(ber.oid_of(name), *value), arcs, values)
messages = st.builds(
    Message,
    st.sampled_from([V1, V2C]),
    st.binary(max_size=40),
    st.sampled_from([GET, message.GET_NEXT, RESPONSE, SET]),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 18),
    st.integers(0, 300),
    st.lists(varbinds, max_size=8).map(tuple),
)


@given(arcs)
def test_identifiers_come_back(name: tuple[int, ...]) -> None:
    content = ber.oid_of(name)
    assert ber.arcs_of(content) == name
    assert ber.oid(ber.dotted(content)) == content


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_come_back_in_the_fewest_octets(value: int) -> None:
    octets = ber.integer(value)
    start, stop = ber.expect(octets, 0, len(octets), ber.INTEGER)
    assert ber.read_integer(octets, start, stop) == value
    shorter = stop - start - 1
    assert shorter == 0 or not -(1 << 8 * shorter - 1) <= value < 1 << 8 * shorter - 1


@given(messages)
def test_messages_come_back(sent: Message) -> None:
    assert decode_message(encode_message(sent)) == sent


@given(messages)
def test_every_cut_message_is_refused(sent: Message) -> None:
    octets = encode_message(sent)
    for end in range(len(octets)):
        with pytest.raises(CodecError):
            decode_message(octets[:end])
    with pytest.raises(CodecError):
        decode_message(octets + b"\x00")


def test_the_published_set_is_written_and_read() -> None:
    switch = VarBind(ber.oid("1.3.6.1.4.1.1206.3.5.2.9.44.1.0"), ber.INTEGER, 2)
    expected = Message(V1, b"public", SET, 0, 0, 0, (switch,))
    assert encode_message(expected) == FIELD_SET
    assert decode_message(FIELD_SET) == expected


@given(st.integers(FIRST_ID, LAST_ID), st.lists(varbinds, min_size=1, max_size=5))
def test_a_prepared_request_differs_in_its_identifier_only(request_id: int, wanted: list[VarBind]) -> None:
    request = Request(GET, wanted, version=V1, community=b"public")
    octets = request.octets(request_id)
    assert len(octets) == request.size
    assert decode_message(octets) == Message(V1, b"public", GET, request_id, 0, 0, tuple(wanted))


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("", "nothing"),
        ("3080020100", "an indefinite length"),
        ("3085000000000102", "a length of five octets"),
        ("1f0100", "a long tag"),
        ("3003020103", "version 4"),
        ("300c02010004007fa004020101020100", "a tag in the place of the PDU"),
        ("300902010004 00a70402010102".replace(" ", ""), "a trap"),
        ("30130201000400a00c0201010201000201003001ff", "octets in the place of variables"),
        ("3003020001", "an empty integer"),
    ],
)
def test_broken_messages_are_refused(octets: str, what: str) -> None:
    with pytest.raises(CodecError):
        decode_message(bytes.fromhex(octets))


@pytest.mark.parametrize("content", ["", "80", "2b81", "ff" * 700])
def test_broken_identifiers_are_refused(content: str) -> None:
    with pytest.raises(CodecError):
        ber.arcs_of(bytes.fromhex(content))


@pytest.mark.parametrize("text", ["", "1", "1.3.x", "3.1", "1.40", "1..3", "1.3.99999999999"])
def test_identifiers_of_people_are_checked(text: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        ber.oid(text)


def test_lengths_of_any_definite_form_are_read() -> None:
    """net-snmp writes two octets of length where one would do."""
    body = FIELD_SET[2:]
    for form in (b"\x30\x81", b"\x30\x82\x00", b"\x30\x84\x00\x00\x00"):
        assert decode_message(form + bytes([len(body)]) + body).varbinds[0].value == 2


def test_counters_without_their_leading_zero_are_read() -> None:
    name = ber.element(ber.IDENTIFIER, b"\x2b\x06")
    varbind = ber.element(ber.SEQUENCE, name + bytes.fromhex("4304fffffffe"))
    head = ber.integer(0) * 2 + ber.integer(0)
    body = ber.element(RESPONSE, head + ber.element(ber.SEQUENCE, varbind))
    octets = ber.element(ber.SEQUENCE, ber.integer(0) + ber.element(ber.OCTETS, b"public") + body)
    assert decode_message(octets).varbinds[0].value == 2**32 - 2


def test_a_value_that_its_type_cannot_hold_is_not_written() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        encode_message(Message(V1, b"", GET, 1, 0, 0, (VarBind(b"\x2b", ber.INTEGER, b"text"),)))


def _mutated(octets: bytes, chance: random.Random) -> bytes:
    broken = bytearray(octets)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(broken))
        action = chance.randrange(4)
        if action == 0:
            broken[at] ^= 1 << chance.randrange(8)
        elif action == 1:
            broken[at] = chance.choice((0x00, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFF, chance.randrange(256)))
        elif action == 2 and len(broken) > 2:
            del broken[at : at + chance.randint(1, 4)]
        else:
            broken[at:at] = chance.randbytes(chance.randint(1, 4))
    return bytes(broken)


def test_a_hundred_thousand_broken_messages_raise_nothing_else() -> None:
    chance = random.Random(1202)
    names = [ber.oid(f"1.3.6.1.4.1.1206.4.2.1.1.4.1.{column}.1") for column in range(2, 12)]
    kinds = (
        Message(V1, b"public", RESPONSE, FIRST_ID, 0, 0, tuple(VarBind(n, ber.INTEGER, 221) for n in names)),
        Message(V2C, b"x" * 30, RESPONSE, LAST_ID, 2, 3, tuple(VarBind(n, 0x81) for n in names)),
        Message(V1, b"", GET, 1, 0, 0, (VarBind(names[0]), VarBind(names[1], message.COUNTER64, 2**64 - 1))),
    )
    sound = [FIELD_SET, *map(encode_message, kinds)]
    outcomes = {"read": 0, "refused": 0}
    for number in range(100_000):
        try:
            decoded = decode_message(_mutated(sound[number % len(sound)], chance))
        except CodecError:
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
            assert decoded.version in (V1, V2C)
    assert outcomes["refused"] > 50_000
    assert outcomes["read"] > 1_000
