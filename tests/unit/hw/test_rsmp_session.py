"""The supervisor's side of an RSMP connection, message by message."""

from __future__ import annotations

import pytest

from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S
from hw.signal import rsmp
from hw.signal.rsmp_session import RsmpSettings
from tests.unit.hw.rsmp_script import GROUP_1, INTERSECTION, MAIN, Script


def kinds(messages: list[rsmp.Message]) -> list[str]:
    return [message["type"] for message in messages]


def test_handshake_in_the_order_of_the_specification() -> None:
    script = Script()
    answers = script.offer()
    assert kinds(answers) == ["MessageAck", "Version"]
    assert answers[1]["siteId"] == [{"sId": "KK+AG1"}]
    assert not script.session.open
    beat = script.say(rsmp.acknowledge(answers[1]))
    assert kinds(beat) == ["Watchdog"]
    assert script.opened == 1
    asked = script.say(rsmp.watchdog(script.now_ns))
    assert kinds(asked)[-1] == "MessageAck"
    subscribed = {(m["cId"], m["sS"][0]["sCI"]) for m in asked if m["type"] == "StatusSubscribe"}
    assert {(MAIN, "S0001"), (MAIN, "S0014"), (MAIN, "S0011"), (GROUP_1, "S0025")} <= subscribed
    entry = next(m for m in asked if m["type"] == "StatusSubscribe")["sS"][0]
    assert (entry["uRt"], entry["sOc"]) == ("0", True)


@pytest.mark.parametrize(
    ("core", "sxl", "reason"),
    [("3.1.5", "1.2.1", "RSMP 3.1.5: supported are"), ("3.2.2", "1.0.15", "SXL 1.0.15: expected 1.2.1")],
)
def test_wrong_versions_are_refused_with_the_reason(core: str, sxl: str, reason: str) -> None:
    script = Script()
    (answer,) = script.offer(core=core, sxl=sxl)
    assert answer["type"] == "MessageNotAck"
    assert answer["rea"].startswith(reason)
    assert script.session.ended == answer["rea"]
    assert script.counters["refused"] == 1


def test_a_site_that_is_not_ours_is_refused() -> None:
    script = Script(refusal="site id X: expected Y")
    (answer,) = script.offer(site_id="X")
    assert (answer["type"], answer["rea"]) == ("MessageNotAck", "site id X: expected Y")
    assert script.session.ended


def test_nothing_but_the_version_is_acknowledged_before_the_handshake() -> None:
    script = Script()
    assert script.say(rsmp.watchdog(script.now_ns)) == []
    assert script.counters["early"] == 1
    assert kinds(script.offer()) == ["MessageAck", "Version"]


def test_a_site_that_refuses_our_version_is_let_go() -> None:
    script = Script()
    version = script.offer()[1]
    script.say(rsmp.refuse(version, "SXL differs"))
    assert script.session.ended == "the site refuses our Version: SXL differs"


def test_component_comes_from_the_aggregated_status_where_the_site_file_has_none() -> None:
    script = Script(RsmpSettings(INTERSECTION))
    assert script.establish() == []
    status = {"mType": "rSMsg", "type": "AggregatedStatus", "mId": rsmp.new_id(), "cId": "TC9"}
    asked = script.say(status)
    assert {m["cId"] for m in asked if m["type"] == "StatusSubscribe"} == {"TC9", GROUP_1}


def test_a_handshake_that_stops_half_way_ends_the_connection() -> None:
    for steps in range(3):
        script = Script(RsmpSettings(INTERSECTION, watchdog_period_ns=NS_PER_S, ack_timeout_ns=60 * NS_PER_S))
        if steps:
            answers = script.offer()
            if steps > 1:
                script.acknowledge(answers)
        script.wait(11 * NS_PER_S)
        assert script.session.ended is not None
        assert script.session.ended.startswith("no handshake")
        assert script.counters["handshake_timeouts"] == 1


def test_lamps_are_published_with_the_sites_stamp() -> None:
    script = Script()
    script.establish()
    snapshot = script.lamps("3B", age_ns=4 * NS_PER_MS)
    assert snapshot is not None
    assert [group.lamp for group in snapshot.groups] == [LampState.GREEN, LampState.RED]
    assert snapshot.stamp.capture_ns == script.now_ns - 4 * NS_PER_MS
    assert snapshot.stamp.error_ns == 4 * NS_PER_MS
    assert snapshot.alive_ns == script.now_ns


def test_heartbeats_renew_the_life_and_never_the_stamp() -> None:
    script = Script()
    script.establish()
    first = script.lamps("3B")
    assert first is not None
    beats = script.wait(NS_PER_S)
    assert kinds(beats) == ["Watchdog"]
    assert script.snapshots[-1] is first  # asking proves nothing
    script.acknowledge(beats)
    again = script.snapshots[-1]
    assert again.alive_ns == script.now_ns > first.alive_ns
    assert again.stamp == first.stamp
    script.now_ns += NS_PER_S
    script.say(rsmp.watchdog(script.now_ns))
    assert script.snapshots[-1].alive_ns == script.now_ns


