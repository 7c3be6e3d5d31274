"""Regions of a TIM in every form that others use."""

from __future__ import annotations

import math
from typing import Any

import pytest

from edge.core.errors import CodecError
from edge.core.geodesy import LocalFrame
from edge.core.road_events import EventKind, RoadEvent
from edge.v2x import j2735
from edge.v2x.codec import message_codec
from edge.v2x.frame import J2735_TIM, unwrap_j2735, wrap_j2735
from tests.unit.v2x.samples import NOW_NS

FRAME = LocalFrame(40.0, -105.0)
ANCHOR = {"lat": 400000000, "long": -1050000000}
NORTH = {"lat": 400009000, "long": -1050000000}
"""0.0009 degrees to the north: 99.93 m there (111 034.6 m a degree of latitude at 40 degrees, WGS-84)."""
ALL = (b"\xff\xff", 16)
CODEC = message_codec("j2735/TravelerInformation")

EVENT = RoadEvent(event="e", kind=EventKind.ICE, x_m=0.0, y_m=0.0, detected_ns=NOW_NS)


def decode(*regions: dict[str, Any], sign: Any = ("furtherInfoID", b"\x00\x00")) -> RoadEvent:
    """An event in the given regions."""
    payload = j2735.encode_tim(EVENT, frame=FRAME, station="s", now_ns=NOW_NS)
    value = CODEC.decode(unwrap_j2735(payload, message_id=J2735_TIM, what="TIM"))
    value["dataFrames"][0] |= {"regions": list(regions), "msgId": sign}
    payload = wrap_j2735(J2735_TIM, CODEC.encode(value))
    [found] = j2735.decode_tim(payload, frame=FRAME, sender="x", arrival_ns=NOW_NS)
    return found


def xy(*deltas: tuple[str, Any]) -> tuple[str, Any]:
    return "xy", ("nodes", [{"delta": delta} for delta in deltas])


def ll(*deltas: tuple[str, Any]) -> tuple[str, Any]:
    return "ll", ("nodes", [{"delta": delta} for delta in deltas])


def path(offset: tuple[str, Any], **changes: Any) -> dict[str, Any]:
    system = {"offset": offset} | ({"scale": changes.pop("scale")} if "scale" in changes else {})
    return {"anchor": ANCHOR, "description": ("path", system)} | changes


def old(area: tuple[str, Any], **changes: Any) -> dict[str, Any]:
    return {"description": ("oldRegion", {"direction": ALL, "area": area})} | changes


def runs_through(found: RoadEvent, *points: tuple[float, float]) -> bool:
    """Whether the path is these points, within a centimetre."""
    return len(found.path_m) == len(points) and all(map(_near, found.path_m, points))


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return math.dist(one, other) < 0.01


STEPS = (("node-XY1", {"x": 100, "y": 200}), ("node-XY2", {"x": 0, "y": 1000}))


def test_centimetres_from_node_to_node() -> None:
    found = decode(path(xy(*STEPS)))
    assert runs_through(found, (1.0, 2.0), (1.0, 12.0))
    assert (found.x_m, found.y_m, found.radius_m) == (0.0, 0.0, None)


def test_a_scale_doubles_offsets() -> None:
    assert runs_through(decode(path(xy(*STEPS), scale=3)), (8.0, 16.0), (8.0, 96.0))
    stretched = decode(
        path(ll(("node-LL1", {"lon": 0, "lat": 900}), ("node-LL1", {"lon": 0, "lat": 0})), scale=2)
    )
    assert stretched.path_m[0] == pytest.approx((0.0, 4 * 9.993), abs=0.01)


def test_absolute_nodes() -> None:
    absolute = ("node-LatLon", {"lon": NORTH["long"], "lat": NORTH["lat"]})
    for offset in (xy(absolute, STEPS[0]), ll(absolute, ("node-LL1", {"lon": 0, "lat": 0}))):
        assert decode(path(offset)).path_m[0] == pytest.approx((0.0, 99.93), abs=0.01)
    unanchored = path(xy(absolute, STEPS[0]))
    unanchored.pop("anchor")
    found = decode(unanchored)
    assert (found.x_m, found.y_m) == pytest.approx((0.0, 99.93), abs=0.01)


def test_paths_that_cannot_be_followed_leave_the_anchor() -> None:
    regional = ("regional", {"regionId": 0, "regExtValue": b"\x00"})
    computed = ("computed", {"referenceLaneId": 1, "offsetXaxis": ("small", 0), "offsetYaxis": ("small", 0)})
    for offset in (("xy", computed), xy(STEPS[0], regional), ll(regional, regional)):
        found = decode(path(offset))
        assert (found.path_m, found.x_m, found.y_m) == ((), 0.0, 0.0)


