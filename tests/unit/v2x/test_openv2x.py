"""OpenV2X's JSON: what others recorded is read, what we write has what their reader takes, nonsense is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.kinds import ObjectClass
from edge.core.perceived import PerceivedObject, PerceivedObjects, Sensing
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x.openv2x_map import write_map
from edge.v2x.openv2x_rsi import read_rsi, write_rsi
from edge.v2x.openv2x_rsm import read_rsm, write_rsm
from tests.unit.signals.corner import corner

FRAME = LocalFrame(31.9348, 118.8214)
T0 = 1_700_000_040 * NS_PER_S
"""Second 0 of a minute."""


@pytest.fixture(scope="module")
def recorded(data_dir: Path) -> dict[str, Any]:
    """Payloads by topic; of two on one topic the last."""
    samples = json.loads((data_dir / "openv2x" / "mqtt_samples.json").read_text())
    return {sample["topic"]: sample["payload"] for sample in samples}


@pytest.mark.data
def test_a_recorded_rsm_of_one_vendor_is_read(recorded: dict[str, Any]) -> None:
    payload = json.dumps(recorded["V2X/RSU/R328328/RSM/UP/DAWNLINE"]).encode()
    arrival_ns = T0 + 43_600 * NS_PER_MS
    found = read_rsm(payload, frame=FRAME, station="R328328", arrival_ns=arrival_ns)
    (item,) = found.objects
    expected = FRAME.to_local(31.935221261941393, 118.82304885831456)
    assert (item.x_m, item.y_m) == pytest.approx(expected, abs=1e-6)
    assert item.speed_mps == pytest.approx(7.8783015905704525)
    assert item.yaw_rad == pytest.approx(math.radians(90.0 - 264.3102381554889), abs=1e-9)
    assert (item.sensing, item.object_class, item.length_m) == (Sensing.CAMERA, ObjectClass.CAR, 5)
    assert item.measured_ns == T0 + 43_500 * NS_PER_MS, "the second of the minute, near the time of arrival"
    assert bytes.fromhex(found.station) == b"R328328"
    late = read_rsm(payload, frame=FRAME, station="R", arrival_ns=arrival_ns + 77, times="arrival")
    assert late.stamp_ns == arrival_ns + 77, "a simulator's recording is of now where the site says so"


@pytest.mark.data
def test_a_recorded_rsi_is_read(recorded: dict[str, Any]) -> None:
    payload = json.dumps(recorded["V2X/RSU/R328328/RSI/UP/DAWNLINE"]).encode()
    (event,) = read_rsi(payload, frame=FRAME, arrival_ns=T0)
    assert (event.kind, event.event) == (EventKind.CONGESTION, "CmRa1635/1")
    assert (event.x_m, event.y_m) == pytest.approx(FRAME.to_local(31.9353853, 118.8218217), abs=1e-6)
    assert event.detected_ns == 1_653_016_703_500 * NS_PER_MS
    assert event.active(now_ns=T0 + 59 * NS_PER_S)
    assert not event.active(now_ns=T0 + 61 * NS_PER_S)


@pytest.mark.data
def test_our_map_has_the_form_of_the_recorded_one(data_dir: Path) -> None:
    theirs = json.loads((data_dir / "openv2x" / "config_map.json").read_text())
    ours = json.loads(write_map(corner(), message_count=1))
    optional = {"speedLimits", "name", "shareWith", "connectsTo", "region"}
    assert _shape(ours) >= {path for path in _shape(theirs) if not optional & set(path)}


def _shape(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Paths of keys; entries of a list share one."""
    if isinstance(value, dict):
        return {path}.union(*(_shape(entry, (*path, key)) for key, entry in value.items()))
    if isinstance(value, list):
        return {path}.union(*(_shape(entry, path) for entry in value))
    return {path}


