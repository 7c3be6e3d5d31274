"""Octets to numbers, lengths and bits, and back; only the canonical form is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.v2x.security import oer
from edge.v2x.security.oer import MAX_ITEMS, MAX_OCTETS, Reader


@given(st.integers(0, 2**64 - 1))
def test_unbounded_unsigned_comes_back(value: int) -> None:
    reader = Reader(oer.unbounded_unsigned(value))
    assert reader.unbounded_unsigned() == value
    reader.end()


@given(st.integers(-(2**31), 2**31 - 1))
def test_unbounded_signed_comes_back_in_its_shortest_form(value: int) -> None:
    octets = oer.unbounded_signed(value)
    reader = Reader(octets)
    assert reader.unbounded_signed() == value
    reader.end()
    size = octets[0]
    assert size == 1 or not -(2 ** (8 * size - 9)) <= value < 2 ** (8 * size - 9)


@given(st.binary(max_size=600))
def test_octets_of_variable_length_come_back(value: bytes) -> None:
    reader = Reader(oer.variable_octets(value))
    assert reader.variable_octets() == value
    reader.end()


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_preamble_bits_come_back(bits: list[bool]) -> None:
    value = Reader(oer.preamble(*bits)).preamble(len(bits))
    assert [bool(value >> (len(bits) - 1 - index) & 1) for index in range(len(bits))] == bits


@given(
    st.dictionaries(st.integers(0, 20), st.binary(max_size=40), min_size=1, max_size=5), st.integers(0, 12)
)
def test_extension_additions_come_back(values: dict[int, bytes], count: int) -> None:
    reader = Reader(oer.additions(values, count=count))
    assert reader.additions() == values
    reader.end()


@given(st.binary(max_size=40))
def test_any_octets_are_values_or_a_codec_error(octets: bytes) -> None:
    reads: list[Callable[[Reader], object]] = [
        Reader.length,
        Reader.variable_octets,
        Reader.unbounded_unsigned,
        Reader.unbounded_signed,
        Reader.quantity,
        Reader.tag,
        Reader.additions,
    ]
    for read in reads:
        reader = Reader(octets)
        try:
            read(reader)
        except CodecError:
            continue
        assert 0 < reader.position <= len(octets)


@pytest.mark.parametrize(
    ("octets", "read"),
    [
        ("8105", Reader.length),
        ("820005", Reader.length),
        ("80", Reader.length),
        ("8500000000ff", Reader.length),
        ("83ffffff", Reader.length),
        ("020001", Reader.unbounded_unsigned),
        ("09" + "01" * 9, Reader.unbounded_unsigned),
        ("00", Reader.unbounded_unsigned),
        ("020001", Reader.unbounded_signed),
        ("02ffff", Reader.unbounded_signed),
        ("0141", Reader.quantity),
        ("40", Reader.tag),
        ("bf05", Reader.tag),
        ("0200", Reader.additions),
        ("020780", Reader.additions),
        ("0208c0", Reader.additions),
        ("020700", Reader.additions),
        ("020601" + "00", Reader.additions),
    ],
)
def test_what_is_not_canonical_or_too_long_is_refused(octets: str, read: Callable[[Reader], object]) -> None:
    if octets == "020780":
        assert Reader(bytes.fromhex(octets + "00")).additions() == {0: b""}
    with pytest.raises(CodecError):
        read(Reader(bytes.fromhex(octets)))


def test_padding_of_a_preamble_must_be_zero() -> None:
    with pytest.raises(CodecError, match="padding"):
        Reader(b"\x41").preamble(7)


def test_what_does_not_fit_is_not_written() -> None:
    writes: list[Callable[[], bytes]] = [
        lambda: oer.unsigned(256, 1),
        lambda: oer.unsigned(-1, 1),
        lambda: oer.signed(128, 1),
        lambda: oer.length(MAX_OCTETS + 1),
        lambda: oer.unbounded_unsigned(1 << 64),
        lambda: oer.quantity(MAX_ITEMS + 1),
    ]
    for write in writes:
        with pytest.raises(CodecError):
            write()


def test_octets_that_follow_are_refused() -> None:
    reader = Reader(b"\x01\x02")
    reader.octet()
    with pytest.raises(CodecError, match="1 octets follow"):
        reader.end()