def test_a_closed_path_is_the_circle_around_it() -> None:
    """A square of 20 m with its corner at the anchor."""
    corners = [("node-XY3", {"x": x, "y": y}) for x, y in ((0, 0), (2000, 0), (0, 2000), (-2000, 0))]
    found = decode(path(xy(*corners), closedPath=True))
    assert (found.x_m, found.y_m) == pytest.approx((10.0, 10.0))
    assert found.radius_m == pytest.approx(math.hypot(10.0, 10.0))
    assert found.path_m == ()


@pytest.mark.parametrize(
    ("radius", "unit", "metres"),
    [
        (3, "mile", 4828.032),
        (100, "foot", 30.48),
        (40, "cm2-5", 1.0),
        (2, "kilometer", 2000.0),
        (10, "yard", 9.144),
    ],
)
def test_circles(radius: int, unit: str, metres: float) -> None:
    circle = {"center": NORTH, "radius": radius, "units": unit}
    for region in (
        {"anchor": ANCHOR, "description": ("geometry", {"direction": ALL, "circle": circle})},
        old(("circle", circle)),
    ):
        found = decode(region)
        assert (found.x_m, found.y_m) == pytest.approx((0.0, 99.93), abs=0.01)
        assert found.radius_m == pytest.approx(metres)


def test_shape_points_have_an_anchor_of_their_own() -> None:
    nodes = ("nodes", [{"delta": delta} for delta in STEPS])
    own = decode(old(("shapePointSet", {"anchor": NORTH, "nodeList": nodes}), anchor=ANCHOR))
    assert own.path_m[0] == pytest.approx((1.0, 101.93), abs=0.01)
    assert decode(old(("shapePointSet", {"nodeList": nodes}), anchor=ANCHOR)).path_m[0] == (1.0, 2.0)


def test_region_points_are_the_circle_around_them() -> None:
    """Corners at 0.0009 and 0.0018 degrees north of the anchor: 150 m north, 50 m around."""
    offsets = [{"xOffset": 0, "yOffset": 9000}, {"xOffset": 0, "yOffset": 9000}]
    found = decode(old(("regionPointSet", {"nodeList": offsets}), anchor=ANCHOR))
    assert (found.x_m, found.y_m) == pytest.approx((0.0, 149.9), abs=0.02)
    assert found.radius_m == pytest.approx(49.97, abs=0.01)
    doubled = decode(old(("regionPointSet", {"scale": 1, "nodeList": offsets}), anchor=ANCHOR))
    assert doubled.radius_m == pytest.approx(99.93, abs=0.02)


def test_regions_add_up() -> None:
    """The path goes on where the next region begins at its end; the circle comes from a third."""
    circle = {"center": NORTH, "radius": 5, "units": "meter"}
    going_on = path(xy(("node-XY3", {"x": 100, "y": 1200}), ("node-XY1", {"x": 0, "y": 100})))
    elsewhere = path(xy(("node-XY3", {"x": 2000, "y": 0}), STEPS[0]))
    around = {"anchor": ANCHOR, "description": ("geometry", {"direction": ALL, "circle": circle})}
    found = decode(path(xy(*STEPS)), going_on, elsewhere, around)
    assert runs_through(found, (1.0, 2.0), (1.0, 12.0), (1.0, 13.0))
    assert (found.x_m, found.y_m, found.radius_m) == (0.0, 0.0, 5.0)


def test_the_sign_tells_the_place_where_no_region_does() -> None:
    sign = ("roadSignID", {"position": NORTH, "viewAngle": ALL})
    found = decode({"direction": ALL}, sign=sign)
    assert (found.x_m, found.y_m) == pytest.approx((0.0, 99.93), abs=0.01)
    nowhere = {"lat": 900000001, "long": 1800000001}
    for region in (
        {"direction": ALL},
        {"anchor": nowhere},
        old(("regionPointSet", {"nodeList": [{"xOffset": 0, "yOffset": 0}]})),
    ):
        with pytest.raises(CodecError, match="without a place"):
            decode(region)


def test_a_description_of_a_later_edition_leaves_the_anchor() -> None:
    found = decode({"anchor": NORTH, "description": (0, b"\x00")})
    assert found.y_m == pytest.approx(99.93, abs=0.01)