def test_a_site_that_does_not_acknowledge_is_let_go_and_not_alive() -> None:
    script = Script()
    script.establish()
    alive_ns = script.lamps("3B").alive_ns
    for _ in range(12):
        script.wait(500 * NS_PER_MS)
    assert script.session.ended == "the site does not acknowledge"
    assert script.counters["ack_timeouts"] == 1
    assert script.snapshots[-1].alive_ns == alive_ns


def test_a_site_without_watchdogs_is_let_go() -> None:
    script = Script(RsmpSettings(INTERSECTION, component=MAIN, watchdog_timeout_ns=3 * NS_PER_S))
    script.establish()
    while script.session.ended is None:
        script.acknowledge(script.wait(NS_PER_S))
        assert script.counters["received"] < 100
    assert script.session.ended == "no Watchdog from the site"


def test_updates_from_the_sites_buffer_are_history() -> None:
    script = Script()
    script.establish()
    before = script.lamps("3B")
    after = script.lamps("B3", age_ns=60 * NS_PER_S)
    assert script.counters["history"] == 1
    assert after is not None
    assert after.groups == before.groups
    assert script.said[-1]["type"] == "MessageAck"  # it was understood all the same


def test_older_value_after_a_newer_one_is_dropped() -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    late = script.lamps("B3", age_ns=NS_PER_S)
    assert script.counters["out_of_order"] == 1
    assert late.groups[0].lamp is LampState.GREEN


@pytest.mark.parametrize("step_s", [-3600, -2, 5, 3600])
def test_lamps_are_asked_for_when_the_site_sets_its_clock(step_s: int) -> None:
    """Its update seems to be of another time: what is known is not vouched for until the site has answered."""
    script = Script()
    script.establish()
    before = script.lamps("3B")
    script.site_clock_ns += step_s * NS_PER_S
    script.now_ns += NS_PER_S
    asked = script.tell({("S0001", "signalgroupstatus"): "B3"})
    assert kinds(asked) == ["StatusRequest", "MessageAck"]
    assert script.counters["doubts"] == 1
    script.acknowledge(script.wait(NS_PER_S) + asked)
    assert script.snapshots[-1] is before
    script.tell({("S0001", "signalgroupstatus"): "B3"}, kind="StatusResponse")
    assert [group.lamp for group in script.snapshots[-1].groups] == [LampState.RED, LampState.GREEN]
    assert script.snapshots[-1].alive_ns == script.now_ns
    assert script.snapshots[-1].stamp.capture_ns <= script.now_ns + NS_PER_S


def test_lamps_are_looked_at_now_and_then_for_an_update_may_be_lost() -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    for _ in range(60):
        script.acknowledge(script.wait(500 * NS_PER_MS))
    asked = [m for m in script.said if m["type"] == "StatusRequest"]
    assert len(asked) == 4  # at first and every ten seconds
    script.tell({("S0001", "signalgroupstatus"): "B3"}, kind="StatusResponse")
    assert script.snapshots[-1].groups[1].lamp is LampState.GREEN


def test_lamps_in_doubt_are_asked_for_again_and_then_given_up() -> None:
    script = Script()
    script.establish()
    before = script.lamps("3B")
    script.acknowledge(script.say_raw(b"junk\f"))
    while script.session.ended is None:
        script.acknowledge(script.wait(500 * NS_PER_MS))
    assert script.session.ended == "what the lamps show is not known any more"
    assert script.snapshots[-1] is before
    asked = [m for m in script.said if m["type"] == "StatusRequest"]
    assert 4 <= len(asked) <= 7


def test_an_answer_holds_now_however_long_ago_it_began() -> None:
    script = Script()
    script.establish()
    script.tell({("S0001", "signalgroupstatus"): "cc"}, age_ns=3600 * NS_PER_S, kind="StatusResponse")
    snapshot = script.snapshots[-1]
    assert snapshot.groups[0].lamp is LampState.FLASHING_YELLOW
    assert snapshot.stamp.capture_ns == script.now_ns - 3600 * NS_PER_S
    assert snapshot.alive_ns == script.now_ns


@pytest.mark.parametrize("ahead_s", [-7200, -5, 5, 7200])
def test_a_site_with_a_wrong_clock_is_read_by_its_watchdogs(ahead_s: int) -> None:
    script = Script()
    script.site_clock_ns = ahead_s * NS_PER_S
    script.establish()
    snapshot = script.lamps("3B")
    assert snapshot is not None
    assert abs(snapshot.stamp.capture_ns - script.now_ns) <= NS_PER_MS
    assert snapshot.stamp.error_ns >= NS_PER_S
    end = script.now_ns + 20 * NS_PER_S + script.site_clock_ns
    script.tell({("S0025", "maxToREstimate"): rsmp.timestamp(end)}, component=GROUP_1)
    assert script.snapshots[-1].groups[0].max_end_ns == script.now_ns + 17 * NS_PER_S
    assert script.counters["clock_rejected"] == 1


