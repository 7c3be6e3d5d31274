"""`edge watch`: what it received, what it may show, and how it starts, follows and ends."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.app.view_style import Lamp
from edge.app.watch import export_svg, follow, watch
from edge.app.watch_feed import Feed, countdown, describe
from edge.sdk import SceneUpdate, SignalGroup
from edge.sdk.intersection import read_intersection
from edge.sdk.updates import read_update
from tests.unit.centre.feed import hello, updates
from tests.unit.centre.served_node import served_node

NOW = 1_800_000_015_000_000_000  # 15 s into the synthetic cycle: groups 2 and 12 are green
S = 1_000_000_000


def feed(*, withdrawn: str = "") -> Feed:
    known = Feed("10.0.0.5:50051")
    known.info = read_intersection(hello("demo-1"))
    for message in updates(1, now_ns=NOW, withdrawn=withdrawn):
        update = read_update(message)
        assert update is not None
        known.take(update, now_ns=NOW)
    return known


def test_live_picture_has_lamps_users_lanes_and_health() -> None:
    known = feed()
    assert known.complete
    picture = known.picture(now_ns=NOW)
    assert (picture.state, picture.alert) == ("live", "")
    assert {row.group: row.lamp for row in picture.signals}[2] is Lamp.GREEN
    assert {row.group: row.lamp for row in picture.signals}[4] is Lamp.RED
    assert [user.source for user in picture.users][:3] == ["camera", "V2X", "both"]
    assert len(picture.heads) == 8
    assert len(picture.lane_rows) == 8
    assert picture.health[0].state == "degraded", "the worst comes first"


def test_a_camera_that_sees_nothing_is_told() -> None:
    known = feed()
    for message in updates(2, now_ns=NOW, blind=True):
        update = read_update(message)
        assert update is not None
        known.take(update, now_ns=NOW)
    assert "not seeing: camera north" in known.picture(now_ns=NOW).alert


def test_a_scene_without_any_measurement_has_no_age() -> None:
    known = feed()
    scene = next(u for u in map(read_update, updates(2, now_ns=NOW)) if isinstance(u, SceneUpdate))
    for capture_ns, shown in ((scene.capture_ns, True), (0, False)):
        known.take(dataclasses.replace(scene, capture_ns=capture_ns), now_ns=NOW)
        assert any("after capture" in fact for fact in known.picture(now_ns=NOW).facts) is shown


def test_withdrawn_signals_have_no_colour_and_no_countdown() -> None:
    picture = feed(withdrawn="conflicting greens").picture(now_ns=NOW)
    assert "conflicting greens" in picture.alert
    assert {row.lamp for row in picture.signals} == {Lamp.NONE}
    assert {row.left for row in picture.signals} == {""}
    assert {head.lamp for head in picture.heads} == {Lamp.NONE}


def test_nothing_past_its_validity_is_shown() -> None:
    picture = feed().picture(now_ns=NOW + S)
    assert picture.state == "live"
    assert "expired" in picture.alert
    assert {row.lamp for row in picture.signals} == {Lamp.NONE}
    assert (picture.users, picture.objects_current, picture.lane_rows) == ((), False, ())


def test_silence_is_stale_and_a_lost_node_is_lost() -> None:
    known = feed()
    assert known.picture(now_ns=NOW + 3 * S).state == "stale"
    known.lost("lost 10.0.0.5: connection refused")
    known.reconnects = 1
    picture = known.picture(now_ns=NOW + 3 * S)
    assert picture.state == "lost"
    assert "connection refused, silent for 3 s" in picture.alert
    assert "reconnects 1" in picture.facts


def test_before_the_first_word_it_is_connecting() -> None:
    assert Feed("x").picture(now_ns=NOW).state == "connecting"


@pytest.mark.parametrize(
    ("low_s", "high_s", "likely_s", "confidence", "expected"),
    [
        pytest.param(3.0, 9.0, 6.0, 0.9, ("6", "3-9 s, 90%"), id="estimate with promise"),
        pytest.param(4.0, 4.0, None, None, ("4", ""), id="promised end"),
        pytest.param(3.0, 9.0, None, None, ("≤9", "3-9 s"), id="range only"),
        pytest.param(5.0, None, None, None, ("≥5", ""), id="minimum only"),
        pytest.param(None, None, None, None, ("", ""), id="nothing known"),
        pytest.param(None, None, -2.0, None, ("0", ""), id="end has passed"),
    ],
)
def test_countdown_says_what_is_promised(
    low_s: float | None,
    high_s: float | None,
    likely_s: float | None,
    confidence: float | None,
    expected: tuple[str, str],
) -> None:
    ends = [None if s is None else NOW + int(s * S) for s in (low_s, high_s, likely_s)]
    group = SignalGroup(1, "stop_and_remain", *ends, confidence, None)
    assert countdown(group, now_ns=NOW) == expected


def test_groups_are_described_by_side_and_turn() -> None:
    info = read_intersection(hello("demo-1"))
    assert describe(info, 2) == "East, West ↑→"
    assert describe(info, 1) == "East, West ←"
    assert describe(info, 12) == "North, South walk"


def test_rates_are_told_once_a_second_was_seen() -> None:
    known = feed()
    assert not [fact for fact in known.picture(now_ns=NOW).facts if "Hz" in fact]
    for k in range(1, 21):
        now_ns = NOW + k * S // 10
        for message in updates(1 + k, now_ns=now_ns):
            update = read_update(message)
            assert update is not None
            known.take(update, now_ns=now_ns)
    facts = known.picture(now_ns=NOW + 2 * S).facts
    assert facts[:2] == ("signals 10.0 Hz", "scene 10.0 Hz")


def test_svg_is_whole_and_loads_nothing() -> None:
    text = export_svg(feed(), now_ns=NOW)
    ElementTree.fromstring(text)  # noqa: S314 - our own text
    assert "url(" not in text.replace("url(#", "")
    assert "http" not in text.replace("http://www.w3.org/", "")
    assert "Harbour" in text


async def test_once_prints_a_whole_frame(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    async with served_node() as node, asyncio.timeout(30):
        status = await watch(f"127.0.0.1:{node.port}", once=True, svg=tmp_path / "frame.svg")
    printed = capsys.readouterr().out
    assert status == 0
    for expected in ("Harbour Road", "Road users: 8", "camera.north", "East in 1"):
        assert expected in printed
    assert (tmp_path / "frame.svg").read_text().startswith("<svg")


async def test_absent_node_is_said_and_the_status_is_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.app.watch.ONCE_TIMEOUT_S", 0.3)
    assert await watch("127.0.0.1:9", once=True) == 1
    assert "127.0.0.1:9" in capsys.readouterr().err


async def test_refusal_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    async with served_node(refuse="not for you") as node, asyncio.timeout(30):
        assert await watch(f"127.0.0.1:{node.port}", once=True) == 2
    assert "not for you" in capsys.readouterr().out


async def test_view_says_lost_and_is_live_again_when_the_node_comes_back() -> None:
    known, stop = Feed("node"), asyncio.Event()

    def state() -> str:
        return known.picture(now_ns=time.time_ns()).state

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        async with served_node() as node:
            port = node.port
            reader = group.create_task(follow(f"127.0.0.1:{port}", known, stop))
            while not known.complete:  # noqa: ASYNC110 - pure state, not an event
                await asyncio.sleep(0.02)
            assert state() == "live"
        while state() != "lost":  # noqa: ASYNC110 - pure state, not an event
            await asyncio.sleep(0.05)
        picture = known.picture(now_ns=time.time_ns())
        assert "trying again" in picture.alert
        assert {head.lamp for head in picture.heads} == {Lamp.NONE}
        async with served_node(port=port):
            while state() != "live":  # noqa: ASYNC110 - pure state, not an event
                await asyncio.sleep(0.05)
            assert known.reconnects >= 1
            reader.cancel()


async def test_interrupt_ends_the_live_view_in_good_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    async with served_node() as node, asyncio.timeout(30):
        running = asyncio.create_task(watch(f"127.0.0.1:{node.port}"))
        await node.subscribed.wait()
        os.kill(os.getpid(), signal.SIGINT)
        assert await running == 0


async def test_duration_ends_the_live_view(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    async with served_node() as node, asyncio.timeout(30):
        began = time.monotonic()
        status = await watch(f"127.0.0.1:{node.port}", duration_s=1.0, svg=tmp_path / "frame.svg")
    assert status == 0
    assert time.monotonic() - began < 10.0
    assert "Harbour" in (tmp_path / "frame.svg").read_text()


def test_user_that_nobody_sees_is_counted_but_has_no_source() -> None:
    known = feed()
    scene = known._scene
    assert scene is not None
    unseen = dataclasses.replace(scene.road_users[0], cameras=(), v2x_links=())
    known.take(dataclasses.replace(scene, road_users=(unseen,)), now_ns=NOW)
    assert [user.source for user in known.picture(now_ns=NOW).users] == ["unseen"]
