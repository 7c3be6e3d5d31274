"""One junction of a SUMO network becomes an intersection."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import hw.sim
from edge.core.errors import ConfigError
from edge.core.geodesy import LocalFrame
from edge.core.intersection import LaneKind, Maneuver
from edge.core.mercator import TransverseMercator
from edge.road import load_intersection
from edge.road.load import NetChoice

FRAME = LocalFrame(48.0, 11.0)
NET = """<net version="1.20">
  <location netOffset="{offset}" projParameter="{projection}"/>
  <edge id=":c_0" function="internal"><lane id=":c_0_0" index="0" shape="0,0 5,5"/></edge>
  <edge id=":c_c0" function="crossing">
    <lane id=":c_c0_0" index="0" allow="pedestrian" width="4.00" shape="-12,-8 -12,8"/>
  </edge>
  <edge id="west" from="w" to="c">
    <lane id="west_0" index="0" allow="pedestrian" width="2.00" shape="-100,-8 -15,-8"/>
    <lane id="west_1" index="1" speed="13.90" width="3.50" shape="-100,-2 -60,-2 -15,-2"/>
  </edge>
  <edge id="east" from="c" to="e"><lane id="east_0" index="0" disallow="pedestrian" shape="15,-2 100,-2"/></edge>
  <edge id="north" from="c" to="n"><lane id="north_0" index="0" allow="bicycle" shape="2,15 2,100"/></edge>
  <edge id="far" from="n" to="x"><lane id="far_0" index="0" shape="2,100 2,200"/></edge>
  <junction id="c" type="traffic_light" x="0" y="0"/>
  {more}
  <connection from="west" to="east" fromLane="1" toLane="0" via=":c_0_0" tl="c" linkIndex="0" dir="s"/>
  <connection from="west" to="north" fromLane="1" toLane="0" tl="c" linkIndex="1" dir="l"/>
  <connection from=":c_w0" to=":c_c0" fromLane="0" toLane="0" tl="c" linkIndex="2" dir="s"/>