CAR = PerceivedObject(
    object_id=700,
    measured_ns=T0 + 59_250 * NS_PER_MS,
    object_class=ObjectClass.TRUCK,
    x_m=35.0,
    y_m=-12.0,
    sensing=Sensing.CAMERA,
    speed_mps=8.0,
    yaw_rad=0.0,
    length_m=9.0,
    width_m=2.5,
    height_m=3.2,
)


def test_what_we_write_is_what_cerebrum_reads() -> None:
    """Keys and units of its `rsm2frame`, which takes them without asking whether they are there."""
    heard = PerceivedObject(9, T0, ObjectClass.CAR, 0.0, 0.0, Sensing.V2X)
    walker = PerceivedObject(8, T0, ObjectClass.PEDESTRIAN, 1.0, 2.0, Sensing.CAMERA | Sensing.V2X)
    objects = PerceivedObjects("00aa", T0, 0.0, 0.0, (CAR, walker, heard))
    value = json.loads(write_rsm(objects, frame=FRAME, name="R1"))
    (rsm,) = value["content"]["rsms"]
    assert rsm["refPos"] == {"lat": 319_348_000, "lon": 1_188_214_000, "ele": None}
    truck, person = rsm["participants"]
    for participant in (truck, person):
        for key in ("global_track_id", "secMark", "ptcType", "speed", "heading", "ptcId", "source", "lane"):
            assert key in participant
        assert set(participant["size"]) == {"width", "length", "height"}
        assert set(participant["pos"]) == {"lat", "lon", "ele"}
    assert (truck["ptcType"], truck["speed"], truck["heading"], truck["source"]) == ("motor", 400, 7200, 3)
    assert (truck["secMark"], truck["size"]) == (59_250, {"width": 250, "length": 900, "height": 64})
    assert (person["ptcType"], person["source"]) == ("pedestrian", 7), "seen and heard: integrated"


def test_what_we_write_we_read() -> None:
    objects = PerceivedObjects("00aa", T0, 0.0, 0.0, (CAR,))
    found = read_rsm(
        write_rsm(objects, frame=FRAME, name="R1"), frame=FRAME, station="R1", arrival_ns=CAR.measured_ns
    )
    (item,) = found.objects
    assert (item.x_m, item.y_m) == pytest.approx((35.0, -12.0), abs=0.01)
    assert (item.speed_mps, item.yaw_rad, item.length_m) == pytest.approx((8.0, 0.0, 9.0), abs=1e-3)
    assert item.measured_ns == CAR.measured_ns
    event = RoadEvent("q-1", EventKind.CONGESTION, 10.0, 20.0, detected_ns=T0)
    sign = RoadEvent("s-1", EventKind.SPEED_LIMIT, 10.0, 20.0, detected_ns=T0)
    payload = write_rsi([event, sign], frame=FRAME, device="R1", now_ns=T0)
    assert payload is not None
    (read,) = read_rsi(payload, frame=FRAME, arrival_ns=T0 + NS_PER_S)
    assert (read.kind, read.event, read.detected_ns) == (EventKind.CONGESTION, "R1/q-1", T0)
    assert write_rsi([sign], frame=FRAME, device="R1", now_ns=T0) is None


def test_an_event_that_comes_down_is_read_and_its_end_too() -> None:
    row = {
        "alertID": "7",
        "duration": 30,
        "eventStatus": True,
        "timeStamp": "2022-05-20T03:18:23.500Z",
        "eventClass": "AbnormalTraffic",
        "eventType": 904,
        "eventSource": "detection",
        "eventPosition": {"lat": 319_353_853, "lon": 1_188_218_217},
    }
    value = {
        "rsiSourceType": "integrated",
        "rsiSourceId": "C1",
        "rsiDatas": [row, row | {"eventStatus": False}],
    }
    first, second = read_rsi(json.dumps(value).encode(), frame=FRAME, arrival_ns=T0)
    assert (first.kind, first.event, first.end_ns) == (EventKind.WRONG_WAY_DRIVER, "C1/7", T0 + 30 * NS_PER_S)
    assert second.cancelled


