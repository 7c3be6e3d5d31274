"""PAM of T/CSAE 157: a parking area goes out and comes back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.errors import CodecError
from edge.core.stamp import NS_PER_S
from edge.v2x import csae
from edge.v2x.codec import message_codec
from edge.v2x.csae_pam import (
    LAYOUTS,
    LOCKS,
    NODE_KINDS,
    STATUSES,
    ParkingArea,
    ParkingDrive,
    ParkingGuide,
    ParkingNode,
    ParkingSlot,
)
from edge.v2x.csae_requests import SLOT_KINDS
from edge.v2x.frame import CSAE_PAM, OtherMessageError, unwrap_csae_day2, wrap_csae_day2
from tests.unit.v2x.samples import FRAME, NOW_NS

VARIANTS: list[csae.Variant] = ["a", "b"]
THIS_MINUTE_NS = NOW_NS - NOW_NS % (60 * NS_PER_S)

SLOT = ParkingSlot(
    501,
    "occupied",
    kinds=("disabled", "charging"),
    layout="oblique",
    lock="locked",
    sign="B101",
    corners_m=((10.0, 0.0), (12.5, 0.0), (10.0, -5.0)),
)
DRIVE = ParkingDrive(
    upstream=300,
    drive=2,
    separated=False,
    speed_limit_mps=1.39,
    height_limit_m=2.1,
    width_m=5.5,
    lanes=1,
    points_m=((0.0, -40.0), (0.0, 0.0)),
    leads_to=(302, 303),
    slots=(SLOT, ParkingSlot(502, "available")),
)
AREA = ParkingArea(
    nodes=(ParkingNode(301, 5.0, 6.0, floor=-2, kinds=("entrance", "stairs_up"), drives=(DRIVE,)),),
    area=77,
    name="North car park",
    capacity=640,
    floors=3,
    automation="p3",
    made_ns=THIS_MINUTE_NS,
    guides=(ParkingGuide("8899aabbccddeeff", (300, 301), 502), ParkingGuide("0011223344556677", (300,))),
)


def encode(area: ParkingArea, variant: csae.Variant = "a") -> bytes:
    return csae.encode_pam(area, frame=FRAME, message_count=128, variant=variant)


def decode(payload: bytes, variant: csae.Variant = "a") -> ParkingArea:
    return csae.decode_pam(payload, frame=FRAME, arrival_ns=NOW_NS, variant=variant)


def body(payload: bytes) -> dict[str, Any]:
    octets = unwrap_csae_day2(payload, message_id=CSAE_PAM, what="PAM")
    value: dict[str, Any] = message_codec("csae-a/PAMData").decode(octets)
    return value


def rounded(value: Any) -> Any:
    """Metres to five centimetres, so that places compare."""
    if isinstance(value, tuple):
        return tuple(rounded(entry) for entry in value)
    return round(value * 20.0) if isinstance(value, float) else value


def with_drive(**changes: Any) -> ParkingArea:
    return replace(AREA, nodes=(replace(AREA.nodes[0], drives=(replace(DRIVE, **changes),)),))


def with_slot(**changes: Any) -> ParkingArea:
    return with_drive(slots=(replace(SLOT, **changes),))


def test_units_of_an_area() -> None:
    """1.39 m/s are 69.5 steps of 0.02, to even 70; 2.1 m are 21 of 0.1; kinds are bits 2 and 5 of 10."""
    value = body(encode(AREA))
    assert (value["msgCnt"], value["timeStamp"]) == (0, 87_403)
    assert value["parkingLotInfo"] == {
        "id": 77,
        "name": "North car park",
        "number": 640,
        "buildingLayerNum": 3,
        "avpType": "p3",
    }
    (node,) = value["pamNodes"]
    assert (node["id"], node["floor"], node["attributes"]) == (301, -2, (b"\xa0", 8))
    (drive,) = node["inDrives"]
    numbers = ("speedLimit", "heightRestriction", "driveWidth", "laneNum", "twowaySepration", "driveID")
    assert [drive[name] for name in numbers] == [70, 21, 550, 1, False, 2]
    assert drive["movements"] == [302, 303]
    slot = drive["parkingSlots"][0]
    assert (slot["parkingType"], slot["status"], slot["sign"]) == ((b"\x24\x00", 10), "occupied", "B101")
    assert (slot["parkingSpaceTheta"], slot["parkingLock"]) == ("oblique", "locked")
    assert list(slot["position"]) == ["topLeft", "topRight", "bottomLeft"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_area_comes_back(variant: csae.Variant) -> None:
    found = decode(encode(AREA, variant), variant)
    assert replace(found, nodes=()) == replace(AREA, nodes=())
    (node,), (sent,) = found.nodes, AREA.nodes
    assert (node.node, node.floor, node.kinds) == (301, -2, ("entrance", "stairs_up"))
    assert (node.x_m, node.y_m) == pytest.approx((sent.x_m, sent.y_m), abs=0.02)
    (drive,) = node.drives
    assert drive.speed_limit_mps == pytest.approx(1.40)
    assert drive.height_limit_m == pytest.approx(2.1)
    assert drive.width_m == pytest.approx(5.5)
    assert (drive.upstream, drive.drive, drive.separated, drive.lanes) == (300, 2, False, 1)
    assert drive.leads_to == DRIVE.leads_to
    assert rounded(drive.points_m) == rounded(DRIVE.points_m)
    for one, other in zip(drive.slots, DRIVE.slots, strict=True):
        assert replace(one, corners_m=()) == replace(other, corners_m=())
        assert rounded(one.corners_m) == rounded(other.corners_m)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_not_known_is_not_said(variant: csae.Variant) -> None:
    sent = ParkingArea(nodes=(ParkingNode(1, 0.0, 0.0, drives=(ParkingDrive(2),)),))
    payload = encode(sent, variant)
    (node,) = decode(payload, variant).nodes
    assert node.drives == (ParkingDrive(2),)
    assert replace(decode(payload, variant), nodes=()) == ParkingArea(nodes=())
    assert body(encode(sent))["parkingLotInfo"] == {}


SLOTS = st.builds(
    ParkingSlot,
    st.integers(min_value=0, max_value=65_535),
    st.sampled_from(STATUSES),
    kinds=st.sets(st.sampled_from(SLOT_KINDS)).map(lambda s: tuple(n for n in SLOT_KINDS if n in s)),
    layout=st.sampled_from(LAYOUTS),
    lock=st.sampled_from(LOCKS),
    sign=st.text(alphabet="AB01", max_size=6),
)


@settings(deadline=None, max_examples=40)
@given(
    slots=st.lists(SLOTS, max_size=40).map(tuple),
    kinds=st.sets(st.sampled_from(NODE_KINDS)).map(lambda s: tuple(n for n in NODE_KINDS if n in s)),
    floor=st.none() | st.integers(min_value=-128, max_value=128),
    variant=st.sampled_from(VARIANTS),
)
def test_slots_come_back(
    slots: tuple[ParkingSlot, ...], kinds: tuple[str, ...], floor: int | None, variant: csae.Variant
) -> None:
    node = ParkingNode(1, 0.0, 0.0, floor=floor, kinds=kinds, drives=(ParkingDrive(2, slots=slots),))
    (found,) = decode(encode(ParkingArea(nodes=(node,)), variant), variant).nodes
    assert (found.floor, found.kinds, found.drives) == (floor, kinds, node.drives)


@pytest.mark.parametrize(("height_m", "tenths"), [(2.1, 21), (2.19, 21), (2.0, 20), (1.9, 19), (0.3, 3)])
def test_a_height_limit_is_never_said_to_be_higher(height_m: float, tenths: int) -> None:
    value = body(encode(with_drive(height_limit_m=height_m)))
    assert value["pamNodes"][0]["inDrives"][0]["heightRestriction"] == tenths


def test_names_of_later_editions_are_not_known() -> None:
    codec = message_codec("csae-a/PAMData")
    value = body(encode(with_slot()))
    value["parkingLotInfo"]["avpType"] = 0
    value["pamNodes"][0]["inDrives"][0]["parkingSlots"][0] |= {"status": 1, "parkingLock": 0}
    found = decode(wrap_csae_day2(CSAE_PAM, codec.encode(value)))
    slot = found.nodes[0].drives[0].slots[0]
    assert (found.automation, slot.status, slot.lock, slot.layout) == ("", "unknown", "unknown", "oblique")


@pytest.mark.parametrize(
    "area",
    [
        replace(AREA, nodes=()),
        replace(AREA, automation="p9"),
        replace(AREA, capacity=65_536),
        replace(AREA, guides=(ParkingGuide("0a", (1,)),)),
        replace(AREA, guides=(ParkingGuide("8899aabbccddeeff", ()),)),
        with_drive(height_limit_m=math.nan),
        with_drive(points_m=((0.0, 0.0),)),
        with_slot(status="free"),
        with_slot(kinds=("gold",)),
        with_slot(corners_m=((0.0, 0.0),)),
        with_slot(corners_m=((math.nan, 0.0),) * 3),
    ],
    ids=range(11),
)
def test_what_cannot_be_sent(area: ParkingArea) -> None:
    with pytest.raises(CodecError):
        encode(area)


def test_an_area_without_a_place_is_refused() -> None:
    value = body(encode(AREA))
    value["pamNodes"][0]["refPos"] = {"lat": 900_000_001, "long": 1_800_000_001}
    payload = wrap_csae_day2(CSAE_PAM, message_codec("csae-a/PAMData").encode(value))
    with pytest.raises(CodecError, match="no position"):
        decode(payload)


def test_other_messages_truncations_and_surplus_are_refused() -> None:
    payload = encode(AREA)
    for length in range(len(payload)):
        with pytest.raises(CodecError):
            decode(payload[:length])
    with pytest.raises(CodecError):
        decode(payload + b"\x00")
    with pytest.raises(OtherMessageError, match="SSM"):
        decode(wrap_csae_day2(12, b"\x00"))
