"""The capture clock follows the camera's reports, refuses what cannot be, and says how far it may be off."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from hw.camera.capture_clock import Arrival, CaptureClock, ClockMode

START_NS = 1_700_000_000 * NS_PER_S
PERIOD_NS = 40 * NS_PER_MS
LATENCY_NS = 100 * NS_PER_MS
MS = NS_PER_MS


@dataclass
class Seen:
    """One stamped picture: its true capture time and what the clock said."""

    true_ns: int
    stamp: Stamp
    trouble: str

    @property
    def error_ns(self) -> int:
        return self.stamp.capture_ns - self.true_ns


@dataclass
class Camera:
    """Pictures every 40 ms whose report is spread by the camera's clocks; times are s since the start."""

    mode: ClockMode = "auto"
    delay: Callable[[float], float] = lambda _t: 0.05
    wall: Callable[[float], float] = lambda _t: 0.0
    media: Callable[[float], float] = lambda t: t
    host: Callable[[float], float] = lambda _t: 0.0
    reports: frozenset[int] = frozenset(range(0, 10_000, 25))
    outliers: dict[int, float] = field(default_factory=dict)
    marked: bool = True
    counters: dict[str, int] = field(default_factory=dict)

    def play(self, pictures: int) -> list[Seen]:
        clock = CaptureClock(mode=self.mode, latency_ns=LATENCY_NS, counters=self.counters)
        anchor: tuple[float, float] | None = None
        seen, came_s = [], 0.0
        for number in range(pictures):
            t = number * PERIOD_NS / NS_PER_S
            came_s = max(came_s, t + self.delay(t))
            reported = number in self.reports
            if reported:
                anchor = (t + self.wall(t) + self.outliers.get(number, 0.0), self.media(t))
            produced_ns = None
            if anchor is not None:
                produced_ns = START_NS + round((anchor[0] + self.media(t) - anchor[1]) * NS_PER_S)
            arrival = Arrival(
                START_NS + round((came_s + self.host(came_s)) * NS_PER_S), round(came_s * NS_PER_S)
            )
            media_ns = round(self.media(t) * NS_PER_S)
            clock.packet(media_ns, produced_ns, reported=reported and self.marked, arrival=arrival)
            stamp = clock.stamp(media_ns, arrival=arrival)
            seen.append(Seen(START_NS + round(t * NS_PER_S), stamp, clock.trouble))
        return seen


def sources(seen: list[Seen]) -> list[str]:
    """Time sources in order, each once per run."""
    return [kind for kind, _run in itertools.groupby(s.stamp.source.value for s in seen)]


def assert_honest(seen: list[Seen]) -> None:
    for one in seen:
        assert abs(one.error_ns) <= one.stamp.error_ns


def assert_in_order(seen: list[Seen]) -> None:
    for earlier, later in itertools.pairwise(seen):
        assert later.stamp.capture_ns > earlier.stamp.capture_ns


def test_reports_give_the_true_time_and_before_them_arrival_less_latency() -> None:
    camera = Camera(reports=frozenset(range(50, 1000, 25)))
    seen = camera.play(200)
    assert sources(seen) == ["arrival", "rtcp"]
    arrived = seen[10].stamp
    assert arrived.capture_ns == seen[10].true_ns + 50 * MS - LATENCY_NS
    assert arrived.error_ns == LATENCY_NS + PERIOD_NS
    assert all(s.error_ns == 0 for s in seen if s.stamp.source is TimeSource.RTCP)
    assert {s.trouble for s in seen} == {""}
    assert_honest(seen)
    assert_in_order(seen)
    assert camera.counters["sender_reports"] == 6


def test_jitter_and_congestion_do_not_move_the_time() -> None:
    chance = random.Random(3)
    camera = Camera(delay=lambda t: 0.02 + chance.uniform(0.0, 0.3) + (1.5 if 4.0 < t < 9.0 else 0.0))
    seen = camera.play(500)
    told = [s for s in seen if s.stamp.source is TimeSource.RTCP]
    assert len(told) >= 495
    assert max(abs(s.error_ns) for s in told) == 0
    assert {s.trouble for s in seen} == {""}
    assert_honest(seen)


def test_drift_of_both_clocks_is_followed_by_every_report() -> None:
    seen = Camera(media=lambda t: 7.0 + t * (1.0 + 200e-6), reports=frozenset(range(0, 3000, 125))).play(3000)
    assert sources(seen) == ["arrival", "rtcp"]
    assert max(abs(s.error_ns) for s in seen[10:]) <= 1.1 * MS
    assert_honest(seen)
    assert_in_order(seen)


@pytest.mark.parametrize("mark", [True, False], ids=["marked", "seen by what it changes"])
def test_correction_of_the_cameras_clock_is_followed(mark: bool) -> None:
    camera = Camera(wall=lambda t: 0.03 if t < 5 else 0.0, marked=mark)
    seen = camera.play(250)
    assert seen[-1].error_ns == 0
    assert seen[60].error_ns == 30 * MS
    assert camera.counters["clock_steps"] == 0
    assert_in_order(seen)