GOOD_ROW = {
    "ptcType": "motor",
    "ptcId": 1,
    "global_track_id": "a",
    "source": 3,
    "secMark": 0,
    "pos": {"lat": 319_348_000, "lon": 1_188_214_000},
    "speed": 1,
    "heading": 1,
}


def standard(*rows: Any) -> bytes:
    reference = {"lat": 319_348_000, "lon": 1_188_214_000, "ele": None}
    return json.dumps({"content": {"rsms": [{"refPos": reference, "participants": list(rows)}]}}).encode()


def test_a_row_without_size_and_source_is_read() -> None:
    row = {key: value for key, value in GOOD_ROW.items() if key != "source"}
    (item,) = read_rsm(standard(row), frame=FRAME, station="R", arrival_ns=T0).objects
    assert (item.length_m, item.sensing) == (None, Sensing.NONE)


def test_a_speed_and_a_heading_that_are_unavailable_are_unknown() -> None:
    row = GOOD_ROW | {"speed": 8191, "heading": 28_800}
    (item,) = read_rsm(standard(row), frame=FRAME, station="R", arrival_ns=T0).objects
    assert (item.speed_mps, item.yaw_rad) == (None, None)


def event_row(**changes: Any) -> dict[str, Any]:
    place = {"lat": 319_353_853, "lon": 1_188_218_217}
    return {"alertID": "7", "eventType": 904, "timeStamp": 1, "eventPosition": place, **changes}


@pytest.mark.parametrize("stamp", [-1, -1e300, float("nan"), "0001-01-01T00:00:00Z", "noon", [], 4e15])
def test_an_event_of_no_usable_time_is_of_its_arrival(stamp: Any) -> None:
    value = {"rsiSourceId": "C", "rsiDatas": [event_row(timeStamp=stamp)]}
    (event,) = read_rsi(json.dumps(value).encode(), frame=FRAME, arrival_ns=T0)
    assert event.detected_ns == T0


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"nonsense",
        b"null",
        b"7",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"x" * 70_000,
        b'{"content": {"rsms": []}}',
        standard(),
        standard({}),
        standard(GOOD_ROW | {"secMark": "soon"}),
        standard(GOOD_ROW | {"speed": 10**9}),
        standard(GOOD_ROW | {"pos": {"lat": 10**12, "lon": 0}}),
        standard(GOOD_ROW | {"speed": float("nan")}),
        standard(GOOD_ROW | {"speed": -1}),
        standard(GOOD_ROW | {"heading": -1}),
        standard(GOOD_ROW | {"global_track_id": "\ud800"}),
        standard(GOOD_ROW | {"size": {"length": -(10**9)}}),
        standard(GOOD_ROW | {"size": {"length": -1, "width": 1, "height": 1}}),
        standard(*([GOOD_ROW] * 300)),
        json.dumps([{"dev_pos": {"lat": 0, "lon": 0}, "content": [{"ptcType": "motor"}]}]).encode(),
    ],
)
def test_nonsense_is_refused(payload: bytes) -> None:
    with pytest.raises(CodecError):
        read_rsm(payload, frame=FRAME, station="R", arrival_ns=T0)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        7,
        {"rsiDatas": [{}]},
        {"rsiDatas": [7]},
        {"rsiDatas": 7},
        {"event_content": [{"event_type": "x"}]},
        {"rsiDatas": [event_row(alertID="\ud800")]},
        {"rsiDatas": [event_row(alertID="a\nb")]},
        {"rsiDatas": [event_row(alertID="a" * 60_000)]},
        {"rsiDatas": [event_row(alertID=10**200)]},
        {"rsiDatas": [event_row(alertID={"a": [1]})]},
        {"rsiSourceId": "\x00", "rsiDatas": [event_row()]},
        {"rsiDatas": [event_row(timeStamp=float("inf"))]},
    ],
)
def test_nonsense_events_are_refused(value: Any) -> None:
    with pytest.raises(CodecError):
        read_rsi(json.dumps(value).encode(), frame=FRAME, arrival_ns=T0)
