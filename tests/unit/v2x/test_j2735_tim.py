"""TIM: road events go out and come back."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.road_events import EventKind, RoadEvent
from edge.core.stamp import NS_PER_S
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_TIM, OtherMessageError, unwrap_j2735, wrap_j2735
from tests.unit.v2x.samples import FRAME, NOW_NS, recorded_j2735, report

CODEC = message_codec("j2735/TravelerInformation")
MINUTE_NS = 60 * NS_PER_S
MINUTE_START_NS = NOW_NS - NOW_NS % MINUTE_NS

QUEUE = RoadEvent(
    event="queue-3",
    kind=EventKind.QUEUE_END,
    x_m=120.0,
    y_m=-30.0,
    detected_ns=NOW_NS - 20 * NS_PER_S,
    start_ns=NOW_NS - 20 * NS_PER_S,
    end_ns=NOW_NS + 90 * NS_PER_S,
    revision=4,
    radius_m=50.0,
    priority=5,
)

SENDABLE = [kind for kind in EventKind if kind is not EventKind.SIGNAL_VIOLATION]


def encode(event: RoadEvent, now_ns: int = NOW_NS) -> bytes:
    return j2735.encode_tim(event, frame=FRAME, station="crossing-1", now_ns=now_ns)


def decode(payload: bytes) -> RoadEvent:
    [found] = j2735.decode_tim(payload, frame=FRAME, sender="rsu", arrival_ns=NOW_NS + NS_PER_S)
    return found


def value_of(payload: bytes) -> dict[str, Any]:
    found: dict[str, Any] = CODEC.decode(unwrap_j2735(payload, message_id=J2735_TIM, what="TIM"))
    return found


def sent(value: dict[str, Any]) -> bytes:
    return wrap_j2735(J2735_TIM, CODEC.encode(value))


def changed(**changes: Any) -> bytes:
    """The queue with elements of its data frame changed; None leaves one out."""
    value = value_of(encode(QUEUE))
    data_frame = value["dataFrames"][0] | changes
    value["dataFrames"] = [{key: entry for key, entry in data_frame.items() if entry is not None}]
    return sent(value)


def advisory(*codes: int) -> bytes:
    return changed(content=("advisory", [{"item": ("itis", code)} for code in codes]))


def test_header_worked_out_by_hand() -> None:
    """Day 61 of 2023, 16:43:54.4 is minute 87403; it began 20 s before in the same minute and ends at 16:45:24.4."""
    value = value_of(encode(QUEUE))
    assert (value["msgCnt"], value["timeStamp"], len(value["packetID"])) == (4, 87403, 9)
    [data_frame] = value["dataFrames"]
    assert (data_frame["startYear"], data_frame["startTime"], data_frame["durationTime"]) == (2023, 87403, 3)
    assert (data_frame["priority"], data_frame["frameType"]) == (5, "advisory")
    assert data_frame["content"] == ("advisory", [{"item": ("itis", 257)}])
    [region] = data_frame["regions"]
    assert region["description"][0] == "geometry"
    circle = region["description"][1]["circle"]
    assert (circle["radius"], circle["units"]) == (500, "decimeter")
    assert data_frame["msgId"][1]["viewAngle"] == (b"\xff\xff", 16)


TIMES = st.integers(-86_400, 86_400).map(lambda s: NOW_NS + s * NS_PER_S)
PATHS = st.lists(st.tuples(*[st.floats(-3000.0, 3000.0)] * 2), min_size=2, max_size=70).map(tuple)
EVENTS = st.builds(
    replace,
    st.just(QUEUE),
    event=st.text("abc-0123456789", min_size=1, max_size=20),
    kind=st.sampled_from(SENDABLE),
    x_m=st.floats(-3000.0, 3000.0),
    y_m=st.floats(-3000.0, 3000.0),
    start_ns=st.none() | TIMES,
    end_ns=st.none() | st.integers(1, 86_400).map(lambda s: NOW_NS + s * NS_PER_S),
    revision=st.integers(0, 127),
    radius_m=st.none() | st.floats(0.1, 5000.0),
    path_m=st.just(()) | PATHS,
    priority=st.integers(0, 7),
    speed_limit_mps=st.floats(0.3, 70.0),
    text=st.text("abcdefgh ", max_size=250).map(str.strip),
)


@example(event=replace(QUEUE, kind=EventKind.OTHER, speed_limit_mps=1.0, text="", path_m=()))
@given(event=EVENTS)
def test_an_event_comes_back(event: RoadEvent) -> None:
    found = decode(encode(event))
    assert (found.kind, found.revision, found.priority) == (event.kind, event.revision, event.priority)
    assert (found.text, found.cancelled) == (event.text, False)
    assert math.dist((found.x_m, found.y_m), (event.x_m, event.y_m)) < 0.02
    assert found.speed_limit_mps == pytest.approx(event.speed_limit_mps, abs=0.5 / 3.6 + 1e-9)
    assert found.detected_ns == MINUTE_START_NS
    assert len(found.path_m) == len(event.path_m)
    assert all(math.dist(a, b) < 0.02 for a, b in zip(found.path_m, event.path_m, strict=True))


@given(event=EVENTS)
def test_validity_is_never_made_shorter_nor_longer_than_a_minute_each_way(event: RoadEvent) -> None:
    found = decode(encode(event))
    start_ns = event.detected_ns if event.start_ns is None else event.start_ns
    assert found.start_ns is not None
    assert 0 <= start_ns - found.start_ns < MINUTE_NS
    if event.end_ns is None:
        assert found.end_ns is None
    elif event.end_ns > start_ns:
        assert found.end_ns is not None
        assert 0 <= found.end_ns - event.end_ns < MINUTE_NS


@given(radius_m=st.floats(0.01, 4_000_000.0))
def test_a_radius_is_rounded_up_by_less_than_a_part_in_400_or_a_centimetre(radius_m: float) -> None:
    found = decode(encode(replace(QUEUE, radius_m=radius_m))).radius_m
    assert found is not None
    coarsest = 1000.0 if radius_m > 4095.0 else max(radius_m / 400.0, 0.01)
    assert -1e-6 <= found - radius_m <= coarsest


def test_an_update_keeps_the_name_of_the_event() -> None:
    first, second = encode(QUEUE), encode(replace(QUEUE, revision=5, radius_m=80.0))
    assert decode(first).event == decode(second).event
    assert decode(first).event.startswith("rsu/")
    assert decode(encode(replace(QUEUE, event="queue-4"))).event != decode(first).event
    elsewhere = j2735.encode_tim(QUEUE, frame=FRAME, station="crossing-2", now_ns=NOW_NS)
    assert decode(elsewhere).event != decode(first).event


@pytest.mark.parametrize(
    "event", [replace(QUEUE, cancelled=True), replace(QUEUE, end_ns=NOW_NS)], ids=["", "ended"]
)
def test_a_withdrawn_event_says_so_twice(event: RoadEvent) -> None:
    """By a duration of 0, and by the phrase "canceled" for those who look at the codes."""
    payload = encode(event)
    [data_frame] = value_of(payload)["dataFrames"]
    assert data_frame["durationTime"] == 0
    assert [item["item"][1] for item in data_frame["content"][1]] == [257, 7039]
    found = decode(payload)
    assert (found.kind, found.cancelled) == (EventKind.QUEUE_END, True)
    assert not found.active(now_ns=NOW_NS)
    assert found.event == decode(encode(QUEUE)).event


def test_durations_saturate() -> None:
    """32000 minutes mean for ever; 22 days are 31680."""
    month = replace(QUEUE, end_ns=NOW_NS + 30 * 86_400 * NS_PER_S)
    assert value_of(encode(month))["dataFrames"][0]["durationTime"] == 31_999
    assert value_of(encode(replace(QUEUE, end_ns=None)))["dataFrames"][0]["durationTime"] == 32_000


def test_speed_limits_are_signs() -> None:
    """30 km/h: speed limit (268), 30 (12574), km/h (8721)."""
    limit = replace(QUEUE, kind=EventKind.SPEED_LIMIT, speed_limit_mps=30.0 / 3.6)
    [data_frame] = value_of(encode(limit))["dataFrames"]
    assert data_frame["frameType"] == "roadSignage"
    assert data_frame["msgId"][1]["mutcdCode"] == "regulatory"
    assert data_frame["content"] == ("speedLimit", [{"item": ("itis", c)} for c in (268, 12574, 8721)])


def test_an_advised_speed_stands_beside_the_event() -> None:
    """Road works, observe recommended speed (7196), 50, km/h."""
    works = replace(QUEUE, kind=EventKind.ROAD_WORKS, speed_limit_mps=50.0 / 3.6)
    [data_frame] = value_of(encode(works))["dataFrames"]
    assert data_frame["content"] == (
        "workZone",
        [{"item": ("itis", c)} for c in (1025, 7196, 12594, 8721)],
    )


@pytest.mark.parametrize(
    "event",
    [
        replace(QUEUE, kind=EventKind.SIGNAL_VIOLATION),
        replace(QUEUE, kind=EventKind.SPEED_LIMIT),
        replace(QUEUE, kind=EventKind.SPEED_LIMIT, speed_limit_mps=100.0),
        replace(QUEUE, kind=EventKind.SPEED_LIMIT, speed_limit_mps=0.1),
        replace(QUEUE, x_m=math.nan),
        replace(QUEUE, radius_m=math.inf),
        replace(QUEUE, path_m=((0.0, 0.0), (math.nan, 1.0))),
        replace(QUEUE, path_m=tuple((float(i % 2 * 9000), 0.0) for i in range(400))),
        replace(QUEUE, path_m=tuple((float(i), 0.0) for i in range(2000))),
    ],
    ids=["no phrase", "no speed", "fast", "slow", "nowhere", "radius", "path", "bytes", "points"],
)
def test_what_cannot_be_said_is_refused(event: RoadEvent) -> None:
    with pytest.raises(CodecError):
        encode(event)


def test_direction_of_a_path() -> None:
    """Due east is 90 degrees: slice 4 from the north, with slices 3 and 5 beside it; then due north: 15, 0, 1."""
    east = replace(QUEUE, path_m=((0.0, 0.0), (50.0, 0.0)))
    corner = replace(QUEUE, path_m=((0.0, 0.0), (50.0, 0.0), (50.0, 60.0)))
    assert value_of(encode(east))["dataFrames"][0]["regions"][0]["direction"] == (b"\x1c\x00", 16)
    assert value_of(encode(corner))["dataFrames"][0]["regions"][0]["direction"] == (b"\xdc\x01", 16)


@pytest.mark.parametrize(
    ("codes", "kind", "over"),
    [
        ((513,), EventKind.ACCIDENT, False),
        ((7169, 5907), EventKind.ICE, False),
        ((8196, 770), EventKind.LANE_CLOSED, False),
        ((770,), EventKind.ROAD_CLOSED, False),
        ((1151,), EventKind.ROAD_WORKS, True),
        ((638,), EventKind.ACCIDENT, True),
        ((263, 7037), EventKind.CONGESTION, True),
        ((4479,), EventKind.OTHER, True),
        ((8233,), EventKind.OTHER, False),
        ((65535,), EventKind.OTHER, False),
    ],
    ids=str,
)
def test_phrases_of_others(codes: tuple[int, ...], kind: EventKind, over: bool) -> None:
    found = decode(advisory(*codes))
    assert (found.kind, found.cancelled) == (kind, over)


@pytest.mark.parametrize(
    ("codes", "speed_mps"),
    [
        ((268, 12579, 8720), 15.6464),
        ((268, 12594, 8721), 13.8889),
        ((268, 12579), None),
        ((12544, 8720), None),
    ],
    ids=str,
)
def test_speeds_of_others(codes: tuple[int, ...], speed_mps: float | None) -> None:
    """35 mph are 15.6464 m/s."""
    found = decode(advisory(*codes)).speed_limit_mps
    assert found == (None if speed_mps is None else pytest.approx(speed_mps, abs=1e-4))


def test_contents_of_other_forms() -> None:
    unknown = [{"item": ("itis", 12297)}, {"item": ("text", "ROAD")}, {"item": ("text", "AHEAD")}]
    generic = decode(changed(content=("genericSign", unknown)))
    assert (generic.kind, generic.text) == (EventKind.OTHER, "ROAD AHEAD")
    assert decode(changed(content=("workZone", unknown))).kind is EventKind.ROAD_WORKS
    speed = [{"item": ("itis", 12579)}, {"item": ("itis", 8720)}]
    assert decode(changed(content=("speedLimit", speed))).kind is EventKind.SPEED_LIMIT
    assert decode(advisory(8233, 7169)).text == "ITIS 8233 7169"


def test_times_that_are_not_said() -> None:
    assert decode(changed(startYear=None)).start_ns == MINUTE_START_NS
    assert decode(changed(startYear=0)).start_ns == MINUTE_START_NS
    unset = decode(changed(startTime=527_040))
    assert (unset.start_ns, unset.end_ns) == (None, MINUTE_START_NS + 3 * MINUTE_NS)
    value = value_of(encode(QUEUE))
    value.pop("timeStamp")
    assert decode(sent(value)).detected_ns == NOW_NS + NS_PER_S


def test_ids_of_several_frames_and_of_none() -> None:
    value = value_of(encode(QUEUE))
    value["dataFrames"] *= 2
    found = j2735.decode_tim(sent(value), frame=FRAME, sender="rsu", arrival_ns=NOW_NS)
    assert [event.event for event in found] == [f"rsu/{value['packetID'].hex()}/{n}" for n in (0, 1)]
    value = value_of(encode(QUEUE)) | {"packetID": bytes(9)}
    assert decode(sent(value)).event == "rsu/tim-4"


def test_broken_messages_are_refused() -> None:
    payload = encode(QUEUE)
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    with pytest.raises(OtherMessageError):
        decode(j2735.encode_bsm(report(), frame=FRAME, message_count=0))


@pytest.mark.data
def test_recorded_messages(data_dir: Path) -> None:
    """A closed road in Florida, a tunnel in Ohio, works in Colorado, as their authors made them."""
    found = {}
    for payload, theirs in recorded_j2735(data_dir, "TIM"):
        if len(theirs["dataFrames"]) == 1:
            anchor = theirs["dataFrames"][0]["regions"][0]["anchor"]
            frame = LocalFrame(anchor["lat"] / 1e7, anchor["long"] / 1e7)
            [event] = j2735.decode_tim(payload, frame=frame, sender="x", arrival_ns=NOW_NS)
            found[theirs["packetID"]] = (event, theirs["dataFrames"][0])
    assert len(found) >= 5
    closed, frame_of_closed = found["0000000000087faa72"]
    assert (closed.kind, frame_of_closed["durationTime"]) == (EventKind.ROAD_CLOSED, 5760)
    assert closed.end_ns is not None
    assert closed.start_ns is not None
    assert closed.end_ns - closed.start_ns == 5760 * MINUTE_NS
    assert closed.radius_m == pytest.approx(35.0, abs=10.0)
    assert math.hypot(closed.x_m, closed.y_m) < 30.0
    tunnel, _ = found["00000000000de8f834"]
    assert (tunnel.kind, tunnel.text, tunnel.end_ns) == (EventKind.OTHER, "ITIS 8233", None)
    assert len(tunnel.path_m) == 4
    assert math.dist(tunnel.path_m[0], (0.0, 0.0)) == pytest.approx(40.2, abs=0.5)
    works, _ = found["03b027cf2071328e12"]
    assert works.kind is EventKind.ROAD_WORKS
    assert len(works.path_m) == 10
