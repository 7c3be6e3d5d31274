"""GeoNetworking and BTP: packets of other stations, our own, and broken ones."""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.v2x.codec import message_codec
from edge.v2x.framing import unwrap
from edge.v2x.geonetworking import (
    PORTS,
    Area,
    BasicHeader,
    GeoPacket,
    PositionVector,
    build_gbc,
    build_shb,
    parse_basic,
    parse_common,
    parse_geonetworking,
    position_timestamp_ms,
    split_link,
    unwrap_geonetworking,
)
from edge.v2x.whole import decode_message, recognise
from tests.unit.v2x.samples import NOW_NS

SOURCE = PositionVector(
    address=0x1400_FE38_4CE0_B890,
    timestamp_ms=0xBF6B3344,
    latitude=524_625_967,
    longitude=-107_220_452,
    accurate=True,
    speed_cmps=-513,
    heading=958,
)
AREA = Area(
    shape="ellipse",
    latitude=524_000_000,
    longitude=-107_000_000,
    distance_a_m=300,
    distance_b_m=60,
    angle_deg=270,
)
MESSAGE = bytes.fromhex("0202000000013731")
SHB = build_shb(MESSAGE, port=2001, source=SOURCE)
GBC = build_gbc(MESSAGE, port=2002, source=SOURCE, area=AREA, sequence_number=0x1234)
ETHERNET = bytes.fromhex("ffffffffffff 001122334455 8947")
TAGGED = bytes.fromhex("ffffffffffff 001122334455 8100 a005 8947")
POSITION = bytes.fromhex("1400fe384ce0b890 bf6b3344 1f45282f f99bf21c fdff 03be")
"""The long position vector of `SOURCE`."""


def packet(
    form: int, extended: bytes, *, following: int = 2, payload: bytes = b"\x07\xd1\0\0" + MESSAGE
) -> bytes:
    """A packet written out octet by octet."""
    common = bytes([following << 4, form, 0x02, 0x80, *len(payload).to_bytes(2, "big"), 4, 0])
    return bytes.fromhex("11000503") + common + extended + payload


def recorded(data_dir: Path) -> dict[str, bytes]:
    """Secured packets of other stations by where they were found."""
    entries = json.loads((data_dir / "v2x" / "csae_etsi.json").read_text(encoding="utf-8"))
    return {
        f"{entry['type']} {index}": bytes.fromhex(entry["hex"])
        for index, entry in enumerate(entries)
        if entry["type"].startswith("GN-") and "decoded" in entry
    }


@pytest.mark.data
def test_recorded_frames_are_secured(data_dir: Path) -> None:
    """Their basic headers say so; they are refused, not searched."""
    whole = [octets for octets in recorded(data_dir).values() if octets[:2] != b"\x03\x81"]
    assert len(whole) == 2
    for octets in whole:
        start = split_link(octets)
        assert start == (14 if octets[:6] == b"\xff" * 6 else 0)
        assert parse_basic(octets, start=start).secured
        with pytest.raises(CodecError, match="secured") as caught:
            unwrap_geonetworking(octets)
        assert caught.value.offset == start
        with pytest.raises(CodecError):
            unwrap(octets, "geonetworking")


@pytest.mark.data
def test_packets_inside_of_recorded_frames(data_dir: Path) -> None:
    """Common header, SHB header, BTP-B and CAM of three stations."""
    basic = BasicHeader(False, lifetime_ms=60_000, hops_left=1)
    stations = set()
    for octets in recorded(data_dir).values():
        start = next(at for at in range(len(octets)) if octets[at : at + 2] == b"\x20\x50")
        found = parse_common(octets, basic=basic, start=start, padded=True)
        assert (found.kind, found.port, found.port_info, found.mobile) == ("SHB", PORTS["CAM"], 0, True)
        cam = message_codec("etsi/CAM").decode(found.payload)
        where = cam["cam"]["camParameters"]["basicContainer"]["referencePosition"]
        assert abs(where["latitude"] - found.source.latitude) < 2000
        assert abs(where["longitude"] - found.source.longitude) < 2000
        assert (
            found.source.address & 0xFFFFFFFF == cam["header"]["stationId"] or cam["header"]["stationId"] == 1
        )
        stations.add(cam["header"]["stationId"])
        bare = bytes.fromhex("11001a01") + octets[start : start + 40 + len(found.payload)]
        assert parse_geonetworking(bare) == found
        assert decode_message(unwrap(ETHERNET + bare, "geonetworking"), message_set="etsi") == (
            "etsi/CAM",
            cam,
        )
    assert stations == {1, 1_289_795_728, 1_779_196_626}


