"""What the site file makes of radios, links and the controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.app.controller_parts import build_controller
from edge.app.front_parts import build_encoders, build_lane, build_receiver
from edge.app.radio_parts import build_radio
from edge.config.controller import GroupConfig
from edge.config.controllers import TscbmConfig
from edge.config.links import MqttLinkConfig, UdpLinkConfig
from edge.config.radios import Ifm41Config, MqttRadioConfig
from edge.core.errors import ConfigError
from edge.core.signals import IntersectionStatus, MovementState, SignalState
from edge.publish.radio import MessageEncoders
from edge.signals.lane import LaneLimits
from edge.v2x import csae, etsi, j2735
from edge.v2x.whole import recognise
from hw.rsu.ifm41 import Ifm41Radio
from hw.rsu.mqtt_radio import MqttRadio
from hw.rsu.receivers import MqttReceiver, UdpReceiver
from hw.signal.tscbm_controller import TscbmController
from tests.unit.signals.corner import CROSSWALK_GROUPS, VEHICLE_GROUPS, corner
from tests.unit.signals.test_lane import T0, lane, snapshot

GROUPS = tuple(GroupConfig(kind="vehicle", number=n, signal_group=n) for n in VEHICLE_GROUPS) + tuple(
    GroupConfig(kind="pedestrian", number=n - 20, signal_group=n, protected=False) for n in CROSSWALK_GROUPS
)


def controller(**changes: object) -> TscbmConfig:
    return TscbmConfig.model_validate({"type": "tscbm", "listen": "127.0.0.1:0", "group": GROUPS} | changes)


def radio(dialect: str, **changes: object) -> Ifm41Config:
    values = {"type": "ifm41", "name": "radio", "dialect": dialect, "address": "192.0.2.1:1516"}
    return Ifm41Config.model_validate(values | changes)


def encoders(dialect: str, **changes: object) -> tuple[MessageEncoders, SignalState]:
    intersection = corner()
    return build_encoders(radio(dialect, **changes), intersection), build_lane(
        controller(), intersection
    ).tick(T0)


def test_lane_of_the_site_file_fits_the_map() -> None:
    state = build_lane(controller(require_synchronised_clock=False), corner()).tick(T0)
    assert state.reasons == ("no snapshot yet",)


def test_bounds_of_the_colours_come_from_the_site_file() -> None:
    keys = {"impossible_course": "tell", "yellow_s": (3.0, 4.5), "clear_before_green": False}
    lane = build_lane(controller(**keys), corner())
    assert (lane.limits.colours.yellow_least_ns, lane.limits.colours.yellow_most_ns) == (
        3 * 10**9,
        4_500_000_000,
    )
    assert not lane.limits.colours.clearing_conflicts
    assert not lane.limits.course_withdraws
    assert build_lane(controller(), corner()).limits.course_withdraws


def test_clock_bound_is_required_unless_the_site_says_otherwise() -> None:
    strict, free = (
        build_lane(controller(require_synchronised_clock=required), corner()) for required in (True, False)
    )
    strict.set_clock_error(None)
    free.set_clock_error(None)
    assert len(strict.tick(T0).reasons) == len(free.tick(T0).reasons) + 1


def test_controller_of_a_zone_with_named_senders_has_its_driver() -> None:
    assert isinstance(
        build_controller(controller(time_zone="Asia/Shanghai", senders=("192.0.2.5",))), TscbmController
    )


def test_j2735_radio_sends_its_own_messages() -> None:
    made, state = encoders("j2735")
    view = j2735.decode_spat(made.spat(state, T0))
    assert (view.intersection, view.name) == (1201, "corner")
    assert IntersectionStatus.NO_VALID_SPAT in view.status
    assert j2735.decode_map(made.map(T0)).signal_groups == corner().signal_groups


def test_etsi_radio_sends_its_own_messages() -> None:
    intersection = corner()
    config = MqttRadioConfig.model_validate(
        {
            "type": "mqtt",
            "name": "radio",
            "dialect": "etsi",
            "broker": "192.0.2.1:1883",
            "esn": "1",
            "station_id": 77,
        }
    )
    made = build_encoders(config, intersection)
    state = build_lane(controller(), intersection).tick(T0)
    payload = made.spat(state, T0)
    assert payload[:6] == bytes((2, 4, 0, 0, 0, 77))
    view = etsi.decode_spatem(payload)
    assert (view.intersection, view.name) == (1201, "corner")
    assert IntersectionStatus.NO_VALID_SPAT in view.status
    assert etsi.decode_mapem(made.map(T0)).signal_groups == intersection.signal_groups


@pytest.mark.parametrize(("dialect", "station_id"), [("etsi", None), ("j2735", 7), ("etsi", 1 << 32)])
def test_a_station_id_goes_with_etsi_alone(dialect: str, station_id: int | None) -> None:
    values = {"type": "mqtt", "name": "radio", "broker": "192.0.2.1:1883", "esn": "1"}
    with pytest.raises(ValueError, match="station_id"):
        MqttRadioConfig.model_validate(values | {"dialect": dialect, "station_id": station_id})


def test_j2735_map_counts_changes_of_the_map_not_messages() -> None:
    made, _state = encoders("j2735")
    assert made.map(T0) == made.map(T0)


@pytest.mark.parametrize("timing", ["counting", "utc"])
@pytest.mark.parametrize("dialect", ["csae-a", "csae-b"])
def test_csae_radio_sends_its_own_messages(dialect: str, timing: str) -> None:
    made, state = encoders(dialect, timing=timing)
    view = csae.decode_spat(made.spat(state, T0))
    assert view.intersection == 1201
    assert IntersectionStatus.NO_VALID_SPAT in view.status


def test_csae_map_counts_messages_and_differs_by_variant() -> None:
    first, _state = encoders("csae-a")
    second, _state = encoders("csae-b")
    once = first.map(T0)
    assert first.map(T0) != once
    assert second.map(T0) != once


def test_each_kind_of_radio_and_link_has_its_driver(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("word\n", encoding="utf-8")
    login = {"username": "node", "password_file": secret}
    mqtt = {"type": "mqtt", "name": "m", "dialect": "csae-a", "broker": "127.0.0.1:1883"}
    udp = {"type": "udp", "name": "u", "dialect": "j2735", "listen": "127.0.0.1:0"}
    assert isinstance(build_radio(radio("j2735")), Ifm41Radio)
    assert isinstance(build_radio(MqttRadioConfig.model_validate(mqtt | login | {"esn": "E1"})), MqttRadio)
    hisense = {"esn": "E1", "framing": "hisense"}
    assert isinstance(build_radio(MqttRadioConfig.model_validate(mqtt | hisense)), MqttRadio)
    assert isinstance(build_receiver(MqttLinkConfig.model_validate(mqtt | login)), MqttReceiver)
    assert isinstance(build_receiver(UdpLinkConfig.model_validate(udp)), UdpReceiver)


def test_password_file_that_is_not_there_names_its_path(tmp_path: Path) -> None:
    config = MqttLinkConfig(
        type="mqtt", name="m", dialect="csae-a", broker="127.0.0.1:1883", password_file=tmp_path / "gone"
    )
    with pytest.raises(ConfigError, match="gone"):
        build_receiver(config)


def test_csae_messages_of_a_kind_are_numbered_one_after_the_other() -> None:
    made, state = encoders("csae-a")
    numbers = [csae.decode_spat(made.spat(state, T0)).revision for _ in range(130)]
    assert numbers == [*range(128), 0, 1]


def test_unsynchronised_clock_silences_all_but_counting_times() -> None:
    unsure = lane(limits=LaneLimits(clock_bound_ns=50_000_000))
    for tenth in range(3):
        now_ns = T0 + tenth * 100_000_000
        state = unsure.update(snapshot(now_ns), now_ns)
    counting, utc, j2735_spat = (
        build_encoders(radio(dialect=dialect, timing=timing), corner()).spat(state, now_ns)
        for dialect, timing in (("csae-a", "counting"), ("csae-a", "utc"), ("j2735", "counting"))
    )
    shown = csae.decode_spat(counting)
    assert not shown.status & IntersectionStatus.NO_VALID_SPAT
    assert (shown.minute_of_year, shown.millisecond) == (None, None)
    greens = [group for group in shown.groups if group.state is MovementState.PROTECTED_MOVEMENT_ALLOWED]
    assert greens
    assert {group.min_end for group in greens} == {48}  # tenths from now: 5 s less two tenths
    for withdrawn in (csae.decode_spat(utc), j2735.decode_spat(j2735_spat)):
        assert withdrawn.status & IntersectionStatus.NO_VALID_SPAT
        assert (withdrawn.minute_of_year, withdrawn.millisecond) == (None, None)
        assert all(g.state is MovementState.UNAVAILABLE for g in withdrawn.groups)


@pytest.mark.parametrize("dialect", ["j2735", "csae-a", "csae-b"])
def test_map_of_an_unsynchronised_clock_has_no_minute_of_the_year(dialect: str) -> None:
    made, _state = encoders(dialect)
    dated, undated = (recognise(made.map(now_ns)).value for now_ns in (T0, None))
    assert "timeStamp" in dated
    assert "timeStamp" not in undated


def test_silent_controller_does_not_bring_the_time_back_while_the_clock_is_unsynchronised() -> None:
    unsure = lane(limits=LaneLimits(clock_bound_ns=50_000_000))
    state = unsure.tick(T0)
    assert state.relative is None
    made = build_encoders(radio(dialect="csae-a", timing="counting"), corner())
    view = csae.decode_spat(made.spat(state, T0))
    assert (view.minute_of_year, view.millisecond) == (None, None)