def test_picture_that_carries_the_time_of_the_next_is_not_believed() -> None:
    clock = CaptureClock(latency_ns=LATENCY_NS, counters={})
    told = []
    for number in range(6):
        produced = [None, PERIOD_NS, PERIOD_NS, 2 * PERIOD_NS, 3 * PERIOD_NS, 4 * PERIOD_NS][number]
        media = max(0, number - 1) * PERIOD_NS
        arrival = Arrival(START_NS + media + 9 * MS, media + 9 * MS)
        clock.packet(
            media,
            None if produced is None else START_NS + produced,
            reported=number in (1, 2),
            arrival=arrival,
        )
        told.append(clock.stamp(media, arrival=arrival))
    assert [s.source for s in told] == [TimeSource.ARRIVAL] * 3 + [TimeSource.RTCP] * 3
    assert told[-1].capture_ns == START_NS + 4 * PERIOD_NS


@pytest.mark.parametrize("number", [0, 50, 125], ids=["first", "second", "later"])
@pytest.mark.parametrize("off_s", [-3.0, 0.4, 2.0, 86_400.0])
def test_one_report_that_is_off_is_not_followed(number: int, off_s: float) -> None:
    camera = Camera(outliers={number: off_s}, reports=frozenset(range(0, 1000, 50)) | {number})
    seen = camera.play(400)
    told = [s for s in seen if s.stamp.source is TimeSource.RTCP]
    if not (number == 0 and off_s == 0.4):
        assert max(abs(s.error_ns) for s in told) == 0
    assert seen[-1].stamp.source is TimeSource.RTCP
    assert seen[-1].error_ns == 0
    assert seen[-1].trouble == ""
    assert_in_order(seen)


@pytest.mark.parametrize(
    ("offset_s", "words"), [(2.0, "2.0 s ahead of"), (-2.0, "1.9 s behind"), (3600.0, "3600.1 s ahead of")]
)
def test_clock_that_is_off_is_named_and_arrival_is_used(offset_s: float, words: str) -> None:
    camera = Camera(wall=lambda _t: offset_s)
    seen = camera.play(60)
    assert sources(seen) == ["arrival"]
    assert words in seen[-1].trouble
    assert "NTP" in seen[-1].trouble
    assert_honest(seen)
    assert camera.counters["implausible_time"] > 50
    assert abs(camera.counters["clock_offset_ms"] - (1000 * offset_s + 50)) <= 1
    flagged = next(n for n, s in enumerate(seen) if s.trouble)
    assert flagged == (1 if offset_s > 0 else 26)


def test_pictures_that_come_late_at_first_are_no_clock_that_is_behind() -> None:
    seen = Camera(delay=lambda t: 1.2 if t < 0.5 else 0.05).play(100)
    assert {s.trouble for s in seen} == {""}
    assert seen[-1].stamp.source is TimeSource.RTCP
    assert_in_order(seen)


@pytest.mark.parametrize("lead_s", [0.08, -0.2])
def test_bound_grows_by_what_the_latency_does_not_explain(lead_s: float) -> None:
    seen = Camera(wall=lambda _t: lead_s, delay=lambda _t: 0.02).play(200)
    assert seen[-1].stamp.source is TimeSource.RTCP
    assert seen[-1].stamp.error_ns >= 70 * MS
    assert_honest(seen)


@pytest.mark.parametrize("step_s", [2.0, -2.0])
def test_clock_that_is_set_wrong_in_mid_stream_is_named_once_two_reports_agree(step_s: float) -> None:
    camera = Camera(wall=lambda t: step_s if t >= 3.0 else 0.0)
    seen = camera.play(250)
    assert sources(seen) == ["arrival", "rtcp", "arrival"]
    # One report may be an error; until the next one the old anchor counts on.
    assert seen[99].error_ns == 0
    assert seen[99].stamp.source is TimeSource.RTCP
    assert seen[101].stamp.source is TimeSource.ARRIVAL
    assert seen[130].trouble
    assert_honest(seen)
    assert_in_order(seen)
    assert (camera.counters["odd_reports"], camera.counters["clock_steps"]) == (1, 1)


def test_clock_that_is_set_right_is_believed_at_once() -> None:
    camera = Camera(wall=lambda t: 2.0 if t < 3.0 else 0.0)
    seen = camera.play(150)
    assert sources(seen) == ["arrival", "rtcp"]
    assert seen[77].error_ns == 0
    assert seen[77].trouble == ""


def test_reports_that_contradict_each_other_are_not_used() -> None:
    chance = random.Random(5)
    camera = Camera(outliers={n: chance.uniform(-50, 50) for n in range(100, 400, 25)})
    seen = camera.play(700)
    assert sources(seen) == ["arrival", "rtcp", "arrival", "rtcp"]
    assert "contradict" in seen[300].trouble
    assert seen[-1].trouble == ""
    assert_honest(seen)


