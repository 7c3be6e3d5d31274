"""Updates as JSON are protobuf's JSON: same names, same values but for decimals that mean nothing."""

from __future__ import annotations

import json
import math

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from edge.publish.hub import Hub, Publication
from edge.publish.update_json import LAYER_NAMES, JsonUpdates, to_json
from edge.v1 import common_pb2, node_pb2, scene_pb2, signals_pb2
from edge.wire.intersection import to_intersection
from tests.unit.centre.feed import updates
from tests.unit.publish.feed import corner, signals

RADIO = node_pb2.Update(
    layer=common_pb2.LAYER_RADIO_FRAMES,
    radio_frame=node_pb2.RadioFrame(kind="SPAT", dialect="j2735", payload=b"\x00\xff\x13"),
)
MESSAGES: list[Message] = [
    *updates(3, now_ns=1_795_949_491_128_770_590),
    RADIO,
    to_intersection(corner(), node_id="corner-1", sensors=[("north", "camera")]),
    node_pb2.Update(),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.DESCRIPTOR.name + str(m.ByteSize()))
def test_json_is_that_of_protobuf(message: Message) -> None:
    theirs = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    assert _near(json.loads(to_json(message)), theirs)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.DESCRIPTOR.name + str(m.ByteSize()))
def test_protobuf_reads_it_back(message: Message) -> None:
    back = json_format.Parse(to_json(message), type(message)())
    assert to_json(back) == to_json(message)


def _near(ours: object, theirs: object) -> bool:
    """Equal but for the decimals that a unit does not need."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict)
        return ours.keys() == theirs.keys() and all(_near(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, list):
        assert isinstance(ours, list)
        return len(ours) == len(theirs) and all(map(_near, ours, theirs))
    if isinstance(theirs, float):
        assert isinstance(ours, float)
        return math.isclose(ours, theirs, abs_tol=5e-4)
    return ours == theirs


def test_positions_keep_their_centimetre() -> None:
    user = scene_pb2.RoadUser(latitude_deg=39.90420012345, longitude_deg=116.40740098765, x_m=1.23456)
    found = json.loads(to_json(user))
    assert (found["latitude_deg"], found["longitude_deg"], found["x_m"]) == (39.9042001, 116.407401, 1.235)


def test_what_is_no_number_stays_json() -> None:
    user = scene_pb2.RoadUser(x_m=math.nan, y_m=math.inf)
    found = json.loads(to_json(user), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert (found["x_m"], found["y_m"]) == ("NaN", "Infinity")


def test_a_state_of_tomorrow_is_its_number() -> None:
    group = signals_pb2.SignalGroup(signal_group=1, state=99)  # type: ignore[arg-type]
    assert json.loads(to_json(group))["state"] == 99


def test_each_update_is_serialised_once() -> None:
    hub, shared = Hub(), JsonUpdates()
    hub.publish(signals())
    (first,) = hub.newest([common_pb2.LAYER_SIGNALS])
    assert shared.text(first) is shared.text(first)
    hub.publish(signals())
    (second,) = hub.newest([common_pb2.LAYER_SIGNALS])
    assert isinstance(second, Publication)
    assert shared.text(second) != shared.text(first)
    assert json.loads(shared.text(second))["sequence"] == "2"


def test_layers_have_the_names_of_the_protos() -> None:
    assert list(LAYER_NAMES) == ["signals", "scene", "lanes", "health", "radio_frames"]