</net>"""


def net(directory: Path, *, offset: str = "0,0", projection: str = "!", more: str = "") -> Path:
    path = directory / "small.net.xml"
    path.write_text(NET.format(offset=offset, projection=projection, more=more), encoding="utf-8")
    return path


def test_lanes_of_the_junction_are_read(tmp_path: Path) -> None:
    choice = NetChoice(link_groups={0: 2, 1: 5, 2: 12}, intersection=77)
    found = load_intersection(net(tmp_path), frame=FRAME, net=choice)
    lanes = {lane.name: lane for lane in found.lanes}
    assert found.intersection == 77
    assert set(lanes) == {":c_c0_0", "west_0", "west_1", "east_0", "north_0"}
    west = lanes["west_1"]
    assert (west.ingress, west.egress, west.width_m) == (True, False, 3.5)
    assert (west.speed_limit_mps, lanes["east_0"].speed_limit_mps) == (13.9, None)
    np.testing.assert_allclose(west.points_m, [[-15, -2], [-60, -2], [-100, -2]])
    np.testing.assert_allclose(lanes["east_0"].points_m[0], [15, -2])
    assert [(c.to_lane, c.signal_group, c.maneuver) for c in west.connections] == [
        (lanes["east_0"].lane, 2, Maneuver.STRAIGHT),
        (lanes["north_0"].lane, 5, Maneuver.LEFT),
    ]
    crossing = lanes[":c_c0_0"]
    assert (crossing.kind, crossing.signal_group, crossing.width_m) == (LaneKind.CROSSWALK, 12, 4.0)
    assert lanes["west_0"].kind is LaneKind.SIDEWALK
    assert (lanes["west_0"].ingress, lanes["west_0"].egress) == (True, True)
    assert lanes["north_0"].kind is LaneKind.BICYCLE


def test_groups_count_from_one_where_none_are_given(tmp_path: Path) -> None:
    assert load_intersection(net(tmp_path), frame=FRAME).signal_groups == (1, 2, 3)


def test_net_offset_is_taken_off(tmp_path: Path) -> None:
    found = load_intersection(net(tmp_path, offset="1000.00,500.00"), frame=FRAME)
    east = next(lane for lane in found.lanes if lane.name == "east_0")
    np.testing.assert_allclose(east.points_m[0], [15 - 1000, -2 - 500])


def test_projected_network_lies_where_it_is(tmp_path: Path) -> None:
    # WGS-84 48 N 9 E is on the central meridian of UTM zone 32: east 500 km, north 5316300.2 m
    path = net(tmp_path, offset="-500000,-5316300.2", projection="+proj=utm +zone=32 +ellps=WGS84 +units=m")
    found = load_intersection(path)
    assert found.frame.latitude_deg == pytest.approx(48.0, abs=2e-5)
    assert found.frame.longitude_deg == pytest.approx(9.0, abs=1e-9)
    east = next(lane for lane in found.lanes if lane.name == "east_0")
    np.testing.assert_allclose(east.points_m[0], [15 / 0.9996, -2 / 0.9996], atol=2e-3)


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, 9.0), (48.0, 11.5), (-33.9, 8.0), (65.0, 7.0)])
def test_inverse_mercator_keeps_arc_lengths(latitude: float, longitude: float) -> None:
    """On the central meridian northing is the meridian arc; elsewhere the inverse is smooth and conformal."""
    projection = TransverseMercator(9.0, 0.9996, 500_000.0, 0.0)
    arc = 111_132.95255 * latitude - 16_038.50874 * math.sin(2 * math.radians(latitude))
    arc += 16.83260 * math.sin(4 * math.radians(latitude)) - 0.02198 * math.sin(6 * math.radians(latitude))
    found, meridian = projection.to_geodetic(500_000.0, 0.9996 * arc)
    assert found == pytest.approx(latitude, abs=1e-7)
    assert meridian == 9.0
    reach = (longitude - 9.0) * 70_000.0
    here = LocalFrame(*projection.to_geodetic(500_000.0 + reach, 0.9996 * arc))
    east = here.to_local(*projection.to_geodetic(500_000.0 + reach + 100.0, 0.9996 * arc))
    north = here.to_local(*projection.to_geodetic(500_000.0 + reach, 0.9996 * arc + 100.0))
    assert math.hypot(*east) == pytest.approx(math.hypot(*north), rel=1e-5)
    assert math.hypot(*east) == pytest.approx(100.0, rel=2e-3)
    assert east[0] * north[0] + east[1] * north[1] == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize(
    ("options", "frame", "choice", "says"),
    [
        ({}, None, None, "site's position"),
        ({"offset": "x"}, FRAME, None, "netOffset"),
        ({"projection": "+proj=lcc"}, FRAME, None, "not supported"),
        ({"projection": "+proj=utm"}, FRAME, None, "projParameter"),
        ({}, FRAME, NetChoice(junction="z"), "name one of: c"),
        ({"more": '<junction id="d" type="traffic_light" x="9" y="9"/>'}, FRAME, None, "name one of: c, d"),
        ({}, FRAME, NetChoice(link_groups={0: 1}), "link_groups[1]"),
        (
            {"more": '<edge id="bad" from="c" to="e"><lane id="bad_0" shape="a,b"/></edge>'},
            FRAME,
            None,
            "bad_0",
        ),
    ],
)
def test_fault_is_named(
    tmp_path: Path, options: dict[str, str], frame: LocalFrame | None, choice: NetChoice | None, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_intersection(net(tmp_path, **options), frame=frame, net=choice)
    assert says in str(caught.value)
    assert caught.value.remedy


def test_demo_scene_reads_alike_from_both_files() -> None:
    scene = Path(hw.sim.__file__).parent / "scenes" / "four_arm"
    from_map = load_intersection(scene / "map.json")
    from_net = load_intersection(scene / "four_arm.net.xml", frame=from_map.frame)
    by_name = {lane.name: lane for lane in from_net.lanes}
    shared = [(lane, by_name[lane.name]) for lane in from_map.lanes if lane.name in by_name]
    assert len(shared) >= 16
    for ours, theirs in shared:
        np.testing.assert_allclose(ours.points_m, theirs.points_m, atol=0.02)
        assert ours.kind is theirs.kind
        assert (ours.ingress, ours.egress) == (theirs.ingress, theirs.egress)