def test_reports_that_stop_are_used_for_a_minute_with_a_growing_bound() -> None:
    seen = Camera(reports=frozenset({0, 25, 50})).play(1700)
    assert sources(seen) == ["arrival", "rtcp", "arrival"]
    last = [s for s in seen if s.stamp.source is TimeSource.RTCP][-1]
    assert last.true_ns - START_NS == pytest.approx(62 * NS_PER_S, abs=NS_PER_S)
    assert last.stamp.error_ns == pytest.approx(26 * MS, abs=MS)
    assert "no sender report" in seen[-1].trouble
    assert_honest(seen)


def test_without_any_report_arrival_is_used_and_nothing_is_wrong() -> None:
    seen = Camera(reports=frozenset()).play(2000)
    assert sources(seen) == ["arrival"]
    assert {s.trouble for s in seen} == {""}


def test_arrival_bound_tells_of_pictures_that_were_held_up() -> None:
    seen = Camera(reports=frozenset(), delay=lambda t: 0.05 + (0.7 if 2 < t < 3 else 0.0)).play(150)
    assert_honest(seen)
    assert_in_order(seen)


@pytest.mark.parametrize("speed", [2.0, 1000.0], ids=["twice as fast", "at once"])
def test_old_pictures_that_a_server_kept_for_us_are_not_said_to_be_fresh(speed: float) -> None:
    """Servers send what came since the last key picture as soon as somebody connects."""
    seen = Camera(reports=frozenset(), delay=lambda t: max(0.05, 1.9 - t + t / speed)).play(200)
    assert abs(seen[0].error_ns) > NS_PER_S
    assert_honest(seen)
    assert_in_order(seen)
    assert {s.stamp.error_ns for s in seen[120:]} == {LATENCY_NS + PERIOD_NS}


@pytest.mark.parametrize("jump_s", [-40_000.0, 40_000.0])
def test_media_clock_that_starts_anew_waits_for_its_own_report(jump_s: float) -> None:
    camera = Camera(media=lambda t: 50_000.0 + t + (jump_s if t >= 3.2 else 0.0))
    seen = camera.play(200)
    assert sources(seen) == ["arrival", "rtcp", "arrival", "rtcp"]
    assert camera.counters["media_jumps"] == 1
    assert_honest(seen)
    assert_in_order(seen)


@pytest.mark.parametrize("step_s", [2.0, -2.0])
def test_step_of_our_own_clock_is_no_fault_of_a_quiet_network(step_s: float) -> None:
    camera = Camera(host=lambda t: step_s if t >= 3.0 else 0.0)
    seen = camera.play(200)
    assert camera.counters["host_clock_steps"] == 1
    assert seen[-1].stamp.source is TimeSource.ARRIVAL
    assert seen[-1].trouble
    back = Camera(host=lambda t: step_s if t < 3.0 else 0.0).play(200)
    assert back[-1].stamp.source is TimeSource.RTCP
    assert back[-1].error_ns == 0


def test_slow_correction_of_our_own_clock_is_followed() -> None:
    camera = Camera(host=lambda t: t * 400e-6)
    camera.play(5000)
    assert camera.counters["clock_offset_ms"] == pytest.approx(50 - 80, abs=3)


@pytest.mark.parametrize("offset_s", [2.0, -2.0, 600.0])
def test_trusted_camera_is_taken_as_it_is(offset_s: float) -> None:
    seen = Camera(mode="trust", wall=lambda _t: offset_s).play(100)
    assert seen[-1].stamp.source is TimeSource.RTCP
    assert seen[-1].error_ns == offset_s * NS_PER_S
    assert {s.trouble for s in seen} == {""}


def test_trusted_camera_that_is_set_back_a_little_goes_slowly_until_it_fits() -> None:
    camera = Camera(mode="trust", wall=lambda t: 0.4 if t < 2 else 0.0)
    seen = camera.play(150)
    assert_in_order(seen)
    assert seen[-1].error_ns == 0
    assert_honest([s for s in seen if s.true_ns > START_NS + 3.1 * NS_PER_S])
    assert camera.counters["time_went_back"] == 0


def test_camera_that_is_not_to_be_believed_is_not() -> None:
    camera = Camera(mode="arrival", wall=lambda _t: 2.0)
    seen = camera.play(100)
    assert sources(seen) == ["arrival"]
    assert {s.trouble for s in seen} == {""}


def test_pictures_without_a_media_time_are_stamped_by_arrival() -> None:
    clock = CaptureClock(latency_ns=LATENCY_NS, counters={})
    for number in range(3):
        arrival = Arrival(START_NS + number * PERIOD_NS, number * PERIOD_NS)
        clock.packet(None, START_NS, reported=True, arrival=arrival)
        stamp = clock.stamp(None, arrival=arrival)
        assert stamp == Stamp(arrival.utc_ns - LATENCY_NS, TimeSource.ARRIVAL, LATENCY_NS + PERIOD_NS)
