"""The lamp desk: health, events, and the doubt that it casts on the signals."""

from __future__ import annotations

from edge.app.front_lamps import COMPONENT, LampDesk
from edge.config.lamps import LampConfig
from edge.config.site import CameraConfig
from edge.core.health import Health, HealthState
from edge.core.lamps import LampReading, LampReadings
from edge.core.signals import LampState
from edge.core.stamp import NS_PER_MS, NS_PER_S, Stamp, TimeSource
from edge.flow.board import HealthBoard
from edge.flow.pack import pack
from tests.unit.signals.test_lane import T0, lane, snapshot

CAMERA = CameraConfig(
    name="north",
    source="sim://127.0.0.1:1/north",
    model="none",
    image_size=(480, 288),
    lamp=(LampConfig(signal_group=1, box=(10, 10, 20, 40)),),
)


class Desk:
    """A desk, a controller whose lights stand still, and a camera."""

    def __init__(self, *, withdraws: bool) -> None:
        self.now_ns, self.doubts = T0, list[str]()
        self.board = HealthBoard(now_ns=lambda: self.now_ns)
        doubt = self.doubts.append if withdraws else None
        self.desk = LampDesk((CAMERA,), board=self.board, doubt=doubt, now_ns=lambda: self.now_ns)
        self._lane = lane()

    def run(self, seconds: float, lamp: LampState) -> None:
        for _ in range(round(seconds * 10)):
            self.now_ns += 100 * NS_PER_MS
            self._lane.update(snapshot(self.now_ns), self.now_ns)
            self.desk.told(self._lane)
            stamp = Stamp(self.now_ns, TimeSource.RTCP)
            self.desk.take(pack(LampReadings("north", stamp, (LampReading(1, lamp),))))
        self.desk.watch()

    @property
    def health(self) -> Health:
        return next(health for health in self.board.snapshot() if health.component == COMPONENT)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.board.events]


def told_of_group_1() -> LampState:
    """What the controller of these tests shows on group 1."""
    state = lane()
    state.update(snapshot(T0), T0)
    (told,) = [movement for number, movement in state.told[1] if number == 1]
    return LampState.GREEN if "MOVEMENT_ALLOWED" in told.name else LampState.RED


RIGHT = told_of_group_1()
WRONG = LampState.RED if RIGHT is LampState.GREEN else LampState.GREEN


def test_agreement_is_healthy() -> None:
    desk = Desk(withdraws=True)
    assert desk.health.state is HealthState.STARTING
    desk.run(2.0, RIGHT)
    assert desk.health.state is HealthState.OK
    assert (desk.kinds, desk.doubts) == ([], [])
    assert desk.health.counters["agreed"] == 20


def test_disagreement_is_one_event_with_both_colours_and_casts_doubt() -> None:
    desk = Desk(withdraws=True)
    desk.run(1.0, RIGHT)
    desk.run(5.0, WRONG)
    assert desk.kinds == ["lamp_disagreement"]
    assert desk.health.state is HealthState.DEGRADED
    assert f"signal group 1: seen {WRONG.name.lower()}, told " in desk.health.message
    assert desk.doubts == [f"lamps of {desk.health.message}"]
    desk.run(4.0, RIGHT)
    assert desk.kinds == ["lamp_disagreement", "lamp_agreement"]
    assert desk.doubts[1:] == [""]
    assert desk.health.state is HealthState.OK


def test_without_the_sites_wish_no_doubt_is_cast() -> None:
    desk = Desk(withdraws=False)
    desk.run(5.0, WRONG)
    assert (desk.kinds, desk.doubts) == (["lamp_disagreement"], [])


def test_dark_and_unreadable_heads_are_named_in_health_without_an_event() -> None:
    for lamp, words in ((LampState.DARK, "is dark"), (LampState.UNKNOWN, "cannot be read")):
        desk = Desk(withdraws=True)
        desk.run(1.0, RIGHT)
        desk.run(32.0, lamp)
        assert desk.health.state is HealthState.DEGRADED
        assert words in desk.health.message
        assert (desk.kinds, desk.doubts) == ([], [])


def test_a_camera_that_falls_silent_ends_the_disagreement() -> None:
    desk = Desk(withdraws=True)
    desk.run(3.0, WRONG)
    desk.now_ns += 31 * NS_PER_S
    desk.desk.watch()
    assert desk.kinds == ["lamp_disagreement", "lamp_agreement"]
    assert desk.doubts[-1] == ""


def test_bad_message_is_counted() -> None:
    desk = Desk(withdraws=False)
    desk.desk.take(b"\x00\x01")
    assert desk.kinds == ["bad_message"]
