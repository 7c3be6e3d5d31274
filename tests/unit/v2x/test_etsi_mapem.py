"""MAPEM: an intersection goes out and comes back; longitudes start one step further west than in SAE J2735."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import Intersection, Lane, LaneKind
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.etsi_mapem import decode_mapem, encode_mapem
from edge.v2x.etsi_spatem import encode_spatem
from edge.v2x.frame import OtherMessageError, split_j2735
from tests.unit.v2x.originals import original
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, crossing, lane, recorded_j2735, signal_state

STATION = 0x00001234
HEADER = b"\x02\x05\x00\x00\x12\x34"
STEP_DEG = 1e-7
POINTS = st.lists(st.tuples(*[st.floats(-1500.0, 1500.0)] * 2), min_size=2, max_size=63)


def sent(intersection: Intersection, *, station_id: int = STATION) -> bytes:
    return encode_mapem(intersection, station_id=station_id, message_count=132, now_ns=NOW_NS)


def facts(entry: Lane) -> tuple[object, ...]:
    """All of a lane but its points; a width that is not said equals itself."""
    return (
        entry.lane,
        entry.kind,
        entry.ingress,
        entry.egress,
        f"{entry.width_m}",
        entry.connections,
        entry.signal_group,
        entry.name,
    )


def outcome(decode: Callable[[], Intersection]) -> Intersection | str:
    try:
        return decode()
    except CodecError as error:
        return str(error)


def test_the_head_of_the_message() -> None:
    value = message_codec("etsi/MAPEM").decode(sent(crossing()))
    assert value["header"] == {"protocolVersion": 2, "messageId": 5, "stationId": STATION}
    body = value["map"]
    assert (body["timeStamp"], body["msgIssueRevision"], body["layerType"]) == (87_403, 4, "intersectionData")
    assert body["intersections"][0]["refPoint"] == {
        "lat": 312_304_000,
        "long": 1_214_737_000,
        "elevation": 40,
    }


@given(station_id=st.integers(0, 2**32 - 1))
def test_an_intersection_comes_back(station_id: int) -> None:
    payload = sent(crossing(), station_id=station_id)
    found = decode_mapem(payload)
    assert int.from_bytes(payload[2:6], "big") == station_id
    assert (found.intersection, found.region, found.revision, found.name) == (1001, 7, 3, "Crossing")
    assert found.frame.longitude_deg == pytest.approx(FRAME.longitude_deg, abs=STEP_DEG / 1.9)
    assert [facts(entry) for entry in found.lanes] == [facts(entry) for entry in crossing().lanes]
    for here, there in zip(found.lanes, crossing().lanes, strict=True):
        assert np.abs(here.points_m - there.points_m).max() < 0.0151


@given(POINTS)
def test_points_come_back_and_the_standards_own_module_reads_them(points: list[tuple[float, float]]) -> None:
    one = crossing(lanes=(lane(1, LaneKind.VEHICLE, *points, ingress=True),))
    mapem, payload = original("etsi/MAPEM"), sent(one)
    found = decode_mapem(payload).lanes[0].points_m
    assert np.abs(found - one.lanes[0].points_m).max() < 0.0151
    mapem.from_uper(payload)
    geometry = mapem.get_val()["map"]["intersections"][0]
    assert (geometry["refPoint"]["lat"], geometry["refPoint"]["long"]) == (312_304_000, 1_214_737_000)
    assert len(geometry["laneSet"][0]["nodeList"][1]) == len(points)
    assert mapem.to_uper() == payload


def test_the_standards_own_module_reads_the_crossing() -> None:
    mapem, payload = original("etsi/MAPEM"), sent(crossing())
    mapem.from_uper(payload)
    lanes = mapem.get_val()["map"]["intersections"][0]["laneSet"]
    assert [entry["laneID"] for entry in lanes] == [entry.lane for entry in crossing().lanes]
    assert mapem.to_uper() == payload


@given(longitude_deg=st.floats(-179.9, 179.9), latitude_deg=st.floats(-80.0, 80.0))
def test_reference_points_all_over_the_world(longitude_deg: float, latitude_deg: float) -> None:
    frame = LocalFrame(latitude_deg, longitude_deg, 4.0)
    found = decode_mapem(sent(crossing(frame=frame))).frame
    assert found.latitude_deg == pytest.approx(latitude_deg, abs=STEP_DEG / 1.9)
    assert found.longitude_deg == pytest.approx(longitude_deg, abs=STEP_DEG / 1.9)


def test_several_intersections_need_a_choice() -> None:
    codec = message_codec("etsi/MAPEM")
    value = codec.decode(sent(crossing()))
    value["map"]["intersections"] += codec.decode(sent(crossing(intersection=1002)))["map"]["intersections"]
    payload = codec.encode(value)
    assert decode_mapem(payload, intersection=1002).intersection == 1002
    for choice in (None, 1003):
        with pytest.raises(CodecError, match="intersections in it"):
            decode_mapem(payload, intersection=choice)


def test_what_cannot_be_sent() -> None:
    with pytest.raises(CodecError, match="no lane"):
        sent(crossing(lanes=()))
    with pytest.raises(CodecError, match="cannot be encoded"):
        sent(replace(crossing(), revision=128))
    for station_id in (-1, 2**32):
        with pytest.raises(CodecError, match="station id"):
            sent(crossing(), station_id=station_id)


def test_other_messages_and_versions() -> None:
    with pytest.raises(OtherMessageError, match="SPATEM"):
        decode_mapem(encode_spatem(signal_state(GREEN), station_id=STATION, now_ns=NOW_NS))
    with pytest.raises(CodecError, match="protocol version"):
        decode_mapem(b"\x01" + sent(crossing())[1:])


def test_cuts_and_surplus_are_refused() -> None:
    payload = sent(crossing())
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode_mapem(payload[:length])
    with pytest.raises(CodecError):
        decode_mapem(payload + b"\x00")


@given(body=st.binary(max_size=200), changes=st.lists(st.tuples(st.integers(6, 10**6), st.integers(1, 255))))
def test_noise_gives_an_intersection_or_a_codec_error(body: bytes, changes: list[tuple[int, int]]) -> None:
    octets = bytearray(sent(crossing()))
    for where, mask in changes:
        octets[where % len(octets)] ^= mask
    for payload in (body, b"\x02\x05" + body, bytes(octets)):
        found = outcome(partial(decode_mapem, payload))
        assert isinstance(found, Intersection | str)


def chosen(message: dict[str, Any]) -> list[int]:
    return [geometry["id"]["id"] for geometry in message.get("intersections", ())]


@pytest.mark.data
def test_recorded_bodies_say_the_same_as_in_j2735(data_dir: Path) -> None:
    """The same octets are one step of longitude further west: the range of J2735 starts one step further east."""
    read, refused = 0, list[str]()
    for frame, theirs in recorded_j2735(data_dir, "MAP"):
        payload = HEADER + split_j2735(frame)[1]
        for number in chosen(theirs):
            here = outcome(partial(decode_mapem, payload, intersection=number))
            there = outcome(partial(j2735.decode_map, frame, intersection=number))
            if isinstance(here, str) or isinstance(there, str):
                assert here == there
                refused.append(str(here))
                continue
            names = ("intersection", "region", "revision", "name")
            assert [getattr(here, n) for n in names] == [getattr(there, n) for n in names]
            assert here.frame.latitude_deg == there.frame.latitude_deg
            west_deg = there.frame.longitude_deg - here.frame.longitude_deg
            assert west_deg == pytest.approx(STEP_DEG, abs=STEP_DEG / 100)
            assert [facts(entry) for entry in here.lanes] == [facts(entry) for entry in there.lanes]
            for one, other in zip(here.lanes, there.lanes, strict=True):
                assert np.allclose(one.points_m, other.points_m, atol=1e-6, rtol=0.0)
            read += 1
    assert read == 18
    assert refused == ["MAP: a computed lane that is turned, scaled or of no lane before it"]