def test_a_broadcast_octet_by_octet() -> None:
    assert build_shb(MESSAGE, port=2001, source=SOURCE, lifetime_ms=1000, traffic_class=2, mobile=True) == (
        bytes.fromhex("11005001 20500280000c0100") + POSITION + bytes(4) + bytes.fromhex("07d10000") + MESSAGE
    )


def test_a_geobroadcast_octet_by_octet() -> None:
    area = bytes.fromhex("1f3b9b00 f99f4f40 012c 003c 010e 0000")
    expected = (
        bytes.fromhex("1100f10a 20420000000c0a00 12340000") + POSITION + area + b"\x07\xd2\0\0" + MESSAGE
    )
    assert expected == GBC


@pytest.mark.parametrize(
    ("form", "before", "after", "kind"),
    [
        (0x20, b"\x12\x34\0\0", bytes(20), "GUC"),
        (0x31, b"\x12\x34\0\0", bytes(16), "GAC"),
        (0x40, b"\x12\x34\0\0", bytes(16), "GBC"),
        (0x51, b"\x12\x34\0\0", b"", "TSB"),
        (0x50, b"", bytes(4), "SHB"),
    ],
)
@pytest.mark.parametrize("following", [1, 2], ids=["BTP-A", "BTP-B"])
def test_every_kind(form: int, before: bytes, after: bytes, kind: str, following: int) -> None:
    found = parse_geonetworking(packet(form, before + POSITION + after, following=following))
    assert (found.kind, found.source, found.payload, found.port) == (kind, SOURCE, MESSAGE, 2001)
    assert found.sequence_number == (0x1234 if before else None)
    assert (found.source_port, found.port_info) == ((0, None) if following == 1 else (None, 0))
    assert (found.hop_limit, found.basic.hops_left, found.mobile) == (4, 3, True)
    assert (found.area is not None) == (kind in ("GAC", "GBC"))
    if found.area is not None:
        assert found.area.shape == ("rectangle" if kind == "GAC" else "circle")


def test_a_beacon_has_no_message() -> None:
    beacon = packet(0x10, POSITION, following=0, payload=b"")
    found = parse_geonetworking(beacon)
    assert (found.kind, found.source, found.port, found.payload) == ("beacon", SOURCE, None, b"")
    with pytest.raises(CodecError, match="without a message"):
        unwrap_geonetworking(beacon)


@pytest.mark.parametrize(
    ("octet", "lifetime_ms"),
    [(0x05, 1000), (0x1A, 60_000), (0xF2, 600_000), (0xFF, 6_300_000), (0x50, 1000), (0x00, 0), (0x04, 50)],
)
def test_lifetimes(octet: int, lifetime_ms: int) -> None:
    """Clause 9.6.4: six bits of number, two of unit."""
    found = parse_geonetworking(SHB[:2] + bytes([octet]) + SHB[3:])
    assert found.basic.lifetime_ms == lifetime_ms


@pytest.mark.parametrize(
    ("wanted_ms", "got_ms"),
    [(50, 50), (99, 50), (3150, 3150), (3999, 3000), (60_000, 60_000), (6_300_000, 6_300_000)],
)
def test_a_lifetime_is_never_longer_than_wanted(wanted_ms: int, got_ms: int) -> None:
    octets = build_shb(b"m", port=1, source=SOURCE, lifetime_ms=wanted_ms)
    assert parse_basic(octets) == BasicHeader(False, lifetime_ms=got_ms, hops_left=1)


@pytest.mark.parametrize("lifetime_ms", [-1, 0, 49, 6_400_000])
def test_lifetimes_that_do_not_fit(lifetime_ms: int) -> None:
    with pytest.raises(CodecError, match="lifetime"):
        build_shb(b"m", port=1, source=SOURCE, lifetime_ms=lifetime_ms)


