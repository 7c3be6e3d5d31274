"""Whatever a radio delivers, decoding ends at once in a report or in `CodecError`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.v2x import RadioFrame, V2xReport
from edge.v2x import csae, j2735
from edge.v2x.codec import message_codec
from edge.v2x.decoder import ReportDecoder
from edge.v2x.frame import wrap_j2735
from edge.v2x.framing import build_immediate_forward, immediate_forward, unwrap, wrap_hisense
from edge.v2x.uper import MAX_MESSAGE_BYTES
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, RED, crossing, recorded_j2735, report, signal_state

BSM = j2735.encode_bsm(report(), frame=FRAME, message_count=1)
CSAE_BSM = csae.encode_bsm(report(temporary_id="0011223344556677"), frame=FRAME, message_count=1)
DECODERS: dict[str, Callable[[bytes], object]] = {
    "bsm": lambda p: j2735.decode_bsm(p, frame=FRAME, link="rsu", arrival_ns=NOW_NS),
    "spat": j2735.decode_spat,
    "map": j2735.decode_map,
    "csae bsm a": lambda p: csae.decode_bsm(p, frame=FRAME, link="rsu", arrival_ns=NOW_NS, variant="a"),
    "csae bsm b": lambda p: csae.decode_bsm(p, frame=FRAME, link="rsu", arrival_ns=NOW_NS, variant="b"),
    "csae spat": csae.decode_spat,
    "csae map a": lambda p: message_codec("csae-a/MapData").decode(p),
}
SAMPLES = {
    "bsm": BSM,
    "spat": j2735.encode_spat(signal_state(GREEN, RED), now_ns=NOW_NS, name="x"),
    "map": j2735.encode_map(crossing(), message_count=0, now_ns=NOW_NS),
    "csae bsm a": CSAE_BSM,
    "csae bsm b": CSAE_BSM,
    "csae spat": csae.encode_spat(signal_state(GREEN, RED), now_ns=NOW_NS, name="x"),
    "csae map a": csae.encode_map(crossing(), message_count=0, now_ns=NOW_NS),
}
J2735_IDS = {"bsm": 20, "spat": 19, "map": 18}
CSAE_CHOICES = {"csae bsm a": 0, "csae bsm b": 0, "csae spat": 3, "csae map a": 1}


def accepted(name: str, payload: bytes) -> object | None:
    """What came out, or None where it was refused. Any other error than `CodecError` fails the test."""
    try:
        return DECODERS[name](payload)
    except CodecError:
        return None


def check_report(found: V2xReport) -> None:
    """A report may be wrong, but never out of what the message can say."""
    assert math.isfinite(found.x_m)
    assert math.isfinite(found.y_m)
    assert found.speed_mps is None or 0.0 <= found.speed_mps <= 163.8 + 1e-9
    assert found.yaw_rad is None or -math.pi - 1e-9 <= found.yaw_rad <= math.pi + 1e-9
    assert found.acceleration_mps2 is None or abs(found.acceleration_mps2) <= 20.0 + 1e-9
    assert found.length_m is None or 0.0 < found.length_m <= 40.95
    assert abs(found.stamp.capture_ns - NOW_NS) <= 61 * 10**9


@pytest.mark.parametrize("name", SAMPLES)
def test_every_truncation_is_refused(name: str) -> None:
    payload = SAMPLES[name]
    assert accepted(name, payload) is not None
    for length in range(len(payload)):
        assert accepted(name, payload[:length]) is None


@pytest.mark.parametrize("name", SAMPLES)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_flipped_bits(name: str, data: st.DataObject) -> None:
    payload = bytearray(SAMPLES[name])
    for bit in data.draw(st.lists(st.integers(0, len(payload) * 8 - 1), min_size=1, max_size=12)):
        payload[bit // 8] ^= 0x80 >> bit % 8
    found = accepted(name, bytes(payload))
    if isinstance(found, V2xReport):
        check_report(found)


@pytest.mark.parametrize("name", J2735_IDS)
@settings(deadline=None, max_examples=60)
@given(body=st.binary(min_size=1, max_size=600))
def test_random_bodies(name: str, body: bytes) -> None:
    found = accepted(name, wrap_j2735(J2735_IDS[name], body))
    if isinstance(found, V2xReport):
        check_report(found)


@pytest.mark.parametrize("name", CSAE_CHOICES)
@settings(deadline=None, max_examples=60)
@given(first=st.integers(0, 15), rest=st.binary(max_size=600))
def test_random_csae_bodies(name: str, first: int, rest: bytes) -> None:
    found = accepted(name, bytes([CSAE_CHOICES[name] << 4 | first]) + rest)
    if isinstance(found, V2xReport):
        check_report(found)


@pytest.mark.parametrize("framing", ["plain", "rsu41", "hisense", "ieee1609"])
@pytest.mark.parametrize("dialect", ["j2735", "csae-a", "csae-b", "etsi", "auto"])
@settings(deadline=None, max_examples=40)
@given(payload=st.binary(max_size=300))
def test_random_datagrams_on_every_kind_of_link(framing: str, dialect: str, payload: bytes) -> None:
    decoder = ReportDecoder(FRAME, dialect=dialect, framing=framing)
    try:
        check_report(decoder.decode(RadioFrame("rsu", NOW_NS, "192.0.2.1", payload)))
    except CodecError:
        return


@pytest.mark.parametrize(
    ("framing", "datagram"),
    [
        ("rsu41", build_immediate_forward(immediate_forward(BSM, kind="BSM", signature=False))),
        ("hisense", wrap_hisense(CSAE_BSM, sender="rsu", now_ns=NOW_NS)),
        ("ieee1609", b"\x03\x80" + BSM),
    ],
)
def test_every_truncation_of_a_framed_message_is_refused(framing: str, datagram: bytes) -> None:
    decoder = ReportDecoder(FRAME, dialect="csae-a" if framing == "hisense" else "j2735", framing=framing)
    last = len(datagram) - (2 if framing == "rsu41" else 0)
    for length in range(last):
        with pytest.raises(CodecError):
            decoder.decode(RadioFrame("rsu", NOW_NS, "192.0.2.1", datagram[:length]))


@pytest.mark.parametrize("fill", [0x00, 0x55, 0xAA, 0xFF])
@pytest.mark.parametrize("name", SAMPLES)
def test_the_longest_message_of_one_value_ends_soon(name: str, fill: int) -> None:
    """No length in a message makes the decoder work for more than the octets that are there."""
    head = bytes([CSAE_CHOICES[name] << 4]) if name in CSAE_CHOICES else b""
    body = head + bytes([fill]) * (MAX_MESSAGE_BYTES - 8)
    payload = wrap_j2735(J2735_IDS[name], body) if name in J2735_IDS else body
    accepted(name, SAMPLES[name])  # compiled before the clock runs
    started = time.thread_time()
    assert accepted(name, payload) is None
    assert time.thread_time() - started < 1.0


def test_text_bombs_are_refused_by_length() -> None:
    with pytest.raises(CodecError, match="are more than"):
        unwrap(b"Payload=" + b"00" * 100_000, "rsu41")


@pytest.mark.data
@pytest.mark.parametrize("kind", ["BSM", "SPAT", "MAP"])
def test_every_truncation_of_a_recorded_frame_is_refused(data_dir: Path, kind: str) -> None:
    for payload, _ in list(recorded_j2735(data_dir, kind))[:4]:
        for length in range(0, len(payload), 1 if kind == "BSM" else 5):
            assert accepted(kind.lower(), payload[:length]) is None
