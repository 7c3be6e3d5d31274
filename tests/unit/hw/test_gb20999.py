"""GB/T 20999-2017 frames: real ones, round trips, escaping, streams, garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.signal import gb20999_objects as objects
from hw.signal.gb20999 import (
    MAX_DATA_BYTES,
    MAX_FRAME_BYTES,
    Address,
    DataValue,
    Frame,
    FrameError,
    FrameStream,
    FrameType,
    crc16,
    decode_any,
    decode_frame,
    encode_frame,
    escape,
    split_frames,
    unescape,
)
from hw.signal.gb20999_codes import Refusal
from hw.signal.gb20999_text import frame_fields

# Recorded of a controller with protocol version 1.00: how much is left of stage 1, and the answer, 5 s.
QUERY = bytes.fromhex("7e0013010005000000000001100101040603040128947d")
REPLY = bytes.fromhex("7e001501000500000000000220010106060304010005acdd7d")

addresses = st.builds(Address, *(st.integers(0, 255),) * 4)
values = st.one_of(
    st.builds(DataValue, st.integers(0, 255), addresses, st.binary(max_size=MAX_DATA_BYTES)),
    st.builds(DataValue, st.integers(0, 255), st.none()),
)
frames = st.builds(
    Frame,
    kind=st.integers(0, 255),
    values=st.lists(values, max_size=12).map(tuple),
    sequence=st.integers(0, 255),
    controller_id=st.integers(0, 2**32 - 1),
    crossing=st.integers(0, 255),
    upper_id=st.integers(0, 255),
    version=st.sampled_from((0x0100, 0x0102)),
)


def test_recorded_question_and_answer() -> None:
    question, answer = decode_frame(QUERY), decode_frame(REPLY)
    assert (question.kind, answer.kind) == (FrameType.QUERY, FrameType.QUERY_REPLY)
    assert question.values == (DataValue(1, Address(6, 3, 4, 1)),)
    assert answer.values == (DataValue(1, Address(6, 3, 4, 1), b"\x00\x05"),)
    assert (answer.version, answer.upper_id, answer.sequence) == (0x0100, 5, 2)
    assert (encode_frame(question), encode_frame(answer)) == (QUERY, REPLY)


def test_recorded_answer_as_fields() -> None:
    (value,) = frame_fields(decode_frame(REPLY))["values"]
    assert value == {
        "index": 1,
        "address": "6.3.4.1",
        "name": "time left of stage",
        "raw": "0005",
        "value": 5,
        "unit": "s",
    }


@given(frames)
def test_frames_survive_both_ways_of_sending(frame: Frame) -> None:
    plain, escaped = encode_frame(frame), encode_frame(frame, escaped=True)
    assert decode_frame(plain) == frame
    assert decode_any(escaped) == frame
    assert FrameStream().feed(escaped) == [frame]


@given(st.binary())
def test_escaping_hides_every_mark_and_is_undone(octets: bytes) -> None:
    hidden = escape(octets)
    assert unescape(hidden) == octets
    bare = hidden.replace(b"\x5c\x5c", b"").replace(b"\x5c\x7e", b"").replace(b"\x5c\x7d", b"")
    assert not set(bare) & {0x7E, 0x7D, 0x5C}


@given(st.lists(frames, max_size=5), st.lists(st.integers(1, 40), min_size=1), st.binary(max_size=20))
def test_stream_in_any_pieces_after_any_garbage(sent: list[Frame], cuts: list[int], garbage: bytes) -> None:
    garbage = garbage.replace(b"\x7e", b"").replace(b"\x5c", b"")
    octets = garbage + b"".join(encode_frame(frame, escaped=True) for frame in sent)
    stream, found = FrameStream(), []
    position = 0
    for cut in cuts * (len(octets) // sum(cuts) + 1):
        found += stream.feed(octets[position : position + cut])
        position += cut
    assert [item for item in found if isinstance(item, Frame)] == sent
    assert sum(isinstance(item, FrameError) for item in found) == bool(garbage and sent)


@given(frames, frames, st.data())
def test_cut_off_frame_costs_only_itself(first: Frame, second: Frame, data: st.DataObject) -> None:
    cut = encode_frame(first, escaped=True)
    kept = cut[: data.draw(st.integers(1, len(cut) - 1))].rstrip(b"\x5c")
    found = FrameStream().feed(kept + encode_frame(second, escaped=True))
    assert [isinstance(item, Frame) for item in found] == [False, True]
    assert found[1] == second


@given(frames, st.data())
def test_one_wrong_bit_is_found(frame: Frame, data: st.DataObject) -> None:
    octets = bytearray(encode_frame(frame))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameError):
        decode_frame(bytes(octets))


@given(st.binary(max_size=80))
def test_garbage_raises_only_the_codecs_own_error(octets: bytes) -> None:
    for read in (decode_frame, decode_any):
        with pytest.raises(FrameError):
            read(octets)
    stream = FrameStream()
    assert all(isinstance(item, FrameError) for item in stream.feed(octets) + stream.finish())
    assert all(isinstance(item, FrameError) for item in split_frames(octets))


@given(st.binary(min_size=11, max_size=60))
def test_content_under_a_right_crc_raises_only_the_codecs_own_error(content: bytes) -> None:
    body = (len(content) + 2).to_bytes(2, "big") + content
    try:
        frame = decode_frame(b"\x7e" + body + crc16(body).to_bytes(2, "big") + b"\x7d")
    except FrameError:
        return
    frame_fields(frame)


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        (REPLY[:-1], "content"),
        (REPLY[:10], "length"),
        (REPLY[:2] + b"\x16" + REPLY[3:], "length"),
        (REPLY[:-2] + b"\xde" + REPLY[-1:], "crc"),
        (encode_frame(Frame(FrameType.HEARTBEAT, version=0x0200)), "version"),
        (b"", "length"),
    ],
)
def test_faults_have_names(octets: bytes, fault: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode_frame(octets)
    assert caught.value.fault == fault


def test_what_the_stream_holds_is_bounded() -> None:
    stream = FrameStream()
    found = stream.feed(b"\x7e" + b"\x00" * (3 * MAX_FRAME_BYTES))
    assert len(found) == 1
    assert stream.feed(encode_frame(Frame(FrameType.HEARTBEAT), escaped=True))[-1] == Frame(
        FrameType.HEARTBEAT
    )


def test_recordings_are_split_escaped_or_not() -> None:
    hard = Frame(FrameType.REPORT, (DataValue(1, Address(3, 3, 1, 0), b"\x7e\x7d\x5c\x7d\x7e"),))
    plain = encode_frame(hard) * 2 + REPLY
    escaped = encode_frame(hard, escaped=True) * 2 + REPLY
    expected = [hard, hard, decode_frame(REPLY)]
    assert split_frames(plain) == split_frames(escaped) == expected
    broken = bytearray(plain)
    broken[20] ^= 1
    assert [isinstance(item, Frame) for item in split_frames(bytes(broken))] == [False, True, True]


def test_unknown_types_objects_and_makers_classes_stay_octets() -> None:
    frame = Frame(0x99, (DataValue(1, Address(137, 1, 2, 3), b"\x01\x02"), DataValue(2, None)))
    fields = frame_fields(decode_frame(encode_frame(frame)))
    assert fields["type"] == "UNKNOWN"
    assert fields["values"][0] == {
        "index": 1,
        "address": "137.1.2.3",
        "name": None,
        "raw": "0102",
        "value": None,
    }
    assert fields["values"][1] == {"index": 2}


def test_refusals_have_names() -> None:
    refused = DataValue(1, Address(17, 2, 1, 1), b"\x30")
    assert objects.error_of(refused, kind=FrameType.QUERY_ERROR) is Refusal.DOES_NOT_EXIST
    assert objects.error_of(refused, kind=FrameType.QUERY_REPLY) is None
    odd = DataValue(1, Address(17, 2, 1, 1), b"\x99")
    assert objects.error_of(odd, kind=FrameType.SET_ERROR) is Refusal.GENERAL


@pytest.mark.parametrize(
    ("address", "data", "meaning"),
    [
        ((3, 3, 1, 4), "21", "GREEN_FLASH"),
        ((3, 3, 1, 4), "99", 0x99),
        ((3, 2, 2, 4), "03", "PEDESTRIAN"),
        ((4, 2, 2, 1), "0000000000000005", [1, 3]),
        ((4, 2, 2, 1), "07", [7]),
        ((6, 2, 2, 1), "000000000000000f", [1, 2, 3, 4]),
        ((9, 2, 6, 1), "00000000000000000000000004030201", [1, 2, 3, 4] + [0] * 12),
        ((9, 2, 7, 1), "00" * 24 + "001f001d001f001d", [29, 31, 29, 31] + [0] * 12),
        ((13, 1, 10, 0), "07e5090a092a1b", "2021-09-10T09:42:27"),
        ((13, 1, 10, 0), "07e5630a092a1b", None),
        ((13, 2, 2, 1), "23", "LOCAL_COORDINATED"),
        ((2, 2, 1, 0), "c0000201", "192.0.2.1"),
        ((12, 2, 4, 1), "3e", [1, 2, 3, 4, 5]),
        ((1, 1, 0, 0), "6d616b6572000000", "maker"),
    ],
)
def test_values_mean_what_the_standard_says(
    address: tuple[int, int, int, int], data: str, meaning: object
) -> None:
    assert objects.readable(Address(*address), bytes.fromhex(data)) == meaning


def test_all_elements_of_an_object_in_one_value() -> None:
    every = DataValue(1, Address(6, 3, 4, 0), bytes.fromhex("0005001f0000"))
    assert objects.elements(every) == {1: b"\x00\x05", 2: b"\x00\x1f", 3: b"\x00\x00"}
    assert objects.elements(DataValue(1, Address(6, 3, 4, 2), b"\x00\x05")) == {2: b"\x00\x05"}


@pytest.mark.parametrize("fill", [b"\x7e" * 50_000, b"\x7e\x7d" * 25_000, b"\x7d" * 50_000])
def test_line_filled_with_starts_and_ends_is_one_run_of_garbage(fill: bytes) -> None:
    stream = FrameStream()
    frame = Frame(FrameType.HEARTBEAT, sequence=3)
    garbage, found = stream.feed(fill + encode_frame(frame, escaped=True))
    assert isinstance(garbage, FrameError)
    assert found == frame