@pytest.mark.parametrize("quality", ["unknown", "undefined"])
def test_lamps_that_the_site_does_not_know_are_no_lamps(quality: str) -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    script.now_ns += NS_PER_MS
    script.tell({("S0001", "signalgroupstatus"): None}, quality=quality)
    assert script.snapshots[-1].groups == ()


def test_old_values_change_nothing() -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    asked = script.tell({("S0001", "signalgroupstatus"): "B3"}, quality="old")
    assert kinds(asked) == ["StatusRequest", "MessageAck"]
    assert script.snapshots[-1].groups[0].lamp is LampState.GREEN
    assert script.counters["old_values"] == 1


def test_letters_that_are_none_leave_no_lamps() -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    assert script.lamps("3?").groups == ()
    assert script.counters["bad_content"] == 1


def test_a_status_that_the_site_refuses_is_done_without() -> None:
    script = Script()
    script.acknowledge(script.acknowledge(script.offer()))
    asked = script.say(rsmp.watchdog(script.now_ns))
    for message in asked:
        if message["type"] == "StatusSubscribe" and message["sS"][0]["sCI"] != "S0001":
            script.say(rsmp.refuse(message, "unknown status"))
    assert script.session.ended is None
    assert script.counters["not_acknowledged"] >= 8
    assert script.lamps("3B") is not None


def test_a_site_that_refuses_to_tell_its_lamps_is_let_go() -> None:
    script = Script()
    script.acknowledge(script.acknowledge(script.offer()))
    asked = script.say(rsmp.watchdog(script.now_ns))
    script.say(rsmp.refuse(asked[0], "no such component"))
    assert script.session.ended == "the site refuses our S0001: no such component"


def test_alarms_are_acknowledged_as_messages_and_not_on_anybodys_behalf() -> None:
    script = Script()
    script.establish()
    alarm = {
        "mType": "rSMsg",
        "type": "Alarm",
        "mId": rsmp.new_id(),
        "cId": MAIN,
        "aCId": "A0001",
        "xACId": "",
        "aSp": "Issue",
        "ack": "notAcknowledged",
        "aS": "Active",
        "sS": "notSuspended",
        "aTs": rsmp.timestamp(script.now_ns),
        "cat": "D",
        "pri": "2",
        "rvs": [],
    }
    assert kinds(script.say(alarm)) == ["MessageAck"]
    assert script.counters["alarms"] == 1


def test_half_a_surrogate_pair_is_sent_back_as_a_question_mark() -> None:
    script = Script()
    script.establish()
    octets = rsmp.encode_message({**rsmp.watchdog(script.now_ns), "type": "TYPE"})
    (answer,) = script.say_raw(octets.replace(b"TYPE", rb"\ud800"))
    assert answer["rea"] == "unknown message type: ?"
    other = Script()
    octets = rsmp.encode_message(rsmp.version(core=("3.2.2",), sxl="SXL", site_ids=("a",)))
    other.say_raw(octets.replace(b'"SXL":"SXL"', rb'"SXL":"\udfff"'))
    assert other.session.ended == "SXL ?: expected 1.2.1"


def test_unknown_types_are_refused_with_the_reason() -> None:
    script = Script()
    script.establish()
    (answer,) = script.say({**rsmp.watchdog(script.now_ns), "type": "Watchdddog"})
    assert (answer["type"], answer["rea"]) == ("MessageNotAck", "unknown message type: Watchdddog")


@pytest.mark.parametrize(
    ("octets", "counter"),
    [
        (b"\xff\xfe\f", "bad_utf8"),
        (b"{\f", "bad_json"),
        (b"{}\f", "bad_content"),
        (b'{"mType":"rSMsg","type":"MessageAck","oMId":7}\f', "bad_content"),
        (b"x" * (rsmp.MESSAGE_LIMIT + 1) + b"\f", "bad_length"),
    ],
)
def test_bad_octets_are_counted_and_the_site_talks_on(octets: bytes, counter: str) -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    count = len(script.snapshots)
    assert kinds(script.say_raw(octets)) == ["StatusRequest"]  # it may have been about the lamps
    assert script.counters[counter] == 1
    assert len(script.snapshots) == count
    assert script.lamps("B3").groups[1].lamp is LampState.GREEN


def test_acks_of_nothing_prove_nothing() -> None:
    script = Script()
    script.establish()
    script.lamps("3B")
    count = len(script.snapshots)
    script.say({"mType": "rSMsg", "type": "MessageAck", "oMId": rsmp.new_id()})
    assert script.counters["stray_acks"] == 1
    assert len(script.snapshots) == count
