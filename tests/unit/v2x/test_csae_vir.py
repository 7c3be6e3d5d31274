"""VIR of T/CSAE 157: what vehicles mean to do and ask for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.intersection import Maneuver
from edge.core.kinds import ObjectClass
from edge.core.stamp import NS_PER_MS, NS_PER_S
from edge.v2x import csae
from edge.v2x.csae_planning import BEHAVIORS, LinkRef, PlannedPoint
from edge.v2x.csae_requests import (
    ClearTheWay,
    GreenLight,
    LaneChange,
    ParkingWish,
    RequestContent,
    SensorData,
)
from edge.v2x.csae_rsc import USES, VehicleAdvice
from edge.v2x.csae_vir import Intention, VehicleRequest
from tests.unit.v2x.samples import NOW_NS
from tests.unit.v2x.test_csae_rsc import (
    POINT,
    STATION,
    VARIANTS,
    VEHICLE,
    advice,
    advised,
    assert_close,
    intention,
    meant,
    rsc,
    vir,
    vir_body,
)

CONTENTS: list[RequestContent] = [
    LaneChange(20, 10, 3, region=7),
    ClearTheWay(20, 10, 3),
    ClearTheWay(
        20,
        10,
        3,
        region=7,
        path_m=((0.0, 0.0), (10.0, 0.0)),
        radius_m=2.5,
        start_ns=NOW_NS,
        end_ns=NOW_NS + NS_PER_S,
    ),
    GreenLight(10, 30),
    GreenLight(10, 30, 7, 4, Maneuver.LEFT, NOW_NS + 12_340 * NS_PER_MS, 123.4),
    SensorData((((0.0, 0.0), (10.0, 0.0)), ((5.0, 5.0), (5.0, 50.0))), (3.0, 4.5)),
    ParkingWish(ObjectClass.TRUCK, ("park", "unload_cargo")),
    ParkingWish(ObjectClass.CAR, ("enter",), ("disabled", "charging"), 17),
]


def flat(value: Any) -> list[Any]:
    """The fields of a request, numbers and names in their order."""
    if isinstance(value, tuple):
        return [entry for part in value for entry in flat(part)]
    return [value]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("content", CONTENTS, ids=lambda c: type(c).__name__)
def test_requests_come_back(content: RequestContent, variant: csae.Variant) -> None:
    sent = VehicleRequest(9, "confirmed", content, 6, VEHICLE, STATION, NOW_NS + 2 * NS_PER_S)
    (found,) = meant(vir(intention(sent), variant), variant).requests
    assert replace(found, content=None) == replace(sent, content=None)
    assert type(found.content) is type(content)
    for name in type(content).__slots__:
        one, other = flat(getattr(found.content, name)), flat(getattr(content, name))
        for a, b in zip(one, other, strict=True):
            assert a == (pytest.approx(b, abs=0.02) if isinstance(b, float) else b)


def test_units_of_a_request_for_green() -> None:
    """Priority 6 of 7 is 110 in the three upper bits; 12.34 s are 1,234 steps; 123.4 m are 1,234 of 0.1 m."""
    content = GreenLight(10, 30, 7, 4, Maneuver.U_TURN, NOW_NS + 12_340 * NS_PER_MS, 123.4)
    (found,) = vir_body(vir(intention(VehicleRequest(9, "confirmed", content, 6))))["intAndReq"]["reqs"]
    assert found == {
        "reqID": 9,
        "status": "comfirmed",
        "reqPriority": b"\xc0",
        "info": (
            "signalPriority",
            {
                "intersectionId": {"region": 7, "id": 10},
                "requiredMov": {
                    "remoteIntersection": {"region": 7, "id": 30},
                    "phaseId": 4,
                    "turn-direction": "maneuverUTurn",
                },
                "estimatedArrivalTime": 1_234,
                "distance2Intersection": 1_234,
            },
        ),
    }


def test_an_intention_comes_back() -> None:
    sent = intention(
        current=POINT, path=(POINT, PlannedPoint(60.0, 0.0)), behaviors=("go_straight", "slow_down")
    )
    found = meant(vir(sent))
    assert (found.vehicle, found.stamp_ns, found.behaviors) == (VEHICLE, NOW_NS, sent.behaviors)
    assert (found.x_m, found.y_m) == pytest.approx((5.0, 6.0), abs=0.02)
    assert found.current is not None
    assert_close((found.current, *found.path), (POINT, *sent.path))
    bare = meant(vir(intention()))
    assert (bare.current, bare.path, bare.behaviors, bare.requests) == (None, (), (), ())


@settings(deadline=None, max_examples=50)
@given(
    names=st.sets(st.sampled_from(BEHAVIORS)),
    uses=st.sets(st.sampled_from(USES)),
    points=st.lists(
        st.builds(
            PlannedPoint,
            st.floats(min_value=-500.0, max_value=500.0),
            st.floats(min_value=-500.0, max_value=500.0),
            speed_mps=st.none() | st.floats(min_value=0.0, max_value=60.0),
            at_ns=st.none()
            | st.integers(min_value=1, max_value=60_000).map(lambda n: NOW_NS + n * 10 * NS_PER_MS),
        ),
        max_size=30,
    ),
    variant=st.sampled_from(VARIANTS),
)
def test_behaviour_and_paths_come_back(
    names: set[str], uses: set[str], points: list[PlannedPoint], variant: csae.Variant
) -> None:
    ordered = tuple(name for name in BEHAVIORS if name in names)
    path = tuple(points)
    found = meant(vir(intention(behaviors=ordered, path=path), variant), variant)
    assert found.behaviors == ordered
    assert_close(found.path, path)
    sent = VehicleAdvice(VEHICLE, ordered, path=path, uses=tuple(name for name in USES if name in uses))
    (back,) = advised(rsc(advice(vehicles=(sent,)), variant), variant).vehicles
    assert (back.behaviors, back.uses) == (ordered, sent.uses)
    assert_close(back.path, path)


@pytest.mark.parametrize("status", ["unknown", "request", "confirmed", "cancel", "complete"])
def test_statuses_come_back(status: str) -> None:
    assert meant(vir(intention(VehicleRequest(1, status)))).requests[0].status == status


@pytest.mark.parametrize(
    "sent",
    [
        intention(VehicleRequest(256, "request")),
        intention(VehicleRequest(1, "perhaps")),
        intention(VehicleRequest(1, "request", target_vehicle="0a")),
        intention(VehicleRequest(1, "request", GreenLight(1, 2, maneuver=Maneuver.LEFT | Maneuver.RIGHT))),
        intention(VehicleRequest(1, "request", GreenLight(1, 2, distance_m=math.nan))),
        intention(VehicleRequest(1, "request", SensorData((((0.0, 0.0), (1.0, 1.0)),), ()))),
        intention(VehicleRequest(1, "request", ParkingWish(ObjectClass.CAR, ("fly",)))),
        intention(*(VehicleRequest(n, "request") for n in range(9))),
        intention(behaviors=("fly",)),
        intention(path=(PlannedPoint(math.nan, 0.0),)),
        intention(path=(PlannedPoint(0.0, 0.0),) * 101),
        intention(path=(PlannedPoint(0.0, 0.0, link=LinkRef(1, 2, lanes=(16,))),)),
        intention(vehicle="0a1b2c3d"),
    ],
    ids=range(13),
)
def test_intentions_that_cannot_be_sent(sent: Intention) -> None:
    with pytest.raises(CodecError):
        vir(sent)
