"""The consumer's side of a TLC-FI connection, object by object."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.signals import GroupKind, IntersectionStatus, LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S, TimeSource
from hw.signal import tlcfi
from hw.signal.tlcfi import ObjectType, Rpc
from hw.signal.tlcfi_lights import match_names
from tests.unit.hw.test_tlcfi import canned_replies
from tests.unit.hw.tlcfi_script import NAMES, SETTINGS, Script

NO_STATES = {"objects": {"ids": ["71"], "type": 3}, "states": []}


def methods(script: Script) -> list[tuple[str, int | None]]:
    return [(call["method"], call["params"].get("type")) for call in script.calls]


def prediction(script: Script, state: int, **ends_ms: int) -> Rpc:
    return {"state": state} | {
        key: value if key == "confidence" else script.ticks(value) for key, value in ends_ms.items()
    }


def test_registers_as_a_consumer_and_asks_for_the_groups_of_the_site_file() -> None:
    script = Script()
    (register,) = script.calls
    assert register["params"]["type"] == tlcfi.CONSUMER
    assert register["params"]["version"] == {"major": 1, "minor": 1, "revision": 0}
    script.establish(names=(*NAMES, "03"))
    assert script.snapshots[-1].groups[0].number == 2
    assert (script.snapshots[-1].groups[1].kind, script.snapshots[-1].groups[1].number) == (
        GroupKind.PEDESTRIAN,
        9,
    )
    assert [group.lamp for group in script.snapshots[-1].groups] == [LampState.RED, LampState.GREEN]
    assert script.counters["unmatched"] == 0


def test_nothing_is_published_before_the_lamps_are_known() -> None:
    script = Script()
    script.register()
    script.say({"id": 1, "method": "Alive", "params": {"ticks": script.ticks(), "time": 0}})
    assert script.snapshots == []


@pytest.mark.parametrize(
    ("groups", "names", "expected"),
    [
        ([(2, None), (71, None)], ["02", "71"], {2: "02", 71: "71"}),
        ([(2, None)], ["02", "2"], {}),  # not clear which
        ([(1, "02"), (2, None)], ["02", "2"], {1: "02", 2: "2"}),
        ([(1, "fc12"), (5, "gone")], ["fc12", "fc5"], {1: "fc12"}),
        ([(5, None)], ["fc5", "\u0665"], {}),  # only plain digits are numbers
    ],
)
def test_names_of_the_controller_become_numbers(
    groups: list[tuple[int, str | None]], names: list[str], expected: dict[int, str]
) -> None:
    found = match_names([(number, GroupKind.GROUP, name) for number, name in groups], names)
    assert {group.number: group.name for group in found} == expected


def test_heartbeats_go_both_ways() -> None:
    script = Script()
    script.establish()
    first = script.snapshots[-1]
    script.wait(NS_PER_S)
    assert methods(script)[-1][0] == "Alive"
    assert script.snapshots[-1] is first  # asking proves nothing
    sent = script.calls[-1]["params"]
    script.answer("Alive", **sent)
    assert script.snapshots[-1].alive_ns == script.now_ns
    assert script.snapshots[-1].stamp == first.stamp
    script.now_ns += NS_PER_S
    theirs = {"ticks": script.ticks(), "time": 1_700_000_000_000}
    script.say({"id": 77, "method": "Alive", "params": theirs})
    assert script.replies[-1]["id"] == 77
    assert script.replies[-1]["result"] == theirs
    assert script.snapshots[-1].alive_ns == script.now_ns
    assert script.snapshots[-1].stamp == first.stamp


def test_a_heartbeat_that_comes_back_changed_is_counted() -> None:
    script = Script()
    script.establish()
    script.wait(NS_PER_S)
    script.answer("Alive", ticks=1, time=2)
    assert script.counters["alive_mismatch"] == 1


def test_a_tlc_that_does_not_answer_is_let_go() -> None:
    script = Script()
    script.wait(6 * NS_PER_S)
    assert script.session.ended == "no answer to Register"
    assert script.counters["reply_timeouts"] == 1


@pytest.mark.parametrize(
    ("code", "words"), [(1, "controller.username"), (3, "another version"), (99, "refuses Register: no")]
)
def test_refusals_say_what_to_do(code: int, words: str) -> None:
    script = Script()
    script.refuse("Register", code)
    assert script.session.ended is not None
    assert words in script.session.ended


def test_half_a_surrogate_pair_is_a_question_mark_in_the_reason() -> None:
    script = Script()
    script.say_raw(b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"\\ud800"}}')
    assert script.session.ended == "the TLC refuses Register: ?"


def test_another_version_of_the_protocol_is_refused() -> None:
    script = Script()
    script.register(major=2)
    assert script.session.ended == "the TLC speaks version 2, expected 1"


@pytest.mark.parametrize("there", [[], ["K1", "K2"]])
def test_which_intersection_must_be_clear(there: list[str]) -> None:
    script = Script()
    script.register()
    script.answer("ReadMeta", ObjectType.FACILITIES, meta=[{"id": "F", "intersections": there}])
    assert script.session.ended == f"write controller.intersection: the TLC has {', '.join(there) or 'none'}"


def test_named_intersection_is_taken() -> None:
    script = Script(dataclasses.replace(SETTINGS, intersection="K2"))
    script.register()
    script.answer("ReadMeta", ObjectType.FACILITIES, meta=[{"id": "F", "intersections": ["K1", "K2"]}])
    assert script.session.ended is None
    assert script.calls[-1]["params"]["ids"] == ["K2"]


def test_groups_that_are_not_there_are_named() -> None:
    script = Script()
    script.register()
    script.answer("ReadMeta", ObjectType.FACILITIES, meta=[{"id": "F", "intersections": ["K1"]}])
    script.answer("ReadMeta", ObjectType.INTERSECTION, meta=[{"id": "K1", "signalgroups": ["a", "b"]}])
    assert script.session.ended == "no group of controller.group is at the TLC, which has a, b"


def test_update_carries_states_predictions_or_both() -> None:
    script = Script()
    script.establish()
    both = script.update(
        {"71": {"state": 6, "predictions": [prediction(script, 6, minEnd=5000, maxEnd=9000)]}}
    )
    assert both.groups[1].min_end_ns == script.now_ns + 4990 * NS_PER_MS
    only_predictions = script.update(
        {
            "71": {
                "predictions": [
                    prediction(script, 6, minEnd=4000, likelyEnd=6000, maxEnd=8000, confidence=9),
                    prediction(script, 8, minEnd=7000),
                    prediction(script, 3, minEnd=9000),
                ]
            }
        }
    )
    green = only_predictions.groups[1]
    assert (green.lamp, green.next_lamp, green.confidence) == (LampState.GREEN, LampState.YELLOW, 0.85)
    assert green.likely_end_ns == script.now_ns + 5990 * NS_PER_MS
    yellow = script.update({"71": {"state": 8}}).groups[1]  # what was predicted for it counts now
    assert (yellow.lamp, yellow.next_lamp) == (LampState.YELLOW, LampState.RED)
    assert yellow.min_end_ns == script.now_ns + 6980 * NS_PER_MS
    assert script.update({"71": {"predictions": None}}).groups[1].next_lamp is None


def test_predictions_for_another_state_say_nothing() -> None:
    script = Script()
    script.establish()
    script.update({"71": {"predictions": [prediction(script, 8, minEnd=5000)]}})
    assert script.snapshots[-1].groups[1].min_end_ns is None


def test_without_predictions_the_durations_of_the_controller_are_promised() -> None:
    script = Script()
    script.establish()
    yellow = script.update({"71": {"state": 8}}).groups[1]
    assert yellow.min_end_ns == script.now_ns + 3000 * NS_PER_MS
    assert yellow.max_end_ns == script.now_ns + 6000 * NS_PER_MS
    begun = script.update({"71": {"state": 8, "stateticks": script.ticks(-1000)}}).groups[1]
    assert begun.min_end_ns == script.now_ns + 1990 * NS_PER_MS


def test_confidence_can_be_in_per_cent() -> None:
    script = Script(dataclasses.replace(SETTINGS, scale="percent"))
    script.establish()
    told = prediction(script, 6, minEnd=4000, likelyEnd=6000, confidence=90)
    assert script.update({"71": {"predictions": [told]}}).groups[1].confidence == 0.9


@pytest.mark.parametrize("ticks_at_t0", [0, 5_000_000, tlcfi.TICK_WRAP - 20, tlcfi.TICK_WRAP - 3000])
def test_ticks_may_wrap_at_any_time(ticks_at_t0: int) -> None:
    script = Script(ticks_at_t0=ticks_at_t0)
    script.establish()
    told = prediction(script, 6, minEnd=4000, maxEnd=4000, likelyEnd=4000)
    snapshot = script.update({"71": {"state": 6, "predictions": [told]}})
    assert snapshot.groups[1].min_end_ns == script.now_ns + 3990 * NS_PER_MS
    assert snapshot.stamp.capture_ns == script.now_ns
    assert snapshot.stamp.source is TimeSource.SENSOR


def test_a_late_update_is_stamped_when_it_was_so() -> None:
    script = Script()
    script.establish()
    snapshot = script.update({"71": {"state": 8}}, late_ms=400)
    assert snapshot.stamp.capture_ns == script.now_ns - 400 * NS_PER_MS
    assert snapshot.stamp.error_ns >= 400 * NS_PER_MS
    assert snapshot.alive_ns == script.now_ns


def test_ticks_that_cannot_be_leave_the_colour_and_drop_the_times() -> None:
    script = Script()
    script.establish()
    far = prediction(script, 8, minEnd=4000)
    snapshot = script.update({"71": {"state": 8, "predictions": [far]}}, late_ms=60_000)
    assert snapshot.groups[1].lamp is LampState.YELLOW
    assert snapshot.groups[1].min_end_ns is None
    assert snapshot.stamp.source is TimeSource.ARRIVAL
    assert script.counters["clock_rejected"] == 1


@pytest.mark.parametrize(
    ("state", "flag"),
    [
        (0, IntersectionStatus.FAILURE_MODE),
        (1, IntersectionStatus.OFF),
        (2, IntersectionStatus.STANDBY),
        (7, IntersectionStatus.NONE),
    ],
)
def test_state_of_the_intersection_is_a_neutral_flag(state: int, flag: IntersectionStatus) -> None:
    script = Script()
    script.establish()
    snapshot = script.update({"K1": {"state": state}}, kind=ObjectType.INTERSECTION)
    assert snapshot.status == flag


def test_events_are_counted_and_unknown_calls_refused() -> None:
    script = Script()
    script.establish()
    script.say({"method": "NotifyEvent", "params": {"ticks": script.ticks()}})
    script.say({"id": 4, "method": "ReadMeta", "params": {}})
    assert script.counters["events"] == 1
    assert script.replies[-1]["error"]["code"] == tlcfi.METHOD_NOT_FOUND


def test_says_good_bye_once_registered() -> None:
    script = Script()
    script.session.deregister(script.now_ns)
    script.wait(0)
    assert [method for method, _ in methods(script)] == ["Register"]
    script.establish()
    script.session.deregister(script.now_ns)
    script.wait(0)
    assert "Deregister" in [method for method, _ in methods(script)]


@pytest.mark.parametrize(
    ("octets", "counter"),
    [
        (b'{"method":"\xff"}', "bad_utf8"),
        (b'{"method":}', "bad_json"),
        (b'{"jsonrpc":"2.0"}', "bad_content"),
        (b"noise", "bad_content"),
        (b'{"jsonrpc":"2.0","method":"UpdateState","params":{"update":7}}', "bad_content"),
        (tlcfi.encode_rpc({"method": "UpdateState", "params": {"update": [NO_STATES]}}), "bad_content"),
        (b'{"jsonrpc":"2.0","id":999,"result":{}}', "stray_replies"),
    ],
)
def test_bad_objects_are_counted_and_prove_nothing(octets: bytes, counter: str) -> None:
    script = Script()
    script.establish()
    count = len(script.snapshots)
    script.say_raw(octets)
    assert script.counters[counter] == 1
    assert len(script.snapshots) == count
    assert script.session.ended is None
    assert ("doubts" in script.counters) == counter.startswith("bad")
    if (
        "doubts" in script.counters
    ):  # it may have been about the lamps: nothing is vouched for until they are told
        script.now_ns += NS_PER_S
        script.say({"id": 1, "method": "Alive", "params": {"ticks": script.ticks(), "time": 0}})
        assert len(script.snapshots) == count
        data, reference = [{"state": 3}, {"state": 8}], tlcfi.objects(ObjectType.SIGNAL_GROUP, NAMES)
        script.answer(
            "Subscribe", ObjectType.SIGNAL_GROUP, data=data, objects=reference, ticks=script.ticks()
        )
    assert script.update({"71": {"state": 8}}).groups[1].lamp is LampState.YELLOW


def test_an_object_that_never_ends_ends_the_connection() -> None:
    script = Script()
    script.establish()
    script.say_raw(b'{"text":"' + b"x" * tlcfi.MESSAGE_LIMIT)
    assert script.session.ended is not None
    assert script.counters["bad_length"] == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
state_keys = st.sampled_from(
    ["state", "predictions", "stateticks", "minEnd", "maxEnd", "likelyEnd", "confidence"]
)


@settings(max_examples=50)
@given(
    st.dictionaries(state_keys, json_values | st.lists(st.dictionaries(state_keys, json_values), max_size=3))
)
def test_no_state_however_odd_breaks_the_session(state: dict[str, object]) -> None:
    script = Script()
    script.establish()
    script.update({"71": state})
    script.update({"K1": state}, kind=ObjectType.INTERSECTION)
    assert len(script.snapshots[-1].groups) == 2


@settings(max_examples=50)
@given(st.lists(json_values, min_size=1, max_size=9))
def test_no_answer_however_odd_breaks_the_session(results: list[object]) -> None:
    script = Script()
    for number, result in enumerate(results, start=1):
        script.say({"id": number, "result": result})
        script.say({"id": number, "method": "Alive", "params": result})
        script.say({"id": number, "method": "UpdateState", "params": result})
    script.wait(NS_PER_S)


@pytest.mark.data
def test_canned_replies_of_a_controller_lead_to_lamps(data_dir: Path) -> None:
    canned = {(method, kind): reply for method, kind, reply in canned_replies(data_dir)}
    groups = tuple((number, GroupKind.GROUP, None) for number in (2, 3, 5, 8))
    script = Script(dataclasses.replace(SETTINGS, groups=groups), ticks_at_t0=11_006_200)
    while script.calls:
        call = script.calls.pop(0)
        reply = canned[call["method"], call["params"].get("type") if call["method"] != "Register" else None]
        script.say_raw(reply.replace(b'"id":5,"jsonrpc"', b'"id":%d,"jsonrpc"' % call["id"]))
    assert script.session.ended is None
    snapshot = script.snapshots[-1]
    red, green = LampState.RED, LampState.GREEN
    assert {group.number: group.lamp for group in snapshot.groups} == {2: red, 3: red, 5: green, 8: red}
    green_least_ns = 4 * NS_PER_S + (11_006_558 - 11_006_200) * NS_PER_MS  # 4 s from its own ticks
    assert snapshot.groups[2].min_end_ns == script.now_ns + green_least_ns
