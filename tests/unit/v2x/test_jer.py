"""Messages as JSON, with the standard's numbers and with units."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.v2x import csae, etsi_cam, j2735
from edge.v2x.codec import message_codec, messages
from edge.v2x.jer import from_json, to_json
from edge.v2x.quantities import _SETS, quantity
from edge.v2x.whole import recognise
from tests.unit.v2x.samples import FRAME, GREEN, NOW_NS, report, signal_state
from tests.unit.v2x.test_oracle import fits
from tests.unit.v2x.values import random_value


@pytest.mark.parametrize("key", sorted(messages()))
def test_json_has_all_of_every_message(key: str) -> None:
    """Text, through a file, and back: the same octets."""
    for seed in range(20):
        value = random_value(key, seed, optional=(0.1, 0.5, 0.9)[seed % 3])
        if fits(key, value):
            octets = message_codec(key).encode(value)
            decoded = message_codec(key).decode(octets)
            text = json.dumps(to_json(key, decoded))
            assert message_codec(key).encode(from_json(key, json.loads(text))) == octets, seed


@pytest.mark.parametrize("key", sorted(messages()))
def test_every_message_can_be_shown_with_units(key: str) -> None:
    for seed in range(10):
        json.dumps(to_json(key, random_value(key, seed, optional=0.7), units=True))


def shown(payload: bytes) -> Any:
    found = recognise(payload)
    return to_json(found.message, found.value, units=True)


def test_a_bsm_in_its_units() -> None:
    core = shown(j2735.encode_bsm(report(), frame=FRAME, message_count=1))["coreData"]
    assert core["speed"] == {"value": 9.9, "unit": "m/s"}
    assert core["accelSet"]["long"] == {"value": -1.2, "unit": "m/s2"}
    assert core["accelSet"]["lat"] is None
    assert core["size"]["length"] == {"value": 8.5, "unit": "m"}
    assert core["secMark"] == {"value": NOW_NS // 1_000_000 % 60_000 / 1000, "unit": "s"}
    assert core["id"] == "0a1b2c3d"


def test_a_cam_in_its_units() -> None:
    parameters = shown(etsi_cam.encode_cam(report(width_m=None), frame=FRAME))["cam"]["camParameters"]
    vehicle = parameters["highFrequencyContainer"]["basicVehicleContainerHighFrequency"]
    assert vehicle["speed"]["speedValue"] == {"value": 9.9, "unit": "m/s"}
    assert vehicle["vehicleLength"]["vehicleLengthValue"] == {"value": 8.5, "unit": "m"}
    assert vehicle["vehicleWidth"] is None
    assert vehicle["longitudinalAcceleration"] == {
        "value": {"value": -1.2, "unit": "m/s2"},
        "confidence": None,
    }


def test_a_spat_counts_in_seconds() -> None:
    states = shown(csae.encode_spat(signal_state(GREEN), now_ns=NOW_NS))["intersections"][0]["phases"]
    timing = states[0]["phaseStates"][0]["timing"]["counting"]
    assert timing["likelyEndTime"] == {"value": 12.0, "unit": "s"}


@pytest.mark.parametrize("name", sorted(_SETS))
def test_every_quantity_is_a_number_of_the_set(name: str) -> None:
    """A name that no type has would be a unit that nobody sees."""
    package = {"csae-a": "csae_a", "csae-b": "csae_b"}.get(name, name)
    types = importlib.import_module(f"edge.v2x.generated.{package}.names").TYPES
    assert [kind for kind in _SETS[name] if types.get(kind) != "INTEGER"] == []
    assert quantity(name, "MsgCount") is None


@pytest.mark.parametrize(
    "document",
    [
        {"coreData": {"msgCnt": 1, "id": "zz"}},
        {"coreData": 5},
        {"noSuchField": 1},
        [],
        "text",
        None,
        {"coreData": {"brakes": {"wheelBrakes": 4}}},
    ],
)
def test_json_of_another_form_is_refused(document: Any) -> None:
    with pytest.raises(CodecError, match="not the JSON of one"):
        from_json("j2735/BasicSafetyMessage", document)
