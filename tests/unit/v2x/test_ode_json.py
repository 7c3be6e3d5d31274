"""SPATs as the ODE writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.signals import IntersectionStatus, MovementState
from edge.v2x.j2735_spat import spat_views
from edge.v2x.minimum_data import missing_in_map, missing_in_spat
from edge.v2x.ode_json import is_ode_spat, ode_spat_value


def movement(group: int, state: str, **timing: int | None) -> dict[str, Any]:
    event = {"eventState": state, "timing": timing or None, "speeds": None}
    return {
        "movementName": None,
        "signalGroup": group,
        "state_time_speed": {"movementEventList": [event]},
        "maneuverAssistList": None,
    }


def ode_spat(*movements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    state = {
        "name": None,
        "id": {"region": None, "id": 77},
        "revision": 3,
        "status": {"failureFlash": False, "preemptIsActive": True},
        "moy": 1000,
        "timeStamp": 2500,
        "enabledLanes": None,
        "states": {"movementList": list(movements)},
    }
    listed = {"intersectionStatelist": [state | fields]}
    return {"metadata": {}, "payload": {"data": {"timeStamp": None, "intersectionStateList": listed}}}


def test_it_reads_as_the_same_view() -> None:
    document = ode_spat(
        movement(2, "PROTECTED_MOVEMENT_ALLOWED", minEndTime=100, maxEndTime=200, startTime=None),
        movement(4, "STOP_AND_REMAIN"),
    )
    assert is_ode_spat(document)
    (view,) = spat_views(ode_spat_value(document))
    assert (view.intersection, view.region, view.revision) == (77, None, 3)
    assert (view.minute_of_year, view.millisecond) == (1000, 2500)
    assert view.status == IntersectionStatus.PREEMPT
    assert [group.state for group in view.groups] == [
        MovementState.PROTECTED_MOVEMENT_ALLOWED,
        MovementState.STOP_AND_REMAIN,
    ]
    assert (view.groups[0].min_end, view.groups[0].max_end) == (100, 200)
    assert view.groups[1].min_end is None


@pytest.mark.parametrize(
    "broken",
    [
        ode_spat(movement(2, "PURPLE")),
        ode_spat(movement(2, "DARK", minEndTime=99_999_999)),
        ode_spat(movement(999, "DARK")),
        ode_spat(movement(2, "DARK"), moy="soon"),
        ode_spat(movement(2, "DARK"), id=None),
        ode_spat(movement(2, "DARK"), states=None),
        ode_spat(),
    ],
)
def test_what_is_no_spat_is_named(broken: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        ode_spat_value(broken)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, st.sampled_from(["id", "status", "states", "moy", "revision"]))
def test_hostile_json_is_a_codec_error_or_a_spat(value: Any, field: str) -> None:
    document = ode_spat(movement(2, "DARK"), **{field: value})
    try:
        ode_spat_value(document)
    except CodecError:
        return
    assert is_ode_spat(document)


def test_minimum_data_of_a_spat() -> None:
    bare = ode_spat_value(ode_spat(movement(2, "DARK"), movement(4, "STOP_AND_REMAIN", minEndTime=9)))
    assert missing_in_spat(bare["intersections"][0]) == (
        "id.region",
        "timing.startTime",
        "timing.maxEndTime",
        "timing.nextTime",
    )
    times = {"startTime": 1, "minEndTime": 2, "maxEndTime": 3, "nextTime": 4}
    whole = ode_spat(movement(4, "STOP_AND_REMAIN", **times), id={"region": 9, "id": 77})
    assert missing_in_spat(ode_spat_value(whole)["intersections"][0]) == ()


def test_minimum_data_of_a_map() -> None:
    lanes = {"GenericLane": [{"laneID": 1, "maneuvers": {}}, {"laneID": 2, "maneuvers": None}]}
    geometry = {"id": {"id": 7}, "refPoint": {"elevation": 3}, "laneWidth": 300, "laneSet": lanes}
    assert missing_in_map(geometry) == ("id.region", "speedLimits", "maneuvers of lanes 2")
    assert missing_in_map(None) == ()
