"""TLC-FI on the wire: objects without framing, calls, lamps."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import LampState
from hw.signal import tlcfi
from hw.signal.tlcfi import BraceReader, ObjectType, parse_rpc

texts = st.text(alphabet='{}"\\ab é\n', max_size=10)
values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
sent_objects = st.lists(st.dictionaries(texts, values, max_size=4), max_size=5)
SAMPLE = (
    b'{"jsonrpc":"2.0","method":"UpdateState","params":{"ticks":4087808851,"update":'
    b'[{"objects":{"ids":["71"],"type":3},"states":[{"state":6}]}]}}'
)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data cut at these places."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(
    sent_objects,
    st.lists(st.integers(min_value=0), max_size=10),
    st.sampled_from(["", "\n", " ", "\r\n\t"]),
    st.booleans(),
)
def test_objects_come_out_whole_however_the_stream_is_cut(
    sent: list[dict[str, object]], cuts: list[int], between: str, ascii_only: bool
) -> None:
    reader = BraceReader()
    stream = between.join(json.dumps(value, ensure_ascii=ascii_only) for value in sent).encode()
    found = [json.loads(frame) for piece in pieces(stream, cuts) for frame in reader.feed(piece)]
    assert found == sent
    assert (reader.noise, reader.broken) == (0, False)


@given(sent_objects, st.lists(st.integers(min_value=0), max_size=4))
def test_a_batch_is_its_calls(sent: list[dict[str, object]], cuts: list[int]) -> None:
    reader = BraceReader()
    found = [json.loads(f) for piece in pieces(json.dumps(sent).encode(), cuts) for f in reader.feed(piece)]
    assert found == sent
    assert reader.noise == 0


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_memory_is_bounded_whatever_comes(chunks: list[bytes]) -> None:
    reader = BraceReader(limit=50)
    for chunk in chunks:
        reader.feed(chunk)
        assert reader.waiting <= 50


def test_noise_between_objects_is_counted_and_skipped() -> None:
    reader = BraceReader()
    assert reader.feed(b'junk{"a":1} ,more{"b":2}') == [b'{"a":1}', b'{"b":2}']
    assert reader.noise == 8


def test_object_without_end_breaks_the_stream() -> None:
    reader = BraceReader(limit=100)
    assert reader.feed(b'{"text":"' + b"}" * 200) == []
    assert reader.broken
    assert reader.feed(b"{}") == []


@given(st.binary(max_size=200))
def test_garbage_is_a_codec_error_and_nothing_else(frame: bytes) -> None:
    with pytest.raises(CodecError):
        parse_rpc(frame)


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (b'{"method":"\xff"}', "utf8"),
        (b"{", "json"),
        (b"[" * 100_000, "json"),
        (b"[]", "content"),
        (b'{"jsonrpc":"2.0"}', "content"),
        (b'{"method":7,"result":1}', "content"),
        (b'{"method":"Alive","id":[1]}', "content"),
    ],
)
def test_what_is_no_call_is_told_apart(frame: bytes, word: str) -> None:
    with pytest.raises(CodecError, match=f"TLC-FI: {word}"):
        parse_rpc(frame)


@pytest.mark.parametrize(
    ("state", "lamp"),
    [
        (0, LampState.UNKNOWN),
        (1, LampState.DARK),
        (2, LampState.FLASHING_RED),
        (3, LampState.RED),
        (4, LampState.RED_YELLOW),
        (5, LampState.GREEN),
        (6, LampState.GREEN),
        (7, LampState.YELLOW),
        (8, LampState.YELLOW),
        (9, LampState.FLASHING_YELLOW),
        (10, LampState.FLASHING_GREEN),
        (11, LampState.FLASHING_GREEN),
        (12, LampState.UNKNOWN),
        (-1, LampState.UNKNOWN),
        (True, LampState.UNKNOWN),
        ("6", LampState.UNKNOWN),
    ],
)
def test_lamps_of_the_states(state: object, lamp: LampState) -> None:
    assert tlcfi.lamp_of(state) is lamp


def test_a_recorded_stream_is_decoded_for_people() -> None:
    alive = tlcfi.call(7, "Alive", {"ticks": 1, "time": 2})
    update, beat, junk, noise, rest = tlcfi.decode_frames(SAMPLE + alive + b'{"a":1}xyz{"jsonrpc"')
    assert update["groups"] == [{"id": "71", "lamp": "green"}]
    assert beat["message"]["method"] == "Alive"
    assert "content" in junk["error"]
    assert "3 octets" in noise["error"]
    assert "not complete" in rest["error"]
    assert json.dumps(update)


@given(st.binary(max_size=300))
def test_decoding_for_people_never_raises(data: bytes) -> None:
    list(tlcfi.decode_frames(data))


def canned_replies(data_dir: Path) -> list[tuple[str, int | None, bytes]]:
    """Method, object type and reply of the published sample configuration."""
    text = (data_dir / "tlcfi" / "exerciser_config_swarco_canned_replies.xml").read_text("utf-8-sig")
    found = []
    for element in ElementTree.fromstring(text).iter("Element"):  # noqa: S314 - our own data
        kind = element.findtext("Type")
        reply = element.findtext("Response", "").replace("__ID__", "5").replace("__TICKS__", "11006200")
        found.append((element.findtext("Method", ""), None if kind is None else int(kind), reply.encode()))
    return found


@pytest.mark.data
def test_canned_replies_of_a_controller_decode(data_dir: Path) -> None:
    replies = canned_replies(data_dir)
    stream = b"".join(reply for _method, _kind, reply in replies)
    decoded = list(tlcfi.decode_frames(stream))
    assert len(decoded) == len(replies) == 16
    assert not any("error" in entry for entry in decoded)
    lamps = next(entry["groups"] for entry in decoded if "groups" in entry)
    assert [(group["id"], group["lamp"]) for group in lamps] == [
        ("02", "red"),
        ("03", "red"),
        ("05", "green"),
        ("08", "red"),
    ]
    assert {kind for _method, kind, _reply in replies} >= set(ObjectType)
