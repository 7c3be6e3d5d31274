"""Every J2735 and J3224 message that we send, against pycrate, which compiles the same schema on its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.core.kinds import ObjectClass
from edge.core.signals import IntersectionStatus
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import split_j2735
from tests.unit.v2x.oracles import pycrate_for
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, RED, crossing, recorded_j2735, report, signal_state
from tests.unit.v2x.test_j2735_priority import BUS, GRANTED
from tests.unit.v2x.test_j2735_psm import walker
from tests.unit.v2x.test_j2735_rtcm import STATION
from tests.unit.v2x.test_j2735_sdsm import TRUCK, perceived
from tests.unit.v2x.test_j2735_tim import QUEUE

MESSAGES = {
    18: "MapData",
    19: "SPAT",
    20: "BasicSafetyMessage",
    28: "RTCMcorrections",
    29: "SignalRequestMessage",
    30: "SignalStatusMessage",
    31: "TravelerInformation",
    32: "PersonalSafetyMessage",
    41: "SensorDataSharingMessage",
}
PATH = ((0.0, 0.0), (30.0, 5.0), (700.0, 40.0))


def sent() -> Iterator[bytes]:
    """What our dialects send, with few and with many optional elements."""
    events = ("hard_braking", "siren", "light_bar")
    yield j2735.encode_bsm(report(), frame=FRAME, message_count=1)
    yield j2735.encode_bsm(report(events=events), frame=FRAME, message_count=2)
    yield j2735.encode_bsm(report(events=(), object_class=ObjectClass.UNKNOWN), frame=FRAME, message_count=3)
    yield j2735.encode_psm(walker(), frame=FRAME, message_count=4)
    yield j2735.encode_psm(walker(acceleration_mps2=None, events=()), frame=FRAME, message_count=5)
    for status in (IntersectionStatus.NONE, IntersectionStatus.NO_VALID_SPAT):
        yield j2735.encode_spat(
            signal_state(GREEN, RED, status=status), now_ns=NOW_NS, name="North", region=7
        )
    yield j2735.encode_map(crossing(), message_count=6, now_ns=NOW_NS)
    yield j2735.encode_srm([BUS, BUS], frame=FRAME)
    yield j2735.encode_ssm([GRANTED], message_count=7, now_ns=NOW_NS)
    for path in ((), PATH):
        for radius_m in (None, 50.0):
            event = replace(QUEUE, path_m=path, radius_m=radius_m, text="KEEP LEFT" if path else "")
            yield j2735.encode_tim(event, frame=FRAME, station="s", now_ns=NOW_NS)
    yield from j2735.encode_sdsm(perceived(TRUCK, TRUCK), frame=FRAME, message_count=8)
    yield from j2735.encode_rtcm([STATION, STATION], message_count=9, now_ns=NOW_NS)


@pytest.fixture(scope="module")
def oracle() -> dict[str, Any]:
    """pycrate's types by name, from code that it generates of our schema."""
    return pycrate_for("j2735/BasicSafetyMessage")


def plain(value: Any) -> Any:
    """Our value in the other codec's form: bit strings are (integer, length); decoded open types are left out."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items() if key != "partII-Value"}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, tuple) and isinstance(value[0], bytes):
        return int.from_bytes(value[0], "big") >> (-value[1] % 8), value[1]
    return (value[0], plain(value[1])) if isinstance(value, tuple) else value


def same(payload: bytes, oracle: dict[str, Any]) -> str:
    """Both codecs read the same values and write the same octets."""
    message_id, body, _ = split_j2735(payload)
    name = MESSAGES[message_id]
    value = message_codec(f"j2735/{name}").decode(body)
    other = oracle[name]
    other.from_uper(body)
    theirs = other.get_val()
    assert other.to_uper() == body
    for part in theirs.get("partII", ()):
        extension = oracle[_extension(part["partII-Id"])]
        extension.from_uper(part.pop("partII-Value"))
        ours = next(p for p in value["partII"] if p["partII-Id"] == part["partII-Id"])
        assert plain(ours["partII-Value"]) == extension.get_val()
    assert plain(value) == theirs
    return name


def _extension(number: int) -> str:
    names = ("VehicleSafetyExtensions", "SpecialVehicleExtensions", "SupplementalVehicleExtensions")
    return names[number]


def test_what_we_send(oracle: dict[str, Any]) -> None:
    assert {same(payload, oracle) for payload in sent()} == set(MESSAGES.values())


@pytest.mark.data
def test_what_others_sent(oracle: dict[str, Any], data_dir: Path) -> None:
    kinds = ("BSM", "SPAT", "MAP", "TIM", "PSM", "SRM", "SSM", "SDSM")
    frames = [payload for kind in kinds for payload, _ in recorded_j2735(data_dir, kind)]
    assert len(frames) == 62
    for payload in frames:
        same(payload, oracle)


def test_the_comparison_sees_a_difference(oracle: dict[str, Any]) -> None:
    one = split_j2735(j2735.encode_psm(walker(), frame=FRAME, message_count=1))[1]
    other = split_j2735(j2735.encode_psm(walker(), frame=FRAME, message_count=2))[1]
    oracle["PersonalSafetyMessage"].from_uper(one)
    theirs = oracle["PersonalSafetyMessage"].get_val()
    assert plain(message_codec("j2735/PersonalSafetyMessage").decode(other)) != theirs