positions = st.builds(
    PositionVector,
    address=st.integers(0, 2**64 - 1),
    timestamp_ms=st.integers(0, 2**32 - 1),
    latitude=st.integers(-900_000_000, 900_000_000),
    longitude=st.integers(-1_800_000_000, 1_800_000_000),
    accurate=st.booleans(),
    speed_cmps=st.integers(-16384, 16383),
    heading=st.integers(0, 3600),
)
areas = st.builds(
    Area,
    shape=st.sampled_from(("circle", "rectangle", "ellipse")),
    latitude=st.integers(-900_000_000, 900_000_000),
    longitude=st.integers(-1_800_000_000, 1_800_000_000),
    distance_a_m=st.integers(0, 65535),
    distance_b_m=st.integers(0, 65535),
    angle_deg=st.integers(0, 359),
)
messages = st.binary(min_size=1, max_size=1400)
links = st.sampled_from((b"", ETHERNET, TAGGED))


@settings(deadline=None)
@given(
    messages, positions, st.sampled_from(sorted(PORTS.values())), st.booleans(), st.integers(0, 255), links
)
def test_broadcasts_come_back(
    message: bytes, source: PositionVector, port: int, mobile: bool, traffic_class: int, link: bytes
) -> None:
    octets = build_shb(message, port=port, source=source, mobile=mobile, traffic_class=traffic_class)
    assert parse_geonetworking(link + octets) == GeoPacket(
        kind="SHB",
        basic=BasicHeader(False, lifetime_ms=1000, hops_left=1),
        hop_limit=1,
        traffic_class=traffic_class,
        mobile=mobile,
        source=source,
        port=port,
        port_info=0,
        payload=message,
    )
    assert unwrap(link + octets, "geonetworking") == message


@settings(deadline=None)
@given(messages, positions, areas, st.integers(0, 65535), st.integers(0, 255), links)
def test_geobroadcasts_come_back(
    message: bytes, source: PositionVector, area: Area, number: int, hops: int, link: bytes
) -> None:
    octets = build_gbc(message, port=2002, source=source, area=area, sequence_number=number, hop_limit=hops)
    assert parse_geonetworking(link + octets) == GeoPacket(
        kind="GBC",
        basic=BasicHeader(False, lifetime_ms=60_000, hops_left=hops),
        hop_limit=hops,
        traffic_class=0,
        mobile=False,
        source=source,
        sequence_number=number,
        area=area,
        port=2002,
        port_info=0,
        payload=message,
    )


def test_a_sequence_number_like_the_ethertype() -> None:
    octets = build_gbc(MESSAGE, port=2002, source=SOURCE, area=AREA, sequence_number=0x8947)
    assert split_link(octets) == 14
    assert parse_geonetworking(octets).sequence_number == 0x8947


@pytest.mark.parametrize("link", [ETHERNET, TAGGED], ids=["Ethernet", "802.1Q"])
@pytest.mark.parametrize("octets", [SHB, GBC], ids=["SHB", "GBC"])
def test_padding_only_behind_an_ethernet_header(link: bytes, octets: bytes) -> None:
    assert unwrap_geonetworking(link + octets + bytes(9)) == MESSAGE
    with pytest.raises(CodecError, match="1 octets follow") as caught:
        unwrap_geonetworking(octets + b"\0")
    assert caught.value.offset == len(octets)


@pytest.mark.parametrize("link", [b"", ETHERNET, TAGGED], ids=["bare", "Ethernet", "802.1Q"])
@pytest.mark.parametrize("octets", [SHB, GBC], ids=["SHB", "GBC"])
def test_every_cut_is_refused(link: bytes, octets: bytes) -> None:
    whole = link + octets
    for length in range(len(whole)):
        with pytest.raises(CodecError) as caught:
            unwrap_geonetworking(whole[:length])
        assert caught.value.offset is None or caught.value.offset <= length


