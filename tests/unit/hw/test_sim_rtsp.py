"""The simulated RTSP camera: pictures that tell their time, packets as the RFCs have them, clocks as scripted."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.sim.rtp import (
    CLOCK_HZ,
    NTP_EPOCH_S,
    PAYLOAD_LIMIT,
    h264_payloads,
    h265_payloads,
    rtp_packets,
    sender_report,
)
from hw.sim.rtsp_script import ForgedClock
from hw.sim.time_code import draw_time, read_time

NOW_NS = 1_700_000_000_123_456_789


@pytest.mark.parametrize("size", [(160, 96), (320, 192), (1280, 720), (150, 100)])
def test_picture_tells_its_time_to_the_millisecond(size: tuple[int, int]) -> None:
    image = draw_time(NOW_NS, size=size)
    assert image.shape == (size[1], size[0], 3)
    noisy = np.clip(image + np.random.default_rng(1).normal(0, 25, image.shape), 0, 255).astype(np.uint8)
    assert read_time(noisy) == NOW_NS // NS_PER_MS * NS_PER_MS


def test_broken_picture_tells_no_time() -> None:
    image = draw_time(NOW_NS, size=(160, 96))
    image[:48] = draw_time(NOW_NS + 7_000 * NS_PER_S, size=(160, 96))[:48]
    assert read_time(image) is None


def joined_h264(payloads: list[bytes]) -> bytes:
    unit = b""
    for payload in payloads:
        if payload[0] & 0x1F == 28:
            if payload[1] & 0x80:
                unit += bytes((payload[0] & 0xE0 | payload[1] & 0x1F,))
            unit += payload[2:]
        else:
            unit += payload
    return unit


def joined_h265(payloads: list[bytes]) -> bytes:
    unit = b""
    for payload in payloads:
        if payload[0] >> 1 & 0x3F == 49:
            if payload[2] & 0x80:
                unit += bytes((payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]))
            unit += payload[3:]
        else:
            unit += payload
    return unit


@pytest.mark.parametrize("size", [1, 1199, 1200, 1201, 5000])
def test_large_units_are_fragmented_and_join_again(size: int) -> None:
    body = bytes(1 + n % 250 for n in range(size))
    for start, split, join in (
        (b"\x65", h264_payloads, joined_h264),
        (b"\x26\x01", h265_payloads, joined_h265),
    ):
        payloads = split(b"\0\0\0\1" + start + body)
        assert max(map(len, payloads)) <= PAYLOAD_LIMIT
        assert join(payloads) == start + body
        assert (len(payloads) > 1) == (len(start + body) > PAYLOAD_LIMIT)


def test_units_of_a_picture_are_told_apart() -> None:
    assert h264_payloads(b"\0\0\0\1\x67ab\0\0\1\x68c\0\0\1\x65d") == [b"\x67ab", b"\x68c", b"\x65d"]


def test_last_packet_of_a_picture_is_marked_and_counts_wrap() -> None:
    packets = rtp_packets([b"a", b"b"], payload_type=96, sequence=65_535, timestamp=2**32 + 5, source=7)
    assert packets == [
        struct.pack(">BBHII", 0x80, 96, 65_535, 5, 7) + b"a",
        struct.pack(">BBHII", 0x80, 96 | 0x80, 0, 5, 7) + b"b",
    ]


def test_sender_report_holds_ntp_time() -> None:
    report = sender_report(source=7, utc_ns=NOW_NS, timestamp=9, packets=3, octets=4)
    head, kind, words, source, seconds, fraction, timestamp, packets, octets = struct.unpack(
        ">BBHIIIIII", report
    )
    assert (head, kind, 4 * (words + 1), source) == (0x80, 200, len(report), 7)
    assert seconds == 1_700_000_000 + NTP_EPOCH_S
    assert fraction * NS_PER_S >> 32 == pytest.approx(123_456_789, abs=2)
    assert (timestamp, packets, octets) == (9, 3, 4)


def test_forged_clock_is_off_drifts_and_is_set() -> None:
    clock = ForgedClock(offset_s=2.0, drift_ppm=100.0, rtp_drift_ppm=-50.0, step_s=-0.5, step_after_s=10.0)
    at_ns = NOW_NS + 5 * NS_PER_S
    assert clock.wall_ns(at_ns, start_ns=NOW_NS) - at_ns == 2_000_500_000
    assert clock.rtp(at_ns, start_ns=NOW_NS, clock_hz=CLOCK_HZ) == 1_000_000 + 449_978
    later_ns = NOW_NS + 20 * NS_PER_S
    assert clock.wall_ns(later_ns, start_ns=NOW_NS) - later_ns == 1_502_000_000
