"""RSMP on the wire: framing, envelope, times, lamps."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import GroupKind, LampState
from hw.signal import rsmp
from hw.signal.rsmp import FormFeedReader, parse_message
from hw.signal.rsmp_lamps import DEMANDING, LAMPS, lamp_of

T0 = 1_700_000_000_123_000_000
frames = st.lists(st.binary(max_size=40).map(lambda octets: octets.replace(b"\f", b" ")), max_size=8)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data cut at these places."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(frames, st.lists(st.integers(min_value=0), max_size=10))
def test_messages_come_out_whole_however_the_stream_is_cut(sent: list[bytes], cuts: list[int]) -> None:
    reader = FormFeedReader()
    stream = b"".join(frame + b"\f" for frame in sent)
    found = [frame for piece in pieces(stream, cuts) for frame in reader.feed(piece)]
    assert found == [frame for frame in sent if frame]
    assert reader.waiting == 0


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_memory_is_bounded_whatever_comes(chunks: list[bytes]) -> None:
    reader = FormFeedReader(limit=50)
    for chunk in chunks:
        assert all(0 < len(frame) <= 50 for frame in reader.feed(chunk))
        assert reader.waiting <= 50


def test_oversize_message_is_skipped_and_the_next_one_passes() -> None:
    reader = FormFeedReader(limit=10)
    assert reader.feed(b"x" * 8) == []
    assert reader.feed(b"x" * 8) == []
    assert reader.feed(b"x\fgood\f") == [b"good"]
    assert reader.oversize == 1


@given(st.binary(max_size=200))
def test_garbage_is_a_codec_error_and_nothing_else(frame: bytes) -> None:
    with pytest.raises(CodecError):
        parse_message(frame)


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (b'{"mType":"rSMsg","type":"\xff"}', "utf8"),
        (b'{"mType":"rSMsg",', "json"),
        (b"[" * 100_000, "json"),
        (b"[]", "content"),
        (b'{"mType":"other","type":"Watchdog","mId":"a"}', "content"),
        (b'{"mType":"rSMsg","type":"Watchdog"}', "content"),
        (b'{"mType":"rSMsg","type":"Watchdog","mId":"../../etc"}', "content"),
        (b'{"mType":"rSMsg","type":["Watchdog"],"mId":"x"}', "content"),
    ],
)
def test_what_is_no_message_is_told_apart(frame: bytes, word: str) -> None:
    with pytest.raises(CodecError, match=f"RSMP: {word}"):
        parse_message(frame)


def test_every_message_of_ours_reads_back() -> None:
    for message in (
        rsmp.version(core=("3.2.2",), sxl="1.2.1", site_ids=("Gävle",)),
        rsmp.watchdog(T0),
        rsmp.subscribe("c", "S0001", ("stage",)),
        rsmp.request("c", "S0001", ("stage",)),
    ):
        octets = rsmp.encode_message(message)
        assert octets.count(b"\f") == 1
        assert parse_message(octets[:-1]) == message


@given(st.integers(min_value=0, max_value=4_000_000_000_000).map(lambda ms: ms * 1_000_000))
def test_times_read_back_to_the_millisecond(at_ns: int) -> None:
    text = rsmp.timestamp(at_ns)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert rsmp.parse_timestamp(text) == at_ns


def test_time_of_the_specification() -> None:
    assert rsmp.parse_timestamp("2015-06-08T11:49:03.293Z") == 1_433_764_143_293_000_000
    assert rsmp.parse_timestamp("2015-06-08T11:49:03Z") == 1_433_764_143_000_000_000


@pytest.mark.parametrize(
    "value", [None, 5, "", "2015-06-08", "2015-06-08T11:49:03.293", "2015-13-08T11:49:03.293Z"]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(CodecError):
        rsmp.parse_timestamp(value)


def test_every_letter_of_s0001_has_a_lamp() -> None:
    pattern = re.compile("[a-hA-G0-9N-P]")  # of the signal exchange list
    letters = {chr(code) for code in range(128) if pattern.fullmatch(chr(code))}
    assert letters == set(LAMPS)
    assert letters > DEMANDING


@pytest.mark.parametrize(
    ("letters", "lamp"),
    [
        ("ab", LampState.DARK),
        ("c", LampState.FLASHING_YELLOW),
        ("d", LampState.FLASHING_RED),
        ("ghABCDEFGP", LampState.RED),
        ("0", LampState.RED_YELLOW),
        ("12345678", LampState.GREEN),
        ("9", LampState.FLASHING_GREEN),
        ("NO", LampState.YELLOW),
        ("efZ-", LampState.UNKNOWN),
    ],
)
def test_lamps_of_the_letters(letters: str, lamp: LampState) -> None:
    assert {lamp_of(letter) for letter in letters} == {lamp}


def test_start_up_depends_on_the_flash_and_on_who_is_meant() -> None:
    assert lamp_of("e", flashing=True) is LampState.FLASHING_YELLOW
    assert lamp_of("e", flashing=False) is LampState.DARK
    assert lamp_of("f", kind=GroupKind.VEHICLE) is LampState.YELLOW
    assert lamp_of("f", kind=GroupKind.PEDESTRIAN) is LampState.RED


def test_a_recorded_stream_is_decoded_for_people() -> None:
    entry = {"sCI": "S0001", "n": "signalgroupstatus", "s": "3B-N", "q": "recent"}
    update = {**rsmp.watchdog(T0), "type": "StatusUpdate", "cId": "c", "sS": [entry]}
    stream = rsmp.encode_message(rsmp.watchdog(T0)) + b"junk\f" + rsmp.encode_message(update)
    beat, junk, lamps = rsmp.decode_frames(stream)
    assert beat["message"]["type"] == "Watchdog"
    assert "groups" not in beat
    assert "json" in junk["error"]
    assert [(group["number"], group["lamp"]) for group in lamps["groups"]] == [
        (1, "green"),
        (2, "red"),
        (4, "yellow"),
    ]
    assert json.dumps(lamps)


@given(st.binary(max_size=300))
def test_decoding_for_people_never_raises(data: bytes) -> None:
    list(rsmp.decode_frames(data))