@pytest.mark.parametrize("link", [b"", ETHERNET, TAGGED], ids=["bare", "Ethernet", "802.1Q"])
def test_flipped_bits_give_a_message_or_an_error(link: bytes) -> None:
    chance = random.Random(5)
    refused = 0
    for octets in (SHB, GBC):
        whole = link + octets
        for place in range(8 * len(whole)):
            broken = bytearray(whole)
            broken[place // 8] ^= 0x80 >> place % 8
            if place % 3 == 0:
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
            try:
                assert len(unwrap(bytes(broken), "geonetworking")) >= 1
            except CodecError:
                refused += 1
    assert 40 < refused < 8 * (len(SHB) + len(GBC))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise(octets: bytes) -> None:
    for whole in (octets, ETHERNET + octets, b"\x11\0\x05\x01" + octets, SHB[:12] + octets):
        with contextlib.suppress(CodecError):
            assert unwrap(whole, "geonetworking")


@pytest.mark.parametrize(
    ("place", "octet", "problem"),
    [
        (0, 0x01, "protocol version 0"),
        (0, 0x21, "protocol version 2"),
        (0, 0x10, "next header 0 after the basic"),
        (0, 0x12, "secured"),
        (0, 0x13, "next header 3 after the basic"),
        (3, 2, "2 hops left of 1"),
        (4, 0x00, "next header 0 is not BTP"),
        (4, 0x30, "next header 3 is not BTP"),
        (5, 0x00, "header type 0 subtype 0"),
        (5, 0x43, "header type 4 subtype 3"),
        (5, 0x52, "header type 5 subtype 2"),
        (5, 0x60, "header type 6 subtype 0"),
        (8, 0xFF, "truncated"),
        (9, 0x0D, "truncated"),
        (9, 0x0B, "1 octets follow"),
    ],
)
def test_headers_that_are_refused(place: int, octet: int, problem: str) -> None:
    broken = bytearray(SHB)
    broken[place] = octet
    with pytest.raises(CodecError, match=problem):
        parse_geonetworking(bytes(broken))


@pytest.mark.parametrize("length", range(4))
def test_a_payload_without_room_for_btp(length: int) -> None:
    with pytest.raises(CodecError, match="no room for BTP"):
        parse_geonetworking(packet(0x50, POSITION + bytes(4), payload=bytes(length)))


@pytest.mark.parametrize(
    "changed",
    [
        {"address": 2**64},
        {"timestamp_ms": -1},
        {"latitude": 2**31},
        {"heading": 65536},
        {"speed_cmps": 16384},
    ],
    ids=str,
)
def test_positions_that_do_not_fit(changed: dict[str, Any]) -> None:
    with pytest.raises(CodecError, match="not fit"):
        build_shb(MESSAGE, port=2001, source=replace(SOURCE, **changed))


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(CodecError):
        build_shb(MESSAGE, port=65536, source=SOURCE)
    with pytest.raises(CodecError):
        build_shb(bytes(65532), port=2001, source=SOURCE)
    with pytest.raises(CodecError):
        build_gbc(MESSAGE, port=2002, source=SOURCE, area=AREA, sequence_number=1, hop_limit=256)
    with pytest.raises(CodecError):
        build_gbc(MESSAGE, port=2002, source=SOURCE, area=replace(AREA, distance_a_m=-1), sequence_number=1)


def test_position_timestamps_wrap() -> None:
    """2026-11-23T00:00:00Z is 722 476 800 s after 2004-01-01 and five leap seconds more."""
    midnight_ns = 1_795_392_000 * 10**9
    assert position_timestamp_ms(midnight_ns) == 722_476_805_000 % 2**32
    later_ns = midnight_ns + 2**32 * 10**6
    assert position_timestamp_ms(later_ns) == position_timestamp_ms(midnight_ns)
    assert 0 <= position_timestamp_ms(NOW_NS) < 2**32


def test_a_packet_is_recognised() -> None:
    message = bytes.fromhex(
        "02029b260aa393e6005a6f0da4ae7bfb35a238230a6a3d4290581a90a3f67e02e6928b37fee9fea6103fdf93d980"
    )
    found = recognise(ETHERNET + build_shb(message, port=PORTS["CAM"], source=SOURCE))
    assert (found.framing, found.message, found.payload) == ("geonetworking", "etsi/CAM", message)
